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
        EstabResets: "connections that ended from ESTABLISHED or CLOSE_WAIT without a FIN of both ends";
        CurrEstab: "connections in ESTABLISHED or CLOSE_WAIT now";
        InSegs: "segments received";
        OutSegs: "segments sent, retransmissions excluded";
        RetransSegs: "segments retransmitted";
        InErrs: "segments received with an error";
        OutRsts: "RSTs sent";
    }
    TcpExt {
        SyncookiesSent: "SYN cookies sent";
        SyncookiesRecv: "ACKs with a valid SYN cookie";
        SyncookiesFailed: "ACKs without a valid SYN cookie, while cookies were in use";
        EmbryonicRsts: "half-open connections that a segment ended";
        OutOfWindowIcmps: "ICMP errors that quote a sequence number that is not in flight";
        TW: "TIME_WAIT socks, orphans in FIN_WAIT2 included";
        TWRecycled: "TIME_WAIT socks that a new connection replaced";
        TWKilled: "TIME_WAIT socks that lasted less than 4 s";
        PAWSActive: "SYN-ACKs that echo a timestamp never sent";
        PAWSEstab: "segments with an old timestamp";
        BeyondWindow: "segments beyond the window";
        TSEcrRejected: "ACKs of a SYN-ACK that echo a timestamp never sent";
        PAWSOldAck: "old ACKs with an old timestamp";
        PAWSTimewait: "segments with an old timestamp in TIME_WAIT";
        DelayedACKs: "ACKs that the delayed-ACK timer sent";
        DelayedACKLost: "data received twice, because our ACK was lost or late";
        ListenOverflows: "SYNs and ACKs that arrived when the accept queue was full";
        ListenDrops: "SYNs and ACKs that a listener dropped";
        TCPHPHits: "data segments that header prediction processed";
        TCPPureAcks: "ACKs without data that header prediction did not process";
        TCPHPAcks: "ACKs that header prediction processed";
        TCPRenoRecovery: "recoveries begun without SACK";
        TCPSackRecovery: "recoveries begun with SACK";
        TCPSACKReneging: "timeouts at which the head was SACKed, so the peer has discarded SACKed data";
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
        TCPFastRetrans: "segments retransmitted in fast recovery";
        TCPSlowStartRetrans: "segments retransmitted after a timeout, the first excluded";
        TCPTimeouts: "retransmission timeouts, including those of SYN-ACKs";
        TCPLossProbes: "tail loss probes";
        TCPLossProbeRecovery: "losses that a tail loss probe repaired";
        TCPRenoRecoveryFail: "timeouts in a recovery without SACK";
        TCPSackRecoveryFail: "timeouts in a recovery with SACK";
        TCPDSACKOldSent: "D-SACKs sent for old data";
        TCPDSACKOfoSent: "D-SACKs sent for data received out of order";
        TCPDSACKRecv: "D-SACKs received for old data";
        TCPDSACKOfoRecv: "D-SACKs received for data received out of order";
        TCPAbortOnData: "connections reset because of data for a closed socket, or by close() with SO_LINGER 0";
        TCPAbortOnClose: "connections reset by close() with unread data";
        TCPAbortOnMemory: "connections reset because there were too many orphans or too little memory";
        TCPAbortOnTimeout: "connections given up by a timer";
        TCPAbortOnLinger: "connections reset by close() in FIN_WAIT2 with a negative TCP_LINGER2";
        TCPMemoryPressures: "times that the memory of all connections reached the pressure limit of tcp_mem";
        TCPSACKDiscard: "invalid SACK blocks";
        TCPDSACKIgnoredOld: "D-SACKs for retransmissions from before the recovery";
        TCPDSACKIgnoredNoUndo: "D-SACKs without a recovery to undo";
        TCPSpuriousRTOs: "timeouts that F-RTO found needless";
        TCPDeferAcceptDrop: "ACKs dropped by TCP_DEFER_ACCEPT";
        TCPTimeWaitOverflow: "TIME_WAIT socks that were not made because there were too many";
        TCPReqQFullDoCookies: "SYNs answered with a cookie because the SYN queue was full";
        TCPReqQFullDrop: "SYNs dropped because the SYN queue was full";
        TCPRcvCoalesce: "received segments merged with the one before them";
        TCPOFOQueue: "segments received out of order";
        TCPOFODrop: "segments received out of order and dropped for lack of memory";
        TCPOFOMerge: "segments received out of order whose data was already there";
        TCPChallengeACK: "challenge ACKs";
        TCPSYNChallenge: "SYNs received in an open connection";
        TCPFromZeroWindowAdv: "windows advertised above zero after zero";
        TCPToZeroWindowAdv: "windows advertised as zero";
        TCPWantZeroWindowAdv: "windows that could not be advertised as zero, because an offered window is not taken back";
        TCPSynRetrans: "SYNs and SYN-ACKs retransmitted";
        TCPOrigDataSent: "segments with data sent for the first time";
        TCPACKSkippedSynRecv: "ACKs not sent because of the rate limit: half-open connections";
        TCPACKSkippedPAWS: "ACKs not sent because of the rate limit: old timestamps";
        TCPACKSkippedSeq: "ACKs not sent because of the rate limit: segments outside the window";
        TCPACKSkippedFinWait2: "ACKs not sent because of the rate limit: orphans in FIN_WAIT2";
        TCPACKSkippedTimeWait: "ACKs not sent because of the rate limit: TIME_WAIT";
        TCPACKSkippedChallenge: "ACKs not sent because of the rate limit: challenge ACKs";
        TCPWinProbe: "window probes without data";
        TCPKeepAlive: "keepalive probes";
        TCPDelivered: "segments delivered";
        TCPAckCompressed: "duplicate ACKs delayed by SACK compression";
        TCPZeroWindowDrop: "data segments dropped because the window is closed";
        TCPRcvQDrop: "data segments dropped for lack of memory";
        TcpTimeoutRehash: "timeouts after which Linux tries another path";
        TCPDSACKRecvSegs: "segments that D-SACKs reported";
        TCPDSACKIgnoredDubious: "D-SACKs for more segments than were retransmitted";
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
