//! Bounds of the RTO other than the defaults, where the gaps show them.
//!
//! RFC 6298 2.4 and 2.5; Linux has tcp_rto_min_us, tcp_rto_max_ms and tcp_syn_linear_timeouts.

use super::super::connection::Connection;
use super::super::packet::Side;

/// The shortest RTO of Linux, us.
const RTO_MIN_US: u64 = 200_000;
/// The longest RTO of Linux, ms.
const RTO_MAX_MS: u64 = 120_000;
/// SYN retries without backoff, since Linux 6.5.
const SYN_LINEAR: u32 = 4;
/// What people set tcp_rto_min_us to, us.
const USUAL_MIN_US: [u64; 9] = [
    1_000, 5_000, 10_000, 20_000, 30_000, 40_000, 50_000, 100_000, 150_000,
];

/// Sysctls that bound the RTO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) rto_min_us: u64,
    pub(super) rto_max_ms: u64,
    pub(super) syn_linear: u32,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            rto_min_us: RTO_MIN_US,
            rto_max_ms: RTO_MAX_MS,
            syn_linear: SYN_LINEAR,
        }
    }
}

impl Bounds {
    /// The sysctls that differ from the defaults, in words.
    pub(super) fn text(&self) -> String {
        let mut all = Vec::new();
        if self.rto_min_us != RTO_MIN_US {
            all.push(format!("tcp_rto_min_us {}", self.rto_min_us));
        }
        if self.rto_max_ms != RTO_MAX_MS {
            all.push(format!("tcp_rto_max_ms {}", self.rto_max_ms));
        }
        if self.syn_linear != SYN_LINEAR {
            all.push(format!("tcp_syn_linear_timeouts {}", self.syn_linear));
        }
        all.join(", ")
    }
}

/// The bounds that the gaps allow: the defaults, and what shows.
pub(super) fn all(connection: &Connection, side: Side) -> Vec<Bounds> {
    let mut found = vec![Bounds::default()];
    let mut add = |changes: &[&dyn Fn(&mut Bounds)]| {
        for change in changes {
            for known in found.clone() {
                let mut bounds = known;
                change(&mut bounds);
                if !found.contains(&bounds) {
                    found.push(bounds);
                }
            }
        }
    };
    for cap_ms in caps_ms(connection, side) {
        add(&[&|b: &mut Bounds| b.rto_max_ms = cap_ms]);
    }
    for rto_min_us in floors_us(connection, side) {
        add(&[&|b: &mut Bounds| b.rto_min_us = rto_min_us]);
    }
    if let Some(n) = linear_syns(connection, side) {
        add(&[&|b: &mut Bounds| b.syn_linear = n]);
    }
    found
}

/// tcp_rto_max_ms: where the gaps stop growing. The wheel makes them up to an eighth longer.
fn caps_ms(connection: &Connection, side: Side) -> Vec<u64> {
    let Some(series) = connection.longest_series(side) else {
        return Vec::new();
    };
    let gaps = series.gaps_ns();
    let capped = gaps
        .windows(2)
        .rev()
        .find(|w| w[1] < w[0] + w[0] / 5 && w[1] > 900_000_000);
    let Some(cap_ms) = capped
        .map(|w| w[0].min(w[1]) / 1_000_000)
        .filter(|ms| *ms < 118_000)
    else {
        return Vec::new();
    };
    let least = cap_ms * 8 / 9;
    // whole seconds first, because people set these; then the gap as it is
    let mut all: Vec<u64> = (least..=cap_ms)
        .filter(|ms| ms % 1_000 == 0 || ms % 1_000 == 500)
        .take(3)
        .collect();
    if all.is_empty() {
        all.push(cap_ms);
    }
    all
}

/// tcp_rto_min_us: the first RTO without the round-trip time, if that is less than 200 ms.
fn floors_us(connection: &Connection, side: Side) -> Vec<u64> {
    let rto_ns = connection.longest_series(side).and_then(|s| s.rto_ns());
    let (Some(rto_ns), Some(rtt_ns)) = (rto_ns, connection.handshake_rtt_ns()) else {
        return Vec::new();
    };
    let shown_us = rto_ns.saturating_sub(rtt_ns) / 1_000;
    if rto_ns >= 198_000_000 {
        return Vec::new();
    }
    let fits = |us: &u64| *us <= shown_us + 1_000 && *us + 12_000 + us / 4 >= shown_us;
    USUAL_MIN_US.into_iter().filter(fits).collect()
}

/// tcp_syn_linear_timeouts: the SYN retries that come with the same gap.
fn linear_syns(connection: &Connection, side: Side) -> Option<u32> {
    let syns = &connection.end(side).syns_ns;
    let gaps: Vec<u64> = syns.windows(2).map(|w| w[1].saturating_sub(w[0])).collect();
    let first = *gaps.first()?;
    let same = gaps.iter().take_while(|g| **g < first + first / 2).count() as u32;
    // the last of them is the first of the backoff
    (gaps.len() > same as usize)
        .then(|| same.saturating_sub(1))
        .filter(|n| *n != SYN_LINEAR)
}
