//! IPv6: this kernel and the engine talk to each other, and die alike.

use std::io::{Read, Write};
use std::net::SocketAddr;

use halfopen::call::{Addr, Call, Errno, Outcome};
use halfopen::scenario::{CLIENT_PORT, IpVersion, SERVER_PORT};
use halfopen::target::{Host, Linux, Target, TargetError};
use halfopen::time::Ticks;
use halfopen::wire::{Datagram, Flags, Icmp, Payload, Segment, Seq, TcpOption};
use halfopen::{Endpoint, TcpListener, TcpStream};

use super::by_hand::scenario;
use super::endpoint::open;
use crate::skip;

#[test]
fn a_kernel_socket_and_an_endpoint_talk_over_ipv6_both_ways() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    let listener = TcpListener::bind(&endpoint, "[::]:7777").unwrap();
    let ours: SocketAddr = "[fd77::2]:7777".parse().unwrap();
    let mut client = inside.connect(ours).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert!(peer.is_ipv6());
    client.write_all(b"hello").unwrap();
    let mut got = [0; 5];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"hello");
    drop(server);
    assert_eq!(client.read(&mut got).unwrap(), 0);

    let listener = inside.listen("[fd77::1]:80".parse().unwrap()).unwrap();
    let mut ours = TcpStream::connect(&endpoint, "[fd77::1]:80").unwrap();
    let (mut theirs, _) = listener.accept().unwrap();
    let megabyte: Vec<u8> = (0..1 << 20).map(|n: u32| (n >> 7) as u8).collect();
    let sent = megabyte.clone();
    let writer = std::thread::spawn(move || ours.write_all(&sent));
    let mut all = Vec::new();
    theirs.read_to_end(&mut all).unwrap();
    writer.join().unwrap().unwrap();
    assert!(all == megabyte);
    let refused = TcpStream::connect(&endpoint, "[fd77::1]:81").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(Errno::ECONNREFUSED as i32));
}

/// What a host with a connection sends when an ICMP error says that its data was too large for this MTU: sequence
/// number, length, and whether routers may cut it.
fn after_too_big(target: &mut dyn Target, ip: IpVersion, mtu: u32) -> Vec<(u32, usize, bool)> {
    let (local, remote) = (
        Addr::new(ip.survivor(), CLIENT_PORT),
        Addr::new(ip.peer(), SERVER_PORT),
    );
    let Outcome::Socket(socket) = target.call(Call::Socket) else {
        panic!("no socket");
    };
    assert_eq!(target.call(Call::Bind(socket, local)), Outcome::Done);
    target.call(Call::Connect(socket, remote));
    let syn = target.take_packet().expect("the SYN");
    let syn = Datagram::parse(&syn.bytes).unwrap();
    let isn = syn.segment().unwrap().seq;
    let segment = Segment {
        src_port: SERVER_PORT,
        dst_port: CLIENT_PORT,
        seq: Seq(1_000),
        ack: isn + 1,
        flags: Flags::SYN | Flags::ACK,
        window: 60_000,
        options: [
            TcpOption::Mss(1_460),
            TcpOption::SackPermitted,
            TcpOption::Nop,
            TcpOption::WindowScale(7),
        ]
        .into(),
        ..Segment::default()
    };
    let syn_ack = Datagram::new(syn.dst, syn.src, 1, Payload::Tcp(segment));
    target.deliver(&syn_ack.emit());
    let sent = target.call(Call::Send(socket, vec![7; 7_000]));
    assert_eq!(sent, Outcome::Bytes(7_000));
    let mut first = None;
    while let Some(packet) = target.take_packet() {
        let parsed = Datagram::parse(&packet.bytes).unwrap();
        if !parsed.segment().unwrap().payload.is_empty() {
            first.get_or_insert(packet.bytes);
        }
    }
    let icmp = Payload::Icmp(Icmp::too_big(&first.expect("data"), mtu));
    target.deliver(&Datagram::new(syn.dst, syn.src, 2, icmp).emit());
    let mut again = Vec::new();
    while let Some(packet) = target.take_packet() {
        let parsed = Datagram::parse(&packet.bytes).unwrap();
        let s = parsed.segment().unwrap();
        again.push((s.seq - isn, s.payload.len(), parsed.dont_frag));
    }
    again
}

#[test]
fn a_path_mtu_is_learnt_as_this_kernel_learns_it() {
    let v4 = [1_400, 1_499, 1_500, 576, 552, 551, 300, 0].map(|mtu| (IpVersion::V4, mtu));
    let v6 = [1_400, 1_499, 1_500, 1_280, 1_279, 0].map(|mtu| (IpVersion::V6, mtu));
    for (ip, mtu) in v4.into_iter().chain(v6) {
        let mut scenario = scenario(&[]);
        scenario.ip = ip;
        let mut kernel = match Linux::new(&scenario) {
            Ok(linux) => linux,
            Err(TargetError::Unavailable(why)) => return skip::no_kernel(why),
            Err(e) => panic!("{e}"),
        };
        let kernels = after_too_big(&mut kernel, ip, mtu);
        let mut engine = Host::new(&scenario, 1, Ticks::default());
        let engines = after_too_big(&mut engine, ip, mtu);
        assert_eq!(engines, kernels, "{ip:?}, MTU {mtu}");
        assert!(mtu != 1_400 || kernels.len() > 1, "{kernels:?}");
    }
}
