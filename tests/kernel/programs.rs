//! Programs in a private namespace: what they see there, how they end, and what they leave behind.

use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;

use halfopen::os::{
    self, Device, Ended, EndpointError, LeftBehind, Namespace, NamespaceSysctlError, Program,
    Wanted,
};

use crate::bounded;
use crate::skip;

fn namespace() -> Option<Namespace> {
    bounded::begin();
    let wanted = Wanted {
        addr: Ipv4Addr::new(10, 77, 0, 1),
        prefix: 24,
        ipv6: None,
        ipv6_sockets: false,
        name: None,
        mtu: 1500,
        device: Device::default(),
        loopback: true,
        sysctl: Vec::new(),
        named: Vec::new(),
        congestion: "reno".to_owned(),
        sockets: 0,
    };
    match os::open(&wanted) {
        Ok(namespace) => Some(namespace),
        Err(EndpointError::Unavailable(why)) => {
            skip::no_kernel(why);
            None
        }
        Err(e) => panic!("{e}"),
    }
}

fn start(namespace: &Namespace, shell: &str) -> Program {
    let arguments: Vec<OsString> = vec!["-c".into(), shell.into()];
    let started = namespace.entry.start(OsStr::new("/bin/sh"), &arguments);
    started.expect("a shell")
}

fn end(mut program: Program) -> Ended {
    assert!(
        bounded::is_readable(&program),
        "a program that does not end"
    );
    program.ended().expect("its status").expect("it has ended")
}

#[test]
fn a_program_lives_in_the_namespace_and_its_end_is_told() {
    let Some(namespace) = namespace() else {
        return;
    };
    let tun = namespace.tun.name().to_owned();
    for (shell, ended) in [
        // its interfaces are the loopback and the TUN, and both are up
        (format!("grep -q '{tun}:' /proc/net/dev"), Ended::Code(0)),
        (
            "test $(grep -c : /proc/net/dev) = 2".to_owned(),
            Ended::Code(0),
        ),
        // a local route for each address of an interface that is up
        (
            "grep -q 127.0.0.1 /proc/net/fib_trie".to_owned(),
            Ended::Code(0),
        ),
        (
            "grep -q 10.77.0.1 /proc/net/fib_trie".to_owned(),
            Ended::Code(0),
        ),
        ("exit 77".to_owned(), Ended::Code(77)),
        ("kill -TERM $$".to_owned(), Ended::Signal(15)),
    ] {
        assert_eq!(end(start(&namespace, &shell)), ended, "{shell}");
    }
    let waits = start(&namespace, "exec sleep 60");
    waits.signal(15).expect("a signal to a child");
    assert_eq!(end(waits), Ended::Signal(15));
}

#[test]
fn a_program_that_cannot_be_started_says_why() {
    let Some(namespace) = namespace() else {
        return;
    };
    for (path, kind) in [
        ("/nonexistent/program", std::io::ErrorKind::NotFound),
        ("/etc/passwd", std::io::ErrorKind::PermissionDenied),
    ] {
        let error = namespace.entry.start(OsStr::new(path), &[]).unwrap_err();
        assert_eq!(error.kind(), kind, "{path}");
    }
}

#[test]
fn a_sysctl_is_set_in_the_namespace_or_the_error_says_whose_it_is() {
    let Some(namespace) = namespace() else {
        return;
    };
    let outside = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_retries2").expect("a file");
    let entry = &namespace.entry;
    entry
        .set_sysctl("tcp_retries2", "4")
        .expect("it is settable");
    assert_eq!(
        entry.sysctl("net.ipv4.tcp_retries2").unwrap().as_deref(),
        Some("4")
    );
    assert_eq!(
        end(start(
            &namespace,
            "test $(cat /proc/sys/net/ipv4/tcp_retries2) = 4"
        )),
        Ended::Code(0)
    );
    let after = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_retries2").expect("a file");
    assert_eq!(after, outside, "the machine's own is as it was");
    let is = |name: &str, value: &str| entry.set_sysctl(name, value).unwrap_err();
    assert!(matches!(
        is("tcp_mem", "1 2 3"),
        NamespaceSysctlError::Global(_)
    ));
    assert!(matches!(
        is("tcp_retires2", "5"),
        NamespaceSysctlError::Missing(_)
    ));
    assert!(matches!(
        is("kernel.hostname", "x"),
        NamespaceSysctlError::Missing(_) | NamespaceSysctlError::NotOfTheNetwork(_)
    ));
    assert!(matches!(
        is("tcp_retries2", "many"),
        NamespaceSysctlError::Refused { .. }
    ));
}

/// What it does in a process of its own, because it looks at all children of the process.
#[test]
fn what_a_program_leaves_behind_is_found_and_can_be_ended() {
    let me = std::env::current_exe().unwrap();
    let mut again = std::process::Command::new(me);
    again.args([
        "--exact",
        "programs::leaves_a_daemon",
        "--ignored",
        "--nocapture",
    ]);
    let ran = bounded::output(&mut again);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    print!("{said}");
}

#[test]
#[ignore = "started by what_a_program_leaves_behind_is_found_and_can_be_ended"]
fn leaves_a_daemon() {
    let Some(namespace) = namespace() else {
        return;
    };
    // the shell ends once its child is no longer a shell
    let daemon = "sleep 60 & until grep -q sleep /proc/$!/comm; do :; done; exit 3";
    assert_eq!(end(start(&namespace, daemon)), Ended::Code(3));
    let left = LeftBehind::all();
    assert_eq!(
        left.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(),
        ["sleep"]
    );
    left[0].signal(9).expect("a signal to a child");
    let pid = rustix::process::Pid::from_raw(left[0].pid as i32).unwrap();
    rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty()).expect("it ends");
    assert_eq!(LeftBehind::all(), []);
}

/// The tests above once more as an ordinary user, in a user namespace.
#[test]
fn the_same_without_privileges() {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        skip::because("this is an ordinary user already");
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = folder.path().join("kernel");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut again = std::process::Command::new(&copy);
    again
        .args([
            "programs::",
            "--skip",
            "the_same_without_privileges",
            "--nocapture",
        ])
        .current_dir("/")
        .env_remove(skip::REQUIRE_KERNEL)
        .gid(NOBODY)
        .uid(NOBODY);
    let ran = bounded::output(&mut again);
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    for line in said.lines().filter(|l| l.contains("skipped")) {
        println!("{line}");
    }
}
