//! The files of `/proc/sys/net`, which belong to the network namespace of the thread that opens them.

use std::io;

/// Reads `net.ipv4.NAME` (`net.core` for somaxconn) in the network namespace of this thread, with single blanks. Returns
/// None if there is no such file.
pub fn read(name: &str) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path(name)) {
        Ok(text) => Ok(Some(text.split_whitespace().collect::<Vec<_>>().join(" "))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Sets `net.ipv4.NAME` in the network namespace of this thread.
pub(super) fn write(name: &str, value: &str) -> io::Result<()> {
    std::fs::write(path(name), value)
}

/// Disables IPv6 in the network namespace of this thread. A router solicitation on the TUN would hold on to the newest
/// segment sent and keep the kernel from merging it with others.
pub(super) fn disable_ipv6() -> io::Result<()> {
    for interface in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
        match std::fs::write(path, "1") {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            // no such file: a kernel without IPv6
            _ => {}
        }
    }
    Ok(())
}

/// Keeps the kernel from sending IPv6 packets of its own on interfaces that are created later: no router solicitation
/// and no link-local address.
pub(super) fn quiet_ipv6() -> io::Result<()> {
    for (sysctl, value) in [
        ("router_solicitations", "0"),
        ("addr_gen_mode", "1"),
        ("accept_ra", "0"),
    ] {
        let path = format!("/proc/sys/net/ipv6/conf/default/{sysctl}");
        match std::fs::write(path, value) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn path(name: &str) -> String {
    let folder = if name == "somaxconn" { "core" } else { "ipv4" };
    format!("/proc/sys/net/{folder}/{}", name.replace(['/', '.'], "_"))
}
