//! Packets that no TCP sends, times that run backwards: nothing panics, and nothing grows without a bound.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;
use crate::wire::{Flags, Options, Seq, TcpOption, Timestamps};

/// Numbers near each other, and some that are anywhere.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0_u32..40, 2 => any::<u32>(), 1 => (u32::MAX - 20)..]
}

/// Steps of time, ns: short, long, backwards (0 is the earliest there is).
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0_i64..300_000_000,
        3 => 0_i64..200_000_000_000,
        1 => -5_000_000_000_i64..0,
        1 => any::<i64>(),
    ]
}

prop_compose! {
    fn seen()(
        from_client in any::<bool>(),
        seq in number(),
        ack in number(),
        flags in prop_oneof![Just(0x10_u8), Just(0x18), Just(0x02), Just(0x12), Just(0x11), Just(0x14), Just(0x04), any::<u8>()],
        window in prop_oneof![Just(0_u16), Just(500), any::<u16>()],
        len in prop_oneof![4 => 0_u32..10, 1 => 0_u32..70_000],
        ts in proptest::option::of((number(), number())),
        sack in proptest::option::of((number(), number())),
        wscale in proptest::option::of(any::<u8>()),
    ) -> TcpSeen {
        let (client, server) = ("192.0.2.1:40000", "192.0.2.2:80");
        let (src, dst) = if from_client { (client, server) } else { (server, client) };
        let mut options = Options::new();
        options.extend(ts.map(|(tsval, tsecr)| TcpOption::Timestamps(Timestamps { tsval, tsecr })));
        options.extend(sack.map(|(l, r)| TcpOption::Sack([(Seq(l), Seq(r))].into_iter().collect())));
        options.extend(wscale.map(TcpOption::WindowScale));
        TcpSeen {
            src: src.parse().expect("an address"),
            dst: dst.parse().expect("an address"),
            ip_id: None,
            ttl: 64,
            seq: Seq(seq),
            ack: Seq(ack),
            flags: Flags(flags),
            window,
            options,
            len,
            data_hash: 0,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::with_failure_persistence(FileFailurePersistence::WithSource("regressions")) })]

    #[test]
    fn no_packet_and_no_time_makes_it_panic(
        packets in proptest::collection::vec((seen(), step(), any::<bool>()), 1..60)
    ) {
        let mut at_ns = 1_700_000_000_000_000_000_u64;
        let first_ns = at_ns;
        let mut found = Vec::new();
        let mut explainer = Explainer::new(Box::new(|_, _, _| 1_000), |c: Connection| found.push(c));
        let mut last_ns = at_ns;
        for (n, (seen, step, is_icmp)) in packets.into_iter().enumerate() {
            at_ns = at_ns.saturating_add_signed(step);
            last_ns = last_ns.max(at_ns);
            let icmp = IcmpSeen {
                reporter: seen.dst.ip(),
                kind: (3, seen.window as u8),
                v6: false,
                mtu: Some(seen.len),
                src: seen.src,
                dst: seen.dst,
                seq: seen.seq,
            };
            let content = match is_icmp && n % 7 == 3 {
                true => FrameContent::Icmp(icmp),
                false => FrameContent::Tcp(seen),
            };
            let frame = Frame { number: n as u64 + 1, at_ns, interface: 0, dir: None, content };
            explainer.take(&frame);
        }
        explainer.finish();
        let span = CaptureSpan { first_ns, last_ns };
        for mut connection in found {
            let story = connection.story(&span);
            prop_assert!(!story.verdict.is_empty());
        }
    }
}
