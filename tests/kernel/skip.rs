//! Tests that cannot be had on this machine: each says so in a line, past the test runner, which keeps to itself what a
//! test prints that passes. Where a kernel must be had (HALFOPEN_REQUIRE_KERNEL=1), its absence is a failure.

use std::io::Write;

/// Set where TUNs and namespaces are known to be allowed.
pub(crate) const REQUIRE_KERNEL: &str = "HALFOPEN_REQUIRE_KERNEL";

/// There is no TUN, no namespace, or no right to have them.
pub(crate) fn no_kernel(why: impl std::fmt::Display) {
    let required = std::env::var_os(REQUIRE_KERNEL).is_some_and(|v| v == "1");
    assert!(!required, "{REQUIRE_KERNEL}=1, but: {why}");
    because(why);
}

/// Something else is missing: a program, a privilege.
pub(crate) fn because(why: impl std::fmt::Display) {
    let why = why.to_string();
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // for whoever reads this process's stdout
    println!("skipped: {why}");
    let _ = writeln!(std::io::stderr(), "{test} is skipped: {why}");
}
