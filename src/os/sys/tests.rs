//! The helper process: its memory and descriptors are ours, its identity is not, and its panic comes back.

use super::*;

#[test]
fn a_helper_is_another_process_with_the_same_memory_and_descriptors() {
    let mut written: Vec<u8> = Vec::new();
    let (pid, descriptor) = in_helper_process(|| {
        // std caches nothing of a process's number
        let pid = std::fs::read_link("/proc/self").unwrap();
        written.extend(b"by the helper");
        (pid, std::fs::File::open("/dev/null").unwrap())
    })
    .unwrap();
    assert_ne!(pid, std::fs::read_link("/proc/self").unwrap());
    assert_eq!(written, b"by the helper");
    assert!(descriptor.metadata().is_ok(), "it is open here too");
    assert!(
        !std::path::Path::new("/proc").join(pid).exists(),
        "and the helper is gone"
    );
}

#[test]
fn a_helpers_panic_is_the_callers() {
    let caught = std::panic::catch_unwind(|| in_helper_process(|| panic!("in the helper")));
    let payload = caught.unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in the helper"));
}

#[test]
fn helpers_of_many_threads_do_not_meet() {
    let (answers, answer) = std::sync::mpsc::channel();
    for n in 0..8 {
        let answers = answers.clone();
        std::thread::spawn(move || answers.send((n, in_helper_process(|| vec![n; 1000]))));
    }
    for _ in 0..8 {
        let wait = std::time::Duration::from_secs(240);
        let (n, bytes) = answer.recv_timeout(wait).expect("every helper answers");
        assert_eq!(bytes.unwrap(), vec![n; 1000]);
    }
}

#[test]
fn an_option_that_does_not_exist_is_an_error() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fd = std::os::fd::AsFd::as_fd(&socket);
    let mut value = [0; 4];
    let error = get_option(fd, 6, 9999, &mut value).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOPROTOOPT));
    assert_eq!(
        get_option(fd, 1, libc::SO_ACCEPTCONN, &mut value).unwrap(),
        4
    );
    assert_eq!(i32::from_ne_bytes(value), 1);
}

#[test]
fn a_shorter_slice_can_be_had_and_given_back() {
    let before = Scheduling::current().unwrap();
    let urgent = before.more_urgent(Urgency::ShortSlice);
    assert!(urgent.take_effect().is_ok(), "{urgent:?}");
    before.take_effect().unwrap();
    let after = Scheduling::current().unwrap();
    assert_eq!(after.0.sched_runtime, before.0.sched_runtime);
}
