//! Keepalive's numbers for a request, by arithmetic.

use std::time::Duration;

use super::choice::{Choice, KeepaliveTimes};
use super::lateness::{at_most, keepalive_ends, longest_silence};
use super::{Kernel, Request};

/// Probes without an answer before the end, so that a lost packet or two do not end a connection that lives. Fewer are taken
/// where there is no time for so many.
const PROBES: u64 = 3;
/// The range of TCP_KEEPIDLE and TCP_KEEPINTVL, s.
const SECONDS: std::ops::RangeInclusive<u32> = 1..=32_767;
/// The largest TCP_KEEPCNT.
const MOST_PROBES: u64 = 127;

/// Which of keepalive's numbers are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    idle: bool,
    interval: bool,
    probes: bool,
}

impl Shape {
    /// All shapes, the smallest first.
    pub(super) const ALL: [Shape; 8] = [
        Shape::new(false, false, false),
        Shape::new(true, false, false),
        Shape::new(false, true, false),
        Shape::new(false, false, true),
        Shape::new(true, true, false),
        Shape::new(true, false, true),
        Shape::new(false, true, true),
        Shape::new(true, true, true),
    ];

    const fn new(idle: bool, interval: bool, probes: bool) -> Shape {
        Shape {
            idle,
            interval,
            probes,
        }
    }

    /// Returns the number of settings, with SO_KEEPALIVE.
    pub(super) fn len(self) -> usize {
        1 + usize::from(self.idle) + usize::from(self.interval) + usize::from(self.probes)
    }

    /// Returns the numbers with the longest idle time, or `None` if this shape cannot meet the request. With
    /// `user_timeout`, which replaces the count of probes, the number of probes is free without being set.
    pub(super) fn fit(
        self,
        request: &Request,
        kernel: &Kernel,
        user_timeout: Option<Duration>,
    ) -> Option<Fit> {
        if self.probes && user_timeout.is_some() {
            return None;
        }
        let least = (1..=PROBES).rev();
        let mut fits =
            least.filter_map(|least| self.fit_with(request, kernel, user_timeout, least));
        fits.next()
    }

    fn fit_with(
        self,
        request: &Request,
        kernel: &Kernel,
        user_timeout: Option<Duration>,
        least: u64,
    ) -> Option<Fit> {
        let sysctl = Choice::default().keepalive_times(&kernel.preset.sysctl);
        let survive_s = request.survive.map(|s| s.as_secs_f64().ceil() as u64);
        let (interval_s, probes) =
            self.spacing(request, sysctl, survive_s, user_timeout.is_none(), least)?;
        let with_idle = |idle_s| KeepaliveTimes {
            idle_s,
            interval_s,
            probes,
        };
        let user_timeout = match user_timeout {
            None => None,
            // the connection ends with the first probe that is due after that time
            Some(longest) => {
                let before = request
                    .detect
                    .checked_sub(at_most(&kernel.ticks, interval_s))?;
                Some(longest.min(before))
            }
        };
        let holds = |idle_s: u64| {
            let times = with_idle(idle_s);
            let kept = |m| longest_silence(&kernel.ticks, times) + request.settings.rtt < m;
            let last = KeepaliveTimes {
                probes: probes.saturating_sub(1),
                ..times
            };
            let in_time = match user_timeout {
                Some(u) => keepalive_ends(&kernel.ticks, last) < u,
                None => keepalive_ends(&kernel.ticks, times) <= request.detect,
            };
            in_time && request.middlebox.is_none_or(kept)
        };
        let lives = survive_s.is_none_or(|s| probes.saturating_sub(1) * interval_s >= s);
        let idle_s = match self.idle {
            true => longest(holds)?,
            false => Some(sysctl.idle_s).filter(|idle| holds(*idle))?,
        };
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let fits = !self.interval || interval_s <= u64::from(*SECONDS.end());
        (lives && fits).then(|| Fit {
            user_timeout,
            choice: Choice {
                keepalive: true,
                idle_s: self.idle.then_some(small(idle_s)),
                interval_s: self.interval.then_some(small(interval_s)),
                probes: self.probes.then_some(small(probes)),
                ..Choice::default()
            },
        })
    }

    /// Returns the interval and the number of probes that span the shortest time: those of the kernel where they are not
    /// set, and otherwise so many that one is sent after an outage of `survive_s`.
    fn spacing(
        self,
        request: &Request,
        sysctl: KeepaliveTimes,
        survive_s: Option<u64>,
        is_counted: bool,
        least: u64,
    ) -> Option<(u64, u64)> {
        // an answer to one probe comes before the next
        let shortest = (request.settings.rtt.as_secs_f64() * 2.0).floor() as u64 + 1;
        let free_probes = self.probes || !is_counted;
        let needed = |interval: u64| match survive_s {
            Some(s) => (s.div_ceil(interval) + 1).max(least),
            None => least,
        };
        Some(match (self.interval, free_probes) {
            (true, true) => {
                let most = if is_counted { MOST_PROBES } else { u64::MAX };
                let spread = survive_s.unwrap_or(0).div_ceil(most - 1);
                let interval = shortest.max(spread);
                (interval, needed(interval))
            }
            (false, true) => (sysctl.interval_s, needed(sysctl.interval_s.max(1))),
            (true, false) => {
                let between = sysctl.probes.checked_sub(1).filter(|n| *n > 0)?;
                let interval = survive_s.map_or(1, |s| s.div_ceil(between));
                (interval.max(shortest), sysctl.probes)
            }
            (false, false) => (sysctl.interval_s, sysctl.probes),
        })
    }
}

/// Keepalive's numbers.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    /// Those to be set.
    pub(super) choice: Choice,
    /// The longest TCP_USER_TIMEOUT with which keepalive ends in time, if there is one.
    pub(super) user_timeout: Option<Duration>,
}

impl Fit {
    /// Returns the same with an idle time that is a second shorter, if it is set and can be.
    pub(super) fn sooner(&self) -> Option<Fit> {
        let idle_s = self.choice.idle_s?.checked_sub(1).filter(|s| *s > 0)?;
        let mut fit = self.clone();
        fit.choice.idle_s = Some(idle_s);
        Some(fit)
    }
}

/// Returns the longest idle time that holds, by bisection: what holds for one holds for all shorter ones.
fn longest(holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut high) = (u64::from(*SECONDS.start()), u64::from(*SECONDS.end()) + 1);
    if !holds(low) {
        return None;
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        match holds(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    Some(low)
}
