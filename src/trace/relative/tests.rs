use serde_json::Value;

use super::*;
use crate::trace::Trace;
use crate::trace::tests::{recordings, trace_of};
use crate::wire::Icmp;

/// Each packet of each recording, written by us, is what the recorder wrote by its own code.
#[test]
fn packets_of_every_recording_come_out_as_recorded() {
    let mut packets = 0;
    for folder in recordings() {
        let trace = Trace::load(&folder).unwrap();
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap()["packets"].clone();
        let was = parse(&std::fs::read_to_string(folder.join("summary.json")).unwrap());
        let is = parse(&crate::trace::summary::write(&trace));
        for (was, is) in was.as_array().unwrap().iter().zip(is.as_array().unwrap()) {
            let (mut was, mut is) = (was.clone(), is.clone());
            // the recorder rounded to the microsecond
            let apart = was["t"].as_f64().unwrap() - is["t"].as_f64().unwrap();
            assert!(apart.abs() <= 0.501e-6, "{is}");
            (was["t"], is["t"]) = (Value::Null, Value::Null);
            assert_eq!(was, is, "{}", folder.display());
            packets += 1;
        }
        assert_eq!(was.as_array().unwrap().len(), trace.packets.len());
    }
    assert_eq!(packets, 11_436);
}

const SURVIVOR: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 1));
const PEER: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 2));

fn packet(dir: Dir, flags: Flags, seq: u32, ack: u32, window: u16, len: usize) -> Packet {
    let segment = Segment {
        seq: Seq(seq),
        ack: Seq(ack),
        flags,
        window,
        payload: vec![7; len].into(),
        ..Segment::default()
    };
    let (src, dst) = match dir {
        Dir::Out => (SURVIVOR, PEER),
        Dir::In => (PEER, SURVIVOR),
    };
    Packet {
        at: Instant::ZERO,
        dir,
        bytes: Datagram::new(src, dst, 0, Payload::Tcp(segment)).emit(),
        cause: None,
    }
}

fn kinds(packets: &[Packet]) -> Vec<String> {
    relative(packets)
        .iter()
        .map(|p| p.kind.to_string())
        .collect()
}

const A: Flags = Flags::ACK;
const SA: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);
const FA: Flags = Flags(Flags::FIN.0 | Flags::ACK.0);

#[test]
fn each_packet_is_called_what_it_is() {
    // the survivor's numbers wrap within the first data segment
    let isn = u32::MAX - 50;
    let una = isn.wrapping_add(103);
    let packets = [
        packet(Dir::Out, Flags::SYN, isn, 0, 100, 0),
        packet(Dir::Out, Flags::SYN, isn, 0, 100, 0),
        packet(Dir::In, SA, 900, isn + 1, 100, 0),
        packet(Dir::Out, A, isn + 1, 901, 100, 0),
        packet(Dir::Out, A, isn + 1, 901, 100, 102),
        packet(Dir::Out, A, isn + 1, 901, 100, 102),
        packet(Dir::Out, A, isn + 1, 901, 100, 102),
        packet(Dir::In, A, 901, una, 100, 0),
        packet(Dir::Out, A, una.wrapping_sub(1), 901, 100, 0),
        packet(Dir::Out, A, una.wrapping_sub(1), 901, 100, 0),
        packet(Dir::In, A, 901, una, 0, 0),
        packet(Dir::Out, A, una.wrapping_sub(1), 901, 100, 0),
        packet(Dir::Out, FA, una, 901, 100, 0),
        packet(Dir::Out, FA, una, 901, 100, 0),
        packet(Dir::In, Flags::RST, 901, 0, 0, 0),
    ];
    let wanted = [
        "SYN",
        "retransmission 1",
        "SYN-ACK",
        "ACK",
        "new data",
        "retransmission 1",
        "retransmission 2",
        "ACK",
        "keepalive probe 1",
        "keepalive probe 2",
        "ACK",
        "window probe 1",
        "FIN",
        "retransmission 1",
        "RST",
    ];
    assert_eq!(kinds(&packets), wanted);
    let rows = relative(&packets);
    let tcp = rows[12].tcp().unwrap();
    assert_eq!((tcp.seq, tcp.ack), (103, Some(1)));
}

#[test]
fn a_trace_that_begins_later_counts_its_first_byte_as_number_1() {
    let packets = [
        packet(Dir::Out, A, 5_000, 900, 100, 10),
        packet(Dir::In, A, 900, 5_010, 100, 0),
        packet(Dir::Out, A, 5_009, 900, 100, 0),
    ];
    assert_eq!(kinds(&packets), ["new data", "ACK", "keepalive probe 1"]);
    let rows = relative(&packets);
    assert_eq!(rows[0].tcp().unwrap().seq, 1);
    assert_eq!(rows[1].tcp().unwrap().ack, Some(11));
    assert_eq!(rows[1].tcp().unwrap().window_bytes, None);
}

#[test]
fn icmp_shows_what_it_quotes_and_garbage_is_shown_as_such() {
    let syn = packet(Dir::Out, Flags::SYN, 77, 0, 100, 0);
    let icmp = Datagram::new(
        PEER,
        SURVIVOR,
        0,
        Payload::Icmp(Icmp::host_unreachable(&syn.bytes)),
    );
    let icmp = Packet {
        dir: Dir::In,
        bytes: icmp.emit(),
        ..syn.clone()
    };
    let garbage = Packet {
        bytes: vec![1, 2, 3],
        ..syn.clone()
    };
    let rows = relative(&[syn, icmp, garbage]);
    let body = Body::Icmp {
        kind: 3,
        code: 1,
        quoted_seq: Some(0),
    };
    assert_eq!(rows[1].body, body);
    assert_eq!(
        rows[2].body,
        Body::Unreadable("truncated IP header".to_owned())
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn any_packets_have_a_view(bytes in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..80), 0..5)) {
        let packets = bytes.into_iter().map(|bytes| Packet { at: Instant::ZERO, dir: Dir::Out, bytes, cause: None });
        let trace = trace_of(packets.collect());
        proptest::prop_assert_eq!(relative(&trace.packets).len(), trace.packets.len());
    }
}
