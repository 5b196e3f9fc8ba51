//! Ctrl-C ends a run and keeps what was recorded so far. A second Ctrl-C ends the program.
//!
//! This is a flag and not a thread, because a process with several threads may not enter a new user namespace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::os::is_ignored;

/// A flag that a signal sets, and which signal it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt {
    seen: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Starts to catch SIGINT and SIGTERM. A signal that was ignored when the program started stays ignored.
    pub(super) fn catch() -> std::io::Result<Self> {
        let interrupt = Interrupt::default();
        for signal in [SIGINT, SIGTERM].into_iter().filter(|s| !is_ignored(*s)) {
            let seen = || Arc::clone(&interrupt.seen);
            // in this order: the first signal only sets the flag, the second finds it set
            flag::register_conditional_shutdown(signal, 128 + signal, seen())?;
            flag::register_usize(signal, Arc::clone(&interrupt.signal), signal as usize)?;
            flag::register(signal, seen())?;
        }
        Ok(interrupt)
    }

    /// Returns whether a signal has arrived. A loop checks this in every iteration.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.seen
    }

    /// The number of the signal that came last; 0 where none came.
    pub(super) fn signal(&self) -> u8 {
        u8::try_from(self.signal.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_sets_the_flag() {
        let interrupt = Interrupt::catch().expect("signals can be caught");
        let came = || interrupt.flag().load(Ordering::Relaxed);
        assert!(!came());
        signal_hook::low_level::raise(SIGTERM).expect("a signal to oneself");
        assert!(came());
        assert_eq!(i32::from(interrupt.signal()), SIGTERM);
    }
}
