use super::*;
use crate::scenario::{Action, Draft, Role, Scenario};
use crate::target::{Options, TargetKind, run};
use crate::time::{Instant, TickSpan};
use crate::trace::{Incident, Trace, Who};
use proptest::prelude::*;

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn request(detect: Duration, survive: Option<Duration>) -> Request {
    Request {
        detect,
        survive,
        load: Load::Both,
        middlebox: None,
        settings: Settings::default(),
    }
}

fn met(request: &Request) -> Advice {
    match advise(request).expect("it runs") {
        Answer::Met(advice) => *advice,
        Answer::Unmet(refusal) => panic!("{refusal:#?}"),
    }
}

/// The choice for a request whose runs take long, in a few phases.
fn choice_in_few_phases(request: &Request) -> Choice {
    let found = search::solve(Trial { request, most: 24 }).expect("it runs");
    found.expect("it is met").choice
}

fn unmet(request: &Request) -> Refusal {
    match advise(request).expect("it runs") {
        Answer::Unmet(refusal) => *refusal,
        Answer::Met(advice) => panic!("{advice:#?}"),
    }
}

#[test]
fn four_settings_do_for_a_connection_that_is_idle_and_busy() {
    let advice = met(&request(s(10), None));
    let choice = &advice.choice;
    // the user timeout replaces the count of probes, and is as long as the interval and its rounding allow
    assert_eq!(
        (choice.len(), choice.probes, choice.interval_s),
        (4, None, Some(1)),
        "{choice:?}"
    );
    assert!(
        choice.idle_s.is_some_and(|idle| (5..8).contains(&idle)),
        "{choice:?}"
    );
    assert!(
        choice
            .user_timeout_ms
            .is_some_and(|ms| (8_000..9_000).contains(&ms)),
        "{choice:?}"
    );
    assert_eq!(advice.rows.len(), cases(&request(s(10), None)).len());
    for row in &advice.rows {
        let worst = row.ends.expect("it ends").longest;
        assert!(worst <= s(10) && row.all_phases, "{row:?}");
    }
    let lost = advice.price.slow_reader.expect("the user timeout ends it");
    assert!(lost > s(8) && lost < s(10), "{lost:?}");
    let late = advice.price.late_write.expect("it is idle and busy");
    assert!(late > s(15) && late < s(20), "{late:?}");
}

#[test]
fn an_outage_needs_retransmissions_that_do_not_back_off_too_far() {
    let advice = met(&request(s(12), Some(s(8))));
    assert!(advice.choice.rto_max_ms.is_some(), "{:?}", advice.choice);
    for row in advice.rows.iter().filter(|r| r.case.can_have_an_outage()) {
        assert_eq!(row.lived, Some(true), "{row:?}");
        assert!(
            row.survives.is_some_and(|longest| longest >= s(8)),
            "{row:?}"
        );
    }
}

#[test]
fn a_kernel_of_old_has_no_user_timeout_and_gets_counts() {
    let mut asked = request(s(20), None);
    asked.settings.kernel = Some("old-hz1000".to_owned());
    let choice = choice_in_few_phases(&asked);
    assert_eq!((choice.user_timeout_ms, choice.rto_max_ms), (None, None));
    assert!(
        choice.retries2.is_some() && choice.syn_count.is_some(),
        "{choice:?}"
    );
}

#[test]
fn a_server_does_not_connect_and_a_patient_one_needs_little() {
    let mut asked = request(s(9_000), None);
    asked.settings.role = Role::Server;
    asked.load = Load::Idle;
    assert!(!cases(&asked).contains(&Case::Connecting));
    let choice = choice_in_few_phases(&asked);
    assert_eq!((choice.keepalive, choice.len()), (true, 1), "{choice:?}");
}

#[test]
fn keepalive_is_shorter_than_the_memory_of_a_middlebox() {
    let mut asked = request(s(600), None);
    asked.load = Load::Idle;
    asked.middlebox = Some(s(20));
    let advice = met(&asked);
    assert!(
        advice
            .choice
            .idle_s
            .is_some_and(|idle| (14..20).contains(&idle)),
        "{:?}",
        advice.choice
    );
    let row = advice.rows.iter().find(|r| r.case == Case::Middlebox);
    let row = row.expect("it applies");
    assert!(
        row.ends.is_some_and(|silence| silence.longest < s(20)),
        "{row:?}"
    );
    assert_eq!(row.lived, Some(true));
}

#[test]
fn what_cannot_be_met_says_what_is_nearest() {
    let mut asked = request(s(1), Some(s(5)));
    asked.load = Load::Idle;
    asked.settings.role = Role::Server;
    let refusal = unmet(&asked);
    assert!(
        refusal.detect.is_some_and(|d| d > s(6) && d < s(10)),
        "{refusal:?}"
    );
    let nearest = Request {
        detect: refusal.detect.expect("there is one"),
        ..asked
    };
    met(&nearest);
}

/// A scenario of these settings that shares nothing with those of the search.
fn own(settings: &Settings, steps: &[(u64, Action)], end: Duration) -> Scenario {
    let mut draft = Draft::client("independent").delay(settings.rtt / 2);
    for (name, value) in &settings.sysctls {
        draft = draft.sysctl(name, value);
    }
    for option in &settings.options {
        draft = draft.option(option.clone());
    }
    draft = draft.at(Duration::ZERO, Action::SurvivorConnect);
    for (at_ms, action) in steps {
        draft = draft.at(Duration::from_millis(*at_ms), action.clone());
    }
    draft.until(end).build().expect("a scenario")
}

fn play(scenario: &Scenario, ticks: Ticks) -> Trace {
    let options = Options {
        seed: 7,
        ticks: Some(ticks),
        ..Options::default()
    };
    run(scenario, TargetKind::Engine, options).expect("it runs")
}

fn error_at(trace: &Trace) -> Option<Instant> {
    let mut events = trace.events.iter();
    let error = |what: &Incident| matches!(what, Incident::Error { .. });
    events
        .find(|e| e.who == Who::Survivor && error(&e.what))
        .map(|e| e.at)
}

proptest! {
    #![proptest_config(proptest::test_runner::Config {
        // an advice takes seconds without optimization
        cases: 2,
        ..proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions"))
    })]
    #[test]
    fn an_advice_holds_in_other_scenarios_at_any_phase(
        detect_s in 4_u64..12,
        outage in 0_u64..8,
        rtt_ms in 1_u64..100,
        hz in prop::sample::select(vec![100_u32, 250, 1_000]),
        jiffy in 0_u64..100_000,
        share in 0_u64..1_000,
    ) {
        let survive = (outage > 0).then(|| s(outage));
        let mut asked = request(s(detect_s), survive);
        asked.settings.rtt = Duration::from_millis(rtt_ms);
        asked.settings.hz = Some(hz);
        let Answer::Met(advice) = advise(&asked).expect("it runs") else {
            return Ok(());
        };
        let settings = advice.choice.on(&asked.settings);
        let ticks = Kernel::of(&asked).expect("a kernel").ticks;
        let ticks = Ticks {
            jiffies_at_t0: ticks.jiffies_at_t0 + TickSpan(jiffy),
            ns_into_tick: ticks.tick_ns * share / 1_000,
            ..ticks
        };
        let end = s(60);
        let last = 1_000;
        let quiet = (last, Action::PeerSend(50));
        // idle and in flight: the peer dies
        let dead = own(&settings, &[quiet.clone(), (2_000, Action::PeerPowerOff)], end);
        let told = error_at(&play(&dead, ticks)).expect("it is detected");
        let heard = Instant::from_ms(last) + asked.settings.rtt / 2;
        prop_assert!(told.since(heard) <= asked.detect, "{told:?} {:?}", advice.choice);
        let write = (2_100, Action::SurvivorSend(77));
        let dead = own(&settings, &[quiet.clone(), (2_000, Action::PeerPowerOff), write.clone()], end);
        let told = error_at(&play(&dead, ticks)).expect("it is detected");
        prop_assert!(told.since(Instant::from_ms(2_100)) <= asked.detect, "{told:?} {:?}", advice.choice);
        // idle and in flight: an outage that begins at any instant
        if let Some(outage) = asked.survive {
            let cut = 2_100 + share * 7;
            let restore = cut + outage.as_millis() as u64;
            let steps = [quiet.clone(), (cut, Action::WireCut), (restore, Action::WireRestore)];
            let idle = play(&own(&settings, &steps, end), ticks);
            prop_assert_eq!(error_at(&idle), None, "{:?}", advice.choice);
            let steps = [
                quiet,
                (cut, Action::WireCut),
                (cut, Action::SurvivorSend(77)),
                (restore, Action::WireRestore),
            ];
            let busy = play(&own(&settings, &steps, end), ticks);
            prop_assert_eq!(error_at(&busy), None, "{:?}", advice.choice);
        }
    }
}
