//! What each form says. Whether tools take it is tested in tests/it/emit.rs.

use super::*;
use crate::answers::advise::{Choice, Load, Price};
use crate::answers::table::Settings;
use crate::sysctl::Sysctl;

fn advice(choice: Choice) -> (Request, Advice) {
    let request = Request {
        detect: Duration::from_secs(30),
        survive: Some(Duration::from_secs(20)),
        load: Load::Both,
        middlebox: None,
        settings: Settings::default(),
    };
    let keepalive = choice
        .keepalive
        .then(|| choice.keepalive_times(&Sysctl::default()));
    let advice = Advice {
        choice,
        keepalive,
        rows: Vec::new(),
        price: Price {
            probes_a_day: None,
            slow_reader: None,
            late_write: None,
        },
    };
    (request, advice)
}

fn full() -> Choice {
    Choice {
        keepalive: true,
        idle_s: Some(8),
        interval_s: Some(1),
        user_timeout_ms: Some(28_900),
        rto_max_ms: Some(9_000),
        syn_count: Some(3),
        retries2: Some(7),
        ..Choice::default()
    }
}

fn text(form: Form, choice: Choice) -> String {
    let (request, advice) = advice(choice);
    let kernel = Kernel::of(&request).expect("a kernel");
    let under = Under {
        kernel: kernel.preset.name.to_owned(),
        hz: kernel.ticks.hz(),
        rtt: request.settings.rtt,
    };
    render(form, &request, &advice, &kernel, &under)
}

#[test]
fn each_form_has_the_numbers_in_its_own_units() {
    for (form, says) in [
        (Form::Sysctl, "net.ipv4.tcp_keepalive_probes = 21\n"),
        (Form::C, "{IPPROTO_TCP, TCP_USER_TIMEOUT, 28900}"),
        (Form::Rust, "(6, 44, 9000), // TCP_RTO_MAX_MS"),
        (Form::Go, "Idle:     8 * time.Second"),
        (Form::Java, "ExtendedSocketOptions.TCP_KEEPCOUNT, 21"),
        (
            Form::Python,
            "(socket.IPPROTO_TCP, 44, 9000),  # TCP_RTO_MAX_MS",
        ),
        (Form::Node, "setKeepAlive(true, 8000)"),
        (
            Form::Libpq,
            "keepalives=1 keepalives_idle=8 keepalives_interval=1 keepalives_count=21 tcp_user_timeout=28900\n",
        ),
        (Form::Grpc, "(\"grpc.keepalive_timeout_ms\", 22000)"),
        (Form::Nginx, "listen 8080 so_keepalive=8s:1s:21;"),
        (Form::Haproxy, "    clitcpka-cnt 21\n"),
        (
            Form::Systemd,
            "KeepAliveTimeSec=8\nKeepAliveIntervalSec=1\nKeepAliveProbes=21\n",
        ),
        (Form::Redis, "tcp-keepalive 8\n"),
    ] {
        let text = text(form, full());
        assert!(text.contains(says), "{}:\n{text}", form.name());
        assert_eq!(Form::from_name(form.name()), Some(form));
    }
}

#[test]
fn what_a_form_cannot_express_is_said() {
    for (form, missing) in [
        (Form::Sysctl, "TCP_USER_TIMEOUT = 28900"),
        (Form::Java, "TCP_USER_TIMEOUT = 28900"),
        (Form::Node, "TCP_KEEPINTVL = 1"),
        (Form::Libpq, "TCP_RTO_MAX_MS = 9000"),
        (Form::Nginx, "TCP_USER_TIMEOUT = 28900"),
        (Form::Haproxy, "TCP_RTO_MAX_MS = 9000"),
        (Form::Systemd, "TCP_USER_TIMEOUT = 28900"),
        (Form::Redis, "tcp_retries2 = 7"),
    ] {
        let text = text(form, full());
        let said = text.lines().any(|line| {
            line.starts_with(form.comment())
                && line.contains("cannot set")
                && line.contains(missing)
        });
        assert!(said, "{}:\n{text}", form.name());
    }
}

#[test]
fn a_sysctl_file_names_sysctls_that_exist() {
    let text = text(Form::Sysctl, full());
    let mut count = 0;
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let (name, value) = line.split_once(" = ").expect("a name and a value");
        let mut sysctl = Sysctl::default();
        sysctl.set(name, value).expect(line);
        count += 1;
    }
    assert_eq!(count, 6);
}
