//! Worked rows of the RTO: measured values of the fact sheet, section 1.

use super::*;

const RTO_MIN_US: u64 = 200_000;

/// (samples in us, RTO in ms at HZ 250): the last sample gives the RTO.
const ROWS: [(&[u64], u64); 6] = [
    (&[15], 204),
    (&[10_028], 212),
    (&[100_952], 304),
    (&[100_952, 101_300, 101_300], 304),
    (&[500_000], 1_500),
    (&[1], 204),
];

#[test]
fn the_rto_is_srtt_plus_rttvar_rounded_up_to_a_tick() {
    let ticks = Ticks::default();
    for (samples, rto_ms) in ROWS {
        let mut rtt = Rtt::new();
        for (i, sample) in samples.iter().enumerate() {
            rtt.sample(*sample, RTO_MIN_US, Seq(i as u32), Seq(i as u32 + 1));
        }
        assert_eq!(
            ticks.to_us(rtt.rto(&ticks, TickSpan(30_000))),
            rto_ms * 1_000,
            "{samples:?}"
        );
    }
}

#[test]
fn variance_falls_by_a_quarter_once_per_window() {
    let mut rtt = Rtt::new();
    rtt.sample(400_000, RTO_MIN_US, Seq(0), Seq(100));
    assert_eq!(rtt.rttvar4, 800_000);
    rtt.sample(400_000, RTO_MIN_US, Seq(50), Seq(200));
    assert_eq!(rtt.rttvar4, 800_000, "inside the window");
    rtt.sample(400_000, RTO_MIN_US, Seq(101), Seq(300));
    assert_eq!(
        rtt.rttvar4, 800_000,
        "the window's largest deviation was the first sample's"
    );
    rtt.sample(400_000, RTO_MIN_US, Seq(301), Seq(400));
    assert!(rtt.rttvar4 < 800_000);
}

#[test]
fn rto_max_caps_it() {
    let mut rtt = Rtt::new();
    rtt.sample(2_000_000, RTO_MIN_US, Seq(0), Seq(1));
    assert_eq!(rtt.rto(&Ticks::default(), TickSpan(250)), TickSpan(250));
}
