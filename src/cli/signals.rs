//! Signals as something to poll: each one that came is read, in the order of their numbers.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use crate::os::is_ignored;

/// Signals that no longer do what they do by themselves.
#[derive(Debug)]
pub(super) struct Signals(Vec<(i32, UnixStream)>);

impl Signals {
    /// Catches these signals from now on, for the rest of the process's life. Those that were ignored when the program
    /// started stay ignored: that is how nohup(1) and a script's `&` ask for it.
    pub(super) fn catch(numbers: &[i32]) -> io::Result<Signals> {
        let one = |number: &i32| {
            let (ours, handlers) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            handlers.set_nonblocking(true)?;
            signal_hook::low_level::pipe::register(*number, handlers)?;
            Ok((*number, ours))
        };
        numbers
            .iter()
            .filter(|number| !is_ignored(**number))
            .map(one)
            .collect::<io::Result<_>>()
            .map(Signals)
    }

    /// Descriptors of which one is readable when a signal came.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|(_, stream)| stream.as_fd())
    }

    /// The signals that came since the last time, by their numbers, each as often as it came.
    pub(super) fn take(&mut self) -> Vec<i32> {
        let mut came = Vec::new();
        for (number, stream) in &mut self.0 {
            let mut bytes = [0; 16];
            while let Ok(n @ 1..) = stream.read(&mut bytes) {
                came.extend(std::iter::repeat_n(*number, n));
            }
        }
        came
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::consts::{SIGUSR1, SIGWINCH};

    #[test]
    fn each_signal_is_told_as_often_as_it_came() {
        let mut signals = Signals::catch(&[SIGUSR1, SIGWINCH]).expect("signals can be caught");
        assert_eq!(signals.take(), [0; 0]);
        for number in [SIGWINCH, SIGUSR1, SIGWINCH] {
            signal_hook::low_level::raise(number).expect("a signal to oneself");
        }
        assert_eq!(signals.take(), [SIGUSR1, SIGWINCH, SIGWINCH]);
        assert_eq!(signals.take(), [0; 0]);
    }
}
