use super::*;

/// Bytes of a connection that holds no data, where a pointer has 64 bits; what stands beside it in the tables, and the
/// allocator, take about 70 more. Whoever makes it larger says in the commit what for.
const SIZE: usize = 912;

#[test]
#[cfg(target_pointer_width = "64")]
fn an_idle_connection_has_a_known_size() {
    assert_eq!(size_of::<Tcb>(), SIZE, "bytes");
}
