//! One line of events.jsonl: what the application, the peer or the link did or observed.

use crate::call::{Errno, TcpInfo, TcpState};
use crate::engine::{GiveUpRule, Text};
use crate::time::Instant;

/// The part of the scenario that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// The end that is studied.
    Survivor,
    /// The end that dies.
    Peer,
    /// The link between them.
    Wire,
}

/// An event and its instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Instant,
    /// Where it happened.
    pub who: Who,
    /// What happened.
    pub what: Incident,
}

/// What happened. The words in the file are those of the recordings, such as `send-accepted` or `post-mortem`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incident {
    /// Survivor: connect() was called and returned this.
    Connect {
        /// The name of the errno, or `0`.
        result: String,
    },
    /// Survivor: the connection is established.
    Connected {
        /// How the application learned it.
        how: String,
    },
    /// Survivor: listen() was called.
    Listen,
    /// Survivor: accept() returned a connection.
    Accept,
    /// Either end: the application writes this many bytes (logged before the call).
    Send {
        /// Bytes to write.
        bytes: usize,
    },
    /// Survivor: send() accepted bytes (logged after the call).
    SendAccepted {
        /// Bytes accepted by this call.
        bytes: usize,
        /// Bytes that wait for space in the send buffer.
        pending: usize,
        /// Bytes accepted since the start.
        total: usize,
    },
    /// Survivor: recv() returned bytes.
    Recv {
        /// Bytes read by this call.
        bytes: usize,
        /// Bytes read since the start.
        total: usize,
    },
    /// Survivor: recv() reached the end of the stream.
    Eof {
        /// How the application saw it.
        how: String,
    },
    /// Either end: shutdown(SHUT_WR) was called.
    Shutdown,
    /// Either end: close() was called (logged before the call).
    Close,
    /// Survivor: close() returned.
    ClosedFd,
    /// Either end: the process was killed.
    Kill,
    /// Survivor: setsockopt() was called.
    Set {
        /// The option's name.
        opt: String,
        /// Its value as in the scenario.
        val: String,
    },
    /// Survivor: a call returned an error.
    Error {
        /// The error.
        errno: Errno,
        /// The call that returned it.
        how: String,
    },
    /// Survivor: what the next calls on the dead socket return.
    PostMortem {
        /// SO_ERROR, or `None` if it is 0.
        so_error_next: Option<Errno>,
        /// recv(): `EOF` or the name of an errno.
        recv_next: String,
        /// send(): the name of an errno.
        send_next: String,
    },
    /// Either end: the connection was first seen in this state.
    State {
        /// The state; [`TcpState::Closed`] is written `(none)` for the survivor, `CLOSED` for the peer.
        state: TcpState,
    },
    /// Survivor: TCP_INFO and timers, two milliseconds after one of its packets.
    TcpInfo(Box<TcpInfo>),
    /// Survivor, engine only: a timer was armed, replaced, cleared or fired, and why.
    Timer {
        /// What the timer did, in words.
        text: String,
    },
    /// Survivor, engine only: the host gave the connection up.
    GivenUp {
        /// The rule that decided.
        rule: GiveUpRule,
        /// The error that the application gets; none: no application holds the connection.
        errno: Option<Errno>,
    },
    /// Peer: connect() was called.
    PeerConnect,
    /// Peer: it advertises this window from now on.
    Window {
        /// The window, bytes.
        bytes: u32,
    },
    /// Peer: its process was stopped.
    Freeze,
    /// Peer: its process continues.
    Thaw,
    /// Peer: it lost power.
    Die,
    /// Peer: it has booted and has no state.
    Return,
    /// Peer: a packet reached it while it had no power.
    Swallowed {
        /// Its control bits, in letters.
        flags: String,
        /// Length of its data, bytes.
        len: usize,
    },
    /// Peer: it answers with a RST.
    Rst {
        /// The reason.
        why: String,
    },
    /// Peer: it sends a RST because of a step (`peer reset`).
    Reset,
    /// Peer: it received a RST of the survivor.
    ResetBySurvivor,
    /// Peer: it received a FIN of the survivor.
    FinReceived,
    /// Peer: its retransmission timer retransmitted a segment.
    Retransmit {
        /// Number of retransmissions so far.
        n: u32,
    },
    /// Peer: a step of the scenario made it send, but it has no connection.
    SendIgnored {
        /// Its state at that time.
        state: String,
    },
    /// Link: it loses all packets from now on.
    Cut,
    /// Link: it ends a cut.
    Restore,
    /// Link: it loses the next n packets of the survivor.
    Drop {
        /// Number of packets.
        n: u32,
    },
    /// Link: it answers the survivor's packets with ICMP host unreachable from now on.
    Unreachable,
    /// Link: it carries packets again.
    Reachable,
    /// Link: it lost a packet.
    Lost {
        /// `survivor->peer` or `peer->survivor`.
        dir: String,
        /// `cut`, `drop`, `unreachable`.
        why: String,
        /// Its control bits, in letters.
        flags: String,
        /// Length of its data, bytes.
        len: usize,
    },
}

/// What the engine says of its timers.
impl From<&Text> for Incident {
    fn from(text: &Text) -> Incident {
        match *text {
            Text::GivenUp { rule, errno } => Incident::GivenUp { rule, errno },
            ref text => Incident::Timer {
                text: text.to_string(),
            },
        }
    }
}
