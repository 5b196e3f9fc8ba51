use super::*;

/// Most bytes of a connection that holds no data; what stands beside it in the tables, and the allocator, take about 70 more.
const MOST: usize = 944;

#[test]
fn an_idle_connection_is_small() {
    let size = size_of::<Tcb>();
    assert!(size <= MOST, "{size} bytes, at most {MOST} wanted");
}
