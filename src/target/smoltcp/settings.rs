//! Linux's sysctls and socket options in smoltcp's terms, as far as smoltcp has terms for them.

use std::collections::BTreeMap;
use std::time::Duration;

use smoltcp::socket::tcp;

use crate::scenario::Scenario;
use crate::sockopt::{OptName, OptValue, SockOpt};
use crate::sysctl::{CongestionControl, Sysctl};

/// Retries of an orphan where tcp_orphan_retries is 0.
const ORPHAN_RETRIES: i64 = 8;
/// Sysctls that have a counterpart, and therefore no note.
const MAPPED: [&str; 11] = [
    "tcp_retries2",
    "tcp_orphan_retries",
    "tcp_syn_retries",
    "tcp_syn_linear_timeouts",
    "tcp_synack_retries",
    "tcp_keepalive_time",
    "tcp_keepalive_intvl",
    "tcp_keepalive_probes",
    "tcp_congestion_control",
    "tcp_timestamps",
    "tcp_no_metrics_save",
];

/// The settings of a socket, and those that smoltcp does not support.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    sysctls: Sysctl,
    options: BTreeMap<OptName, i64>,
    congestion: CongestionControl,
    notes: Vec<String>,
}

impl Settings {
    /// Settings of the scenario's sysctls, before any socket option.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let sysctls = scenario.survivor.sysctl.clone();
        let mut settings = Settings {
            congestion: sysctls.tcp_congestion_control,
            sysctls,
            options: BTreeMap::new(),
            notes: vec![
                "smoltcp says that a connection is over, not why: where Linux names an errno, ENOTCONN stands for \
                 its InvalidState"
                    .to_owned(),
                "a retry count is a time for smoltcp (set_timeout), here computed as Linux does from its bounds of \
                 the RTO, and set only while something is unacknowledged or keepalive is on"
                    .to_owned(),
            ],
        };
        for (name, _) in &scenario.survivor.sysctl_set {
            match name.as_str() {
                "tcp_rmem" | "tcp_wmem" => {
                    settings.note(format!("{name}: the size of smoltcp's buffers is fixed"));
                }
                "tcp_rto_min_us" | "tcp_rto_max_ms" => settings.note_bounds(name),
                name if MAPPED.contains(&name) => {}
                name => settings.note(format!("{name}: smoltcp has no setting for it")),
            }
        }
        settings
    }

    /// Returns the settings that smoltcp does not support, one line each.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    fn note(&mut self, line: String) {
        if !self.notes.contains(&line) {
            self.notes.push(line);
        }
    }

    fn note_bounds(&mut self, name: &str) {
        self.note(format!(
            "{name}: smoltcp's RTO has fixed bounds, 1 s and 60 s; this goes only into the time that retries last"
        ));
    }

    /// setsockopt(): keeps what can be mapped, notes what cannot.
    pub(super) fn set(&mut self, option: &SockOpt) {
        let name = option.name;
        match (name, &option.value) {
            (OptName::TCP_CONGESTION, OptValue::Name(algorithm)) => {
                match CongestionControl::from_name(algorithm) {
                    Some(known) => self.congestion = known,
                    None => self.note(format!(
                        "TCP_CONGESTION={algorithm}: smoltcp does not have it"
                    )),
                }
            }
            (
                OptName::SO_KEEPALIVE
                | OptName::TCP_USER_TIMEOUT
                | OptName::TCP_NODELAY
                | OptName::TCP_KEEPINTVL
                | OptName::TCP_SYNCNT
                | OptName::TCP_QUICKACK
                | OptName::TCP_DELACK_MAX_US
                | OptName::SO_SNDBUF
                | OptName::SO_RCVBUF
                | OptName::SO_LINGER,
                OptValue::Int(value),
            ) => {
                self.options.insert(name, *value);
            }
            (OptName::TCP_KEEPIDLE | OptName::TCP_KEEPCNT, OptValue::Int(value)) => {
                self.options.insert(name, *value);
                self.note(format!(
                    "{}: smoltcp has no setting for it; it probes every TCP_KEEPINTVL from the start, and the time \
                     after which keepalive gives up is set_timeout(TCP_KEEPIDLE + TCP_KEEPCNT * TCP_KEEPINTVL)",
                    name.name()
                ));
            }
            (OptName::TCP_RTO_MIN_US | OptName::TCP_RTO_MAX_MS, OptValue::Int(value)) => {
                self.options.insert(name, *value);
                self.note_bounds(name.name());
            }
            _ => self.note(format!("{}: smoltcp has no setting for it", name.name())),
        }
    }

    fn option(&self, name: OptName) -> Option<i64> {
        self.options.get(&name).copied()
    }

    fn positive(&self, name: OptName) -> Option<u64> {
        self.option(name)
            .and_then(|v| u64::try_from(v).ok())
            .filter(|v| *v > 0)
    }

    fn is_on(&self, name: OptName) -> bool {
        self.option(name).is_some_and(|v| v != 0)
    }

    /// Takes over the congestion control that a socket was given.
    pub(super) fn adopt_congestion(&mut self, of: &Settings) {
        self.congestion = of.congestion;
    }

    /// The congestion control in force.
    pub(super) fn congestion(&self) -> CongestionControl {
        self.congestion
    }

    /// Whether close() resets the connection.
    pub(super) fn closes_by_reset(&self) -> bool {
        self.option(OptName::SO_LINGER) == Some(0)
    }

    /// Receive and send buffer, bytes: half of Linux's default, of which Linux offers half as window; all of what
    /// Linux's send buffer may grow to.
    pub(super) fn buffers(&self) -> (usize, usize) {
        let bytes = |v: i64| usize::try_from(v).unwrap_or(0).clamp(1, 1 << 30);
        let receive = self.option(OptName::SO_RCVBUF);
        let send = self.option(OptName::SO_SNDBUF);
        (
            bytes(receive.unwrap_or(self.sysctls.tcp_rmem[1] / 2)),
            bytes(send.unwrap_or(self.sysctls.tcp_wmem[2])),
        )
    }

    /// Tells a socket all that does not depend on its state.
    pub(super) fn apply(&self, socket: &mut tcp::Socket<'_>, timestamps: fn() -> u32) {
        socket.set_nagle_enabled(!self.is_on(OptName::TCP_NODELAY));
        socket.set_congestion_control(match self.congestion {
            CongestionControl::Reno => tcp::CongestionControl::Reno,
            CongestionControl::Cubic => tcp::CongestionControl::Cubic,
        });
        let keepalive = self
            .is_on(OptName::SO_KEEPALIVE)
            .then(|| self.keepalive_interval());
        socket.set_keep_alive(keepalive.map(Into::into));
        if self.is_on(OptName::TCP_QUICKACK) {
            socket.set_ack_delay(None);
        } else if let Some(us) = self.positive(OptName::TCP_DELACK_MAX_US) {
            socket.set_ack_delay(Some(smoltcp::time::Duration::from_micros(us)));
        }
        if self.sysctls.tcp_timestamps != 0 {
            socket.set_tsval_generator(Some(timestamps));
        }
    }

    fn keepalive_interval(&self) -> Duration {
        let sysctl = self.sysctls.tcp_keepalive_intvl.max(1) as u64;
        Duration::from_secs(self.positive(OptName::TCP_KEEPINTVL).unwrap_or(sysctl))
    }

    /// How long data may stay unacknowledged.
    pub(super) fn data_timeout(&self) -> Duration {
        self.user_timeout()
            .unwrap_or_else(|| self.time_of(self.sysctls.tcp_retries2))
    }

    /// How long a connection that the application has closed may wait for an answer.
    pub(super) fn orphan_timeout(&self) -> Duration {
        let retries = match self.sysctls.tcp_orphan_retries {
            0 => ORPHAN_RETRIES,
            n => n,
        };
        self.user_timeout().unwrap_or_else(|| self.time_of(retries))
    }

    /// How long so many retries last that begin at the smallest RTO and double up to the largest.
    fn time_of(&self, retries: i64) -> Duration {
        let min_sysctl = self.sysctls.tcp_rto_min_us.max(1) as u64;
        let max_sysctl = self.sysctls.tcp_rto_max_ms.max(1) as u64;
        let min = self.positive(OptName::TCP_RTO_MIN_US).unwrap_or(min_sysctl);
        let max = self.positive(OptName::TCP_RTO_MAX_MS).unwrap_or(max_sysctl) * 1_000;
        let us = (0..=retries.clamp(0, 255))
            .map(|n| max.min(min.saturating_mul(1 << n.min(40))))
            .sum();
        Duration::from_micros(us)
    }

    /// How long the other end may stay silent when probed; none without keepalive.
    pub(super) fn keepalive_timeout(&self) -> Option<Duration> {
        self.is_on(OptName::SO_KEEPALIVE).then(|| {
            let idle = self.sysctls.tcp_keepalive_time.max(1) as u64;
            let count = self.sysctls.tcp_keepalive_probes.max(1) as u64;
            let idle = self.positive(OptName::TCP_KEEPIDLE).unwrap_or(idle);
            let count = self.positive(OptName::TCP_KEEPCNT).unwrap_or(count) as u32;
            let probed = Duration::from_secs(idle) + count * self.keepalive_interval();
            self.user_timeout().map_or(probed, |t| t.min(probed))
        })
    }

    /// How long a SYN is repeated: Linux's linear retries of 1 s, then doublings from 1 s.
    pub(super) fn syn_timeout(&self) -> Duration {
        self.user_timeout().unwrap_or_else(|| {
            let sysctl = self.sysctls.tcp_syn_retries.max(1) as u64;
            let retries = self.positive(OptName::TCP_SYNCNT).unwrap_or(sysctl);
            let linear = self.sysctls.tcp_syn_linear_timeouts.max(0) as u64;
            Duration::from_secs(linear + (2 << retries.min(16)) - 1)
        })
    }

    /// How long a SYN-ACK is repeated.
    pub(super) fn synack_timeout(&self) -> Duration {
        let retries = self.sysctls.tcp_synack_retries.clamp(0, 16) as u64;
        Duration::from_secs((2 << retries) - 1)
    }

    fn user_timeout(&self) -> Option<Duration> {
        self.positive(OptName::TCP_USER_TIMEOUT)
            .map(Duration::from_millis)
    }
}
