//! Error messages for what this machine does not allow, with advice on how to allow it.

use std::io;

/// The device that creates TUNs.
pub(super) const TUN_DEVICE: &str = "/dev/net/tun";

/// Sysctls that keep ordinary users from creating namespaces: the file, the value that forbids it, and the command that
/// allows it.
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

/// Returns the sysctls that forbid user namespaces on this machine: `("kernel....=0", "sysctl -w ...")`.
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

/// Says what keeps an ordinary user from creating a user namespace, and what to do about it.
pub(super) fn for_user_namespaces() -> String {
    let switches: Vec<_> = closed_switches()
        .into_iter()
        .map(|(state, cure)| format!("{state} forbids user namespaces; run this as root: {cure}"))
        .collect();
    if switches.is_empty() {
        "run as root, or in a container that has CAP_SYS_ADMIN and CAP_NET_ADMIN".to_owned()
    } else {
        switches.join("; ")
    }
}

/// Says what to do about a TUN device that cannot be opened.
pub(super) fn for_tun_device(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!(
                "run this as root: chmod 0666 {TUN_DEVICE} (the default of most systems); or run halfopen as root"
            )
        }
        _ => format!(
            "run this as root: modprobe tun; or start the container with --device {TUN_DEVICE}"
        ),
    }
}

/// The error if no network namespace can be created, neither directly nor in a user namespace.
pub(super) fn no_namespace(error: &io::Error) -> String {
    let cure = for_user_namespaces();
    format!("a private network namespace cannot be created ({error}); {cure}")
}

/// The error if no TUN can be created in a new network namespace.
pub(super) fn no_tun(error: &io::Error) -> String {
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(TUN_DEVICE);
    match opened {
        Err(e) => format!(
            "a TUN cannot be created: {TUN_DEVICE}: {e}; {}",
            for_tun_device(&e)
        ),
        Ok(_) => format!(
            "a TUN cannot be created: {TUN_DEVICE} can be opened but refuses the request ({error}), which needs \
             CAP_NET_ADMIN in the namespace; {}",
            for_user_namespaces()
        ),
    }
}

/// The error if no TUN of this name can be created in the network namespace of this process.
pub(super) fn no_tun_here(name: &str, error: &io::Error) -> String {
    let busy = Some(rustix::io::Errno::BUSY.raw_os_error());
    match error.kind() {
        _ if error.raw_os_error() == busy => {
            format!(
                "the interface {name} already exists ({error}): choose another name, or end the program that uses it"
            )
        }
        io::ErrorKind::InvalidInput => {
            format!(
                "{name:?} is not a valid interface name ({error}): a name has at most 15 bytes, no blank and no slash"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "the interface {name} cannot be created ({error}): in the network of this machine this needs CAP_NET_ADMIN, \
             which root usually has, and access to {TUN_DEVICE}; a private network needs no privileges"
        ),
        _ => format!(
            "the interface {name} cannot be created ({error}); {}",
            for_tun_device(error)
        ),
    }
}
