//! The times of a capture, as people read them: seconds since its first frame.

/// The first and the last instant of a capture, nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureSpan {
    /// When its first frame was captured.
    pub first_ns: u64,
    /// When its last frame was captured.
    pub last_ns: u64,
}

impl CaptureSpan {
    /// Returns an instant as seconds since the first frame.
    pub fn secs(&self, at_ns: u64) -> f64 {
        (i128::from(at_ns) - i128::from(self.first_ns)) as f64 / 1e9
    }

    /// Returns an instant for people, such as `12.345 s`.
    pub fn at(&self, at_ns: u64) -> String {
        format!("{:.3} s", self.secs(at_ns))
    }
}

/// Returns a duration for people: `396 ms`, `2.89 s`, `15 min 24 s`.
pub fn length(ns: u64) -> String {
    match ns {
        0..10_000_000 => format!("{:.3} ms", ns as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} ms", ns as f64 / 1e6),
        1_000_000_000..120_000_000_000 => format!("{:.2} s", ns as f64 / 1e9),
        _ => {
            let s = ns / 1_000_000_000;
            match s / 3_600 {
                0 => format!("{} min {} s", s / 60, s % 60),
                h => format!("{h} h {} min", s / 60 % 60),
            }
        }
    }
}
