//! The rule by which a host gives a connection up, with the value that decides.
//!
//! RFC 9293 3.8.3, RFC 5482, RFC 1122 4.2.3.6. Linux counterpart: the conditions of tcp_write_timeout,
//! tcp_probe_timer, tcp_keepalive_timer, tcp_out_of_resources and reqsk_timer_handler.

use std::fmt;

/// The rule by which a host gives a connection up, and the value of the sysctl or the socket option behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUpRule {
    /// The sysctl tcp_retries2: retransmissions, or window probes in a row without an answer.
    Retries2(u32),
    /// The sysctl tcp_syn_retries: retransmissions of a SYN.
    SynRetries(u32),
    /// The socket option TCP_SYNCNT, which replaces tcp_syn_retries.
    SynCnt(u32),
    /// The sysctl tcp_synack_retries, or the option of the listener: retransmissions of a SYN-ACK.
    SynAckRetries(u32),
    /// The socket option TCP_USER_TIMEOUT, ms.
    UserTimeout(u32),
    /// The sysctl tcp_keepalive_probes: probes in a row without an answer.
    KeepaliveProbes(u32),
    /// The socket option TCP_KEEPCNT, which replaces tcp_keepalive_probes.
    KeepCnt(u32),
    /// The sysctl tcp_orphan_retries, 0 counted as the 8 that it stands for: what an orphan is allowed.
    OrphanRetries(u32),
    /// An orphan with a closed window whose probe interval has grown to the longest RTO, at this backoff. It does not
    /// matter whether its probes were answered.
    OrphanBackoff(u32),
    /// The peer closed its window over data in flight and was silent for twice the longest RTO, ms.
    ClosedWindowSilence(u64),
    /// The sysctl tcp_max_orphans: more orphans than these.
    MaxOrphans(u64),
    /// The highest value of the sysctl tcp_mem, pages: no memory for the data of an orphan.
    Mem(u64),
    /// The sysctl tcp_fin_timeout, s: an orphan waited so long for the peer's FIN.
    FinTimeout(u32),
    /// The socket option TCP_LINGER2, which replaces tcp_fin_timeout, s.
    Linger2(u32),
}

impl GiveUpRule {
    /// The name of the sysctl or of the socket option, or words where neither decides alone.
    pub const fn name(self) -> &'static str {
        use GiveUpRule::*;
        match self {
            Retries2(_) => "tcp_retries2",
            SynRetries(_) => "tcp_syn_retries",
            SynCnt(_) => "TCP_SYNCNT",
            SynAckRetries(_) => "tcp_synack_retries",
            UserTimeout(_) => "TCP_USER_TIMEOUT",
            KeepaliveProbes(_) => "tcp_keepalive_probes",
            KeepCnt(_) => "TCP_KEEPCNT",
            OrphanRetries(_) => "tcp_orphan_retries",
            OrphanBackoff(_) => "orphan with a closed window",
            ClosedWindowSilence(_) => "silence with a closed window",
            MaxOrphans(_) => "tcp_max_orphans",
            Mem(_) => "tcp_mem",
            FinTimeout(_) => "tcp_fin_timeout",
            Linger2(_) => "TCP_LINGER2",
        }
    }

    /// The value that decides, in the unit of its variant.
    pub const fn value(self) -> u64 {
        use GiveUpRule::*;
        match self {
            Retries2(n) | SynRetries(n) | SynCnt(n) | SynAckRetries(n) | UserTimeout(n)
            | KeepaliveProbes(n) | KeepCnt(n) | OrphanRetries(n) | OrphanBackoff(n)
            | FinTimeout(n) | Linger2(n) => n as u64,
            ClosedWindowSilence(n) | MaxOrphans(n) | Mem(n) => n,
        }
    }

    /// The rule with this name and value, as [`name`](Self::name) and [`value`](Self::value) give them.
    pub fn from_name(name: &str, value: u64) -> Option<GiveUpRule> {
        use GiveUpRule::*;
        let small = u32::try_from(value).ok();
        let of_small: [fn(u32) -> GiveUpRule; 11] = [
            Retries2,
            SynRetries,
            SynCnt,
            SynAckRetries,
            UserTimeout,
            KeepaliveProbes,
            KeepCnt,
            OrphanRetries,
            OrphanBackoff,
            FinTimeout,
            Linger2,
        ];
        let of_large: [fn(u64) -> GiveUpRule; 3] = [ClosedWindowSilence, MaxOrphans, Mem];
        let small = small.and_then(|n| of_small.iter().map(|of| of(n)).find(|r| r.name() == name));
        small.or_else(|| {
            let mut large = of_large.iter().map(|of| of(value));
            large.find(|rule| rule.name() == name)
        })
    }
}

/// `tcp_retries2 15`, `TCP_USER_TIMEOUT 30 s`, `orphan with a closed window: backoff 10 reached`.
impl fmt::Display for GiveUpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use GiveUpRule::*;
        let name = self.name();
        match *self {
            UserTimeout(ms) => write!(f, "{name} {} s", f64::from(ms) / 1e3),
            OrphanBackoff(n) => write!(f, "{name}: backoff {n} reached"),
            ClosedWindowSilence(ms) => write!(f, "{name}: {} s", ms as f64 / 1e3),
            OrphanRetries(n) => write!(f, "{name}: an orphan is allowed {n} retries"),
            FinTimeout(s) | Linger2(s) => write!(f, "{name} {s} s"),
            Mem(pages) => write!(f, "{name} {pages} pages"),
            _ => write!(f, "{name} {}", self.value()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_the_sysctl_or_the_option_and_is_found_by_its_name() {
        use GiveUpRule::*;
        for (rule, text) in [
            (Retries2(15), "tcp_retries2 15"),
            (SynRetries(6), "tcp_syn_retries 6"),
            (SynCnt(2), "TCP_SYNCNT 2"),
            (SynAckRetries(5), "tcp_synack_retries 5"),
            (UserTimeout(30_000), "TCP_USER_TIMEOUT 30 s"),
            (UserTimeout(1_500), "TCP_USER_TIMEOUT 1.5 s"),
            (KeepaliveProbes(9), "tcp_keepalive_probes 9"),
            (KeepCnt(3), "TCP_KEEPCNT 3"),
            (
                OrphanRetries(8),
                "tcp_orphan_retries: an orphan is allowed 8 retries",
            ),
            (
                OrphanBackoff(10),
                "orphan with a closed window: backoff 10 reached",
            ),
            (
                ClosedWindowSilence(240_000),
                "silence with a closed window: 240 s",
            ),
            (MaxOrphans(4_096), "tcp_max_orphans 4096"),
            (Mem(90_000), "tcp_mem 90000 pages"),
            (FinTimeout(90), "tcp_fin_timeout 90 s"),
            (Linger2(70), "TCP_LINGER2 70 s"),
        ] {
            assert_eq!(rule.to_string(), text);
            assert_eq!(
                GiveUpRule::from_name(rule.name(), rule.value()),
                Some(rule),
                "{text}"
            );
        }
        assert_eq!(GiveUpRule::from_name("tcp_retries1", 3), None);
        assert_eq!(GiveUpRule::from_name("tcp_retries2", 1 << 32), None);
    }
}
