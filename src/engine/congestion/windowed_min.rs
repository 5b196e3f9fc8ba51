//! The smallest value of a sliding window from three samples (Kathleen Nichols' filter), which gives min_rtt.
//!
//! Linux counterpart: `lib/win_minmax.c`, `tcp_update_rtt_min`. The filter keeps the best value of the window, the best
//! since that one, and the best since the second, so that the next best is available when the best becomes too old.

use crate::time::{Jiffies, TickSpan};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    at: Jiffies,
    us: u64,
}

/// A windowed minimum of microseconds. The unit of the window is the tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowedMin {
    at: [Jiffies; 3],
    /// The samples. The value `u32::MAX` means that there is none.
    us: [u32; 3],
}

impl Default for WindowedMin {
    fn default() -> WindowedMin {
        WindowedMin {
            at: [Jiffies::default(); 3],
            us: [u32::MAX; 3],
        }
    }
}

impl WindowedMin {
    /// Returns the smallest value, us, or `None` before the first one.
    pub(crate) fn get(&self) -> Option<u64> {
        self.best().map(|best| best[0].us)
    }

    fn best(&self) -> Option<[Sample; 3]> {
        let sample = |i: usize| Sample {
            at: self.at[i],
            us: u64::from(self.us[i]),
        };
        (self.us[0] != u32::MAX).then(|| [sample(0), sample(1), sample(2)])
    }

    fn keep(&mut self, best: [Sample; 3]) {
        self.at = best.map(|s| s.at);
        self.us = best.map(|s| u32::try_from(s.us).unwrap_or(u32::MAX - 1));
    }

    /// Adds a value and returns the smallest of the last `window` ticks, us.
    pub(crate) fn update(&mut self, window: TickSpan, at: Jiffies, us: u64) -> u64 {
        let new = Sample { at, us };
        let age = |s: Sample| at.since(s.at);
        let best = match self.best() {
            Some(best) if us > best[0].us && age(best[2]) <= window => best,
            _ => {
                self.keep([new; 3]);
                return us;
            }
        };
        let [first, mut second, mut third] = best;
        if us <= second.us {
            (second, third) = (new, new);
        } else if us <= third.us {
            third = new;
        }
        let aged = if age(first) > window {
            // the second may be too old as well; the third is not, or all would have been replaced
            if age(second) > window {
                [third, new, new]
            } else {
                [second, third, new]
            }
        } else if second.at == first.at && age(first) > window / 4 {
            // a quarter passed without a second choice: take one from the second quarter
            [first, new, new]
        } else if third.at == second.at && age(first) > window / 2 {
            [first, second, new]
        } else {
            [first, second, third]
        };
        self.keep(aged);
        aged[0].us
    }
}

#[cfg(test)]
mod tests;
