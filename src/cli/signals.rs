//! Signals that can be polled. Pending signals are read in the order of their numbers.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use crate::os::is_ignored;

/// Signals that are caught, so their default action does not happen.
#[derive(Debug)]
pub(super) struct Signals(Vec<(i32, UnixStream)>);

impl Signals {
    /// Starts to catch these signals, for the rest of the life of the process. Signals that were ignored when the
    /// program started stay ignored, as nohup(1) and `&` in a script request it.
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

    /// Returns the descriptors; one of them is readable when a signal has arrived.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|(_, stream)| stream.as_fd())
    }

    /// Returns the numbers of the signals that have arrived since the last call, each as often as it arrived.
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
