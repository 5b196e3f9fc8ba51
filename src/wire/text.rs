//! One line a packet, in the manner of tcpdump, sequence numbers relative.

use std::net::SocketAddr;

use super::{Datagram, Flags, Payload, Segment, Seq, TcpOption};

/// `10.77.0.1:40000 > 10.77.0.2:7777 PA seq 1:103 ack 1 win 63 <nop,nop,ts 10 0>`; `isn` and `peer_isn`
/// are what sequence numbers are shown relative to.
pub fn one_line(datagram: &Datagram, isn: Seq, peer_isn: Seq) -> String {
    match &datagram.payload {
        Payload::Tcp(segment) => tcp(datagram, segment, isn, peer_isn),
        Payload::Icmp(icmp) => {
            let version = if datagram.src.is_ipv6() { "v6" } else { "" };
            format!(
                "{} > {} ICMP{version} type {} code {}",
                datagram.src, datagram.dst, icmp.kind, icmp.code
            )
        }
    }
}

fn tcp(datagram: &Datagram, s: &Segment, isn: Seq, peer_isn: Seq) -> String {
    let mut line = format!(
        "{} > {} {} seq {}",
        SocketAddr::new(datagram.src, s.src_port),
        SocketAddr::new(datagram.dst, s.dst_port),
        s.flags,
        s.seq - isn
    );
    if !s.payload.is_empty() {
        line += &format!(":{}", s.seq + s.payload.len() as u32 - isn);
    }
    if s.flags.has(Flags::ACK) {
        line += &format!(" ack {}", s.ack - peer_isn);
    }
    line += &format!(" win {}", s.window);
    if !s.options.is_empty() {
        let options: Vec<_> = s.options.iter().map(|o| option(&o, peer_isn)).collect();
        line += &format!(" <{}>", options.join(","));
    }
    line
}

fn option(o: &TcpOption, peer_isn: Seq) -> String {
    match o {
        TcpOption::Mss(mss) => format!("mss {mss}"),
        TcpOption::WindowScale(shift) => format!("wscale {shift}"),
        TcpOption::Timestamps(ts) => format!("ts {} {}", ts.tsval, ts.tsecr),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<_> = blocks
                .iter()
                .map(|(l, r)| format!("{}:{}", *l - peer_isn, *r - peer_isn))
                .collect();
            format!("sack {}", blocks.join(" "))
        }
        TcpOption::Unknown(kind, body) => format!("option {kind} ({} bytes)", body.len()),
        _ => o.name().to_owned(),
    }
}
