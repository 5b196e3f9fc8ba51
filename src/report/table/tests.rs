use super::*;
use crate::report::story::{done, ending};
use crate::trace::relative::relative;
use crate::trace::{Trace, kept};

/// A recording twice over as three targets: as it is, with a retransmission late and one window changed, and
/// cut off before its last packet.
fn table() -> Table {
    let trace = kept::recording("power-off-idle").unwrap().unwrap();
    let packets = relative(&trace.packets);
    let (mut late, mut short) = (packets.clone(), packets.clone());
    let n = packets.len();
    late[n - 1].at = late[n - 1].at + Duration::from_millis(1_000);
    short.pop();
    if let Body::Tcp(tcp) = &mut short[n - 2].body {
        tcp.payload.push(0);
    }
    let mut rows: Vec<_> = (0..n).map(|i| vec![Some(i); 3]).collect();
    rows[n - 1][2] = None;
    let marks = |row: usize, column: usize| match (row, column) {
        (_, 1) if row == n - 1 => vec![Mark::Time],
        (_, 2) if row == n - 2 => vec![Mark::Options, Mark::Len],
        (10, 1) => vec![Mark::Window],
        _ => Vec::new(),
    };
    let heading = |name: &str, times: &str| Heading {
        name: name.to_owned(),
        times: times.to_owned(),
    };
    let targets = vec![
        heading("linux 6.18.44", "measured"),
        heading("engine 0.1.0", "simulated"),
        heading("smoltcp 0.14.0", "simulated"),
    ];
    let mut table = Table::new(targets, &[&packets, &late, &short], &rows, marks);
    table.put_events(done(&trace));
    put_endings(&mut table, &trace);
    table
}

fn put_endings(table: &mut Table, trace: &Trace) {
    let packets = relative(&trace.packets);
    let endings = ending(trace, &packets);
    for (label, text) in endings.into_iter().filter(|(_, text)| !text.is_empty()) {
        let cells = vec![text.clone(), text.clone(), format!("{text}, but not quite")];
        table.put_texts(label, cells, vec![false, false, true]);
    }
}

fn style(width: Option<usize>, fold: Option<usize>) -> Style {
    Style {
        width,
        color: false,
        fold,
    }
}

#[test]
fn three_targets_side_by_side() {
    insta::assert_snapshot!("three-targets", table().render(style(None, Some(6))));
}

#[test]
fn a_narrow_terminal_gets_fewer_decimals_and_columns() {
    for width in [100, 80] {
        let text = table().render(style(Some(width), Some(6)));
        insta::assert_snapshot!(format!("three-targets-{width}"), text);
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_if_it_can_be_helped() {
    for width in [84, 90, 100, 110, 120, 200] {
        let text = table().render(style(Some(width), None));
        let rows = text.lines().filter(|l| l.contains('\u{2502}'));
        for line in rows {
            assert!(len(line) <= width, "{width}: {line}");
        }
    }
}

fn len(text: &str) -> usize {
    text.chars().count()
}

#[test]
fn colours_do_not_move_a_column() {
    let plain = table().render(style(None, None));
    let color = Style {
        color: true,
        ..style(None, None)
    };
    let mut stripped = table().render(color);
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[31m"] {
        stripped = stripped.replace(code, "");
    }
    let trimmed = |text: &str| {
        text.lines()
            .map(|l| l.trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(trimmed(&stripped), trimmed(&plain));
}

#[test]
fn an_empty_table_is_only_its_heading() {
    assert_eq!(Table::default().render(Style::default()).lines().count(), 4);
}

#[test]
fn what_all_packets_have_is_said_once_and_what_tells_is_not() {
    let trace = kept::recording("connect-dead").unwrap().unwrap();
    let packets = relative(&trace.packets);
    let rows: Vec<_> = (0..packets.len()).map(|i| vec![Some(i); 2]).collect();
    let heading = Heading::of(&trace.meta);
    let marks = |_, column| match column {
        1 => vec![Mark::Seq, Mark::Options, Mark::Window],
        _ => Vec::new(),
    };
    let table = Table::new(
        vec![heading.clone(), heading],
        &[&packets, &packets],
        &rows,
        marks,
    );
    let text = table.render(style(None, None));
    assert_eq!(text.matches("all packets \u{2260}wo").count(), 1, "{text}");
    assert_eq!(text.matches("\u{2260}s\n").count(), packets.len(), "{text}");
}

#[test]
fn a_table_may_start_later() {
    let mut table = table();
    table.start_at(Instant::from_ms(900));
    let text = table.render(style(None, None));
    let first = text.lines().nth(4).unwrap();
    let wanted = "  * 0.900000 s  not shown: 35 packets before this, 35 of them the same for all";
    assert_eq!(first, wanted);
    assert_eq!(text.matches('\u{2192}').count(), 6);
}

#[test]
fn a_count_is_left_out_where_the_targets_count_differently() {
    let trace = kept::recording("power-off-idle").unwrap().unwrap();
    let packets = relative(&trace.packets);
    let n = packets.len();
    let rows = [
        vec![Some(n - 2), Some(n - 2)],
        vec![Some(n - 1), Some(n - 2)],
    ];
    let heading = Heading::of(&trace.meta);
    let targets = vec![heading.clone(), heading];
    let table = Table::new(targets, &[&packets, &packets], &rows, |_, _| Vec::new());
    let text = table.render(style(None, None));
    assert_eq!(text.matches("retransmission 4").count(), 1, "{text}");
    assert_eq!(text.matches("retransmission ").count(), 2, "{text}");
}
