//! The table of states and segments: every answer and every next state as a kernel gave them.
//!
//! RFC 9293 3.10.7, RFC 5961. The rows are in `states.txt`; they were measured, the code here makes the same
//! connections and the same segments.

use std::time::Duration;

use super::lab::*;
use crate::call::{Call, Outcome};
use crate::sockopt::OptName;
use crate::sysctl::Sysctl;
use crate::time::Ticks;

const TABLE: &str = include_str!("states.txt");

/// Sequence numbers that the segments of a row are made from, relative.
#[derive(Clone, Copy, Debug)]
struct At {
    snd_una: i64,
    snd_nxt: i64,
    rcv_nxt: i64,
    /// The right edge of the window that the host offered.
    right: i64,
}

/// Brings a host to a state of the table.
fn bring_to(state: &str) -> (Lab, At) {
    let sysctl = Sysctl {
        tcp_early_retrans: 0,
        ..Sysctl::default()
    };
    let mut lab = Lab::new(sysctl, Ticks::default());
    let new = At {
        snd_una: 0,
        snd_nxt: 1,
        rcv_nxt: 1,
        right: 64_001,
    };
    let syn = seg(S, 0, 0).with_syn_options();
    match state {
        "CLOSED" => return (lab, new),
        "LISTEN" => {
            lab.listen();
            return (lab, new);
        }
        "SYN_RECV" => {
            lab.listen();
            lab.inject(syn);
            let right = i64::from(lab.right);
            return (lab, At { right, ..new });
        }
        "SYN_SENT" => {
            lab.connect();
            return (lab, new);
        }
        "SYN_RECV after SYN_SENT" => {
            lab.connect();
            lab.inject(syn);
            let right = i64::from(lab.right);
            return (lab, At { right, ..new });
        }
        _ => lab.open(),
    }
    let mut at = At {
        snd_una: 1_001,
        snd_nxt: 1_001,
        rcv_nxt: 1_001,
        right: 0,
    };
    lab.send(1_000);
    lab.inject(seg(A, 1, 1_001));
    lab.inject(seg(A | P, 1, 1_001).len(1_000));
    assert!(matches!(lab.recv(), Outcome::Data(d) if d.len() == 1_000));
    lab.run_ms(60);
    close_in_steps(&mut lab, state, &mut at);
    at.right = i64::from(lab.right);
    (lab, at)
}

/// From ESTABLISHED onwards.
fn close_in_steps(lab: &mut Lab, state: &str, at: &mut At) {
    let (name, orphan) = match state.split_once(' ') {
        Some((name, _)) => (name, true),
        None => (state, false),
    };
    let fin = |lab: &mut Lab, at: &mut At| {
        lab.inject(seg(F | A, at.rcv_nxt, at.snd_una));
        at.rcv_nxt += 1;
        lab.run_ms(3);
    };
    if !matches!(name, "FIN_WAIT2" | "TIME_WAIT") {
        lab.send(500);
        at.snd_nxt += 500;
    }
    if matches!(name, "CLOSE_WAIT" | "LAST_ACK") {
        fin(lab, at);
    }
    if matches!(name, "ESTABLISHED" | "CLOSE_WAIT") {
        return;
    }
    let call = if orphan {
        Call::Close(lab.socket)
    } else {
        Call::ShutdownWrite(lab.socket)
    };
    assert_eq!(lab.call(call), Outcome::Done);
    at.snd_nxt += 1;
    if name == "CLOSING" {
        fin(lab, at);
    }
    if matches!(name, "FIN_WAIT2" | "TIME_WAIT") {
        at.snd_una = at.snd_nxt;
        lab.inject(seg(A, at.rcv_nxt, at.snd_una));
    }
    if name == "TIME_WAIT" {
        fin(lab, at);
    }
}

/// The segment of a row.
fn segment(name: &str, at: At) -> Seg {
    let At {
        snd_una: u,
        snd_nxt: n,
        rcv_nxt: r,
        right: w,
    } = at;
    let old = Some(FAR_TS - 10_000);
    let data = |seq: i64| seg(A | P, seq, u).len(100);
    match name {
        "SYN" => seg(S, r, 0).with_syn_options(),
        "SYN, old" => seg(S, r - 500, 0).with_syn_options(),
        "SYN ACK" => seg(S | A, r, n),
        "SYN ACK of nothing sent" => seg(S | A, r, n + 1),
        "ACK" => seg(A, r, n),
        "ACK, duplicate" => seg(A, r, u),
        "ACK, old" => seg(A, r, u - 100),
        "ACK, too old" => seg(A, r, u - 1_500),
        "ACK of nothing sent" => seg(A, r, n + 1),
        "keepalive probe" => seg(A, r - 1, u),
        "data" => data(r),
        "data, old" => data(r - 200),
        "data, partly old" => data(r - 50),
        "data, early" => data(r + 100),
        "data, partly beyond" => data(w - 50),
        "data, beyond" => data(w + 1),
        "data, no timestamp" => data(r).ts(None),
        "data acking nothing sent" => seg(A | P, r, n + 1).len(100),
        "data, ACK too old" => seg(A | P, r, u - 1_500).len(100),
        "FIN" => seg(A | F, r, u),
        "FIN acking all" => seg(A | F, r, n),
        "FIN, early" => seg(A | F, r + 100, u),
        "FIN again" => seg(A | F, r - 1, u),
        "FIN with data" => seg(A | F | P, r, n).len(100),
        "RST" => seg(R, r, 0),
        "RST ACK" => seg(R | A, r, n),
        "RST ACK of nothing sent" => seg(R | A, r, n + 1),
        "RST in the window" => seg(R, r + 100, 0),
        "RST, one early" => seg(R, r - 1, 0),
        "RST, old" => seg(R, r - 500, 0),
        "RST beyond" => seg(R, w + 1, 0),
        "RST at the SACK edge" => seg(R, r + 200, 0),
        "RST SYN" => seg(R | S, r, 0),
        "data, PAWS" => data(r).ts(old),
        "ACK, PAWS" => seg(A, r, n).ts(old),
        "old ACK, PAWS" => seg(A, r - 1, u).ts(old),
        "duplicate ACK, overtaken" => seg(A, r, u).ts(Some(FAR_TS - 100)),
        "RST, PAWS" => seg(R, r, 0).ts(old),
        "SYN, PAWS" => seg(S, r + 1_000, 0).ts(old),
        "no ACK bit, data" => seg(P, r, 0).len(100),
        "no bit, nothing" => seg(crate::wire::Flags::empty(), r, 0),
        "FIN without ACK" => seg(F, r, 0),
        _ => panic!("no segment called {name}"),
    }
}

/// Answers, next state and error of one cell.
fn play(state: &str, name: &str) -> [String; 3] {
    let quiet = Duration::from_millis(20);
    let (mut lab, at) = bring_to(state);
    if name == "RST at the SACK edge" {
        lab.inject(segment("data, early", at));
        lab.run_ms(3);
    }
    lab.take_out();
    lab.inject(segment(name, at));
    lab.run_until_quiet(quiet);
    let answers: Vec<String> = lab.take_out().iter().map(|o| text(&o.segment)).collect();
    let then = lab.state();
    let error = if then == "(none)" {
        lab.so_error()
    } else {
        None
    };
    let answers = if answers.is_empty() {
        "-".to_owned()
    } else {
        answers.join(", ")
    };
    [
        answers,
        then,
        error.map_or("-".to_owned(), |e| e.name().to_owned()),
    ]
}

#[test]
fn every_state_answers_every_segment_as_linux() {
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in TABLE.lines().filter(|l| !l.starts_with('#')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [state, name, expected @ ..] = cells.as_slice() else {
            panic!("not a row: {row}");
        };
        let got = play(state, name);
        if got != expected {
            wrong.push(format!("{state}, {name}: {got:?}, Linux {expected:?}"));
        }
        rows += 1;
    }
    assert_eq!(rows, 16 * 42);
    assert!(
        wrong.is_empty(),
        "{} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_far_end_without_window_scaling_is_not_given_a_scaled_window() {
    let mut lab = Lab::new(Sysctl::default(), Ticks::default());
    lab.offer.wscale = None;
    lab.open();
    lab.set(OptName::TCP_NODELAY, 1);
    let ack = lab.take_out().pop().expect("the handshake's ACK");
    assert_eq!(ack.segment.window, 64_240);
}
