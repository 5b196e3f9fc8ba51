use super::*;
use crate::trace::kept;

fn shown(name: &str, width: Option<usize>) -> String {
    let trace = kept::recording(name).unwrap().unwrap();
    let style = Style {
        width,
        ..Style::default()
    };
    render(&trace, style)
}

#[test]
fn a_recording_reads_well() {
    insta::assert_snapshot!("reboot-then-send", shown("reboot-then-send", None));
    insta::assert_snapshot!("keepalive-power-off", shown("keepalive-power-off", None));
}

#[test]
fn causes_are_wrapped_to_the_terminal() {
    let mut trace = kept::recording("connect-refused").unwrap().unwrap();
    trace.packets[0].cause =
        Some("connect(): the first SYN, the timer is 1000 ms, by the wheel 1020 ms".into());
    let style = Style {
        width: Some(80),
        ..Style::default()
    };
    insta::assert_snapshot!("connect-refused-80", render(&trace, style));
}
