//! System calls that no safe crate wraps. This is the only file of the crate with unsafe code.
//!
//! Each function is safe to call: it ensures what the kernel requires of its arguments.
#![allow(
    unsafe_code,
    reason = "namespaces, socket options by number and a child that shares our memory exist only as raw system calls"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::thread::UnshareFlags;

/// Moves only the calling thread into a new network namespace. The error is EPERM without CAP_SYS_ADMIN.
pub(super) fn leave_network() -> io::Result<()> {
    // SAFETY: file descriptor tables stay shared: CLONE_FILES is not asked for
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    Ok(())
}

/// Moves the calling process into a new user namespace and a network namespace owned by it. The error is EINVAL if the
/// process has several threads.
pub(super) fn leave_user_and_network() -> io::Result<()> {
    // SAFETY: as above
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNET) }?;
    Ok(())
}

/// A stack for a child, with an inaccessible page below it.
struct Stack {
    base: *mut c_void,
}

impl Stack {
    const LEN: usize = 1 << 20;
    const GUARD: usize = 1 << 16;

    fn new() -> io::Result<Stack> {
        // SAFETY: a private anonymous mapping at an address of the kernel's choice aliases nothing
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                Stack::LEN,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Stack { base };
        // SAFETY: the range is the start of the mapping just made, which nobody uses yet
        if unsafe { libc::mprotect(base, Stack::GUARD, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    /// Stacks grow downwards on every architecture that Rust's Linux targets have.
    fn top(&self) -> *mut c_void {
        self.base.wrapping_byte_add(Stack::LEN)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the child that ran on it is dead
        unsafe { libc::munmap(self.base, Stack::LEN) };
    }
}

struct Job<F, T> {
    run: Option<F>,
    result: Option<std::thread::Result<T>>,
}

extern "C" fn run_job<F: FnOnce() -> T, T>(job: *mut c_void) -> c_int {
    // SAFETY: `in_helper_process` passes a Job<F, T> that outlives the child and that nobody else touches
    let job = unsafe { &mut *job.cast::<Job<F, T>>() };
    if let Some(run) = job.run.take() {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        job.result = Some(caught);
    }
    0
}

/// Runs `run` in a child process that shares the memory and descriptors of this process, and waits until it ends.
///
/// Only a process with one thread may create a user namespace; this is how a program with several threads creates one. As
/// with vfork(2), the calling thread is stopped until the child has ended, so the child may allocate, lock and open files
/// as that thread could, and the descriptors that it opens belong to this process. Returns an error if the child could not
/// be created or was killed.
pub(super) fn in_helper_process<T, F: FnOnce() -> T>(run: F) -> io::Result<T> {
    let stack = Stack::new()?;
    let mut job = Job {
        run: Some(run),
        result: None,
    };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES;
    // a handler of ours must not run on the child's small stack
    let cloned = with_signals_blocked(|| {
        // SAFETY: the stack is the child's alone; with CLONE_VFORK this thread stands still until the child has
        // ended, so `job` and the thread-local state that the two share have one user at a time
        let child = unsafe {
            libc::clone(
                run_job::<F, T>,
                stack.top(),
                flags,
                (&raw mut job).cast::<c_void>(),
            )
        };
        if child < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: waits for that child only; a null status is allowed. It ended before clone() returned
        unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::__WALL) };
        Ok(())
    });
    cloned?;
    match job.result {
        Some(Ok(value)) => Ok(value),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => Err(io::Error::other("the helper process was killed")),
    }
}

/// Runs `f` in the calling thread with all signals blocked; what came meanwhile is delivered afterwards.
pub(super) fn with_signals_blocked<T>(f: impl FnOnce() -> T) -> T {
    let mut old = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset fills `all`; pthread_sigmask reads it and fills `old`
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
    }
    let value = f();
    // SAFETY: `old` was filled above
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, old.as_ptr(), std::ptr::null_mut()) };
    value
}

/// What std's start-up code changes before main() and a program that we start should find unchanged: bit 0 to 2 is a
/// standard stream that was closed (std opens /dev/null in its place), [`SIGPIPE_IGNORED`] is SIGPIPE's disposition
/// (std ignores it).
static AT_START: AtomicU8 = AtomicU8::new(0);
const SIGPIPE_IGNORED: u8 = 1 << 3;

extern "C" fn note_the_start() {
    let mut noted = 0;
    for fd in 0..3 {
        // SAFETY: F_GETFD takes no argument and changes nothing
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
            noted |= 1 << fd;
        }
    }
    if is_ignored(libc::SIGPIPE) {
        noted |= SIGPIPE_IGNORED;
    }
    AT_START.store(noted, Ordering::Relaxed);
}

// the dynamic linker calls it before main()
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE_THE_START: extern "C" fn() = note_the_start;

/// How a signal is handled; None for a number that is no signal.
fn disposition(signal: c_int) -> Option<libc::sighandler_t> {
    // SAFETY: an all-zero sigaction is a valid one
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null new action only asks; the kernel writes the old one to `action`
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    (asked == 0).then_some(action.sa_sigaction)
}

/// Whether this process ignores the signal.
pub(super) fn is_ignored(signal: c_int) -> bool {
    disposition(signal) == Some(libc::SIG_IGN)
}

/// Makes the program that `command` starts inherit what this process was started with, as if nothing were in between:
/// the calling thread's signal mask, SIGPIPE's disposition, and standard streams that are closed. A signal that is
/// caught here has its default there, one that is ignored stays ignored.
///
/// To be spawned in [`with_signals_blocked`]: a handler of ours that ran in the child would write to our pipes.
pub(super) fn hand_on(command: &mut impl CommandExt) {
    let mut mask = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: a null new mask only asks; the old one is written to `mask`
    let mask = unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), mask.as_mut_ptr());
        mask.assume_init()
    };
    let noted = AT_START.load(Ordering::Relaxed);
    let in_the_child = move || {
        // SAFETY: sigaction(2) and the others here are async-signal-safe; no handler of ours may run from here on
        unsafe {
            for signal in 1..=libc::SIGRTMAX() {
                if !matches!(disposition(signal), None | Some(libc::SIG_IGN)) {
                    libc::signal(signal, libc::SIG_DFL);
                }
            }
            if noted & SIGPIPE_IGNORED != 0 {
                libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            }
            for fd in (0..3).filter(|fd| noted & 1 << fd != 0) {
                libc::close(fd);
            }
            match libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut()) {
                0 => Ok(()),
                errno => Err(io::Error::from_raw_os_error(errno)),
            }
        }
    };
    // SAFETY: the closure allocates nothing, takes no lock and touches only what it owns
    unsafe { command.pre_exec(in_the_child) };
}

/// Calls setsockopt(2) with these bytes as the value.
pub(super) fn set_option(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &[u8],
) -> io::Result<()> {
    // SAFETY: the kernel reads `value.len()` bytes at `value`
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Calls getsockopt(2) with `value` as the buffer and returns how many bytes the kernel wrote.
pub(super) fn get_option(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes at `value` and sets `len` to how many
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if result == 0 {
        Ok(len as usize)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Converts the TUN of tun-tap to a descriptor that closes itself.
pub(super) fn into_descriptor(iface: tun_tap::Iface) -> OwnedFd {
    // SAFETY: into_raw_fd gives up the ownership that is taken here
    unsafe { OwnedFd::from_raw_fd(iface.into_raw_fd()) }
}

/// Opens a TUN in the network namespace of the calling thread: nonblocking, without packet information, and with these
/// additional flags (`IFF_VNET_HDR`). Returns it and its name. The error is InvalidInput if the name is too long.
pub(super) fn open_tun(name: &str, flags: c_int) -> io::Result<(OwnedFd, String)> {
    use rustix::fs::{Mode, OFlags};
    let oflags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::open("/dev/net/tun", oflags, Mode::empty())?;
    // SAFETY: an all-zero ifreq is a valid one: an empty name, no flags
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // the last byte stays zero
    let room = request.ifr_name.len() - 1;
    if name.len() > room || name.contains('\0') {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI | flags) as libc::c_short;
    // SAFETY: TUNSETIFF reads an ifreq and writes the name that it gave into it
    if unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let given = request.ifr_name.iter().map(|c| *c as u8);
    let given: Vec<u8> = given.take_while(|c| *c != 0).collect();
    Ok((fd, String::from_utf8_lossy(&given).into_owned()))
}

/// TUNSETOFFLOAD: sets which work the kernel leaves to the reader of this TUN (`TUN_F_CSUM`, `TUN_F_TSO4`, ...).
pub(super) fn set_tun_offload(fd: BorrowedFd<'_>, features: u32) -> io::Result<()> {
    let features = libc::c_ulong::from(features);
    // SAFETY: the argument is a number
    match unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD, features) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// How soon a thread runs after it wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Normal scheduling with the shortest time slice, which lets it run earlier (since Linux 6.12; no effect before).
    ShortSlice,
    /// Real-time priority, before all threads without one. Most users get EPERM.
    RealTime,
}

/// The scheduling of a thread.
pub(super) struct Scheduling(libc::sched_attr);

impl std::fmt::Debug for Scheduling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "policy {}, nice {}",
            self.0.sched_policy, self.0.sched_nice
        )
    }
}

impl Scheduling {
    /// Returns the scheduling of the calling thread.
    pub(super) fn current() -> io::Result<Scheduling> {
        // SAFETY: an all-zero sched_attr is a valid one
        let mut attr: libc::sched_attr = unsafe { std::mem::zeroed() };
        let size = size_of::<libc::sched_attr>();
        // SAFETY: 0 is the calling thread; the kernel writes at most `size` bytes at `attr`
        match unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attr, size, 0) } {
            0 => Ok(Scheduling(attr)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Returns a more urgent scheduling.
    pub(super) fn more_urgent(&self, urgency: Urgency) -> Scheduling {
        let mut attr = self.0;
        match urgency {
            Urgency::ShortSlice => attr.sched_runtime = 100_000,
            Urgency::RealTime => {
                attr.sched_policy = libc::SCHED_FIFO as u32;
                attr.sched_flags = libc::SCHED_FLAG_RESET_ON_FORK as u64;
                attr.sched_priority = 1;
            }
        }
        Scheduling(attr)
    }

    /// Applies this scheduling to the calling thread.
    pub(super) fn take_effect(&self) -> io::Result<()> {
        // SAFETY: 0 is the calling thread; the kernel reads as many bytes at `attr` as its size says
        match unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const self.0, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests;
