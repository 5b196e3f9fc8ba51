//! Simultaneous open: two SYNs cross (RFC 9293 3.5, figure 7). Rows measured on Linux 6.18.44.

use super::lab::*;
use crate::call::{Call, Errno, Outcome};
use crate::sysctl::Sysctl;
use crate::time::Ticks;

fn crossed(sysctl: Sysctl) -> Lab {
    let mut lab = Lab::new(sysctl, Ticks::default());
    lab.connect();
    lab.inject(seg(S, 0, 0).with_syn_options());
    assert_eq!(lab.state(), "SYN_RECV");
    lab
}

#[test]
fn the_syn_becomes_a_syn_ack_that_offers_the_same() {
    let mut lab = crossed(Sysctl::default());
    let out = lab.take_out();
    assert_eq!(
        out.iter().map(|o| text(&o.segment)).collect::<Vec<_>>(),
        ["S 0", "SA 0 1"]
    );
    let kinds = |i: usize| -> Vec<&str> {
        let options = out[i].segment.options.iter();
        options.map(|o| o.name()).collect()
    };
    assert_eq!(kinds(0), kinds(1));
    assert_eq!(
        (out[0].segment.window, out[1].segment.window),
        (64_240, 64_240)
    );
    let ts = out[1].segment.timestamps().expect("timestamps");
    assert_eq!(ts.tsecr, FAR_TS);
}

#[test]
fn the_peers_syn_ack_opens_and_is_acknowledged_as_a_duplicate() {
    let mut lab = crossed(Sysctl::default());
    lab.take_out();
    lab.inject(seg(S | A, 0, 1).with_syn_options());
    assert_eq!(lab.state(), "ESTABLISHED");
    let answer = lab.take_out();
    assert_eq!(answer.len(), 1);
    assert_eq!(text(&answer[0].segment), "A 1 1 sack 0:1");
    lab.send(3_000);
    lab.inject(seg(A, 1, 3_001));
    let info = lab.info().expect("a connection");
    assert_eq!((info.unacked, info.snd_mss), (0, 1_448));
}

#[test]
fn unanswered_it_is_repeated_without_the_linear_phase_and_given_up() {
    let sysctl = Sysctl {
        tcp_syn_retries: 2,
        ..Sysctl::default()
    };
    let mut lab = crossed(sysctl);
    lab.run_ms(8_000);
    let times: Vec<u64> = lab.out.iter().map(|o| o.at.us() / 100_000).collect();
    assert_eq!(times, [0, 0, 10, 30], "tenths of a second");
    assert_eq!(lab.state(), "(none)");
    assert_eq!(lab.so_error(), Some(Errno::ETIMEDOUT));
}

#[test]
fn the_application_waits_and_may_close() {
    let sysctl = Sysctl {
        tcp_early_retrans: 0,
        ..Sysctl::default()
    };
    let mut lab = crossed(sysctl);
    let again = Outcome::Failed(Errno::EAGAIN);
    assert_eq!(lab.call(Call::Send(lab.socket, b"xyz".to_vec())), again);
    assert_eq!(lab.recv(), again);
    lab.take_out();
    assert_eq!(lab.call(Call::Close(lab.socket)), Outcome::Done);
    assert_eq!(lab.state(), "FIN_WAIT1");
    lab.run_ms(1_100);
    let sent: Vec<String> = lab.out.iter().map(|o| text(&o.segment)).collect();
    assert_eq!(sent, ["FA 1 1", "SA 0 1"]);
    assert_eq!(lab.out[1].segment.window, 64_512);
}
