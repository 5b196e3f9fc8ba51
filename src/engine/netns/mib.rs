//! The counters of a host, by the kernel's names: `Tcp` of /proc/net/snmp and `TcpExt` of /proc/net/netstat.
//!
//! RFC 4022. Linux counterpart: struct tcp_mib, struct linux_mib. Each event is counted where Linux counts it. Counters
//! of mechanisms that are not modelled are left out, so a name that is missing here does not mean zero.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($group:ident { $($name:ident: $text:literal;)* })*) => {
        /// One counter of a host.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(clippy::upper_case_acronyms, reason = "the kernel's own names")]
        pub enum Counter { $($(#[doc = $text] $name,)*)* }

        impl Counter {
            /// All counters, in the order of the kernel's files.
            pub const ALL: &'static [Counter] = &[$($(Counter::$name),*),*];

            /// Returns the kernel's name, without its group.
            pub const fn name(self) -> &'static str {
                match self { $($(Counter::$name => stringify!($name),)*)* }
            }

            /// Returns the group: `Tcp` or `TcpExt`.
            pub const fn group(self) -> &'static str {
                match self { $($(Counter::$name => stringify!($group),)*)* }
            }

            /// Returns a description of what it counts.
            pub const fn about(self) -> &'static str {
                match self { $($(Counter::$name => $text,)*)* }
            }
        }
    };
}

counters! {
    Tcp {
        ActiveOpens: "connections that connect() began";
        PassiveOpens: "connections that a listener made";
        AttemptFails: "connections that ended before they were open";
        EstabResets: "connections that ended at once from ESTABLISHED or CLOSE_WAIT";
        CurrEstab: "connections in ESTABLISHED or CLOSE_WAIT now";
        InSegs: "segments received";
        OutSegs: "segments sent, repeated data left out";
        RetransSegs: "segments sent again";
        InErrs: "segments received with something wrong";
        OutRsts: "RSTs sent";
    }
    TcpExt {
        SyncookiesSent: "SYN cookies sent";
        SyncookiesRecv: "SYN cookies that came back and were good";
        SyncookiesFailed: "ACKs that were no good cookie, while cookies were out";
        EmbryonicRsts: "half-open connections that a segment ended";
        OutOfWindowIcmps: "ICMP errors that quote a number which is not out";
        TW: "TIME_WAIT socks, orphans in FIN_WAIT2 included";
        TWRecycled: "TIME_WAIT socks that a new connection took the place of";
        TWKilled: "TIME_WAIT socks for less than 4 s";
        PAWSActive: "SYN-ACKs that echo a timestamp never sent";
        PAWSEstab: "segments with an old timestamp";
        BeyondWindow: "segments beyond the window";
        TSEcrRejected: "ACKs of a SYN-ACK that echo a timestamp never sent";
        PAWSOldAck: "old ACKs with an old timestamp";
        PAWSTimewait: "segments with an old timestamp in TIME_WAIT";
        DelayedACKs: "ACKs that the delayed-ACK timer sent";
        DelayedACKLost: "data that came again: our ACK was lost or late";
        ListenOverflows: "SYNs and ACKs that met a full accept queue";
        ListenDrops: "SYNs and ACKs that a listener dropped";
        TCPHPHits: "data that took the short way";
        TCPPureAcks: "ACKs without data, the long way";
        TCPHPAcks: "ACKs that took the short way";
        TCPRenoRecovery: "recoveries begun without SACK";
        TCPSackRecovery: "recoveries begun with SACK";
        TCPSACKReneging: "timeouts with the head SACKed: the peer took it back";
        TCPSACKReorder: "reordering seen by SACK";
        TCPRenoReorder: "reordering seen by duplicate ACKs";
        TCPFullUndo: "recoveries that proved needless at their end";
        TCPPartialUndo: "recoveries that proved needless on the way";
        TCPDSACKUndo: "recoveries that D-SACK proved needless";
        TCPLossUndo: "timeouts that proved needless";
        TCPLostRetransmit: "retransmissions that were lost too";
        TCPRenoFailures: "timeouts among duplicate ACKs";
        TCPSackFailures: "timeouts among SACKs";
        TCPLossFailures: "timeouts in the Loss state";
        TCPFastRetrans: "segments sent again in recovery";
        TCPSlowStartRetrans: "segments sent again after a timeout, the first left out";
        TCPTimeouts: "retransmission timeouts, those of SYN-ACKs included";
        TCPLossProbes: "tail loss probes";
        TCPLossProbeRecovery: "losses that a tail loss probe repaired";
        TCPRenoRecoveryFail: "timeouts in a recovery without SACK";
        TCPSackRecoveryFail: "timeouts in a recovery with SACK";
        TCPDSACKOldSent: "D-SACKs sent for old data";
        TCPDSACKOfoSent: "D-SACKs sent for early data";
        TCPDSACKRecv: "D-SACKs received for old data";
        TCPDSACKOfoRecv: "D-SACKs received for early data";
        TCPAbortOnData: "connections reset: data for nobody, or SO_LINGER 0";
        TCPAbortOnClose: "connections reset: close() with unread data";
        TCPAbortOnMemory: "connections reset: too many orphans, or no memory";
        TCPAbortOnTimeout: "connections given up";
        TCPAbortOnLinger: "connections reset: close() in FIN_WAIT2 with a negative TCP_LINGER2";
        TCPMemoryPressures: "times that all connections' memory reached its mark";
        TCPSACKDiscard: "SACK blocks that made no sense";
        TCPDSACKIgnoredOld: "D-SACKs from before the episode";
        TCPDSACKIgnoredNoUndo: "D-SACKs with nothing to undo";
        TCPSpuriousRTOs: "timeouts that F-RTO found needless";
        TCPDeferAcceptDrop: "ACKs dropped by TCP_DEFER_ACCEPT";
        TCPTimeWaitOverflow: "TIME_WAIT socks that were not made: too many";
        TCPReqQFullDoCookies: "SYNs answered by a cookie: the SYN queue was full";
        TCPReqQFullDrop: "SYNs dropped: the SYN queue was full";
        TCPRcvCoalesce: "segments that fitted behind the one before them";
        TCPOFOQueue: "segments that came early";
        TCPOFODrop: "early segments dropped: no memory";
        TCPOFOMerge: "early segments that were there already";
        TCPChallengeACK: "challenge ACKs";
        TCPSYNChallenge: "SYNs in an open connection";
        TCPFromZeroWindowAdv: "windows opened";
        TCPToZeroWindowAdv: "windows closed";
        TCPWantZeroWindowAdv: "windows that would be closed, had they not been offered";
        TCPSynRetrans: "SYNs and SYN-ACKs sent again";
        TCPOrigDataSent: "segments with data sent for the first time";
        TCPACKSkippedSynRecv: "answers left out: half-open connections";
        TCPACKSkippedPAWS: "answers left out: old timestamps";
        TCPACKSkippedSeq: "answers left out: outside the window";
        TCPACKSkippedFinWait2: "answers left out: orphans in FIN_WAIT2";
        TCPACKSkippedTimeWait: "answers left out: TIME_WAIT";
        TCPACKSkippedChallenge: "answers left out: challenge ACKs";
        TCPWinProbe: "window probes without data";
        TCPKeepAlive: "keepalive probes";
        TCPDelivered: "segments delivered";
        TCPAckCompressed: "duplicate ACKs held back";
        TCPZeroWindowDrop: "data dropped: the window is closed";
        TCPRcvQDrop: "data dropped: no memory";
        TcpTimeoutRehash: "timeouts after which Linux tries another path";
        TCPDSACKRecvSegs: "segments that D-SACKs reported";
        TCPDSACKIgnoredDubious: "D-SACKs for more than was ever sent again";
    }
}

/// All counters of a host.
///
/// Only the engine writes, one thread at a time, so an increment is a plain addition. The counters are atomic so that
/// they can be shared, not to order anything.
pub struct Mib([AtomicU64; Counter::ALL.len()]);

impl Mib {
    pub(crate) fn add(&self, counter: Counter, by: u64) {
        let cell = &self.0[counter as usize];
        cell.store(
            cell.load(Ordering::Relaxed).wrapping_add(by),
            Ordering::Relaxed,
        );
    }

    pub(crate) fn take_one(&self, counter: Counter) {
        self.add(counter, u64::MAX);
    }

    /// Returns the present value of a counter.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }

    /// Returns all counters with their values, in the order of the kernel's files.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().map(|c| (*c, self.get(*c)))
    }
}

impl Default for Mib {
    fn default() -> Self {
        Mib(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Clone for Mib {
    fn clone(&self) -> Self {
        Mib(std::array::from_fn(|i| {
            AtomicU64::new(self.0[i].load(Ordering::Relaxed))
        }))
    }
}

/// Displays the counters that are not zero, one per line, as nstat(8) does: `TcpExtTCPTimeouts 3`.
impl std::fmt::Display for Mib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (counter, value) in self.iter().filter(|(_, value)| *value > 0) {
            let name = format!("{}{}", counter.group(), counter.name());
            writeln!(f, "{name:<32}{value}")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Mib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let used = self.iter().filter(|(_, value)| *value > 0);
        f.debug_map().entries(used).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_up_and_down_and_are_shown_by_name() {
        let mib = Mib::default();
        mib.add(Counter::TCPTimeouts, 2);
        mib.add(Counter::CurrEstab, 1);
        mib.take_one(Counter::CurrEstab);
        let copy = mib.clone();
        mib.add(Counter::TCPTimeouts, 1);
        assert_eq!(copy.get(Counter::TCPTimeouts), 2);
        assert_eq!(
            mib.to_string().split_whitespace().collect::<Vec<_>>(),
            ["TcpExtTCPTimeouts", "3"]
        );
        assert_eq!(mib.iter().map(|(_, n)| n).sum::<u64>(), 3);
    }
}
