//! Messages as the kernel sends them, older and damaged ones.

use std::net::{TcpListener, TcpStream};

use super::*;
use crate::call::TimerKind;
use crate::os::netlink::push_attribute;
use proptest::prelude::*;

fn message(family: u8, state: u8, timer: u8) -> Vec<u8> {
    let mut bytes = vec![0; DIAG_LEN];
    bytes[0] = family;
    bytes[1] = state;
    bytes[2] = timer;
    bytes[3] = 2;
    bytes[4..6].copy_from_slice(&80u16.to_be_bytes());
    bytes[6..8].copy_from_slice(&40_000u16.to_be_bytes());
    bytes[8..12].copy_from_slice(&[10, 0, 0, 1]);
    bytes[24..28].copy_from_slice(&[10, 0, 0, 2]);
    bytes[52..56].copy_from_slice(&208u32.to_ne_bytes());
    bytes[60..64].copy_from_slice(&100u32.to_ne_bytes());
    bytes[68..72].copy_from_slice(&4711u32.to_ne_bytes());
    bytes
}

#[test]
fn a_message_without_attributes_has_addresses_timer_and_queues() {
    let one = read(&message(AF_INET, 1, 1)).expect("a socket");
    assert_eq!(one.local, Addr::v4([10, 0, 0, 1], 80));
    assert_eq!(one.remote, Addr::v4([10, 0, 0, 2], 40_000));
    let info = &one.seen.info;
    assert_eq!(
        (info.state, info.timer),
        (TcpState::Established, TimerKind::On)
    );
    assert_eq!((info.timer_ms, info.timer_retrans), (208, 2));
    assert_eq!((info.wqueue, one.inode), (100, 4711));
    assert_eq!((one.congestion, one.memory), (None, None));
    // without TCP_INFO nothing is known of the window, and it is not taken to be closed
    assert_ne!(info.snd_wnd, 0);
}

/// NEW_SYN_RECV, SYN_RECV as a dump has it, TIME_WAIT, and FIN_WAIT2 of a timewait sock.
#[test]
fn a_sock_without_tcp_info_has_no_window() {
    for state in [12, 3, 6, 5] {
        let one = read(&message(AF_INET, state, 1)).expect("a socket");
        let shown = TcpInfo {
            state: one.seen.info.state,
            timer: TimerKind::On,
            timer_ms: 208,
            timer_retrans: 2,
            wqueue: 100,
            ..TcpInfo::default()
        };
        assert_eq!(one.seen.info, shown);
    }
}

#[test]
fn an_attribute_that_an_older_kernel_cuts_short_is_read_as_far_as_it_goes() {
    let mut bytes = message(AF_INET, 1, 4);
    let mut info = vec![0; 104];
    info[5] = 7;
    info[100..104].copy_from_slice(&3u32.to_ne_bytes());
    push_attribute(&mut bytes, INET_DIAG_INFO, &info);
    push_attribute(&mut bytes, INET_DIAG_CONG, b"cubic\0");
    push_attribute(&mut bytes, INET_DIAG_SKMEMINFO, &[1, 0, 0, 0]);
    let one = read(&bytes).expect("a socket");
    assert_eq!((one.seen.info.total_retrans, one.seen.info.snd_wnd), (3, 0));
    assert_eq!(
        (one.seen.sack_ok, one.seen.total_rto_time_ms),
        (Some(true), None)
    );
    assert_eq!(one.congestion.as_deref(), Some("cubic"));
    assert_eq!(one.memory.map(|m| (m.rmem_alloc, m.drops)), Some((1, 0)));
}

#[test]
fn who_holds_no_inode_is_an_orphan_or_waits_for_accept() {
    let of = |state: u8| {
        let mut bytes = message(AF_INET, state, 0);
        bytes[68..72].fill(0);
        let one = read(&bytes).expect("a socket");
        (one.seen.orphan, one.is_unaccepted())
    };
    for (state, expected) in [
        (1, (false, true)),
        (4, (true, false)),
        (5, (true, false)),
        (6, (false, false)),
        (8, (false, true)),
        (9, (true, false)),
        (12, (false, false)),
    ] {
        assert_eq!(of(state), expected, "state {state}");
    }
}

#[test]
fn the_sockets_of_this_namespace_are_listed_in_both_families() {
    let mut here = match SockDiag::here() {
        Ok(here) => here,
        Err(e) => return eprintln!("no sock_diag here: {e}"),
    };
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address) else {
            eprintln!("no {address} here");
            continue;
        };
        let at = listener.local_addr().expect("an address");
        let client = TcpStream::connect(at).expect("a connection");
        let all = match here.all(|| Instant::ZERO) {
            Ok(all) => all,
            Err(e) => return eprintln!("no sock_diag here: {e}"),
        };
        let of = |port: u16, state| {
            let found = all.iter().filter(|d| d.local.port == port);
            found.filter(|d| d.seen.info.state == state).count()
        };
        assert_eq!(of(at.port(), TcpState::Listen), 1, "{address}");
        assert_eq!(
            of(at.port(), TcpState::Established),
            1,
            "{address}: not accepted yet"
        );
        let ours = client.local_addr().expect("an address");
        assert_eq!(of(ours.port(), TcpState::Established), 1, "{address}");
        let addr = |a: std::net::SocketAddr| Addr {
            ip: a.ip(),
            port: a.port(),
        };
        let one = here.diagnose(addr(ours), addr(at)).expect("an answer");
        let one = one.expect("the connection");
        assert!(one.inode != 0 && one.seen.info.rto_us > 0, "{one:?}");
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_failure_persistence(proptest::test_runner::FileFailurePersistence::WithSource("regressions")))]
    #[test]
    fn no_message_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_attributes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), state in 0u8..14, timer in 0u8..6) {
        let mut message = message(AF_INET6, state, timer);
        message.extend(bytes);
        let _ = read(&message);
    }
}
