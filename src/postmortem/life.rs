//! One connection: what its packets and its sightings add up to.

use super::silence::{Sent, Silence};
use crate::call::{Addr, TcpInfo, TcpState, TimerKind};
use crate::forecast::Seen;
use crate::time::Instant;
use crate::trace::Dir;
use crate::wire::{Flags, Segment, Seq};

/// What was sent and received in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    /// The number after the highest byte seen; none before the first.
    next: Option<Seq>,
    /// Data bytes, each counted once.
    pub(super) bytes: u64,
    /// When a FIN first passed.
    pub(super) fin: Option<Instant>,
    /// When a RST passed.
    pub(super) rst: Option<Instant>,
    /// The highest number acknowledged by it.
    acked: Option<Seq>,
}

/// A window that the peer has closed over data that waits.
#[derive(Clone, Debug)]
pub struct ClosedWindow {
    /// When the persist timer was first seen.
    pub since: Instant,
    /// What sock_diag showed last.
    pub info: TcpInfo,
    /// Window probes that were sent.
    pub probes: usize,
    /// Those of them that the peer answered.
    pub answered: usize,
    /// Nothing has come since the newest of them.
    is_waiting: bool,
}

impl ClosedWindow {
    fn since(since: Instant) -> ClosedWindow {
        ClosedWindow {
            since,
            info: TcpInfo::default(),
            probes: 0,
            answered: 0,
            is_waiting: false,
        }
    }
}

/// What is remembered of a connection.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) local: Addr,
    pub(super) remote: Addr,
    pub(super) began: Instant,
    /// Whether the program opened it, not the peer.
    pub(super) by_program: bool,
    pub(super) established: Option<Instant>,
    pub(super) out: Stream,
    pub(super) back: Stream,
    pub(super) last_heard: Option<Instant>,
    pub(super) silence: Silence,
    /// What was sent from its peer's death until the peer was heard again.
    pub(super) outage: Option<Silence>,
    /// When that was.
    pub(super) heard_again: Option<Instant>,
    /// When its peer died first, if it was there then.
    pub(super) peer_died: Option<Instant>,
    /// The bytes sent and received by then.
    pub(super) before_death: (u64, u64),
    /// The first sighting after the peer's death.
    pub(super) at_death: Option<Seen>,
    /// The newest sighting while a program held it.
    pub(super) held: Option<Seen>,
    /// The newest of all.
    pub(super) newest: Option<Seen>,
    /// The peer's window is closed over data that waits, and probes are sent.
    pub(super) closed_window: Option<ClosedWindow>,
    /// Since when nobody holds it.
    pub(super) orphan_since: Option<Instant>,
    /// Since when it is gone.
    pub(super) gone: Option<Instant>,
}

impl Life {
    pub(super) fn new((local, remote): (Addr, Addr), began: Instant) -> Life {
        Life {
            local,
            remote,
            began,
            by_program: true,
            established: None,
            out: Stream::default(),
            back: Stream::default(),
            last_heard: None,
            silence: Silence::default(),
            outage: None,
            heard_again: None,
            peer_died: None,
            before_death: (0, 0),
            at_death: None,
            held: None,
            newest: None,
            closed_window: None,
            orphan_since: None,
            gone: None,
        }
    }

    /// Whether this packet belongs to a later connection between the same ends.
    pub(super) fn is_followed_by(&self, at: Instant, dir: Dir, segment: &Segment) -> bool {
        let is_syn = segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK);
        let stream = match dir {
            Dir::Out => &self.out,
            Dir::In => &self.back,
        };
        is_syn && at > self.began && stream.next.is_some_and(|next| segment.end_seq() != next)
    }

    pub(super) fn packet(&mut self, at: Instant, dir: Dir, segment: &Segment) {
        let flags = segment.flags;
        if self.out.next.is_none() && self.back.next.is_none() {
            self.by_program = dir == Dir::Out;
        }
        match dir {
            Dir::Out => {
                let sent = self.what(segment);
                self.out.take(at, segment);
                self.silence.sent(at, sent);
                if let (Sent::Probe, Some(closed)) = (sent, &mut self.closed_window) {
                    closed.probes += 1;
                    closed.is_waiting = true;
                }
            }
            Dir::In => {
                self.back.take(at, segment);
                self.last_heard = Some(at);
                if let Some(closed) = &mut self.closed_window {
                    closed.answered += usize::from(std::mem::take(&mut closed.is_waiting));
                }
                if self.peer_died.is_some() && self.outage.is_none() {
                    self.outage = Some(std::mem::take(&mut self.silence));
                    self.heard_again = Some(at);
                }
                self.silence.heard();
            }
        }
        // the handshake is over with the acknowledgment of the second SYN
        let both = self.out.next.is_some() && self.back.next.is_some();
        let third = both && flags.has(Flags::ACK) && !flags.any(Flags::SYN | Flags::RST);
        if self.established.is_none() && third {
            self.established = Some(at);
        }
    }

    /// What a packet that leaves now is.
    fn what(&self, segment: &Segment) -> Sent {
        let len = segment.payload.len();
        if segment.flags.has(Flags::RST) {
            return Sent::Reset;
        }
        let Some(next) = self.out.next else {
            return Sent::Syn;
        };
        match (segment.seq_len() > 0, segment.end_seq().after(next)) {
            (true, true) => Sent::New(len),
            (true, false) => Sent::Again(len),
            (false, _) if segment.seq.before(next) && self.is_below_una(segment.seq) => Sent::Probe,
            (false, _) => Sent::Ack,
        }
    }

    /// Whether the peer has acknowledged more than this: an ordinary segment would not be numbered so.
    fn is_below_una(&self, seq: Seq) -> bool {
        self.back.acked.is_some_and(|acked| seq.before(acked))
    }

    pub(super) fn peer_died(&mut self, at: Instant) {
        if self.peer_died.is_none() && self.gone.is_none() {
            self.peer_died = Some(at);
            self.before_death = (self.out.bytes, self.back.bytes);
        }
    }

    /// What a look that began at `at` showed.
    pub(super) fn sighted(&mut self, at: Instant, seen: Seen, peer_is_dead: bool) {
        if self.gone.is_some() {
            return;
        }
        let is_held = !seen.orphan && !matches!(seen.info.state, TcpState::TimeWait);
        if is_held {
            self.held = Some(seen.clone());
        } else if self.orphan_since.is_none() {
            self.orphan_since = Some(at);
        }
        // a look that began before the death may show what was before
        let since = self.peer_died.is_some_and(|died| at >= died);
        if peer_is_dead && since && self.at_death.is_none() {
            self.at_death = Some(seen.clone());
        }
        // the persist timer runs where data waits, nothing is in flight and the window is closed
        self.closed_window = (seen.info.timer == TimerKind::Persist).then(|| {
            let since = self.closed_window.take();
            let since = since.unwrap_or_else(|| ClosedWindow::since(at));
            ClosedWindow {
                info: seen.info.clone(),
                ..since
            }
        });
        self.newest = Some(seen);
    }

    /// The FIN of a program that held the socket for longer: shutdown(SHUT_WR), and not close().
    pub(super) fn shut_down(&self) -> Option<Instant> {
        let held_at = self.held.as_ref().map(|seen| seen.info.at)?;
        self.out.fin.filter(|fin| held_at > *fin)
    }

    pub(super) fn not_sighted(&mut self, at: Instant) {
        // a look that was taken before its first packet says nothing
        if self.gone.is_none() && at > self.began {
            self.gone = Some(at);
        }
    }
}

impl Stream {
    fn take(&mut self, at: Instant, segment: &Segment) {
        let end = segment.end_seq();
        if segment.flags.has(Flags::RST) {
            self.rst.get_or_insert(at);
            return;
        }
        if segment.flags.has(Flags::FIN) {
            self.fin.get_or_insert(at);
        }
        let control = segment.seq_len() - segment.payload.len() as u32;
        match self.next {
            None => {
                self.bytes += segment.payload.len() as u64;
                self.next = Some(end);
            }
            Some(next) if end.after(next) => {
                self.bytes += u64::from((end - next).saturating_sub(control));
                self.next = Some(end);
            }
            Some(_) => {}
        }
        if segment.flags.has(Flags::ACK) {
            self.acked = Some(self.acked.map_or(segment.ack, |a| a.max(segment.ack)));
        }
    }

    /// Whether the other side has acknowledged all of this, its FIN included.
    pub(super) fn is_acked_by(&self, other: &Stream) -> bool {
        self.next
            .zip(other.acked)
            .is_some_and(|(next, acked)| acked == next)
    }
}
