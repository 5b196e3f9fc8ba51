//! The socket calls an application makes, and what they return: the vocabulary that every target speaks.
//!
//! Linux counterpart: the socket system calls on a nonblocking descriptor, `poll(2)`, and TCP_INFO.

use crate::sockopt::SockOpt;
use crate::time::Instant;

/// A socket of one target: an index that the target hands out at `socket` or `accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u32);

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr {
    /// Network address.
    pub ip: std::net::IpAddr,
    /// TCP port.
    pub port: u16,
}

/// The unspecified address and port: `0.0.0.0:0`.
impl Default for Addr {
    fn default() -> Self {
        Addr::v4([0, 0, 0, 0], 0)
    }
}

impl Addr {
    /// An address and a port.
    pub const fn new(ip: std::net::IpAddr, port: u16) -> Self {
        Addr { ip, port }
    }

    /// An IPv4 address and a port.
    pub const fn v4(ip: [u8; 4], port: u16) -> Self {
        Addr {
            ip: std::net::IpAddr::V4(std::net::Ipv4Addr::from_octets(ip)),
            port,
        }
    }
}

impl std::fmt::Display for Addr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // brackets around an IPv6 address
        std::net::SocketAddr::new(self.ip, self.port).fmt(f)
    }
}

/// One call. Every call is nonblocking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// socket(): a new TCP socket. Returns [`Outcome::Socket`].
    Socket,
    /// setsockopt().
    Set(SocketId, SockOpt),
    /// bind() to this address; port 0 takes an ephemeral one.
    Bind(SocketId, Addr),
    /// connect(). Returns [`Outcome::InProgress`].
    Connect(SocketId, Addr),
    /// listen() with this backlog.
    Listen(SocketId, u32),
    /// accept(). Returns [`Outcome::Socket`].
    Accept(SocketId),
    /// send() of these bytes. Returns [`Outcome::Bytes`], how many were taken.
    Send(SocketId, Vec<u8>),
    /// recv() of at most this many bytes. Returns [`Outcome::Data`], empty at end of stream.
    Recv(SocketId, usize),
    /// shutdown(SHUT_WR).
    ShutdownWrite(SocketId),
    /// close().
    Close(SocketId),
    /// The process is killed: all its sockets are closed by its exit.
    Kill,
    /// getsockopt(SO_ERROR). Returns [`Outcome::SoError`] and clears it.
    SoError(SocketId),
}

/// What a call returned: one type for all calls, so that every target has one method for them. [`Engine`](crate::Engine) also
/// has methods that return the type of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded and has nothing to say.
    Done,
    /// connect() has sent a SYN, and goes on while the application does something else (EINPROGRESS).
    InProgress,
    /// A new socket.
    Socket(SocketId),
    /// This many bytes were taken.
    Bytes(usize),
    /// These bytes were read; none means end of stream.
    Data(Vec<u8>),
    /// SO_ERROR's value.
    SoError(Option<Errno>),
    /// It failed.
    Failed(Errno),
}

/// What poll(2) would say of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// POLLIN: recv() or accept() would not block.
    pub readable: bool,
    /// POLLOUT: send() would take something, or fail.
    pub writable: bool,
    /// POLLERR: an error waits to be fetched.
    pub error: bool,
    /// POLLHUP: both directions are over.
    pub hangup: bool,
}

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        /// The errors that a TCP socket reports, by the kernel's names and numbers (x86 and ARM).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(clippy::upper_case_acronyms, reason = "the kernel's own names")]
        pub enum Errno { $(#[doc = $text] $name = $number,)* }

        impl Errno {
            /// Every one of them.
            pub const ALL: &'static [Errno] = &[$(Errno::$name),*];

            /// The kernel's name: `ETIMEDOUT`.
            pub const fn name(self) -> &'static str {
                match self { $(Errno::$name => stringify!($name),)* }
            }

            /// What perror(3) prints: `Connection timed out`.
            pub const fn text(self) -> &'static str {
                match self { $(Errno::$name => $text,)* }
            }
        }
    };
}

errnos! {
    EINTR = 4, "Interrupted system call";
    EAGAIN = 11, "Resource temporarily unavailable";
    EINVAL = 22, "Invalid argument";
    EDEADLK = 35, "Resource deadlock avoided";
    EMFILE = 24, "Too many open files";
    EPIPE = 32, "Broken pipe";
    EDOM = 33, "Numerical argument out of domain";
    EPROTO = 71, "Protocol error";
    EBADF = 9, "Bad file descriptor";
    EPERM = 1, "Operation not permitted";
    ENOENT = 2, "No such file or directory";
    EMSGSIZE = 90, "Message too long";
    ENOPROTOOPT = 92, "Protocol not available";
    EOPNOTSUPP = 95, "Operation not supported";
    EADDRINUSE = 98, "Address already in use";
    EADDRNOTAVAIL = 99, "Cannot assign requested address";
    ENETDOWN = 100, "Network is down";
    ENETUNREACH = 101, "Network is unreachable";
    ECONNABORTED = 103, "Software caused connection abort";
    ECONNRESET = 104, "Connection reset by peer";
    ENOBUFS = 105, "No buffer space available";
    EISCONN = 106, "Transport endpoint is already connected";
    ENOTCONN = 107, "Transport endpoint is not connected";
    ETIMEDOUT = 110, "Connection timed out";
    ECONNREFUSED = 111, "Connection refused";
    EHOSTDOWN = 112, "Host is down";
    EHOSTUNREACH = 113, "No route to host";
    EALREADY = 114, "Operation already in progress";
    EINPROGRESS = 115, "Operation now in progress";
    ENONET = 64, "Machine is not on the network";
    EDESTADDRREQ = 89, "Destination address required";
    ENOTSOCK = 88, "Socket operation on non-socket";
    EACCES = 13, "Permission denied";
    ENOMEM = 12, "Cannot allocate memory";
}

impl Errno {
    /// The error with this number, if it is one that TCP reports.
    pub fn from_number(number: i32) -> Option<Errno> {
        Errno::ALL.iter().copied().find(|e| *e as i32 == number)
    }

    /// The error of this name.
    pub fn from_name(name: &str) -> Option<Errno> {
        Errno::ALL.iter().copied().find(|e| e.name() == name)
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A state of RFC 9293, and Linux's two extra ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpState {
    /// No connection.
    #[default]
    Closed,
    /// Waiting for a SYN.
    Listen,
    /// A SYN was sent.
    SynSent,
    /// A SYN came and was answered (Linux: a request sock).
    SynRecv,
    /// Open.
    Established,
    /// Our FIN is out.
    FinWait1,
    /// Our FIN is acknowledged.
    FinWait2,
    /// The peer's FIN came.
    CloseWait,
    /// Both FINs are out, ours is not acknowledged.
    Closing,
    /// The peer's FIN came, ours is out.
    LastAck,
    /// Waiting for old segments to die.
    TimeWait,
}

impl TcpState {
    /// Every state but [`Closed`](TcpState::Closed).
    pub const NOT_CLOSED: [TcpState; 10] = [
        TcpState::Listen,
        TcpState::SynSent,
        TcpState::SynRecv,
        TcpState::Established,
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::CloseWait,
        TcpState::Closing,
        TcpState::LastAck,
        TcpState::TimeWait,
    ];

    /// The name that `ss` and the recordings use: `ESTABLISHED`, `FIN_WAIT1`; `(none)` for no socket.
    pub const fn name(self) -> &'static str {
        match self {
            TcpState::Closed => "(none)",
            TcpState::Listen => "LISTEN",
            TcpState::SynSent => "SYN_SENT",
            TcpState::SynRecv => "SYN_RECV",
            TcpState::Established => "ESTABLISHED",
            TcpState::FinWait1 => "FIN_WAIT1",
            TcpState::FinWait2 => "FIN_WAIT2",
            TcpState::CloseWait => "CLOSE_WAIT",
            TcpState::Closing => "CLOSING",
            TcpState::LastAck => "LAST_ACK",
            TcpState::TimeWait => "TIME_WAIT",
        }
    }
}

/// The timer that `ss -o` shows for a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimerKind {
    /// None is pending.
    #[default]
    None,
    /// Retransmission, loss probe or reordering: `on`.
    On,
    /// Keepalive, or an orphan's FIN_WAIT2.
    Keepalive,
    /// TIME_WAIT (or an orphan's FIN_WAIT2 as a timewait sock).
    TimeWait,
    /// Zero-window probe.
    Persist,
}

impl TimerKind {
    /// The recordings' word for it.
    pub const fn name(self) -> &'static str {
        match self {
            TimerKind::None => "none",
            TimerKind::On => "on(rto/tlp/reo)",
            TimerKind::Keepalive => "keepalive",
            TimerKind::TimeWait => "timewait",
            TimerKind::Persist => "persist",
        }
    }
}

/// What TCP_INFO and sock_diag tell of a connection; the kernel's names, units and scales.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// When it was read.
    pub at: Instant,
    /// tcpi_state.
    pub state: TcpState,
    /// tcpi_ca_state: 0 Open, 1 Disorder, 2 CWR, 3 Recovery, 4 Loss.
    pub ca_state: u8,
    /// RTO expiries in a row without an answer.
    pub retransmits: u32,
    /// Unanswered keepalive or zero-window probes.
    pub probes: u32,
    /// Doublings of the RTO in force.
    pub backoff: u32,
    /// RTO in us, backed off.
    pub rto_us: u64,
    /// Delayed-ACK estimate in us.
    pub ato_us: u64,
    /// Largest segment sent, bytes.
    pub snd_mss: u32,
    /// Largest segment seen, estimated, bytes.
    pub rcv_mss: u32,
    /// Segments out and not acknowledged.
    pub unacked: u32,
    /// Segments the peer holds out of order.
    pub sacked: u32,
    /// Segments held lost.
    pub lost: u32,
    /// Segments retransmitted and not acknowledged.
    pub retrans: u32,
    /// Age of the last data sent, ms.
    pub last_data_sent_ms: u64,
    /// Age of the last acceptable ACK, ms.
    pub last_ack_recv_ms: u64,
    /// Smoothed RTT, us.
    pub rtt_us: u64,
    /// Mean deviation of the RTT, us (Linux shows mdev, not its rttvar).
    pub rttvar_us: u64,
    /// Slow-start threshold, segments; 2147483647 while none was set.
    pub snd_ssthresh: u32,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// tcpi_rcv_space, bytes.
    pub rcv_space: u32,
    /// Segments retransmitted since the start, loss probes included.
    pub total_retrans: u32,
    /// Bytes written and never sent.
    pub notsent: u32,
    /// Peer's window, bytes.
    pub snd_wnd: u32,
    /// Pending timer.
    pub timer: TimerKind,
    /// Time left on it as asked for, ms, in whole ticks; 0 when past.
    pub timer_ms: u64,
    /// Its count (idiag_retrans).
    pub timer_retrans: u32,
    /// Bytes received and not read.
    pub rqueue: u32,
    /// Bytes written and not acknowledged.
    pub wqueue: u32,
}
