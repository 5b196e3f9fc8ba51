//! The line that says how far a run in real time has come, and how long it will take.

use std::io::{IsTerminal, Write};

use crate::time::Instant;

/// Progress of one run, on stderr; silent where stderr is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    what: String,
    expected: Option<Instant>,
    limit: Instant,
    shown: bool,
    last_tenth: Option<u64>,
}

impl Progress {
    /// Announces a run of `what` that is expected to take until `expected` (where that is known) and ends at
    /// `limit` at the latest.
    pub(super) fn new(what: &str, expected: Option<Instant>, limit: Instant) -> Self {
        let progress = Progress {
            what: what.to_owned(),
            expected,
            limit,
            shown: std::io::stderr().is_terminal(),
            last_tenth: None,
        };
        log::info!("{}", progress.announcement());
        if progress.shown {
            eprintln!("{}", progress.announcement());
        }
        progress
    }

    fn announcement(&self) -> String {
        let limit = self.limit.secs_f64();
        match self.expected {
            Some(end) => format!(
                "{}: in real time, about {:.1} s (as simulated; at most {limit:.0} s); Ctrl-C ends it",
                self.what,
                end.secs_f64()
            ),
            None => format!(
                "{}: in real time, at most {limit:.0} s; Ctrl-C ends it",
                self.what
            ),
        }
    }

    /// The run has come to `now`, and ends at `latest` at the latest.
    pub(super) fn at(&mut self, now: Instant, latest: Instant) {
        let tenth = now.us() / 100_000;
        if self.last_tenth.is_none() {
            log::debug!("{}: under way", self.what);
        }
        if !self.shown {
            self.last_tenth = Some(tenth);
        }
        if self.shown && self.last_tenth != Some(tenth) {
            self.last_tenth = Some(tenth);
            let end = self.expected.unwrap_or(latest).clamp(now, latest.max(now));
            eprint!(
                "\r{}: {:.1} s of {:.1} s ",
                self.what,
                now.secs_f64(),
                end.secs_f64()
            );
            // a terminal that is gone does not stop a run
            let _ = std::io::stderr().flush();
        }
    }
}

/// Leaves no line behind.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.last_tenth.is_some() {
            eprint!("\r\x1b[K");
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
            "linux: in real time, about 25.4 s (as simulated; at most 60 s); Ctrl-C ends it"
        );
        let unknown = Progress::new("linux", None, limit);
        assert_eq!(
            unknown.announcement(),
            "linux: in real time, at most 60 s; Ctrl-C ends it"
        );
    }
}
