//! What the application at each end gets: which call returns what, and when.
//!
//! RFC 9293 3.9.1; errno values as Linux has them (`tcp_reset()`, `tcp_write_err()`, `icmp_err_convert`).

use super::connection::Connection;
use super::end::IcmpError;
use super::give_up::{ORPHAN_RETRIES, TCP_RETRIES2, give_up_ns, model_ns};
use super::packet::Side;
use super::pending::Pending;
use super::rerun::Rerun;
use super::reset::ResetReason;
use super::span::{CaptureSpan, length};
use super::system::System;

/// What the application of an end gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The end.
    pub side: Side,
    /// What its application gets, in words; times in seconds since the start of the capture.
    pub text: String,
    /// The error, if it gets one.
    pub errno: Option<&'static str>,
    /// When it gets it, nanoseconds since the Unix epoch, if the capture shows or allows to compute it.
    pub at_ns: Option<u64>,
    /// Whether the instant is computed; otherwise it is in the capture.
    pub is_computed: bool,
}

impl Told {
    fn new(side: Side, text: impl Into<String>) -> Told {
        Told {
            side,
            text: text.into(),
            errno: None,
            at_ns: None,
            is_computed: false,
        }
    }

    fn error(self, errno: &'static str, at_ns: u64) -> Told {
        Told {
            errno: Some(errno),
            at_ns: Some(at_ns),
            ..self
        }
    }

    /// Puts the end that the engine simulates in place of the one that was computed.
    pub(super) fn simulated(&mut self, rerun: &Rerun, span: &CaptureSpan) {
        let (true, Some((earliest, latest, errno))) = (self.is_computed, rerun.gives_up) else {
            return;
        };
        let when = match latest.saturating_sub(earliest) {
            0..10_000_000 => format!("at {}", span.at(latest)),
            _ => format!("between {} and {}", span.at(earliest), span.at(latest)),
        };
        if errno.is_empty() || self.errno.is_none() && errno != "ETIMEDOUT" {
            return;
        }
        let sysctls = match rerun.sysctls.as_str() {
            "" => "default sysctls".to_owned(),
            other => format!("{other} and else default sysctls"),
        };
        let defaults = format!("simulated: the engine with {sysctls}, if nothing more arrives");
        self.text = format!("{errno} {when} ({defaults})");
        self.errno = Some(errno);
        self.at_ns = Some(latest);
    }

    fn computed(self) -> Told {
        Told {
            is_computed: true,
            ..self
        }
    }
}

/// The errno that Linux makes of an ICMP error.
fn errno_of(kind: (u8, u8), v6: bool) -> Option<&'static str> {
    match (v6, kind) {
        (false, (3, 0 | 6)) | (true, (1, 0)) => Some("ENETUNREACH"),
        (false, (3, 1 | 7 | 8 | 9 | 10 | 11 | 12)) | (true, (1, 3) | (3, _)) => {
            Some("EHOSTUNREACH")
        }
        (false, (3, 3)) | (true, (1, 4)) => Some("ECONNREFUSED"),
        (false, (3, 13)) => Some("EHOSTUNREACH"),
        (true, (1, 1)) => Some("EACCES"),
        (false, (11, _)) => Some("EHOSTUNREACH"),
        _ => None,
    }
}

impl Connection {
    /// Returns what the application of an end gets.
    pub(super) fn told(&self, side: Side, span: &CaptureSpan) -> Told {
        let mut told = self.told_of_end(side, span);
        let eof = self.end_of_stream(side);
        if let Some(at) = eof.filter(|_| told.errno != Some("ECONNREFUSED")) {
            told.text = format!(
                "end of stream (recv() returns 0) at {}; {}",
                span.at(at),
                told.text
            );
        }
        told
    }

    /// When the end got the other one's FIN, and all before it.
    fn end_of_stream(&self, side: Side) -> Option<u64> {
        let other = self.end(side.other());
        let fin = other.fin?;
        let has_it = fin > 0 && other.snd_una.is_some_and(|una| una > fin);
        other
            .fin_ns
            .filter(|_| has_it && other.rst.is_none_or(|r| Some(r.0) > other.fin_ns))
    }

    fn told_of_end(&self, side: Side, span: &CaptureSpan) -> Told {
        let (me, other) = (self.end(side), self.end(side.other()));
        if me.packets == 0 {
            return Told::new(
                side,
                "cannot be told: the capture has no packet of this end",
            );
        }
        if other.packets == 0 && me.last_ack.is_some() {
            let text = "cannot be told: the capture has no packet of the other end";
            return Told::new(side, text);
        }
        if let Some((at, reason)) = me.rst {
            return self.told_by_own_reset(side, at, reason, span);
        }
        if let Some((at, _)) = other.rst {
            return self.told_by_reset(side, at, span);
        }
        if let Some(IcmpError {
            kind,
            v6,
            at_ns: at,
            ..
        }) = me.icmp
            && me.snd_una.is_none()
            && let Some(errno) = errno_of(kind, v6)
        {
            let text = format!("{errno} from connect() at {} (ICMP error)", span.at(at));
            return Told::new(side, text).error(errno, at);
        }
        if let Some(unanswered) = self.unanswered(side) {
            return self.told_of_pending(side, unanswered.pending, span);
        }
        if me
            .series
            .as_ref()
            .is_some_and(|s| s.was_acked() && s.len() > 2)
        {
            let mut told = self.told_of_data(side, me.fin.is_some(), 1, span);
            told.text += ", if the acknowledgments never reach it";
            return told;
        }
        match (me.fin.is_some(), other.fin.is_some()) {
            (true, true) => Told::new(side, "nothing more: it has closed"),
            (true, false) => Told::new(side, "nothing: it has closed its sending side"),
            (false, true) => Told::new(side, "nothing else"),
            (false, false) => Told::new(side, "nothing"),
        }
    }

    fn told_by_own_reset(
        &self,
        side: Side,
        at: u64,
        reason: ResetReason,
        span: &CaptureSpan,
    ) -> Told {
        let at_s = span.at(at);
        match reason {
            ResetReason::KeepaliveFailed => Told::new(
                side,
                format!("ETIMEDOUT at {at_s}: its kernel gave up after the keepalive probes"),
            )
            .error("ETIMEDOUT", at),
            ResetReason::GaveUp => {
                let text = format!(
                    "a timeout (ETIMEDOUT, on Windows WSAECONNABORTED or WSAETIMEDOUT) at {at_s}"
                );
                Told::new(side, text).error("ETIMEDOUT", at)
            }
            ResetReason::Abort => Told::new(
                side,
                format!("nothing: it aborted the connection itself at {at_s}"),
            ),
            ResetReason::Refused => Told::new(side, "nothing: no application takes part"),
            ResetReason::Middlebox => Told::new(
                side,
                format!("nothing of the RST at {at_s}, which it did not send"),
            ),
            ResetReason::NoConnection | ResetReason::DataAfterClose | ResetReason::Unexpected => {
                Told::new(
                    side,
                    "nothing: no application holds the connection any more",
                )
            }
        }
    }

    fn told_by_reset(&self, side: Side, at: u64, span: &CaptureSpan) -> Told {
        let (me, other) = (self.end(side), self.end(side.other()));
        let at_s = span.at(at);
        let is_opening =
            me.syn.as_ref().is_some_and(|s| !s.answers) && me.snd_una.is_none_or(|una| una == 0);
        let is_opening = is_opening
            || me.syn.is_some()
                && other.syn.is_none()
                && other.bytes == 0
                && self.has_syn
                && me.last_ack.is_none();
        if is_opening && me.bytes <= 1 {
            return Told::new(side, format!("ECONNREFUSED from connect() at {at_s}"))
                .error("ECONNREFUSED", at);
        }
        if me.fin.is_some() {
            let text = format!(
                "nothing if it called close(); ECONNRESET at {at_s} if it only called shutdown() and still reads"
            );
            return Told::new(side, text);
        }
        match other.fin.is_some() {
            true => Told::new(
                side,
                format!("EPIPE from the next send(), or ECONNRESET, at {at_s} (the RST)"),
            )
            .error("EPIPE", at),
            false => Told::new(side, format!("ECONNRESET at {at_s}")).error("ECONNRESET", at),
        }
    }

    fn told_of_pending(&self, side: Side, pending: Pending, span: &CaptureSpan) -> Told {
        let me = self.end(side);
        match pending {
            Pending::Syn { .. } => self.told_of_connect(side, span),
            Pending::SynAck { .. } => Told::new(side, "nothing: accept() does not return a half-open connection"),
            Pending::Keepalive { probes } => {
                let every = me.keepalive.interval_ns.map_or_else(String::new, |ns| format!(", one every {}", length(ns)));
                let text = format!(
                    "ETIMEDOUT when TCP_KEEPCNT probes in a row are unanswered (9 unless set); {probes} are so far{every}"
                );
                Told::new(side, text).computed()
            }
            Pending::Window { .. } => Told::new(
                side,
                "ETIMEDOUT when tcp_retries2 window probes (15 unless set) are unanswered, or TCP_USER_TIMEOUT has passed",
            )
            .computed(),
            Pending::Data { fin, firings, .. } => self.told_of_data(side, fin, firings, span),
        }
    }

    fn told_of_connect(&self, side: Side, span: &CaptureSpan) -> Told {
        let me = self.end(side);
        let gaps: Vec<u64> = me
            .syns_ns
            .windows(2)
            .map(|w| w[1].saturating_sub(w[0]))
            .collect();
        let Some(next) = gaps.last().map(|gap| gap.saturating_mul(2)) else {
            return Told::new(
                side,
                "nothing yet: its SYN is not answered, and not repeated in the capture",
            );
        };
        let last = me.syns_ns.last().copied().unwrap_or_default();
        match span.last_ns > last.saturating_add(next).saturating_add(next / 4) {
            true => {
                let text = format!(
                    "ETIMEDOUT from connect() at about {}, when the next SYN was due (computed)",
                    span.at(last + next)
                );
                Told::new(side, text)
                    .error("ETIMEDOUT", last + next)
                    .computed()
            }
            false => Told::new(
                side,
                "nothing yet: connect() still waits when the capture ends; ETIMEDOUT follows after the last SYN retry \
                 (tcp_syn_retries or TCP_SYNCNT, 6 unless set)",
            ),
        }
    }

    fn told_of_data(&self, side: Side, fin: bool, firings: usize, span: &CaptureSpan) -> Told {
        let me = self.end(side);
        let Some(series) = me.series.as_ref().filter(|_| firings > 0) else {
            return Told::new(
                side,
                "nothing yet: its last data is not acknowledged, and not sent again in the capture",
            );
        };
        let is_foreign = self
            .runs(side)
            .is_some_and(|(system, _)| system != System::Linux);
        let at = |retries| give_up_ns(series, retries);
        let of_icmp = me.icmp.and_then(|i| errno_of(i.kind, i.v6));
        let errno = of_icmp.unwrap_or("ETIMEDOUT");
        if fin {
            let orphan = at(ORPHAN_RETRIES).filter(|_| !is_foreign).map_or_else(String::new, |ns| {
                format!(
                    "; Linux forgets the connection at about {} ({ORPHAN_RETRIES} retries as a time, {} after the first RTO; computed)",
                    span.at(ns),
                    length(model_ns(ORPHAN_RETRIES)),
                )
            });
            let closed = me.fin_ns.map_or_else(String::new, |at| {
                format!(
                    "it closed its sending side at {} without an error; ",
                    span.at(at)
                )
            });
            let late =
                "if that was close(), no application hears that the last data or the FIN was lost";
            return Told::new(side, format!("{closed}{late}{orphan}"));
        }
        if is_foreign {
            return self.told_of_foreign(side, series.rtos(), span);
        }
        let Some(ns) = at(TCP_RETRIES2) else {
            return Told::new(side, "cannot be told");
        };
        let text = format!(
            "{errno} at about {} with tcp_retries2 = {TCP_RETRIES2} (computed: {} after the first RTO retransmission, at the next \
             expiry)",
            span.at(ns),
            length(model_ns(TCP_RETRIES2)),
        );
        Told::new(side, text).error(errno, ns).computed()
    }

    /// Other systems: only what their documentation says.
    fn told_of_foreign(&self, side: Side, rtos: u32, span: &CaptureSpan) -> Told {
        let me = self.end(side);
        let is_windows = self
            .runs(side)
            .is_some_and(|(system, _)| system == System::Windows);
        let series = me.series.as_ref();
        let next = series.and_then(super::give_up::next_due_ns);
        match (is_windows, next) {
            (true, Some(next)) if rtos >= 5 => {
                let text = format!(
                    "a timeout (WSAETIMEDOUT or WSAECONNABORTED) at about {}, if five retransmissions are its limit, as documented \
                     for Windows (TcpMaxDataRetransmissions; computed)",
                    span.at(next)
                );
                Told::new(side, text).error("ETIMEDOUT", next).computed()
            }
            _ => Told::new(
                side,
                "a timeout when its retransmissions end; how many this system makes is not known from the capture",
            ),
        }
    }
}
