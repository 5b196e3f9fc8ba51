//! The probes, of a closed window or of an idle connection, that nothing has answered.
//!
//! RFC 9293 3.8.4 and 3.8.6.1. Linux counterpart: icsk_probes_out and icsk_probes_tstamp of struct
//! inet_connection_sock. When they are sent is in `timers/window_probe.rs` and `timers/keepalive.rs`.

use crate::engine::clock::stamp::Stamp;
use crate::time::Jiffies;

/// The probes that nothing has answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes {
    out: u32,
    /// Tick of the first zero-window probe timer of an episode.
    tstamp: Stamp<Jiffies>,
}

impl Probes {
    /// As a snapshot shows it.
    pub(crate) fn restore(out: u32, first: Option<Jiffies>) -> Probes {
        Probes {
            out,
            tstamp: first.into(),
        }
    }

    /// How many there are.
    pub(crate) fn out(&self) -> u32 {
        self.out
    }

    /// One more was sent.
    pub(crate) fn sent(&mut self) {
        self.out += 1;
    }

    /// An ACK arrived. The window may be closed still: the episode of window probes goes on.
    pub(crate) fn answered(&mut self) {
        self.out = 0;
    }

    /// The timer of window probes fires: since when it does in this episode. None: this is the first time.
    pub(crate) fn timer_fired(&mut self, j: Jiffies) -> Option<Jiffies> {
        let since = self.tstamp.get();
        self.tstamp = since.unwrap_or(j).into();
        since
    }

    /// Since when the timer of window probes fires, if it has fired in this episode.
    pub(crate) fn since(&self) -> Option<Jiffies> {
        self.tstamp.get()
    }

    /// The window is open: the episode of window probes is over.
    pub(crate) fn window_opened(&mut self) {
        self.tstamp = Stamp::NONE;
    }

    /// No window probe is needed any more, answered or not.
    pub(crate) fn clear(&mut self) {
        *self = Probes::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_does_not_end_the_episode_but_an_open_window_does() {
        let mut probes = Probes::default();
        assert_eq!(probes.timer_fired(Jiffies(5)), None);
        probes.sent();
        assert_eq!(
            (probes.timer_fired(Jiffies(9)), probes.out()),
            (Some(Jiffies(5)), 1)
        );
        probes.answered();
        assert_eq!((probes.since(), probes.out()), (Some(Jiffies(5)), 0));
        probes.window_opened();
        assert_eq!(probes.since(), None);
    }
}
