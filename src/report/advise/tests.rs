use super::*;
use crate::answers::table::Settings;

fn request() -> Request {
    Request {
        detect: Duration::from_secs(1),
        survive: Some(Duration::from_secs(5)),
        load: Load::Both,
        middlebox: None,
        settings: Settings::default(),
    }
}

#[test]
fn a_contradiction_is_named_and_the_nearest_is_a_command() {
    let refusal = Refusal {
        fault: Fault::TooLate {
            case: Case::Idle,
            worst: Some(Duration::from_millis(2_064)),
        },
        choice: Choice {
            keepalive: true,
            idle_s: Some(1),
            ..Choice::default()
        },
        detect: Some(Duration::from_millis(7_300)),
        survive: None,
        without_survive: true,
    };
    let why = why(&request(), &refusal).join("\n");
    assert!(why.contains("look the same for 5 s"), "{why}");
    assert!(
        why.contains("SO_KEEPALIVE 1, TCP_KEEPIDLE 1 s it takes up to 2.064 s"),
        "{why}"
    );
    assert_eq!(
        nearest(&request(), &refusal),
        [
            "nearest: --detect 7300ms --survive 5s",
            "nearest: --detect 1s without --survive"
        ]
    );
}

#[test]
fn a_margin_below_zero_has_its_sign() {
    let s = Duration::from_secs;
    assert_eq!(margin(s(3), s(2)), "1.000");
    assert_eq!(margin(s(2), s(3)), "-1.000");
}
