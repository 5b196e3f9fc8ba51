//! The arithmetic that people use: waits that double, without clock tick, timer wheel or tail loss probes.
//!
//! The kernel's documentation promises these times (ip-sysctl.rst: "924.6 seconds"). The kernel itself uses them for
//! tcp_retries2, which since Linux 2.6.32 is not a count but the time that this number of doubling waits would take.

use std::time::Duration;

use super::situation::What;
use crate::scenario::Scenario;
use crate::sockopt::{OptName, OptValue};

/// When each try is sent and when the connection ends, by arithmetic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formula {
    /// The tries that the arithmetic counts, including the first transmission if there is one.
    pub tries: Vec<Duration>,
    /// The end, or `None` if there is none.
    pub end: Option<Duration>,
    /// The formula in words.
    pub text: String,
}

/// The retries that the kernel uses if tcp_orphan_retries is 0.
const ORPHAN_RETRIES: i64 = 8;
/// The first wait of a SYN or a SYN-ACK (RFC 6298 2.1), s.
const TIMEOUT_INIT_S: u64 = 1;

impl Formula {
    /// Returns the formula for a question, with the scenario's sysctls and options.
    pub fn of(what: What, scenario: &Scenario) -> Formula {
        let sysctl = &scenario.survivor.sysctl;
        let ms = |value: i64| Duration::from_millis(value.max(0) as u64);
        let seconds = |value: i64| Duration::from_secs(value.max(0) as u64);
        let option = |name| option(scenario, name);
        let rto_max = ms(option(OptName::TCP_RTO_MAX_MS).unwrap_or(sysctl.tcp_rto_max_ms));
        let rto_min_us = option(OptName::TCP_RTO_MIN_US).unwrap_or(sysctl.tcp_rto_min_us);
        let rto_min = Duration::from_micros(rto_min_us.max(0) as u64);
        let syn_retries = option(OptName::TCP_SYNCNT).unwrap_or(sysctl.tcp_syn_retries);
        match what {
            What::Retries2 => doubling(rto_min, rto_max, sysctl.tcp_retries2, true).named(
                format!(
                    "tcp_retries2 = {} stands for the time that {} waits take, the first {} and each twice the one before, \
                     at most {}",
                    sysctl.tcp_retries2,
                    sysctl.tcp_retries2 + 1,
                    show(rto_min),
                    show(rto_max)
                ),
            ),
            What::Persist => doubling(rto_min, rto_max, sysctl.tcp_retries2, false).named(format!(
                "tcp_retries2 = {} window probes without an answer, the first wait {} and each twice the one before, at most \
                 {}",
                sysctl.tcp_retries2,
                show(rto_min),
                show(rto_max)
            )),
            What::Orphan => {
                let retries = match sysctl.tcp_orphan_retries {
                    0 => ORPHAN_RETRIES,
                    set => set,
                };
                doubling(rto_min, rto_max, retries, true).named(format!(
                    "tcp_orphan_retries = {} (0 stands for 8): the time of {} doubling waits from {} on",
                    sysctl.tcp_orphan_retries,
                    retries + 1,
                    show(rto_min)
                ))
            }
            What::Syn => {
                let linear = sysctl.tcp_syn_linear_timeouts;
                syn(linear, syn_retries, rto_max).named(format!(
                    "tcp_syn_linear_timeouts = {linear} waits of 1 s, then {} doubling waits from 1 s on (tcp_syn_retries = \
                     {syn_retries})",
                    syn_retries + 1
                ))
            }
            What::Synack => syn(0, sysctl.tcp_synack_retries, rto_max).named(format!(
                "{} doubling waits from 1 s on (tcp_synack_retries = {})",
                sysctl.tcp_synack_retries + 1,
                sysctl.tcp_synack_retries
            )),
            What::Keepalive => {
                let idle = option(OptName::TCP_KEEPIDLE).unwrap_or(sysctl.tcp_keepalive_time);
                let every = option(OptName::TCP_KEEPINTVL).unwrap_or(sysctl.tcp_keepalive_intvl);
                let probes = option(OptName::TCP_KEEPCNT).unwrap_or(sysctl.tcp_keepalive_probes);
                keepalive(seconds(idle), seconds(every), probes)
            }
            What::Reboot => rebooted(scenario, Duration::ZERO, "one round trip"),
            What::RebootIdle => {
                let idle = option(OptName::TCP_KEEPIDLE).unwrap_or(sysctl.tcp_keepalive_time);
                rebooted(scenario, seconds(idle), "the idle time, and one round trip")
            }
            What::UserTimeout => {
                let limit = option(OptName::TCP_USER_TIMEOUT).unwrap_or(0);
                doubling(rto_min, rto_max, sysctl.tcp_retries2, true).until(ms(limit))
            }
        }
    }

    /// TCP_USER_TIMEOUT ends it.
    fn until(mut self, limit: Duration) -> Formula {
        self.tries.retain(|at| *at < limit);
        self.end = Some(limit);
        self.named(format!("TCP_USER_TIMEOUT = {} ms", limit.as_millis()))
    }

    fn named(mut self, text: String) -> Formula {
        self.text = text;
        self
    }
}

fn option(scenario: &Scenario, name: OptName) -> Option<i64> {
    let mut set = scenario.survivor.sockopt.iter().rev();
    match set.find(|o| o.name == name)?.value {
        OptValue::Int(value) => Some(value),
        OptValue::Name(_) => None,
    }
}

/// Returns the one packet that a host without the connection answers by RST.
fn rebooted(scenario: &Scenario, at: Duration, text: &str) -> Formula {
    Formula {
        tries: vec![at],
        end: Some(at + scenario.delay * 2),
        text: text.to_owned(),
    }
}

/// Formats a duration: `200 ms`, `120 s`.
fn show(d: Duration) -> String {
    match d.as_millis() {
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

/// Returns `retries` tries after waits that double from `first` on. The end follows one more wait after the last.
fn doubling(first: Duration, most: Duration, retries: i64, with_the_first: bool) -> Formula {
    let mut tries = Vec::from_iter(with_the_first.then_some(Duration::ZERO));
    let (mut at, mut wait) = (Duration::ZERO, first.min(most));
    for _ in 0..retries.clamp(0, 255) {
        at += wait;
        wait = (wait * 2).min(most);
        tries.push(at);
    }
    Formula {
        tries,
        end: Some(at + wait),
        text: String::new(),
    }
}

/// Returns the tries of a SYN or SYN-ACK: `linear` retransmissions after a second each, before the waits double. It ends
/// after `retries` + `linear` of them, or after the time that `retries` doubling waits alone would have taken.
fn syn(linear: i64, retries: i64, most: Duration) -> Formula {
    let second = Duration::from_secs(TIMEOUT_INIT_S);
    let limit = doubling(second, most, retries, true).end;
    let (linear, retries) = (linear.clamp(0, 127), retries.clamp(0, 127));
    let mut tries = vec![Duration::ZERO];
    let mut wait = second;
    loop {
        let sent = tries.len() as i64 - 1;
        let next = tries[tries.len() - 1] + wait;
        if sent >= linear + retries || (sent > 0 && Some(next) >= limit) {
            return Formula {
                tries,
                end: Some(next),
                text: String::new(),
            };
        }
        tries.push(next);
        if sent + 1 > linear {
            wait = (wait * 2).min(most);
        }
    }
}

fn keepalive(idle: Duration, every: Duration, probes: i64) -> Formula {
    let probes = probes.clamp(0, 255) as u32;
    Formula {
        tries: (0..probes).map(|n| idle + every * n).collect(),
        end: Some(idle + every * probes),
        text: format!(
            "{} of silence (tcp_keepalive_time), then {probes} probes (tcp_keepalive_probes) {} apart (tcp_keepalive_intvl), \
             and one more such wait",
            show(idle),
            show(every)
        ),
    }
}
