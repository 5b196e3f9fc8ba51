//! What a connection looks like, wide and narrow.

use super::*;
use crate::call::{Addr, TcpInfo, TcpState, TimerKind};
use crate::forecast::{Seen, of_seen, of_seen_if_it_sends};
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::watch::{Outlook, Process};

fn row(info: TcpInfo) -> Row {
    let ends = (
        Addr::v4([10, 77, 0, 1], 40_000),
        Addr::v4([10, 77, 0, 2], 7_777),
    );
    let seen = Seen {
        info,
        ..Seen::default()
    };
    let (sysctl, ticks) = (Sysctl::default(), Ticks::default());
    let forecast = of_seen(&seen, &sysctl, ticks);
    let mut row = Row::new(Stack::Kernel, ends, &seen.info, &forecast);
    let what_if = of_seen_if_it_sends(&seen, &sysctl, ticks);
    row.told_if_it_sends = what_if
        .filter(|_| row.send_q_bytes == 0)
        .map(|f| Outlook::of(&f));
    row.processes.push(Process {
        pid: 4711,
        name: "redis-cli".to_owned(),
    });
    row
}

/// In the middle of retransmissions.
fn retransmitting() -> TcpInfo {
    TcpInfo {
        at: Instant::from_ms(60_000),
        state: TcpState::Established,
        ca_state: 4,
        retransmits: 3,
        backoff: 3,
        rto_us: 1_632_000,
        snd_mss: 1_448,
        unacked: 1,
        lost: 1,
        retrans: 1,
        last_data_sent_ms: 432,
        last_ack_recv_ms: 3_000,
        rtt_us: 80,
        rttvar_us: 40,
        snd_cwnd: 1,
        snd_ssthresh: 7,
        total_retrans: 4,
        snd_wnd: 65_536,
        timer: TimerKind::On,
        timer_ms: 1_200,
        timer_retrans: 3,
        wqueue: 102,
        ..TcpInfo::default()
    }
}

fn idle() -> TcpInfo {
    TcpInfo {
        at: Instant::from_ms(60_000),
        state: TcpState::Established,
        rto_us: 204_000,
        rtt_us: 80,
        rttvar_us: 40,
        snd_mss: 1_448,
        snd_cwnd: 10,
        snd_ssthresh: 0x7fff_ffff,
        last_ack_recv_ms: 50_000,
        last_data_sent_ms: 50_000,
        snd_wnd: 65_536,
        rqueue: 5,
        ..TcpInfo::default()
    }
}

#[test]
fn a_connection_in_trouble_says_when_it_ends_and_what_comes_next() {
    insta::assert_snapshot!(connection(&row(retransmitting()), Style::default()).join("\n"));
}

#[test]
fn an_idle_connection_says_that_nothing_will_be_told() {
    insta::assert_snapshot!(connection(&row(idle()), Style::default()).join("\n"));
}

#[test]
fn every_line_fits_the_terminal() {
    let look = Look {
        rows: vec![row(retransmitting()), row(idle())],
        of: 7,
        sysctls: "tcp_retries2 15".to_owned(),
        notes: vec!["a note that is rather long for the narrowest of terminals".to_owned()],
    };
    for width in [24, 40, 80, 200] {
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        let lines = render(&look, "linux 6.18", style);
        let widest = lines.iter().map(|l| len(l)).max();
        assert!(widest <= Some(width), "{widest:?} of {width}: {lines:#?}");
        assert!(lines[0].starts_with("2 of 7 "), "{lines:#?}");
    }
}

#[test]
fn the_name_of_a_process_cannot_speak_to_the_terminal() {
    let mut row = row(idle());
    row.processes[0].name = "\x1b[31m\x1b]0;mine\x07\u{9b}2J\n".to_owned();
    row.told.text.push_str("\x1b[2J");
    let look = Look {
        rows: vec![row],
        of: 1,
        notes: vec!["\x1b[1mloud".to_owned()],
        ..Look::default()
    };
    for width in [None, Some(24), Some(200)] {
        let style = Style {
            width,
            ..Style::default()
        };
        let lines = render(&look, "linux", style);
        assert!(
            !lines.iter().any(|l| l.contains(char::is_control)),
            "{lines:#?}"
        );
        let widest = lines.iter().map(|l| l.chars().count()).max();
        assert!(width.is_none() || widest <= width, "{lines:#?}");
    }
}
