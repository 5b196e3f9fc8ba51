//! The examples that need a TUN are run as a reader would run them.

use std::process::Command;

use crate::bounded;
use crate::skip;

/// What an example printed; None where this machine cannot have a namespace.
fn example(name: &str) -> Option<String> {
    example_with(name, &[])
}

fn example_with(name: &str, arguments: &[&str]) -> Option<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--example", name]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.arg("--").args(arguments);
    let out = bounded::output(&mut cargo);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{name}: {text}{errors}");
    if text.starts_with("skipped") {
        skip::no_kernel(text);
        return None;
    }
    Some(text)
}

#[test]
fn echo_on_a_tun() {
    let Some(text) = example("echo_on_a_tun") else {
        return;
    };
    assert!(text.contains("got back: hello, userspace"), "{text}");
    assert!(text.contains("ESTABLISHED"), "{text}");
}

#[test]
fn server_loses_power() {
    let Some(text) = example("server_loses_power") else {
        return;
    };
    let told: Vec<_> = text.lines().collect();
    assert_eq!(told.len(), 3, "{text}");
    assert!(told[0].contains("Connection timed out"), "{text}");
    assert!(told[1].contains("Connection reset by peer"), "{text}");
    assert!(told[2].contains("Connection timed out"), "{text}");
}

#[test]
fn keepalive_dead_peer() {
    let Some(text) = example("keepalive_dead_peer") else {
        return;
    };
    assert!(text.contains("Connection timed out"), "{text}");
    assert!(text.contains("still seems fine"), "{text}");
}

#[test]
fn compare_engine_and_kernel() {
    // the shortest scenario; where no kernel can be had its recording is taken, so it is never skipped
    let text = example_with("compare_engine_and_kernel", &["connect-refused"]);
    let text = text.expect("what it printed");
    assert!(text.starts_with("the kernel: "), "{text}");
    assert!(
        text.contains("connect-refused: identical, 1 packet"),
        "{text}"
    );
    assert!(text.contains("ECONNREFUSED"), "{text}");
}

/// That they work and print their tables; their times mean nothing here.
#[test]
fn bench_over_a_tun() {
    let text = example_with("bench", &["--quick", "bulk", "offload", "echo"]).expect("text");
    if text.contains("skipped: ") {
        return skip::no_kernel(text);
    }
    for row in [
        "kernel to endpoint: CPU of the endpoint",
        "endpoint to kernel: CPU of the endpoint",
        "the kernel's loopback",
        "two kernels, forwarder",
        "echo beside 100 idle: p50",
    ] {
        assert!(text.contains(row), "{row} in {text}");
    }
}
