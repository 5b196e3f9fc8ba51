//! What is not TCP, against this kernel: echo requests, UDP, fragments, and errors that concern TCP.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use halfopen::live::Private;
use halfopen::{Endpoint, TcpStream};
use socket2::{Domain, Protocol, Socket, Type};

use crate::endpoint::{Echo, open};

const SECOND: Option<Duration> = Some(Duration::from_secs(1));

/// Sends one echo request with this many bytes; whether they came back.
fn ping(inside: &Private, to: IpAddr, bytes: usize) -> bool {
    let (domain, protocol, request, reply) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8, 0),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128, 129),
    };
    let raw = inside.run(|| Socket::new(domain, Type::RAW, Some(protocol)));
    let raw = raw.unwrap().unwrap();
    raw.set_read_timeout(SECOND).unwrap();
    let mut message = vec![request, 0, 0, 0, 0x12, 0x34, 0, 1];
    message.extend((0..bytes).map(|n| n as u8));
    if to.is_ipv4() {
        // the kernel fills in ICMPv6's only
        let words = message
            .chunks(2)
            .map(|w| u32::from(u16::from_be_bytes([w[0], w.get(1).copied().unwrap_or(0)])));
        let sum: u32 = words.sum();
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    raw.send_to(&message, &SocketAddr::new(to, 0).into())
        .unwrap();
    let mut raw = raw;
    let mut buffer = vec![0; 65_536];
    while let Ok(len) = raw.read(&mut buffer) {
        // a raw IPv4 socket gives the IP header too
        let from = if to.is_ipv4() { 20 } else { 0 };
        let got = &buffer[from..len];
        if got[0] == reply && got[4..] == message[4..] {
            return true;
        }
    }
    false
}

#[test]
fn echo_requests_are_answered_also_those_in_fragments() {
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    for (to, bytes) in [("10.77.0.2", 56), ("fd77::2", 56), ("10.77.0.2", 4000)] {
        assert!(ping(&inside, to.parse().unwrap(), bytes), "{to} {bytes}");
    }
    endpoint.power_off();
    assert!(!ping(&inside, "10.77.0.2".parse().unwrap(), 56));
    endpoint.power_on();
    assert!(ping(&inside, "10.77.0.2".parse().unwrap(), 56));
}

#[test]
fn udp_is_refused_by_icmp() {
    let Some((_endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    for (own, to) in [
        ("10.77.0.1:0", "10.77.0.2:9"),
        ("[fd77::1]:0", "[fd77::2]:9"),
    ] {
        let udp = inside.run(|| UdpSocket::bind(own)).unwrap().unwrap();
        udp.connect(to).unwrap();
        // a busy machine may take its time
        udp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        udp.send(b"x").unwrap();
        let told = udp.recv(&mut [0]).unwrap_err();
        assert_eq!(
            told.kind(),
            std::io::ErrorKind::ConnectionRefused,
            "{to}: {told}"
        );
    }
}

#[test]
fn tcp_over_ipv6_both_ways() {
    use std::io::Write;
    let Some((endpoint, inside)) = open(Endpoint::builder()) else {
        return;
    };
    let at: SocketAddr = "[fd77::2]:7".parse().unwrap();
    endpoint.serve(at, Box::new(Echo::default())).unwrap();
    let mut client = inside.connect(at).unwrap();
    client.write_all(b"over six").unwrap();
    let mut got = [0; 8];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"over six");
    let [connection] = &endpoint.connections()[..] else {
        panic!("one connection")
    };
    assert_eq!(connection.local, at);

    let listener = inside.listen("[fd77::1]:80".parse().unwrap()).unwrap();
    let mut ours = TcpStream::connect(&endpoint, "[fd77::1]:80").unwrap();
    let (mut theirs, peer) = listener.accept().unwrap();
    assert_eq!(peer, ours.local_addr().unwrap());
    theirs.write_all(b"hi").unwrap();
    ours.read_exact(&mut [0; 2]).unwrap();
    let refused = TcpStream::connect(&endpoint, "[fd77::1]:81").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_host_with_an_ipv6_address_alone() {
    let Some((endpoint, inside)) = open(Endpoint::builder().addr("fd78::9/64")) else {
        return;
    };
    let at: SocketAddr = "[fd78::9]:7".parse().unwrap();
    endpoint.serve(at, Box::new(Echo::default())).unwrap();
    inside.connect(at).unwrap();
    assert_eq!(inside.kernel, ["fd78::1".parse::<IpAddr>().unwrap()]);
}
