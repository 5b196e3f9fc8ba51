use super::super::html::tests::{elements, explained, recording};
use super::*;

#[test]
fn an_interval_is_to_scale_spread_or_cut() {
    #[rustfmt::skip]
    let table = [
        // ms, units a second, height, pace
        (0,      100.0, 18,  Pace::Spread),
        (100,    100.0, 18,  Pace::Spread),
        (200,    100.0, 20,  Pace::ToScale),
        (1_600,  100.0, 160, Pace::ToScale),
        (3_000,  100.0, 300, Pace::ToScale),
        (3_100,  100.0, CUT, Pace::Cut),
        (90_000, 1.0,   90,  Pace::ToScale),
    ];
    for (ms, scale, height, pace) in table {
        let interval = Interval::new(ms * 1_000_000, scale);
        assert_eq!((interval.height, interval.pace), (height, pace), "{ms} ms");
    }
}

#[test]
fn the_scale_shows_the_retransmissions_as_they_are() {
    let backoff: Vec<(u64, bool)> = (0..4).map(|n| (200_000_000 << n, true)).collect();
    let mut all: Vec<(u64, bool)> = vec![(10_000, false); 12];
    all.extend(&backoff);
    let scale = scale(&all);
    for (ns, _) in backoff {
        assert_eq!(
            Interval::new(ns, scale).pace,
            Pace::ToScale,
            "{ns} ns at {scale}"
        );
    }
}

fn of(name: &str) -> (String, Connection, CaptureSpan) {
    let (told, span) = explained(&recording(name));
    let (connection, story) = told.into_iter().next().expect("a connection");
    let drawn = ladder(&connection, &story, &span).into_string();
    (drawn, connection, span)
}

#[test]
fn each_packet_is_an_arrow_with_its_title_or_in_a_fold() {
    for name in [
        "power-off-idle",
        "cut-and-restore-tlp",
        "connect-dead",
        "reboot-then-send",
    ] {
        let (drawn, connection, _) = of(name);
        let elements = elements(&drawn);
        assert!(elements.iter().any(|e| e == "svg"));
        let kept = connection.kept.as_deref().expect("kept");
        let folded: usize = pieces(kept, true)
            .iter()
            .map(|p| {
                if let Piece::Folded(range) = p {
                    range.len()
                } else {
                    0
                }
            })
            .sum();
        assert_eq!(
            drawn.matches("<g class=\"arrow ").count(),
            kept.len() - folded,
            "{name}"
        );
        assert_eq!(
            drawn.matches("<title>packet ").count(),
            kept.len() - folded,
            "{name}"
        );
    }
}

#[test]
fn the_line_of_a_silent_end_is_dashed_from_then_on() {
    let gone = "class=\"life gone\"";
    assert!(of("power-off-idle").0.contains(gone));
    assert!(!of("no-timestamps").0.is_empty());
    assert!(!of("fin-wait2-shutdown").0.contains(gone));
}

#[test]
fn a_picture_is_no_higher_than_a_page() {
    let (told, span) = explained(&recording("bulk-autobuf"));
    let (connection, story) = &told[0];
    let drawn = ladder(connection, story, &span).into_string();
    let heights = drawn
        .match_indices("\" height=\"")
        .filter_map(|(at, found)| {
            let rest = &drawn[at + found.len()..];
            rest[..rest.find('"')?].parse::<i64>().ok()
        });
    assert!(heights.max().is_some_and(|h| h <= PAGE + 22 + 18 + CUT));
}

#[test]
fn packets_that_were_not_kept_are_no_silence() {
    let (mut told, span) = explained(&recording("cut-and-restore"));
    let (connection, story) = &mut told[0];
    connection.kept.as_mut().expect("kept").truncate(3);
    let more = connection.packets - 3;
    let drawn = ladder(connection, story, &span).into_string();
    assert!(drawn.contains(&format!("{more} packets that were not kept")));
}
