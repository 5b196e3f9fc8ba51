//! Ctrl-C ends a run with what there is; a second one ends the program.
//!
//! A flag and no thread: a process that has a thread may not enter a new user namespace.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the user wants an end.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches SIGINT and SIGTERM from now on.
    pub(super) fn catch() -> std::io::Result<Self> {
        let seen = Interrupt::default();
        for signal in [SIGINT, SIGTERM] {
            // in this order: the first signal only sets the flag, the second finds it set
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen.0))?;
            flag::register(signal, Arc::clone(&seen.0))?;
        }
        Ok(seen)
    }

    /// Whether a signal came; a loop looks at it each time round.
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
