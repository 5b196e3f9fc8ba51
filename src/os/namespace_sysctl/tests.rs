//! Names of sysctls and their files.

use super::*;

#[test]
fn a_name_becomes_a_file_of_the_network_or_an_error() {
    for (name, path) in [
        ("tcp_retries2", Some("/proc/sys/net/ipv4/tcp_retries2")),
        (
            "net.ipv4.tcp_retries2",
            Some("/proc/sys/net/ipv4/tcp_retries2"),
        ),
        ("net/core/somaxconn", Some("/proc/sys/net/core/somaxconn")),
        (
            "net.ipv6.conf.all.hop_limit",
            Some("/proc/sys/net/ipv6/conf/all/hop_limit"),
        ),
        ("net.netfilter.nf_conntrack_max", None),
        ("net.ipv4", None),
        ("net.ipv4.", None),
        ("../../kernel/hostname", None),
        ("net.ipv4.../x", None),
        ("", None),
    ] {
        let found = file(name).ok().map(|(_, path)| path);
        assert_eq!(found, path.map(PathBuf::from), "{name}");
    }
}
