use super::*;

#[test]
fn distances() {
    for (a, b, expected) in [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("ca", "abc", 3),
        ("kitten", "sitting", 3),
        ("tcp_retires2", "tcp_retries2", 1),
    ] {
        assert_eq!(distance(a, b), expected, "{a} {b}");
    }
}

#[test]
fn suggests_what_is_near_and_nothing_else() {
    let known = ["tcp_retries1", "tcp_retries2", "tcp_sack", "tcp_rto_min_us"];
    for (name, expected) in [
        ("tcp_retires2", Some("tcp_retries2")),
        ("retries2", Some("tcp_retries2")),
        ("TCP_SACK", Some("tcp_sack")),
        ("tcp_rto_min", Some("tcp_rto_min_us")),
        ("ip_forward", None),
        ("", None),
        ("x", None),
    ] {
        assert_eq!(nearest(name, known), expected, "{name}");
    }
}
