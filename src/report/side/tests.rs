use std::time::Duration;

use super::*;
use crate::report::Style;
use crate::trace::kept;

fn recording() -> Trace {
    kept::recording("power-off-idle").unwrap().unwrap()
}

fn shown(left: &Trace, right: &Trace) -> String {
    let verdict = closed::compare(left, right);
    let style = Style {
        fold: Some(6),
        ..Style::default()
    };
    side_by_side(&[left, right], &[verdict]).render(style)
}

#[test]
fn a_trace_beside_itself_has_no_mark() {
    let text = shown(&recording(), &recording());
    assert!(!text.contains('\u{2260}'), "{text}");
    assert_eq!(text.matches("retransmission").count(), 5);
}

#[test]
fn a_late_and_a_missing_packet_are_marked_and_nothing_else() {
    let (left, mut right) = (recording(), recording());
    right.packets.pop();
    let late = right.packets.last_mut().unwrap();
    late.at = late.at + Duration::from_millis(200);
    let text = shown(&left, &right);
    let marked: Vec<_> = text.lines().filter(|l| l.contains('\u{2260}')).collect();
    let legend = "\u{2260} differs from linux 6.18.44 in: t time; - no such packet";
    assert_eq!(marked.last(), Some(&legend), "{text}");
    assert_eq!(marked.len(), 2, "{text}");
    assert!(
        marked[0].contains("retransmission") && marked[0].contains("\u{2260}t"),
        "{text}"
    );
}

#[test]
fn another_ending_is_marked() {
    let (left, mut right) = (recording(), recording());
    right
        .events
        .retain(|e| !matches!(e.what, crate::trace::Incident::Error { .. }));
    right.ended_at = right.ended_at + Duration::from_secs(1);
    let verdict = closed::compare(&left, &right);
    let style = Style {
        color: true,
        ..Style::default()
    };
    let text = side_by_side(&[&left, &right], &[verdict]).render(style);
    let application = text.lines().find(|l| l.contains("application")).unwrap();
    assert!(
        application.contains("\x1b[1m\x1b[31mnothing"),
        "{application}"
    );
    let rst = text.lines().find(|l| l.contains("RST")).unwrap();
    assert!(!rst.contains("\x1b[1m\x1b[31m"), "{rst}");
}

#[test]
fn every_field_of_a_comparison_has_its_mark() {
    let rows = [
        ("flags", Mark::Flags),
        ("ip.id", Mark::Ip),
        ("ts.val", Mark::Options),
        ("sack", Mark::Options),
        ("payload", Mark::Content),
        ("ports", Mark::Other),
        ("packet", Mark::Extra),
    ];
    for (field, wanted) in rows {
        assert_eq!(mark(field), wanted, "{field}");
    }
}
