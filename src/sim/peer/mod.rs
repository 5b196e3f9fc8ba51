//! The simulated peer: a simple TCP that follows the rules, the same for every target, as a value without I/O.
//!
//! It acknowledges every data segment at once, with SACK and D-SACK blocks, has timestamps on a 1 ms clock and one
//! retransmission timer of 1 s that doubles, no congestion control, initial sequence number 300000000, and never
//! closes by itself. Its packets are, byte for byte, those of the harness that made the recordings.

mod application;
mod clock;
mod input;
mod output;
mod received;

pub use clock::PeerClock;

use std::collections::VecDeque;
use std::time::Duration;

use crate::call::TcpState;
use crate::scenario::{self, IpVersion, Role};
use crate::time::Instant;
use crate::trace::{Event, Incident, Who};
use crate::wire::{Datagram, Flags, Seq};

use application::Frozen;
use output::Unacked;
use received::Received;

/// Its first sequence number, always.
pub(super) const ISN: Seq = Seq(300_000_000);

const FIRST_RTO: Duration = Duration::from_secs(1);
/// The MSS of a survivor that announces none (RFC 9293 3.7.1).
const DEFAULT_MSS: u16 = 536;

/// Whether there is power, and whether it was lost before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Up,
    Off,
    Rebooted,
}

/// What both ends agreed on in their SYNs.
#[derive(Clone, Copy, Debug, Default)]
struct Agreed {
    timestamps: bool,
    sack: bool,
    wscale: Option<u8>,
    /// Payload of a full segment to the survivor, bytes.
    mss: usize,
}

/// The peer.
#[derive(Clone, Debug)]
pub struct Peer {
    offers: scenario::Peer,
    clock: PeerClock,
    host: Host,
    state: TcpState,
    /// Its port and the survivor's.
    ports: (u16, u16),
    agreed: Agreed,
    /// Receive buffer, which is the window to advertise when all is read, bytes.
    window: u32,
    /// Its application is stopped.
    frozen: Option<Frozen>,
    snd_una: Seq,
    snd_nxt: Seq,
    rcv_nxt: Seq,
    received: Received,
    /// Latest timestamp to echo, and the acknowledgment number last sent (RFC 7323 4.3).
    ts_recent: u32,
    last_ack_sent: Seq,
    unacked: VecDeque<Unacked>,
    rto: Duration,
    rto_at: Option<Instant>,
    retransmits: u32,
    ip_ident: u16,
    ip: IpVersion,
    outbox: VecDeque<Datagram>,
    events: Vec<Event>,
}

impl Peer {
    /// The host at the other end of a survivor with this role: it listens on port 7777, or is to connect from port 40000.
    pub fn new(offers: scenario::Peer, survivor: Role, clock: PeerClock) -> Self {
        let (survivors, own) = survivor.ports();
        Peer {
            offers,
            clock,
            host: Host::Up,
            state: match survivor {
                Role::Client => TcpState::Listen,
                Role::Server => TcpState::Closed,
            },
            ports: (own, survivors),
            agreed: Agreed::default(),
            window: offers.window,
            frozen: None,
            snd_una: ISN,
            snd_nxt: ISN,
            rcv_nxt: Seq(0),
            received: Received::default(),
            ts_recent: 0,
            last_ack_sent: Seq(0),
            unacked: VecDeque::new(),
            rto: FIRST_RTO,
            rto_at: None,
            retransmits: 0,
            ip_ident: 1,
            ip: IpVersion::V4,
            outbox: VecDeque::new(),
            events: Vec::new(),
        }
    }

    /// Sets the IP version.
    pub fn over(self, ip: IpVersion) -> Self {
        Peer { ip, ..self }
    }

    /// Connects to the survivor.
    pub fn connect(&mut self, now: Instant) {
        self.report(now, Incident::PeerConnect);
        if self.host == Host::Off || self.state != TcpState::Closed {
            return;
        }
        self.agreed = Agreed {
            timestamps: self.offers.timestamps,
            sack: self.offers.sack,
            wscale: self.offers.wscale,
            mss: usize::from(DEFAULT_MSS),
        };
        self.state = TcpState::SynSent;
        self.send_new(now, Flags::SYN, Vec::new());
    }

    /// Writes `n` bytes as its application; they are sent at once, in segments of the survivor's MSS. Byte k of each
    /// segment is `@` + k mod 26, as in the recordings.
    pub fn send(&mut self, now: Instant, n: usize) {
        if !matches!(self.state, TcpState::Established | TcpState::CloseWait) {
            let state = self.state_name().to_owned();
            self.report(now, Incident::SendIgnored { state });
            return self.report(now, Incident::Send { bytes: n });
        }
        self.report(now, Incident::Send { bytes: n });
        let mut left = n;
        while left > 0 {
            let len = left.min(self.agreed.mss);
            left -= len;
            let payload = (0..len).map(|k| b'@' + (k % 26) as u8).collect();
            let push = if left == 0 {
                Flags::PSH
            } else {
                Flags::empty()
            };
            self.send_new(now, Flags::ACK | push, payload);
        }
    }

    /// Sends FIN and continues to read.
    pub fn shutdown(&mut self, now: Instant) {
        self.report(now, Incident::Shutdown);
        self.send_fin(now);
    }

    /// Sends FIN; data that arrives later is answered by RST.
    pub fn close(&mut self, now: Instant) {
        self.report(now, Incident::Close);
        self.exit(now);
    }

    /// Kills its process, which the survivor sees as a close, or as a reset if the process was frozen and had data to read.
    pub fn kill(&mut self, now: Instant) {
        self.report(now, Incident::Kill);
        self.exit(now);
    }

    fn send_fin(&mut self, now: Instant) {
        self.state = match self.state {
            TcpState::Established | TcpState::SynRecv => TcpState::FinWait1,
            TcpState::CloseWait => TcpState::LastAck,
            _ => return,
        };
        self.send_new(now, Flags::FIN | Flags::ACK, Vec::new());
    }

    /// Sends RST now and forgets the connection.
    pub fn reset(&mut self, now: Instant) {
        self.report(now, Incident::Reset);
        if !matches!(self.state, TcpState::Closed | TcpState::Listen) {
            self.abort(now);
        }
    }

    fn abort(&mut self, now: Instant) {
        let seq = self.snd_nxt;
        self.transmit(now, seq, Flags::RST | Flags::ACK, Vec::new());
        self.forget();
    }

    /// Switches its power off: it loses all state, ignores what arrives and sends nothing.
    pub fn power_off(&mut self, now: Instant) {
        self.report(now, Incident::Die);
        self.host = Host::Off;
        self.frozen = None;
        self.forget();
    }

    /// Boots it, without connections and without a listener.
    pub fn power_on(&mut self, now: Instant) {
        self.report(now, Incident::Return);
        if self.host == Host::Off {
            self.host = Host::Rebooted;
        }
    }

    /// Advertises a window of `bytes` from now on, beginning with a pure ACK.
    pub fn set_window(&mut self, now: Instant, bytes: u32) {
        self.report(now, Incident::Window { bytes });
        self.window = bytes;
        if self.synchronized() {
            self.send_ack(now, None);
        }
    }

    /// Returns the instant at which [`on_deadline`](Peer::on_deadline) is to be called.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.rto_at
    }

    /// The retransmission timer fires.
    pub fn on_deadline(&mut self, now: Instant) {
        if self.rto_at.is_some_and(|at| at <= now) {
            self.retransmit(now);
        }
    }

    /// Returns the next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Datagram> {
        self.outbox.pop_front()
    }

    /// Returns the events that were not yet reported, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// There is no connection and no listener.
    fn forget(&mut self) {
        self.state = TcpState::Closed;
        self.rto_at = None;
        self.unacked.clear();
        self.received = Received::default();
        if let Some(frozen) = &mut self.frozen {
            frozen.unread = 0;
        }
    }

    fn synchronized(&self) -> bool {
        !matches!(
            self.state,
            TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::SynRecv
        )
    }

    fn state_name(&self) -> &'static str {
        match self.state {
            TcpState::Closed => "CLOSED",
            state => state.name(),
        }
    }

    fn enter(&mut self, now: Instant, state: TcpState) {
        self.state = state;
        if matches!(state, TcpState::Established | TcpState::Closed) {
            self.report(now, Incident::State { state });
        }
    }

    fn report(&mut self, at: Instant, what: Incident) {
        let who = Who::Peer;
        self.events.push(Event { at, who, what });
    }
}

#[cfg(test)]
mod tests;
