use std::time::Duration;

use super::*;

const SCENARIO: &str = r#"
title = "For its settings"
[survivor]
role = "client"
SYSCTL
[[step]]
at = "0s"
do = "survivor connect"
[end]
after = "1s"
limit = "2s"
"#;

fn settings(sysctl: &str, options: &[(&str, i64)]) -> Settings {
    let text = SCENARIO.replace("SYSCTL", &format!("sysctl = {{ {sysctl} }}"));
    let scenario = Scenario::parse("test", "test.toml", &text).expect("a scenario");
    let mut settings = Settings::new(&scenario);
    for (name, value) in options {
        let name = crate::sockopt::OptName::from_name(name).expect("an option");
        settings.set(&crate::sockopt::SockOpt::int(name, *value));
    }
    settings
}

#[test]
fn retries_are_times_as_linux_counts_them() {
    let ms = |settings: &Settings| settings.data_timeout().as_millis();
    assert_eq!(ms(&settings("", &[])), 924_600);
    assert_eq!(ms(&settings("tcp_retries2 = 5", &[])), 12_600);
    assert_eq!(ms(&settings("", &[("TCP_USER_TIMEOUT", 3_000)])), 3_000);
    assert_eq!(
        ms(&settings("tcp_retries2 = 3", &[("TCP_RTO_MAX_MS", 1_000)])),
        2_400
    );
    assert_eq!(settings("", &[]).orphan_timeout().as_millis(), 102_200);
    assert_eq!(settings("", &[]).syn_timeout(), Duration::from_secs(131));
    assert_eq!(
        settings("", &[("TCP_SYNCNT", 2)]).syn_timeout(),
        Duration::from_secs(11)
    );
    assert_eq!(settings("", &[]).synack_timeout(), Duration::from_secs(63));
    assert_eq!(settings("", &[]).keepalive_timeout(), None);
    let probed = [
        ("SO_KEEPALIVE", 1),
        ("TCP_KEEPIDLE", 10),
        ("TCP_KEEPINTVL", 2),
        ("TCP_KEEPCNT", 3),
    ];
    assert_eq!(
        settings("", &probed).keepalive_timeout(),
        Some(Duration::from_secs(16))
    );
}

#[test]
fn what_has_no_setting_is_told() {
    let settings = settings(
        "tcp_frto = 0, tcp_retries2 = 5",
        &[("TCP_MAXSEG", 500), ("TCP_NODELAY", 1)],
    );
    let named = |word: &str| settings.notes().iter().any(|n| n.starts_with(word));
    assert!(named("tcp_frto:") && named("TCP_MAXSEG:"));
    assert!(!named("tcp_retries2") && !named("TCP_NODELAY"));
}
