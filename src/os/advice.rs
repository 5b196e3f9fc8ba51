//! What to do where this machine says no, in words.

use std::io;

/// Where TUNs are made.
pub(super) const TUN_DEVICE: &str = "/dev/net/tun";

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
fn closed_switches() -> Vec<(String, &'static str)> {
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

/// What keeps an ordinary user from a user namespace, and what to do about it.
pub(super) fn for_user_namespaces() -> String {
    let switches: Vec<_> = closed_switches()
        .into_iter()
        .map(|(state, cure)| format!("{state} forbids it; as root: {cure}"))
        .collect();
    if switches.is_empty() {
        "run as root, or in a container that is given CAP_SYS_ADMIN and CAP_NET_ADMIN".to_owned()
    } else {
        switches.join("; ")
    }
}

/// What to do about a TUN device that cannot be opened.
pub(super) fn for_tun_device(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("as root: chmod 0666 {TUN_DEVICE} (what most systems have); or run as root")
        }
        _ => format!("as root: modprobe tun; for a container: --device {TUN_DEVICE}"),
    }
}

/// No network namespace, neither by right nor in a user namespace.
pub(super) fn no_namespace(error: &io::Error) -> String {
    let cure = for_user_namespaces();
    format!("no private network namespace can be made ({error}); {cure}")
}

/// No TUN in a namespace that could be made.
pub(super) fn no_tun(error: &io::Error) -> String {
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(TUN_DEVICE);
    match opened {
        Err(e) => format!(
            "no TUN can be made: {TUN_DEVICE}: {e}; {}",
            for_tun_device(&e)
        ),
        Ok(_) => format!(
            "no TUN can be made: {TUN_DEVICE} opens, but refuses ({error}); CAP_NET_ADMIN inside the namespace is \
             needed; {}",
            for_user_namespaces()
        ),
    }
}

/// No TUN of this name in the namespace that the program runs in.
pub(super) fn no_tun_here(name: &str, error: &io::Error) -> String {
    let busy = Some(rustix::io::Errno::BUSY.raw_os_error());
    match error.kind() {
        _ if error.raw_os_error() == busy => {
            format!(
                "the interface {name} exists already ({error}): choose another name, or end the program that holds it"
            )
        }
        io::ErrorKind::InvalidInput => {
            format!(
                "the interface cannot be called {name:?} ({error}): at most 15 letters, no blank and no slash"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "the interface {name} cannot be made ({error}): in the namespace that this program runs in it takes \
             CAP_NET_ADMIN, root's as a rule, and access to {TUN_DEVICE}; a private namespace needs no rights"
        ),
        _ => format!(
            "the interface {name} cannot be made ({error}); {}",
            for_tun_device(error)
        ),
    }
}
