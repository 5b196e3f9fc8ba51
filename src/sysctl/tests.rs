use super::*;
use crate::time::Ticks;

#[test]
fn every_sysctl_comes_back_from_its_own_text() {
    let defaults = Sysctl::default();
    let mut copy = Preset::find("old-hz1000").unwrap().sysctl.clone();
    for (name, value) in defaults.values() {
        copy.set(name, &value).unwrap();
        copy.set(&format!("net.ipv4.{name}"), &value).unwrap();
        assert_eq!(copy.get(name), Some(value.clone()));
        assert_eq!(copy.get(&format!("net.ipv4.{name}")), Some(value));
        assert!(Sysctl::about(name).is_some());
    }
    assert_eq!(copy, defaults);
    assert_eq!(defaults.values().len(), NUMBERS.len() + 6);
}

#[test]
fn every_range_is_checked_at_both_ends() {
    for &(name, min, default, max, _) in NUMBERS {
        let mut s = Sysctl {
            tcp_max_reordering: i64::from(i32::MAX),
            ..Sysctl::default()
        };
        assert!((min..=max).contains(&default), "{name}");
        for outside in [i128::from(min) - 1, i128::from(max) + 1] {
            let error = s.set(name, &outside.to_string()).unwrap_err();
            assert!(matches!(error, SysctlError::Value { .. }), "{error}");
        }
        for inside in [min, max] {
            match s.set(name, &inside.to_string()) {
                Ok(()) => assert_eq!(s.get(name), Some(inside.to_string())),
                Err(e) => assert!(matches!(e, SysctlError::ValueNotModelled { .. }), "{e}"),
            }
        }
    }
}

#[test]
fn what_is_refused_says_why() {
    let mut s = Sysctl::default();
    let mut error = |name: &str, text: &str| s.set(name, text).unwrap_err().to_string();
    for (name, text, expected) in [
        (
            "tcp_retires2",
            "5",
            "unknown sysctl tcp_retires2; did you mean tcp_retries2?",
        ),
        (
            "tcp_rto_max",
            "5",
            "unknown sysctl tcp_rto_max; did you mean tcp_rto_max_ms?",
        ),
        ("ip_forward", "1", "unknown sysctl ip_forward"),
        (
            "tcp_fastopen",
            "1",
            "tcp_fastopen is not modelled: TCP Fast Open is not built",
        ),
        (
            "net.ipv4.tcp_retries2",
            "256",
            "tcp_retries2 must be a number from 0 to 255, not 256",
        ),
        (
            "tcp_retries2",
            "five",
            "tcp_retries2 must be a number from 0 to 255, not \"five\"",
        ),
        (
            "tcp_retries2",
            "",
            "tcp_retries2 must be a number from 0 to 255, not \"\"",
        ),
        (
            "tcp_retries2",
            "5 6",
            "tcp_retries2 must be a number from 0 to 255, not \"5 6\"",
        ),
        (
            "tcp_mtu_probing",
            "1",
            "tcp_mtu_probing = 1 is not modelled: path MTU probing is not built",
        ),
        (
            "tcp_reordering",
            "301",
            "tcp_reordering must be a number from 1 to 300, not 301",
        ),
        (
            "tcp_congestion_control",
            "bbr",
            "tcp_congestion_control must be reno or cubic (no other is modelled), not \"bbr\"",
        ),
        (
            "tcp_rmem",
            "4096 0 1",
            "tcp_rmem must be three numbers from 1 to 2147483647: smallest, default, largest, not \"4096 0 1\"",
        ),
    ] {
        assert_eq!(error(name, text), expected);
    }
}

#[test]
fn lists_and_values_without_a_model_are_refused() {
    let mut s = Sysctl::default();
    let mut error = |name: &str, text: &str| s.set(name, text).unwrap_err().to_string();
    for text in ["", "1 2 3 4", "1 x", "-1", "1 2 2147483648"] {
        assert!(error("tcp_wmem", text).starts_with("tcp_wmem must be three numbers"));
    }
    assert!(error("tcp_ecn", "1").starts_with("tcp_ecn = 1 is not modelled"));
    assert!(
        error("tcp_keepalive_time", "-1").starts_with("tcp_keepalive_time = -1 is not modelled")
    );
    assert_eq!(s, Sysctl::default());
}

#[test]
fn a_short_list_keeps_the_rest() {
    let mut s = Sysctl::default();
    s.set("tcp_rmem", "5000\t6000").unwrap();
    assert_eq!(s.tcp_rmem, [5000, 6000, 33_554_432]);
}

#[test]
fn no_sysctl_is_both_modelled_and_not() {
    for (name, ..) in NOT_MODELLED {
        assert!(Sysctl::names().all(|n| n != *name), "{name}");
    }
    let narrowed = unmodelled::NARROWED.iter().map(|n| n.0);
    for name in narrowed.chain(unmodelled::EXCEPTED.iter().map(|n| n.0)) {
        assert!(NUMBERS.iter().any(|n| n.0 == name), "{name}");
    }
}

#[test]
fn a_listing_is_taken_over_with_notes() {
    let listing = [
        ("tcp_retries2", "5"),
        ("tcp_fastopen", "1"),
        ("tcp_mem", "1 2 3"),
        ("tcp_plb_enabled", "1"),
        ("tcp_rmem", "4096\t131072\t6291456"),
        ("tcp_congestion_control", "bbr"),
    ];
    let (sysctl, notes) = Sysctl::from_listing(listing);
    assert_eq!(sysctl.tcp_retries2, 5);
    assert_eq!(sysctl.tcp_rmem[2], 6_291_456);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].starts_with("tcp_plb_enabled is not modelled"));
    assert!(notes[1].starts_with("tcp_congestion_control must be reno or cubic"));
}

#[test]
fn presets() {
    assert_eq!(Preset::linux().sysctl, Sysctl::default());
    assert_eq!(Preset::linux().ticks(), Ticks::default());
    assert!(Preset::linux().differences().is_empty());
    let old = Preset::find("old-hz1000").unwrap();
    assert_eq!(old.ticks().tick_ns, 1_000_000);
    assert!(!old.ticks().wheel);
    let differences = old.differences();
    assert!(differences.contains(&("tcp_early_retrans", "0".to_owned())));
    assert!(differences.contains(&("tcp_syn_linear_timeouts", "0".to_owned())));
    assert_eq!(Preset::find("textbook").unwrap().ticks(), Ticks::none());
    assert_eq!(Sysctl::preset("linux-6.18"), Some(Sysctl::default()));
    assert_eq!(Sysctl::preset("linux-7"), None);
    // every value of a preset passes its own check
    for preset in Preset::all() {
        let mut copy = Sysctl::default();
        for (name, value) in preset.sysctl.values() {
            copy.set(name, &value).unwrap();
        }
        assert_eq!(copy, preset.sysctl);
    }
}
