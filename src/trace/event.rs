//! One line of events.jsonl: what the application, the peer or the wire did or saw.

use crate::call::{Errno, TcpInfo, TcpState};
use crate::time::Instant;

/// Whose event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// The end under study.
    Survivor,
    /// The end that dies.
    Peer,
    /// What joins them.
    Wire,
}

/// An event and its instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// Whose.
    pub who: Who,
    /// What happened.
    pub what: Incident,
}

/// What happened. The words on disk are those of `shared` recordings: `send-accepted`, `post-mortem`, ...
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incident {
    /// Survivor: connect() was called, and returned this.
    Connect {
        /// Errno's name, or `0`.
        result: String,
    },
    /// Survivor: the connection is up.
    Connected {
        /// How the application learned it.
        how: String,
    },
    /// Survivor: listen() was called.
    Listen,
    /// Survivor: accept() gave a connection.
    Accept,
    /// Either end: the application writes this many bytes (logged before the call).
    Send {
        /// Bytes wanted.
        bytes: usize,
    },
    /// Survivor: send() took some (logged after the call).
    SendAccepted {
        /// Bytes taken now.
        bytes: usize,
        /// Bytes that wait for room.
        pending: usize,
        /// Bytes taken since the start.
        total: usize,
    },
    /// Survivor: recv() gave some.
    Recv {
        /// Bytes read now.
        bytes: usize,
        /// Bytes read since the start.
        total: usize,
    },
    /// Survivor: recv() gave the end of the stream.
    Eof {
        /// How it was seen.
        how: String,
    },
    /// Either end: shutdown(SHUT_WR).
    Shutdown,
    /// Either end: close(), logged before the call.
    Close,
    /// Survivor: close() returned.
    ClosedFd,
    /// Either end: the process was killed.
    Kill,
    /// Survivor: setsockopt() now.
    Set {
        /// Option's name.
        opt: String,
        /// Its value as written.
        val: String,
    },
    /// Survivor: a call reported an error.
    Error {
        /// Which error.
        errno: Errno,
        /// The call that reported it.
        how: String,
    },
    /// Survivor: what the next calls on the dead socket say.
    PostMortem {
        /// SO_ERROR: none is 0.
        so_error_next: Option<Errno>,
        /// recv(): `EOF` or an errno's name.
        recv_next: String,
        /// send(): an errno's name.
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
        /// In words.
        text: String,
    },
    /// Peer: connect().
    PeerConnect,
    /// Peer: advertises this many bytes from now on.
    Window {
        /// Bytes.
        bytes: u32,
    },
    /// Peer: the power is gone.
    Die,
    /// Peer: it is back, without state.
    Return,
    /// Peer: a packet reached a dead host.
    Swallowed {
        /// Its control bits, in letters.
        flags: String,
        /// Its data, bytes.
        len: usize,
    },
    /// Peer: it answers with a RST.
    Rst {
        /// Why.
        why: String,
    },
    /// Peer: RST now (`peer reset`).
    Reset,
    /// Peer: the survivor's RST came.
    ResetBySurvivor,
    /// Peer: the survivor's FIN came.
    FinReceived,
    /// Peer: its retransmission timer sent something again.
    Retransmit {
        /// How often so far.
        n: u32,
    },
    /// Peer: it was told to send without a connection.
    SendIgnored {
        /// The state it was in.
        state: String,
    },
    /// Wire: 100 % loss begins.
    Cut,
    /// Wire: it ends.
    Restore,
    /// Wire: the next n packets of the survivor will be lost.
    Drop {
        /// How many.
        n: u32,
    },
    /// Wire: the survivor's packets are answered by ICMP host unreachable from now on.
    Unreachable,
    /// Wire: no longer.
    Reachable,
    /// Wire: a packet was lost.
    Lost {
        /// `survivor->peer` or `peer->survivor`.
        dir: String,
        /// `cut`, `drop`, `unreachable`.
        why: String,
        /// Its control bits, in letters.
        flags: String,
        /// Its data, bytes.
        len: usize,
    },
}
