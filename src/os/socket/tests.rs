//! Option values as the kernel reads them, and calls on a real socket of the loopback.

use super::*;

#[test]
fn option_values_have_the_kernels_form() {
    let ints =
        |numbers: &[i32]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_ne_bytes()).collect() };
    let name = SockOpt {
        name: OptName::TCP_CONGESTION,
        value: OptValue::Name("reno".to_owned()),
    };
    for (option, bytes) in [
        (SockOpt::int(OptName::TCP_KEEPIDLE, 10), ints(&[10])),
        (SockOpt::int(OptName::TCP_LINGER2, -1), ints(&[-1])),
        (
            SockOpt::int(OptName::TCP_KEEPCNT, i64::MAX),
            ints(&[i32::MAX]),
        ),
        (SockOpt::int(OptName::SO_LINGER, 0), ints(&[1, 0])),
        (SockOpt::int(OptName::SO_LINGER, 7), ints(&[1, 7])),
        (SockOpt::int(OptName::SO_LINGER, -1), ints(&[0, 0])),
        (name, b"reno".to_vec()),
    ] {
        assert_eq!(value_bytes(&option), bytes, "{option:?}");
    }
}

#[test]
fn calls_report_the_kernels_errors() {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        flags,
        None,
    )
    .unwrap();
    let mut socket = Socket::new(fd);
    assert_eq!(socket.send(b"x"), Outcome::Failed(Errno::EPIPE));
    assert_eq!(socket.recv(1), Outcome::Failed(Errno::ENOTCONN));
    assert_eq!(socket.so_error(), Outcome::SoError(None));
    assert_eq!(socket.accept().unwrap_err(), Errno::EINVAL);
    assert_eq!(
        socket.set(&SockOpt::int(OptName::TCP_KEEPIDLE, 0)),
        Outcome::Failed(Errno::EINVAL)
    );
    assert_eq!(
        socket.set(&SockOpt::int(OptName::TCP_KEEPIDLE, 9)),
        Outcome::Done
    );
    assert!(socket.readiness().hangup);
}
