use super::*;
use crate::call::Errno;

fn s(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

fn with(sysctls: &[(&str, &str)]) -> Settings {
    Settings {
        sysctls: sysctls
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        ..Settings::default()
    }
}

fn formula_end(what: What, sysctls: &[(&str, &str)]) -> Option<Duration> {
    let scenario = scenario(what, &with(sysctls)).expect("a scenario");
    Formula::of(what, &scenario).end
}

#[test]
fn formulas_are_those_of_the_documents() {
    for (what, name, value, end) in [
        (What::Retries2, "tcp_retries2", "15", 924.6),
        (What::Retries2, "tcp_retries2", "8", 102.2),
        (What::Retries2, "tcp_retries2", "5", 12.6),
        (What::Keepalive, "tcp_keepalive_probes", "9", 7_875.0),
        (What::Syn, "tcp_syn_retries", "6", 131.0),
        (What::Synack, "tcp_synack_retries", "5", 63.0),
        (What::Orphan, "tcp_orphan_retries", "0", 102.2),
    ] {
        assert_eq!(
            formula_end(what, &[(name, value)]),
            Some(s(end)),
            "{}",
            what.name()
        );
    }
    let without_linear = [("tcp_syn_linear_timeouts", "0")];
    assert_eq!(formula_end(What::Syn, &without_linear), Some(s(127.0)));
    // (tcp_syn_retries, seconds with four linear timeouts), as measured on Linux 6.18 but for the tick
    for (retries, end) in [("1", 3.0), ("2", 7.0), ("3", 19.0), ("5", 67.0)] {
        let set = [("tcp_syn_retries", retries)];
        assert_eq!(formula_end(What::Syn, &set), Some(s(end)), "{retries}");
    }
}

#[test]
fn the_fifteen_steps_of_the_second_post() {
    let scenario = scenario(What::Retries2, &Settings::default()).expect("a scenario");
    let formula = Formula::of(What::Retries2, &scenario);
    let expected = [
        0.0, 0.2, 0.6, 1.4, 3.0, 6.2, 12.6, 25.4, 51.0, 102.2, 204.6, 324.6, 444.6, 564.6, 684.6,
        804.6,
    ];
    assert_eq!(formula.tries, expected.map(s));
}

#[test]
fn five_retries_are_never_earlier_than_the_formula_and_end_with_an_error_without_a_reset() {
    let table = table(What::Retries2, &with(&[("tcp_retries2", "5")]), None).expect("a table");
    let what: Vec<&str> = table.rows.iter().map(|r| r.what.as_str()).collect();
    assert_eq!(
        what[..4],
        [
            "new data",
            "tail loss probe",
            "retransmission 1",
            "retransmission 2"
        ]
    );
    assert_eq!(table.rows.iter().filter(|r| r.formula.is_some()).count(), 6);
    for row in table.rows.iter().filter(|r| r.runs == table.runs) {
        assert!(
            row.formula.is_none_or(|f| f <= row.engine.shortest),
            "{row:?}"
        );
    }
    let span = table.ending.engine.expect("it ends");
    assert!(table.all_phases && span.shortest < span.longest, "{span:?}");
    assert!(
        span.shortest >= s(12.6) && span.longest < s(15.0),
        "{span:?}"
    );
    let End::Error { errno, .. } = table.ending.end else {
        panic!("{:?}", table.ending);
    };
    assert_eq!((errno, table.ending.reset), (Errno::ETIMEDOUT, false));
}

#[test]
fn every_question_has_tries_and_an_end() {
    let short = [
        ("tcp_retries2", "3"),
        ("tcp_keepalive_time", "2"),
        ("tcp_keepalive_intvl", "1"),
        ("tcp_keepalive_probes", "3"),
        ("tcp_syn_retries", "1"),
        ("tcp_synack_retries", "2"),
        ("tcp_orphan_retries", "2"),
    ];
    for (what, tries, error, reset) in [
        (What::Retries2, 4, true, false),
        (What::Keepalive, 3, true, true),
        (What::Syn, 3, true, false),
        (What::Synack, 3, false, false),
        (What::Orphan, 4, false, false),
        (What::Persist, 3, true, false),
        (What::UserTimeout, 2, true, false),
    ] {
        let mut settings = with(&short);
        if what == What::UserTimeout {
            let option = crate::sockopt::OptName::TCP_USER_TIMEOUT;
            settings
                .options
                .push(crate::sockopt::SockOpt::int(option, 500));
        }
        let table = table(what, &settings, None).expect("a table");
        let name = what.name();
        assert!(table.rows.len() >= tries, "{name}: {:#?}", table.rows);
        let is_error = matches!(table.ending.end, End::Error { .. });
        assert_eq!((is_error, table.ending.reset), (error, reset), "{name}");
        let formula = table.ending.formula.expect("a formula");
        let span = table.ending.engine.expect("an end");
        assert!(span.shortest >= formula, "{name}: {span:?}, {formula:?}");
    }
}

#[test]
fn settings_that_do_not_exist_are_refused_by_name() {
    let mut unknown = with(&[("tcp_retries3", "1")]);
    let error = table(What::Retries2, &unknown, None).expect_err("no such sysctl");
    assert!(error.to_string().contains("tcp_retries3"), "{error}");
    unknown.sysctls.clear();
    unknown.kernel = Some("linux-0.99".to_owned());
    let error = table(What::Retries2, &unknown, None).expect_err("no such preset");
    assert!(error.to_string().contains("linux-0.99"), "{error}");
}

#[test]
fn another_hz_is_another_range() {
    let at = |hz| {
        let mut settings = with(&[("tcp_retries2", "4")]);
        settings.hz = Some(hz);
        let table = table(What::Retries2, &settings, None).expect("a table");
        table.ending.engine.expect("it ends")
    };
    assert_ne!(at(100), at(1000));
}
