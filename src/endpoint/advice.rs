//! What to do where this machine says no, in words.

use std::io;

/// Switches that keep ordinary users from making namespaces: file, the value that forbids it, what it takes to allow it.
const SWITCHES: [(&str, &str, &str); 3] = [
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "sysctl -w user.max_user_namespaces=10000",
    ),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

/// The switches that are set against user namespaces on this machine: `("kernel....=0", "sysctl -w ...")`.
pub(super) fn closed_switches() -> Vec<(String, &'static str)> {
    let is_closed = |file: &str, closed: &str| {
        std::fs::read_to_string(file).is_ok_and(|value| value.trim() == closed)
    };
    SWITCHES
        .iter()
        .filter(|(file, closed, _)| is_closed(file, closed))
        .map(|(file, closed, cure)| {
            let name = file.trim_start_matches("/proc/sys/").replace('/', ".");
            (format!("{name}={closed}"), *cure)
        })
        .collect()
}

/// No network namespace, neither by right nor in a user namespace.
pub(super) fn no_namespace(error: &io::Error) -> String {
    let mut text = format!("no private network namespace can be made ({error})");
    let switches = closed_switches();
    for (state, cure) in &switches {
        text += &format!("; {state} forbids it, as root: {cure}");
    }
    if switches.is_empty() {
        text += "; run as root, or in a container that is given CAP_SYS_ADMIN and CAP_NET_ADMIN";
    }
    text
}

/// No TUN in a namespace that could be made.
pub(super) fn no_tun(error: &io::Error) -> String {
    const DEVICE: &str = "/dev/net/tun";
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(DEVICE);
    match opened.map_err(|e| e.kind()) {
        Err(io::ErrorKind::NotFound) => format!(
            "no TUN can be made: there is no {DEVICE}; as root: modprobe tun, or give the container --device {DEVICE}"
        ),
        Err(io::ErrorKind::PermissionDenied) => format!(
            "no TUN can be made: this user may not open {DEVICE}; as root: chmod 0666 {DEVICE} (what most systems \
             have), or run as root"
        ),
        Err(_) => format!(
            "no TUN can be made: {DEVICE} cannot be opened ({error}); as root: modprobe tun"
        ),
        Ok(_) => {
            let mut text = format!("no TUN can be made: {DEVICE} opens, but refuses ({error})");
            for (state, cure) in closed_switches() {
                text += &format!("; {state} may be why, as root: {cure}");
            }
            text + "; CAP_NET_ADMIN inside the namespace is needed"
        }
    }
}
