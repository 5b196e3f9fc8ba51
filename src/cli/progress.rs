//! The line that shows the progress and the expected duration of a run in real time.

use super::terminal;
use crate::time::Instant;

/// Progress of one run, shown on stderr if stderr is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    what: String,
    expected: Option<Instant>,
    limit: Instant,
    shown: bool,
    last_tenth: Option<u64>,
}

impl Progress {
    /// Announces a run of `what` that is expected to end at `expected`, if that is known, and ends at `limit` at the
    /// latest.
    pub(super) fn new(what: &str, expected: Option<Instant>, limit: Instant) -> Self {
        let progress = Progress {
            what: what.to_owned(),
            expected,
            limit,
            shown: terminal::is_watched(),
            last_tenth: None,
        };
        log::info!("{}", progress.announcement());
        if progress.shown {
            terminal::tell(&format!("{}\n", progress.announcement()));
        }
        progress
    }

    fn announcement(&self) -> String {
        let limit = self.limit.secs_f64();
        match self.expected {
            Some(end) => format!(
                "{}: running in real time, about {:.1} s (simulated; at most {limit:.0} s); Ctrl-C ends the run",
                self.what,
                end.secs_f64()
            ),
            None => format!(
                "{}: running in real time, at most {limit:.0} s; Ctrl-C ends the run",
                self.what
            ),
        }
    }

    /// Shows that the run has reached `now` and ends at `latest` at the latest.
    pub(super) fn at(&mut self, now: Instant, latest: Instant) {
        let tenth = now.us() / 100_000;
        if self.last_tenth.is_none() {
            log::debug!("{}: running", self.what);
        }
        if !self.shown {
            self.last_tenth = Some(tenth);
        }
        if self.shown && self.last_tenth != Some(tenth) {
            self.last_tenth = Some(tenth);
            let end = self.expected.unwrap_or(latest).clamp(now, latest.max(now));
            terminal::tell_drawn(&format!(
                "\r{}: {:.1} s of {:.1} s ",
                self.what,
                now.secs_f64(),
                end.secs_f64()
            ));
        }
    }
}

/// Erases the line.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.last_tenth.is_some() {
            terminal::tell_drawn("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_says_how_long() {
        let limit = Instant::from_ms(60_000);
        let known = Progress::new("linux", Some(Instant::from_ms(25_440)), limit);
        assert_eq!(
            known.announcement(),
            "linux: running in real time, about 25.4 s (simulated; at most 60 s); Ctrl-C ends the run"
        );
        let unknown = Progress::new("linux", None, limit);
        assert_eq!(
            unknown.announcement(),
            "linux: running in real time, at most 60 s; Ctrl-C ends the run"
        );
    }
}
