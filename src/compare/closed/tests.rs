//! A trace against itself, shifted, and with one thing changed.

use std::time::Duration;

use super::*;
use crate::trace::{Duty, Late, kept};
use crate::wire::{Flags, Payload};

fn recording(name: &str) -> Trace {
    kept::recording(name)
        .expect("a name of the list")
        .expect("it loads")
}

fn last_sent(trace: &Trace) -> usize {
    let is_out = |p: &Packet| p.dir == Dir::Out;
    trace
        .packets
        .iter()
        .rposition(is_out)
        .expect("there is one")
}

fn change(trace: &mut Trace, index: usize, how: impl Fn(&mut Datagram)) {
    let mut datagram = Datagram::parse(&trace.packets[index].bytes).expect("it is a packet");
    how(&mut datagram);
    trace.packets[index].bytes = datagram.emit();
}

#[test]
fn every_recording_is_identical_to_itself() {
    for name in kept::names() {
        let trace = recording(name);
        let verdict = compare(&trace, &trace);
        assert!(
            verdict.identical && verdict.tcp_info_identical,
            "{}",
            verdict.line()
        );
        assert_eq!(
            verdict.counts.packets_identical, verdict.counts.right_packets,
            "{name}"
        );
    }
}

#[test]
fn a_flow_label_that_changes_at_another_packet_is_found() {
    let mut scenario = crate::scenario::load("power-off-idle").expect("a built-in one");
    scenario.ip = crate::scenario::IpVersion::V6;
    let options = crate::target::Options::default();
    let right =
        crate::target::run(&scenario, crate::target::TargetKind::Engine, options).expect("runs");
    assert!(compare(&right, &right).identical);
    let last = last_sent(&right);
    let before = right.packets[..last]
        .iter()
        .rposition(|p| p.dir == Dir::Out);
    let before = Datagram::parse(&right.packets[before.expect("one more")].bytes);
    let label = before.expect("it is a packet").flow_label;
    let mut left = right.clone();
    change(&mut left, last, |d| {
        assert_ne!(std::mem::replace(&mut d.flow_label, label), label);
    });
    let verdict = compare(&left, &right);
    let what: Vec<_> = verdict
        .differences
        .iter()
        .map(|d| d.what.as_str())
        .collect();
    assert_eq!(what, ["ip.flow-label"]);
}

/// Everything that two runs may not share: initial numbers, the clocks of both ends.
fn renumbered(trace: &Trace) -> Trace {
    let mut other = trace.clone();
    for index in 0..other.packets.len() {
        let is_out = other.packets[index].dir == Dir::Out;
        change(&mut other, index, |d| {
            if d.ident != 0 && is_out {
                d.ident = d.ident.wrapping_add(999).max(1);
            }
            let Payload::Tcp(s) = &mut d.payload else {
                return;
            };
            let (ours, peers) = (0x8000_0001, 77);
            s.seq += if is_out { ours } else { peers };
            if s.flags.has(Flags::ACK) {
                s.ack += if is_out { peers } else { ours };
            }
            s.options.for_each_mut(|option| {
                if let TcpOption::Timestamps(ts) = option {
                    let (own, echo) = if is_out { (5_000, 123) } else { (123, 5_000) };
                    ts.tsval = ts.tsval.wrapping_add(own);
                    if s.flags.has(Flags::ACK) {
                        ts.tsecr = ts.tsecr.wrapping_add(echo);
                    }
                }
            });
        });
    }
    other
}

#[test]
fn initial_numbers_do_not_count() {
    for name in ["power-off-idle", "server-power-off", "cut-and-restore"] {
        let trace = recording(name);
        let verdict = compare(&renumbered(&trace), &trace);
        let shown: Vec<_> = verdict
            .differences
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(verdict.identical, "{name}: {shown:#?}");
    }
}

#[test]
fn a_timer_may_be_off_by_its_granule_and_no_more() {
    let right = recording("power-off-idle");
    let last = last_sent(&right);
    // the gap before it is 3.456 s: level 2, 256 ms and a tick and 1.5 ms
    for (by_ms, same) in [(200, true), (400, false)] {
        let mut left = right.clone();
        let by = Duration::from_millis(by_ms);
        left.packets[last].at = left.packets[last].at + by;
        change(&mut left, last, |d| {
            let Payload::Tcp(s) = &mut d.payload else {
                return;
            };
            s.options.for_each_mut(|option| {
                if let TcpOption::Timestamps(ts) = option {
                    ts.tsval += by_ms as u32;
                }
            });
        });
        for event in left
            .events
            .iter_mut()
            .filter(|e| e.at > right.packets[last].at)
        {
            event.at = event.at + by;
        }
        let verdict = compare(&left, &right);
        assert_eq!(verdict.identical, same, "{:#?}", verdict.differences);
        if !same {
            assert_eq!(verdict.differences[0].class, Class::Time);
            assert_eq!(verdict.counts.times_differing, 1);
        }
    }
}

#[test]
fn a_tsval_that_does_not_follow_the_clock_is_found() {
    let right = recording("power-off-idle");
    let last = last_sent(&right);
    let mut left = right.clone();
    change(&mut left, last, |d| {
        let Payload::Tcp(s) = &mut d.payload else {
            return;
        };
        s.options.for_each_mut(|option| {
            if let TcpOption::Timestamps(ts) = option {
                ts.tsval += 100;
            }
        });
    });
    let verdict = compare(&left, &right);
    let what: Vec<_> = verdict
        .differences
        .iter()
        .map(|d| d.what.as_str())
        .collect();
    assert_eq!(what, ["ts.val"]);
}

#[test]
fn a_field_a_packet_and_an_ending_are_found() {
    let right = recording("power-off-idle");
    let last = last_sent(&right);
    let mut left = right.clone();
    change(&mut left, last, |d| d.ttl = 63);
    let verdict = compare(&left, &right);
    assert_eq!(verdict.differences.len(), 1, "{:#?}", verdict.differences);
    assert_eq!(verdict.differences[0].what, "ip.ttl");

    let mut left = right.clone();
    left.packets.remove(last);
    let classes: Vec<_> = compare(&left, &right)
        .differences
        .iter()
        .map(|d| d.class)
        .collect();
    assert!(classes.contains(&Class::Missing), "{classes:?}");

    let mut left = right.clone();
    for event in &mut left.events {
        if let Incident::Error { errno, .. } = &mut event.what {
            *errno = crate::call::Errno::EHOSTUNREACH;
        }
    }
    let verdict = compare(&left, &right);
    let what: Vec<_> = verdict
        .differences
        .iter()
        .map(|d| d.what.as_str())
        .collect();
    assert_eq!(what, ["errno"]);
    assert_eq!(verdict.left.ending.errno.as_deref(), Some("EHOSTUNREACH"));
}

#[test]
fn another_scenario_is_different_throughout() {
    let verdict = compare(
        &recording("power-off-idle-tlp"),
        &recording("power-off-idle"),
    );
    assert!(!verdict.identical);
}

#[test]
fn a_table_has_a_row_for_each_packet_and_marks_what_differs() {
    let one = recording("power-off-idle");
    let mut two = one.clone();
    let last = last_sent(&two);
    change(&mut two, last, |d| d.ttl = 63);
    let mut three = one.clone();
    three.packets.remove(last);
    let table = table(&[&one, &two, &three]);
    assert_eq!(table.len(), one.packets.len());
    let row = &table[last];
    assert!(row[0].as_ref().is_some_and(|c| c.differs.is_empty()));
    assert_eq!(
        row[1].as_ref().map(|c| c.differs.clone()),
        Some(vec!["ip.ttl"])
    );
    assert!(row[2].is_none());
    let counts = count_rows(&table);
    assert_eq!(
        (counts.rows, counts.same),
        (one.packets.len(), one.packets.len() - 1)
    );
}

/// A scenario in which the peer loses power and one write is retransmitted until the end.
fn dead_peer(delay: &str) -> Trace {
    let text = format!(
        r#"
        title = "A round delay"
        [survivor]
        role = "client"
        sysctl = {{ tcp_early_retrans = 0 }}
        [wire]
        delay = "{delay}"
        [[step]]
        at = "0s"
        do = "survivor connect"
        [[step]]
        at = "100ms"
        do = "survivor send 100"
        [[step]]
        at = "500ms"
        do = "peer power-off"
        [[step]]
        at = "600ms"
        do = "survivor send 100"
        [end]
        after = "20s"
        limit = "20s"
        "#
    );
    let scenario = crate::scenario::Scenario::parse("round", "round.toml", &text);
    let scenario = scenario.expect("it is one");
    let options = crate::target::Options::default();
    crate::target::run(&scenario, crate::target::TargetKind::Engine, options).expect("it runs")
}

fn of_time(verdict: &Verdict) -> Vec<&Difference> {
    let all = verdict.differences.iter();
    all.filter(|d| d.class == Class::Time).collect()
}

/// 20 ms are five ticks: the RTO is 220 ms. A real path is a little slower, and its RTO is 224 ms; each time it is doubled
/// the two lie further apart.
#[test]
fn an_rtt_on_the_edge_of_a_tick_and_one_behind_it_are_the_same() {
    let (left, right) = (dead_peer("10ms"), dead_peer("10040us"));
    for (one, other) in [(&left, &right), (&right, &left)] {
        let verdict = compare(one, other);
        assert!(verdict.counts.packets_compared > 8, "{}", verdict.line());
        assert!(of_time(&verdict).is_empty(), "{:#?}", verdict.differences);
        let rto = |d: &&Difference| d.what == "rto_us";
        assert_eq!(verdict.differences.iter().find(rto), None);
    }
    // two ticks longer is another matter
    let verdict = compare(&left, &dead_peer("12500us"));
    assert!(verdict.differences.iter().any(|d| d.what == "rto_us"));
}

#[test]
fn a_timer_that_did_not_wait_for_its_own_rto_is_early() {
    let (left, mut right) = (dead_peer("10ms"), dead_peer("10040us"));
    let gap = |trace: &Trace| {
        let out = trace.packets.iter().enumerate();
        let out: Vec<_> = out.filter(|(_, p)| p.dir == Dir::Out).collect();
        // the first RTO is armed with the last write: doubled three times it is 1.76 s here and 1.792 s there
        let longest = |w: &&[(usize, &Packet)]| {
            let ms = w[1].1.at.since(w[0].1.at).as_millis();
            (1_700..1_900).contains(&ms)
        };
        let found = out.windows(2).find(longest).expect("a gap of 1.8 s");
        (
            found[1].0,
            found[0].1.at,
            found[1].1.at.since(found[0].1.at),
        )
    };
    let (_, _, waited) = gap(&left);
    let (index, from, _) = gap(&right);
    // 6 ms less than the left one waited; the wheel allows 32 ms, a tick and the machine, counted from 32 ms more
    right.packets[index].at = from + (waited - Duration::from_millis(6));
    let verdict = compare(&left, &right);
    let found = of_time(&verdict);
    assert!(!found.is_empty(), "{}", verdict.line());
    assert_eq!(found[0].at, right.packets[index].at);
}

#[test]
fn what_an_icmp_error_quotes_is_compared_by_its_numbers_in_the_connection() {
    let trace = recording("unreachable-connect");
    let other = renumbered(&trace);
    let requoted = |p: &Packet| {
        let mut datagram = Datagram::parse(&p.bytes).expect("it is a packet");
        if let Payload::Icmp(icmp) = &mut datagram.payload {
            // the SYN that is quoted has the other run's initial number
            let seq = 24; // behind the IP header and the ports
            let old = u32::from_be_bytes(icmp.body[seq..seq + 4].try_into().expect("four"));
            let new = old.wrapping_add(0x8000_0001).to_be_bytes();
            icmp.body[seq..seq + 4].copy_from_slice(&new);
        }
        datagram.emit()
    };
    let mut other = other;
    for packet in &mut other.packets {
        packet.bytes = requoted(packet);
    }
    let marked: Vec<_> = table(&[&trace, &other])
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|cell| cell.differs)
        .collect();
    assert_eq!(marked, Vec::<&str>::new());
}

#[test]
fn a_late_machine_is_not_judged_and_identical_does_not_hide_tcp_info() {
    let right = recording("power-off-idle");
    let mut left = right.clone();
    let last = last_sent(&left);
    change(&mut left, last, |d| d.ttl = 63);
    assert!(compare(&left, &right).line().contains(": different, "));
    let late = Late {
        duty: Duty::Delivery,
        by: Duration::from_millis(7),
    };
    left.meta.late.push(late);
    let note = "the latest delivery was 7.0 ms late (measured): this machine was busy";
    let verdict = compare(&left, &right);
    assert!(verdict.line().contains(&format!("not judged: {note}")));
    assert!(!verdict.identical);

    let mut left = right.clone();
    for event in &mut left.events {
        if let Incident::TcpInfo(info) = &mut event.what {
            info.snd_cwnd += 1;
            break;
        }
    }
    let line = compare(&left, &right).line();
    assert!(!line.contains(": identical"), "{line}");
    assert!(line.contains("TCP_INFO: 1 of "), "{line}");
}
