//! Ctrl-C ends a run with what there is; a second one ends the program.
//!
//! A flag and no thread: a process that has a thread may not enter a new user namespace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

    /// Whether a signal came.
    pub(super) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_sets_the_flag() {
        let interrupt = Interrupt::catch().expect("signals can be caught");
        assert!(!interrupt.came());
        signal_hook::low_level::raise(SIGTERM).expect("a signal to oneself");
        assert!(interrupt.came());
    }
}
