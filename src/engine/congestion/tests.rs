use super::*;

fn limited(snd_cwnd: u32, snd_ssthresh: u32) -> Window {
    Window {
        snd_cwnd,
        snd_ssthresh,
        is_cwnd_limited: true,
        ..Window::default()
    }
}

#[test]
fn slow_start_stops_at_the_threshold_and_hands_back_the_rest() {
    // cwnd, ssthresh, acked -> cwnd, left
    let table = [
        (10, TCP_INFINITE_SSTHRESH, 1, 11, 0),
        (10, TCP_INFINITE_SSTHRESH, 10, 20, 0),
        (1, 7, 1, 2, 0),
        (6, 7, 1, 7, 0),
        (6, 7, 2, 7, 1),
        (4, 7, 10, 7, 7),
    ];
    for (cwnd, ssthresh, acked, grown, left) in table {
        let mut w = limited(cwnd, ssthresh);
        assert_eq!((w.slow_start(acked), w.snd_cwnd), (left, grown), "{cwnd}");
    }
}

#[test]
fn additive_increase_is_one_segment_for_each_so_many() {
    // every, credit, acked -> growth, credit
    let table = [
        (10, 0, 1, 0, 1),
        (10, 9, 1, 1, 0),
        (10, 0, 25, 2, 5),
        // credit from a time when more were asked for counts once
        (4, 9, 1, 1, 1),
        (4, 9, 5, 2, 1),
    ];
    for (every, credit, acked, growth, rest) in table {
        let mut w = limited(10, 5);
        w.snd_cwnd_cnt = credit;
        w.additive_increase(every, acked);
        assert_eq!((w.snd_cwnd, w.snd_cwnd_cnt), (10 + growth, rest), "{every}");
    }
}

#[test]
fn thresholds_after_a_loss() {
    // cwnd -> reno, cubic
    let table = [
        (1, 2, 2),
        (2, 2, 2),
        (4, 2, 2),
        (5, 2, 3),
        (10, 5, 7),
        (20, 10, 14),
        (100, 50, 70),
    ];
    for (cwnd, reno, cubic) in table {
        let w = limited(cwnd, TCP_INFINITE_SSTHRESH);
        let threshold = |name| Algorithm::new(name).ssthresh(&w);
        assert_eq!(threshold(CongestionControl::Reno), reno, "reno {cwnd}");
        assert_eq!(threshold(CongestionControl::Cubic), cubic, "cubic {cwnd}");
    }
}

#[test]
fn an_application_that_does_not_fill_the_window_does_not_grow_it() {
    for name in [CongestionControl::Reno, CongestionControl::Cubic] {
        let mut w = Window {
            max_packets_out: 5,
            ..Window::default()
        };
        let mut algorithm = Algorithm::new(name);
        algorithm.cong_avoid(&mut w, 1, Instant::ZERO, &Ticks::default());
        assert_eq!(w.snd_cwnd, 10, "half used, {name:?}");
        w.max_packets_out = 6;
        algorithm.cong_avoid(&mut w, 1, Instant::ZERO, &Ticks::default());
        assert_eq!(w.snd_cwnd, 11, "more than half used, {name:?}");
    }
}

#[test]
fn reno_grows_by_one_a_round_trip() {
    let mut w = limited(5, 5);
    let mut reno = Algorithm::new(CongestionControl::Reno);
    for expected in [6, 7, 8] {
        for _ in 0..w.snd_cwnd {
            reno.cong_avoid(&mut w, 1, Instant::ZERO, &Ticks::default());
        }
        assert_eq!(w.snd_cwnd, expected);
    }
}

#[test]
fn a_pause_halves_the_window_once_an_rto() {
    // cwnd, idle in RTOs of 50 ticks -> cwnd, ssthresh
    let table = [
        (80, 50, 80, 60),
        (80, 51, 40, 60),
        (80, 101, 20, 60),
        (80, 1000, 10, 60),
        (4, 1000, 4, 12),
    ];
    for (cwnd, idle, left, ssthresh) in table {
        let mut w = limited(cwnd, 12);
        w.restart_after_idle(TCP_INIT_CWND, TickSpan(idle), TickSpan(50));
        assert_eq!((w.snd_cwnd, w.snd_ssthresh), (left, ssthresh), "{idle}");
    }
}

#[test]
fn undoing_never_shrinks_the_window() {
    let mut w = limited(3, 5);
    w.prior_cwnd = 10;
    assert_eq!(Algorithm::new(CongestionControl::Cubic).undo_cwnd(&w), 10);
    w.snd_cwnd = 12;
    assert_eq!(Algorithm::new(CongestionControl::Reno).undo_cwnd(&w), 12);
}
