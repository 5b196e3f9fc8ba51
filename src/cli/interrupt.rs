//! Ctrl-C ends a run and keeps what was recorded so far. A second Ctrl-C ends the program.
//!
//! This is a flag and not a thread, because a process with several threads may not enter a new user namespace.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that a signal sets.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to catch SIGINT and SIGTERM.
    pub(super) fn catch() -> std::io::Result<Self> {
        let seen = Interrupt::default();
        for signal in [SIGINT, SIGTERM] {
            // in this order: the first signal only sets the flag, the second finds it set
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen.0))?;
            flag::register(signal, Arc::clone(&seen.0))?;
        }
        Ok(seen)
    }

    /// Returns whether a signal has arrived. A loop checks this in every iteration.
    pub(super) fn flag(&self) -> &AtomicBool {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn a_signal_sets_the_flag() {
        let interrupt = Interrupt::catch().expect("signals can be caught");
        let came = || interrupt.flag().load(Ordering::Relaxed);
        assert!(!came());
        signal_hook::low_level::raise(SIGTERM).expect("a signal to oneself");
        assert!(came());
    }
}
