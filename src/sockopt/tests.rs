use super::*;

#[test]
fn values_by_kind() {
    let int = |name, n| Ok(SockOpt::int(name, n));
    assert_eq!(
        SockOpt::parse("TCP_KEEPIDLE", "10"),
        int(OptName::TCP_KEEPIDLE, 10)
    );
    assert_eq!(
        SockOpt::parse("SO_LINGER", "-1"),
        int(OptName::SO_LINGER, -1)
    );
    let cubic = SockOpt::parse("TCP_CONGESTION", "cubic").unwrap();
    assert_eq!(cubic.value, OptValue::Name("cubic".to_owned()));
    for (name, text, expected) in [
        (
            "TCP_KEEPIDEL",
            "1",
            "unknown socket option TCP_KEEPIDEL; did you mean TCP_KEEPIDLE?",
        ),
        (
            "tcp_nodelay",
            "1",
            "unknown socket option tcp_nodelay; did you mean TCP_NODELAY?",
        ),
        (
            "KEEPALIVE",
            "1",
            "unknown socket option KEEPALIVE; did you mean SO_KEEPALIVE?",
        ),
        ("SO_REUSEADDR", "1", "unknown socket option SO_REUSEADDR"),
        (
            "SO_LINGER",
            "5",
            "SO_LINGER = 5 is not modelled: close() would block for that time, and the socket would belong to the application until then",
        ),
        (
            "TCP_NODELAY",
            "on",
            "TCP_NODELAY must be a number from -2147483648 to 2147483647, not \"on\"",
        ),
        (
            "TCP_MAXSEG",
            "2147483648",
            "TCP_MAXSEG must be a number from -2147483648 to 2147483647, not 2147483648",
        ),
        (
            "TCP_CONGESTION",
            "",
            "TCP_CONGESTION must be a name of up to 15 letters, not \"\"",
        ),
        (
            "TCP_CONGESTION",
            "a b",
            "TCP_CONGESTION must be a name of up to 15 letters, not \"a b\"",
        ),
    ] {
        assert_eq!(
            SockOpt::parse(name, text).unwrap_err().to_string(),
            expected
        );
    }
}
