use super::*;
use crate::scenario::builtin;

fn sweep(axes: &[&str]) -> Sweep {
    let scenario = builtin::find("power-off-idle")
        .expect("built in")
        .scenario()
        .expect("a scenario");
    let axes = axes.iter().map(|a| Axis::parse(a).expect(a)).collect();
    Sweep::new(scenario, axes).expect("a sweep")
}

fn points(sweep: &Sweep) -> Vec<Point> {
    let mut all = Vec::new();
    sweep
        .each(|point| {
            all.push(point);
            Ok::<(), TargetError>(())
        })
        .expect("the engine runs");
    all
}

#[test]
fn the_last_axis_changes_fastest() {
    let all = points(&sweep(&["tcp_retries2=3,4,6", "rtt=1ms,2ms"]));
    let values: Vec<&[usize]> = all.iter().map(|p| &p.values[..]).collect();
    assert_eq!(values, [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]);
    // more retries never end earlier, and three more end later
    let told: Vec<_> = all
        .iter()
        .step_by(2)
        .map(|p| p.outcome.told_after)
        .collect();
    assert!(told.is_sorted() && told[0] < told[2], "{told:?}");
    for point in &all {
        assert_eq!(point.outcome.errno, Some(Errno::ETIMEDOUT));
        // the scenario writes 3 s after the death
        let write = Duration::from_secs(3);
        let after_write = point.outcome.told_after_write.map(|d| d + write);
        assert_eq!(after_write, point.outcome.told_after);
    }
}

#[test]
fn every_kind_of_axis_changes_the_run() {
    for axis in [
        "tcp_retries2=3,6",
        "TCP_USER_TIMEOUT=1000,20000",
        "rtt=1ms,200ms",
        "delay=1ms,100ms",
        "phase=0,37",
        "hz=100,1000",
        "kernel=linux-6.18,textbook",
    ] {
        let all = points(&sweep(&[axis]));
        assert_eq!(all.len(), 2, "{axis}");
        assert_ne!(
            all[0].outcome.told_after, all[1].outcome.told_after,
            "{axis}"
        );
    }
    for axis in [
        "mss=536,1460",
        "timestamps=0,1",
        "sack=0,1",
        "dsack=0,1",
        "window=1000,60000",
        "wscale=0,7",
    ] {
        assert_eq!(points(&sweep(&[axis])).len(), 2, "{axis}");
    }
}

#[test]
fn a_run_of_the_sweep_is_the_run_of_its_scenario() {
    let scenario = builtin::find("power-off-idle")
        .expect("built in")
        .scenario()
        .expect("valid");
    let trace = run(
        &scenario,
        TargetKind::Engine,
        Options {
            seed: 1,
            ..Options::default()
        },
    )
    .expect("runs");
    let all = points(&sweep(&["tcp_retries2=5"]));
    assert_eq!(all[0].outcome, Outcome::read(&trace));
}

#[test]
fn more_than_a_batch_comes_in_order_too() {
    let sweep = sweep(&["phase=0..4999"]);
    let all = points(&sweep);
    assert_eq!(all.len() as u64, sweep.len());
    assert!(all.iter().enumerate().all(|(n, p)| p.values == [n]));
}

#[test]
fn ranges_and_lists() {
    let values = |text: &str| -> Vec<String> {
        let axis = Axis::parse(text).expect(text);
        axis.values.into_iter().map(|v| v.text).collect()
    };
    assert_eq!(values("tcp_retries2=1..3,8"), ["1", "2", "3", "8"]);
    assert_eq!(values("phase=0..16:8"), ["0", "8", "16"]);
    assert_eq!(
        values("rtt=10ms..30ms:10ms,1s"),
        ["10ms", "20ms", "30ms", "1s"]
    );
    assert_eq!(values("rtt=250us"), ["250us"]);
    assert_eq!(values("tcp_rmem=4096 65536 131072"), ["4096 65536 131072"]);
}

#[test]
fn what_cannot_be_varied_is_refused_with_a_reason() {
    for (text, says) in [
        ("tcp_retries2", "="),
        ("tcp_retris2=1", "tcp_retries2"),
        ("retries2=1", "tcp_retries2"),
        ("tcp_retries2=0..99999999", "more than"),
        ("tcp_retries2=5..1", "goes up"),
        ("tcp_retries2=1..9:0", "goes up"),
        ("rtt=1ms..9ms", "step"),
        ("rtt=80", "unit"),
        ("hz=10", "24"),
        ("kernel=linux-0.99", "linux-6.18"),
        ("tcp_retries2=five", "tcp_retries2"),
        ("sack=2", "1"),
    ] {
        let error = Axis::parse(text).expect_err(text);
        assert!(error.contains(says), "{text}: {error}");
    }
    let scenario = builtin::find("power-off-idle")
        .expect("built in")
        .scenario()
        .expect("valid");
    let twice = ["hz=100", "hz=250"]
        .map(|a| Axis::parse(a).expect(a))
        .to_vec();
    assert!(Sweep::new(scenario, twice).is_err());
}
