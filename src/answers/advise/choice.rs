//! The settings that an advice can contain.

use crate::answers::table::Settings;
use crate::sockopt::{OptName, SockOpt};
use crate::sysctl::Sysctl;

/// Settings of a connection. What is `None` is left as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// SO_KEEPALIVE.
    pub keepalive: bool,
    /// TCP_KEEPIDLE, s.
    pub idle_s: Option<u32>,
    /// TCP_KEEPINTVL, s.
    pub interval_s: Option<u32>,
    /// TCP_KEEPCNT.
    pub probes: Option<u32>,
    /// TCP_USER_TIMEOUT, ms.
    pub user_timeout_ms: Option<u32>,
    /// TCP_RTO_MAX_MS.
    pub rto_max_ms: Option<u32>,
    /// TCP_SYNCNT.
    pub syn_count: Option<u32>,
    /// The sysctl tcp_retries2.
    pub retries2: Option<u32>,
    /// The sysctl tcp_orphan_retries.
    pub orphan_retries: Option<u32>,
}

impl Choice {
    /// Returns the socket options, in the order in which they are shown.
    pub fn options(&self) -> Vec<SockOpt> {
        let numbers = [
            (OptName::TCP_KEEPIDLE, self.idle_s),
            (OptName::TCP_KEEPINTVL, self.interval_s),
            (OptName::TCP_KEEPCNT, self.probes),
            (OptName::TCP_USER_TIMEOUT, self.user_timeout_ms),
            (OptName::TCP_RTO_MAX_MS, self.rto_max_ms),
            (OptName::TCP_SYNCNT, self.syn_count),
        ];
        let set = numbers
            .into_iter()
            .filter_map(|(name, value)| Some(SockOpt::int(name, value?.into())));
        let keepalive = self
            .keepalive
            .then(|| SockOpt::int(OptName::SO_KEEPALIVE, 1));
        keepalive.into_iter().chain(set).collect()
    }

    /// Returns the sysctls, which hold for all connections of a network namespace.
    pub fn sysctls(&self) -> Vec<(&'static str, u32)> {
        let numbers = [
            ("tcp_retries2", self.retries2),
            ("tcp_orphan_retries", self.orphan_retries),
        ];
        numbers
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// Returns the number of settings.
    pub fn len(&self) -> usize {
        self.options().len() + self.sysctls().len()
    }

    /// Returns whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the settings of a run: `base` with these.
    pub fn on(&self, base: &Settings) -> Settings {
        let mut settings = base.clone();
        settings.options.extend(self.options());
        let sysctls = self.sysctls().into_iter();
        settings
            .sysctls
            .extend(sysctls.map(|(name, value)| (name.to_owned(), value.to_string())));
        settings
    }

    /// Returns keepalive's idle time, interval and number of probes, those of `sysctl` where nothing is set.
    pub fn keepalive_times(&self, sysctl: &Sysctl) -> KeepaliveTimes {
        let or = |own: Option<u32>, sysctl: i64| own.map_or(sysctl.max(0) as u64, u64::from);
        KeepaliveTimes {
            idle_s: or(self.idle_s, sysctl.tcp_keepalive_time),
            interval_s: or(self.interval_s, sysctl.tcp_keepalive_intvl),
            probes: or(self.probes, sysctl.tcp_keepalive_probes),
        }
    }
}

/// Keepalive's numbers as they are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepaliveTimes {
    /// Idle time before the first probe, s.
    pub idle_s: u64,
    /// Time between probes, s.
    pub interval_s: u64,
    /// Probes without an answer before the end, where TCP_USER_TIMEOUT is not set.
    pub probes: u64,
}
