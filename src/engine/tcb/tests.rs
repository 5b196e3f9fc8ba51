use super::*;

/// Most bytes of a connection that holds no data; what stands beside it in the tables is about 60 more.
const MOST: usize = 1_024;

#[test]
fn an_idle_connection_is_small() {
    let size = size_of::<Tcb>();
    assert!(size <= MOST, "{size} bytes, at most {MOST} wanted");
}
