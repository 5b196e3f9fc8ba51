//! A trace against itself, shifted, and with one thing changed.

use std::time::Duration;

use super::*;
use crate::trace::kept;
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
