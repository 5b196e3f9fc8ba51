//! The forms of `halfopen advise --emit`, checked by the tools of this machine. Tools that it does not have are named.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use halfopen::answers::advise::{Advice, Choice, Kernel, Load, Price, Request};
use halfopen::answers::table::Settings;
use halfopen::report::emit::{Form, render};
use halfopen::report::tries::Under;
use halfopen::sysctl::Sysctl;

use crate::bounded;

fn text(form: Form, choice: Choice) -> String {
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
    let kernel = Kernel::of(&request).expect("a kernel");
    let under = Under {
        kernel: kernel.preset.name.to_owned(),
        hz: kernel.ticks.hz(),
        rtt: request.settings.rtt,
    };
    render(form, &request, &advice, &kernel, &under)
}

/// Runs a tool on the text.
fn check(file: &Path, text: &str, command: &[&str]) {
    std::fs::write(file, text).expect("written");
    let folder = file.parent().expect("a folder");
    let mut tool = Command::new(command[0]);
    tool.args(&command[1..]).arg(file).current_dir(folder);
    let Ok(output) = bounded::try_output(&mut tool) else {
        let tool = command[0];
        return eprintln!("skipped: this machine does not have {tool}, which checks the form");
    };
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    // nginx says that the syntax is right, and then tries to open its folders, which it may not have here
    let is_right = output.status.success() || said.contains("syntax is ok");
    assert!(is_right, "{command:?}: {said}\n{text}");
}

#[test]
fn the_tools_of_this_machine_take_every_form() {
    bounded::begin();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("a.service"),
        "[Service]\nExecStart=/bin/true\n",
    )
    .expect("written");
    let all = Choice {
        keepalive: true,
        idle_s: Some(8),
        interval_s: Some(1),
        user_timeout_ms: Some(28_900),
        rto_max_ms: Some(9_000),
        syn_count: Some(3),
        retries2: Some(7),
        ..Choice::default()
    };
    let one = Choice {
        user_timeout_ms: Some(500),
        ..Choice::default()
    };
    let c = ["gcc", "-std=c99", "-Wall", "-Werror", "-fsyntax-only"];
    let rust = [
        "rustc",
        "--edition=2024",
        "--crate-type=lib",
        "--emit=metadata",
    ];
    let python = ["python3", "-m", "py_compile"];
    let nginx = ["nginx", "-t", "-e", "stderr", "-c"];
    let checks: [(Form, &str, &[&str]); 10] = [
        (Form::C, "a.c", &c),
        (Form::Rust, "a.rs", &rust),
        (Form::Go, "a.go", &["gofmt", "-l", "-e"]),
        (Form::Java, "DeadPeer.java", &["javac"]),
        (Form::Python, "a.py", &python),
        (Form::Grpc, "b.py", &python),
        (Form::Node, "a.js", &["node", "--check"]),
        (Form::Nginx, "nginx.conf", &nginx),
        (Form::Haproxy, "a.cfg", &["haproxy", "-c", "-f"]),
        (Form::Systemd, "a.socket", &["systemd-analyze", "verify"]),
    ];
    for choice in [all, one] {
        for (form, file, command) in checks {
            let mut text = text(form, choice.clone());
            if form == Form::Nginx {
                text = format!("events {{}}\nhttp {{\n{text}\n}}\n");
            }
            check(&folder.path().join(file), &text, command);
        }
    }
}
