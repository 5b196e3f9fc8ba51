use super::*;
use crate::engine::congestion::TCP_INFINITE_SSTHRESH;

const RTT_MS: u64 = 100;

fn window(snd_cwnd: u32, snd_ssthresh: u32) -> Window {
    Window {
        snd_cwnd,
        snd_ssthresh,
        is_cwnd_limited: true,
        ..Window::default()
    }
}

fn sample(rtt_us: u64, snd_una: u32, snd_nxt: u32) -> AckSample {
    AckSample {
        rtt_us: Some(rtt_us),
        snd_una: Seq(snd_una),
        snd_nxt: Seq(snd_nxt),
        pacing_rate: 0,
    }
}

#[test]
fn cube_roots_are_the_kernels() {
    // segments below the maximum -> K in 1/1024 s as Linux computes it
    let table = [
        (1, 1388),
        (3, 2003),
        (10, 2991),
        (29, 4271),
        (30, 4316),
        (100, 6451),
        (300, 9294),
        (1000, 13_897),
        (30_000, 43_169),
    ];
    for (below, k) in table {
        assert_eq!(cube_root(CUBE_FACTOR * below), k, "{below}");
    }
}

#[test]
fn cube_roots_are_right_to_two_thousandths() {
    for below in 1..20_000_u64 {
        let a = CUBE_FACTOR * below;
        let error = cube_root(a) as f64 / (a as f64).cbrt() - 1.0;
        assert!(error.abs() < 0.002, "{below}: {error}");
    }
}

/// The window at the end of each round trip after a loss at `at` segments.
fn rounds_after_loss(at: u32, rounds: u64) -> Vec<u32> {
    let ticks = Ticks::default();
    let mut cubic = Cubic::default();
    let mut w = window(at, TCP_INFINITE_SSTHRESH);
    w.snd_ssthresh = cubic.ssthresh(&w);
    w.snd_cwnd = w.snd_ssthresh;
    let mut seen = vec![w.snd_cwnd];
    for round in 0..rounds {
        let acks = u64::from(w.snd_cwnd);
        for n in 0..acks {
            let now = Instant::from_us(1_000 * RTT_MS * round + 1_000 * RTT_MS * n / acks);
            cubic.cong_avoid(&mut w, 1, ticks.jiffies(now), &ticks);
        }
        seen.push(w.snd_cwnd);
    }
    seen
}

#[test]
fn the_window_follows_the_cube_of_rfc_9438() {
    // W_max 1000, so K = cbrt(1000 * 0.3 / 0.4) = 9.086 s; beta 717/1024 gives 700 to start from
    let seen = rounds_after_loss(1000, 150);
    assert_eq!(seen[0], 700);
    let k = (300.0_f64 / 0.4).cbrt();
    for (round, cwnd) in seen.iter().enumerate().skip(10) {
        let t = round as f64 * RTT_MS as f64 / 1e3;
        let curve = 1000.0 + 0.4 * (t - k).powi(3);
        // the window trails the curve by the round trip that the growth is spread over
        let trail = 0.4 * ((t - k).powi(3) - (t - k - 0.1).powi(3)).abs() + 2.0;
        let off = f64::from(*cwnd) - curve;
        assert!(off.abs() <= trail, "{t} s: {cwnd}, curve {curve:.1}");
    }
}

#[test]
fn a_small_window_grows_no_slower_than_reno() {
    // W_max 10: the cube needs 2 s for 3 segments; Reno at beta 0.7 adds 3 (1-b)/(1+b) = 0.53 a round trip
    let seen = rounds_after_loss(10, 12);
    assert_eq!(seen[0], 7);
    assert_eq!(seen[12], 7 + 6, "12 round trips of 0.53");
}

#[test]
fn a_loss_below_the_last_maximum_makes_room() {
    let mut cubic = Cubic::default();
    assert_eq!(cubic.ssthresh(&window(100, 50)), 70);
    assert_eq!(cubic.last_max_cwnd, 100);
    assert_eq!(cubic.ssthresh(&window(80, 50)), 56);
    assert_eq!(cubic.last_max_cwnd, 68, "80 * (1024 + 717) / 2048");
    assert_eq!(cubic.ssthresh(&window(90, 50)), 63);
    assert_eq!(cubic.last_max_cwnd, 90);
}

#[test]
fn an_rto_forgets_the_maximum() {
    let mut cubic = Cubic::default();
    cubic.ssthresh(&window(100, 50));
    cubic.reset(Seq(1), Instant::ZERO);
    assert_eq!(cubic.last_max_cwnd, 0);
    // without a maximum: at least one segment for 20 acknowledged
    let mut w = window(100, 50);
    cubic.cong_avoid(&mut w, 20, Jiffies(1), &Ticks::default());
    assert_eq!((cubic.cnt, w.snd_cwnd), (20, 101));
}

#[test]
fn the_curve_is_looked_at_once_a_tick_and_seldom_while_the_window_stands() {
    let ticks = Ticks::default();
    let mut cubic = Cubic::default();
    let mut w = window(100, 50);
    for (now, last_time) in [(5, 5), (6, 5), (12, 5), (13, 13)] {
        cubic.cong_avoid(&mut w, 1, Jiffies(now), &ticks);
        assert_eq!(
            (cubic.last_time, w.snd_cwnd),
            (Jiffies(last_time), 100),
            "tick {now}"
        );
    }
}

#[test]
fn idle_time_is_no_time_on_the_curve() {
    let mut cubic = Cubic::default();
    cubic.skip_idle(Jiffies(0), Jiffies(500));
    assert_eq!(cubic.epoch_start.get(), None);
    cubic.epoch_start = Jiffies(100).into();
    cubic.skip_idle(Jiffies(300), Jiffies(500));
    assert_eq!(cubic.epoch_start.get(), Some(Jiffies(300)));
    cubic.skip_idle(Jiffies(100), Jiffies(500));
    assert_eq!(
        cubic.epoch_start.get(),
        Some(Jiffies(500)),
        "not past the present"
    );
}

#[test]
fn a_train_of_acks_as_long_as_half_the_delay_ends_slow_start() {
    let ticks = Ticks::default();
    let mut cubic = Cubic::default();
    cubic.reset(Seq(1000), Instant::ZERO);
    let mut w = window(20, TCP_INFINITE_SSTHRESH);
    // RTT 20 ms: ACKs every ms; the train is longer than 10 ms at the 11th
    for ms in 1..=10 {
        let now = Instant::from_ms(ms);
        cubic.pkts_acked(&mut w, &sample(20_000, 500, 2000), now, &ticks);
        assert_eq!(w.snd_ssthresh, TCP_INFINITE_SSTHRESH, "{ms} ms");
    }
    let now = Instant::from_ms(11);
    cubic.pkts_acked(&mut w, &sample(20_000, 500, 2000), now, &ticks);
    assert_eq!(w.snd_ssthresh, 20);
}

#[test]
fn bursts_are_allowed_for_when_the_pace_is_known() {
    let train = |pacing_rate, now_us| {
        let mut hystart = HyStart::default();
        hystart.start_round(Seq(0), 0);
        hystart.train_is_long(200, pacing_rate, now_us)
    };
    // half of 200 us; then half of 200 + 1000; then 65215 * 4 bytes at 1 GB/s are 260 us
    for (rate, limit_us) in [(0, 100), (1_000_000, 600), (1_000_000_000, 230)] {
        assert!(!train(rate, limit_us), "{rate}");
        assert!(train(rate, limit_us + 1), "{rate}");
    }
}

#[test]
fn a_round_whose_every_rtt_has_grown_ends_slow_start() {
    let ticks = Ticks::default();
    // smallest RTT 40 ms: an eighth is 5 ms; one below 45 ms in the round is enough to go on
    for (rtt_us, found) in [(45_000, false), (45_001, true)] {
        let mut cubic = Cubic::default();
        cubic.reset(Seq(1000), Instant::ZERO);
        let mut w = window(20, TCP_INFINITE_SSTHRESH);
        let at = |n: u64| Instant::from_ms(100 * n);
        cubic.pkts_acked(&mut w, &sample(40_000, 900, 2000), at(1), &ticks);
        // the next round: eight samples and one more; far apart, so no train
        for n in 2..=10 {
            assert_eq!(w.snd_ssthresh, TCP_INFINITE_SSTHRESH, "sample {n}");
            cubic.pkts_acked(&mut w, &sample(rtt_us, 1001, 2000), at(n), &ticks);
        }
        assert_eq!(w.snd_ssthresh == 20, found, "{rtt_us}");
    }
}

#[test]
fn hystart_rests_below_sixteen_segments() {
    let ticks = Ticks::default();
    for (cwnd, found) in [(15, false), (16, true)] {
        let mut cubic = Cubic::default();
        cubic.reset(Seq(1000), Instant::ZERO);
        let mut w = window(cwnd, TCP_INFINITE_SSTHRESH);
        for us in (100..=1_000).step_by(100) {
            let now = Instant::from_us(us);
            cubic.pkts_acked(&mut w, &sample(1_000, 500, 2000), now, &ticks);
        }
        assert_eq!(w.snd_ssthresh != TCP_INFINITE_SSTHRESH, found, "{cwnd}");
    }
}
