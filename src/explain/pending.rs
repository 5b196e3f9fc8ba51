//! What waits for an answer at the end of a connection.

use super::connection::Connection;
use super::packet::Side;

/// Something that was sent and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    /// The SYN.
    Syn {
        /// Number of retries.
        retries: u32,
    },
    /// The SYN-ACK.
    SynAck {
        /// Number of retries.
        retries: u32,
    },
    /// Data or a FIN.
    Data {
        /// Bytes that are out, FIN included.
        bytes: i64,
        /// Whether a FIN is among them.
        fin: bool,
        /// Number of retransmissions by timer.
        firings: usize,
        /// Number of them that are RTOs.
        rtos: u32,
    },
    /// Keepalive probes.
    Keepalive {
        /// Number of probes.
        probes: u32,
    },
    /// Probes of a closed window.
    Window {
        /// Number of probes.
        probes: u32,
    },
}

/// What one end waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unanswered {
    /// The end that waits.
    pub(super) waits: Side,
    /// What it waits for.
    pub(super) pending: Pending,
    /// When it was sent first, ns.
    pub(super) since_ns: u64,
    /// When it was sent last, ns.
    pub(super) last_ns: u64,
    /// Whether the other end was heard after it had come again: then the other end lives.
    pub(super) other_lives: bool,
}

impl Connection {
    /// Returns what this end waits for.
    pub(super) fn unanswered(&self, side: Side) -> Option<Unanswered> {
        let me = self.end(side);
        let other = self.end(side.other());
        if me.rst.is_some_and(|(_, reason)| {
            reason != super::ResetReason::KeepaliveFailed && reason != super::ResetReason::GaveUp
        }) || other.rst.is_some()
        {
            return None;
        }
        if other.packets == 0 && me.last_ack.is_some() {
            return None;
        }
        let found = |pending, since_ns, last_ns, first_again| Unanswered {
            waits: side,
            pending,
            since_ns,
            last_ns,
            other_lives: other.last_ns > first_again,
        };
        if let Some(syn) = me.syn.as_ref().filter(|_| me.snd_una.is_none()) {
            let first = *me.syns_ns.first()?;
            let retries = me.syn_retries;
            let pending = match syn.answers {
                true => Pending::SynAck { retries },
                false => Pending::Syn { retries },
            };
            let last = *me.syns_ns.last()?;
            let again = *me.syns_ns.get(1).unwrap_or(&last);
            return Some(found(pending, first, last, again));
        }
        if let Some(series) = me
            .series
            .as_ref()
            .filter(|s| !s.is_empty() && !s.was_acked())
        {
            let fin = me
                .fin
                .is_some_and(|fin| me.snd_una.is_none_or(|una| una <= fin));
            let pending = Pending::Data {
                bytes: me.snd_nxt - me.snd_una.unwrap_or(0),
                fin,
                firings: series.len(),
                rtos: series.rtos(),
            };
            let again = series.firings[0].at_ns;
            let first = me.flights.first().map_or(series.base_ns, |f| f.first_ns);
            return Some(found(pending, first, series.last_ns()?, again));
        }
        let probes = me.probes.unanswered;
        if probes > 0 {
            let first = *me.probes.at_ns.first()?;
            let pending = match me.probes.window_closed {
                true => Pending::Window { probes },
                false => Pending::Keepalive { probes },
            };
            return Some(found(pending, first, *me.probes.at_ns.last()?, first));
        }
        self.out_once(side)
    }

    /// What was sent and never acknowledged, but the capture ends before it came again.
    fn out_once(&self, side: Side) -> Option<Unanswered> {
        let me = self.end(side);
        let una = me.snd_una?;
        let out = me.snd_nxt - una;
        let fin = me.fin.is_some_and(|fin| una <= fin);
        let first = me.flights.first()?;
        (out > 0 && me.is_numbered).then_some(Unanswered {
            waits: side,
            pending: Pending::Data {
                bytes: out,
                fin,
                firings: 0,
                rtos: 0,
            },
            since_ns: first.first_ns,
            last_ns: first.last_ns,
            other_lives: false,
        })
    }
}
