//! The story of one connection: facts, in the order in which they are told.

use std::time::Duration;

use super::Run;
use super::life::{ClosedWindow, Life};
use super::silence::Try;
use crate::call::{Addr, Errno, TcpInfo, TcpState, TimerKind};
use crate::engine::GiveUpRule;
use crate::forecast::{self, Forecast, Seen, Verdict};
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};

/// How far a look at sock_diag and the event that it shows may lie apart.
const SLACK: Duration = Duration::from_millis(300);

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was still there when the run ended.
    Open,
    /// The kernel gave up while the program held the socket.
    GaveUp {
        /// When it was first seen to be gone.
        at: Instant,
        /// What the program's next call returns, or the one that it waited in.
        errno: Errno,
        /// Whether a RST was sent.
        reset: bool,
        /// The rule that decided, as far as what sock_diag showed before tells it.
        rule: Option<GiveUpRule>,
    },
    /// The peer's RST came.
    Reset {
        /// When.
        at: Instant,
        /// What the program's next call returns.
        errno: Errno,
    },
    /// Both streams ended and both ends know it.
    Closed {
        /// When the later FIN passed.
        at: Instant,
    },
    /// The program let go of it: close(), an abort, or its own end.
    LetGo {
        /// When that was first seen.
        at: Instant,
        /// Whether a RST was sent: an abort, or data that was not read.
        reset: bool,
    },
}

/// One connection's story.
#[derive(Clone, Debug)]
pub struct Story {
    /// The program's end.
    pub local: Addr,
    /// The other end.
    pub remote: Addr,
    /// Whether the program opened it.
    pub by_program: bool,
    /// Its first packet.
    pub began: Instant,
    /// The end of the handshake.
    pub established: Option<Instant>,
    /// Data bytes sent, each counted once.
    pub sent: u64,
    /// Data bytes received.
    pub received: u64,
    /// When its peer died.
    pub peer_died: Option<Instant>,
    /// Data bytes sent and received by then.
    pub before_death: (u64, u64),
    /// What sock_diag showed at the first look after that.
    pub at_death: Option<TcpInfo>,
    /// What was to be expected then if the program did nothing more.
    pub promised: Option<Forecast>,
    /// The newest packet from the peer.
    pub last_heard: Option<Instant>,
    /// What was sent between the peer's death and the next packet from it (or since the newest, where it did not die),
    /// acknowledgments alone not counted.
    pub tries: Vec<Try>,
    /// How many more there were.
    pub more_tries: usize,
    /// When it was heard again after its death.
    pub heard_again: Option<Instant>,
    /// What sock_diag showed last while the program held it.
    pub held: Option<TcpInfo>,
    /// What sock_diag showed last of the full socket, held by a program or not.
    pub newest: Option<TcpInfo>,
    /// When the program ended its side with shutdown(SHUT_WR) and went on.
    pub shut_down: Option<Instant>,
    /// The peer's window, where it was closed over waiting data to the end.
    pub closed_window: Option<ClosedWindow>,
    /// What became of it.
    pub end: End,
    /// Where the program was not told: when it would have been, had it waited.
    pub would_be_told: Option<Forecast>,
    /// The same if it had written one byte first; only where it would wait for ever otherwise.
    pub if_it_wrote: Option<Forecast>,
    /// Where nobody holds it any more and it is still there: what becomes of it.
    pub remains: Option<Forecast>,
}

/// What all stories of a run share.
pub(super) struct Teller<'a> {
    pub(super) run: &'a Run,
    pub(super) sysctl: &'a Sysctl,
    pub(super) ticks: Ticks,
}

impl Teller<'_> {
    pub(super) fn tell(&self, life: &Life) -> Story {
        let forecast = |seen: &Seen| forecast::of_seen(seen, self.sysctl, self.ticks);
        let expected = life.held.as_ref().map(forecast);
        let end = self.end(life, expected.as_ref());
        let peer_is_dead = life.peer_died.is_some();
        let is_told = matches!(
            end,
            End::GaveUp { .. } | End::Reset { .. } | End::Closed { .. }
        );
        let is_silent = peer_is_dead && life.heard_again.is_none();
        let would_be_told = expected.filter(|_| is_silent && !is_told);
        let for_ever = matches!(
            would_be_told.as_ref().map(|f| f.told),
            Some(Verdict::Never(_))
        );
        let if_it_wrote = life
            .held
            .as_ref()
            .filter(|_| for_ever)
            .and_then(|seen| forecast::of_seen_if_it_sends(seen, self.sysctl, self.ticks));
        let is_let_go = matches!(end, End::LetGo { .. });
        let is_left = life.gone.is_none() && life.orphan_since.is_some() && is_let_go;
        let silence = life.outage.as_ref().unwrap_or(&life.silence);
        let at_death = life.at_death.as_ref().filter(|_| peer_is_dead);
        Story {
            local: life.local,
            remote: life.remote,
            by_program: life.by_program,
            began: life.began,
            established: life.established,
            sent: life.out.bytes,
            received: life.back.bytes,
            peer_died: life.peer_died,
            before_death: life.before_death,
            at_death: at_death.map(|seen| seen.info.clone()),
            promised: at_death.map(forecast),
            last_heard: life.last_heard,
            tries: silence.tries().to_vec(),
            more_tries: silence.more(),
            heard_again: life.heard_again,
            held: life.held.as_ref().map(|seen| seen.info.clone()),
            newest: life
                .newest
                .as_ref()
                .map(|seen| seen.info.clone())
                .filter(|info| info.timer != TimerKind::TimeWait),
            shut_down: life.shut_down(),
            closed_window: life.closed_window.clone(),
            end,
            would_be_told,
            if_it_wrote,
            remains: life.newest.as_ref().filter(|_| is_left).map(forecast),
        }
    }

    fn end(&self, life: &Life, expected: Option<&Forecast>) -> End {
        let let_go = self.let_go(life);
        if let Some(at) = life
            .back
            .rst
            .filter(|at| let_go.is_none_or(|gone| *at <= gone))
        {
            let errno = match life.established {
                None => Errno::ECONNREFUSED,
                Some(_) => Errno::ECONNRESET,
            };
            return End::Reset { at, errno };
        }
        let acked = life.out.is_acked_by(&life.back) && life.back.is_acked_by(&life.out);
        if let (Some(ours), Some(theirs), true) = (life.out.fin, life.back.fin, acked) {
            return End::Closed {
                at: ours.max(theirs),
            };
        }
        let errno = |told| match told {
            Verdict::Error { at, errno, reset } => Some((at, errno, reset)),
            _ => None,
        };
        let due = expected.and_then(|f| errno(f.told));
        let is_due = |at: Instant| due.is_some_and(|(due, ..)| due <= at + SLACK);
        let rule = |at: Instant| expected.and_then(|f| f.rule).filter(|_| is_due(at));
        if let Some(at) = life.out.rst {
            let errno = match due {
                Some((_, errno, true)) if is_due(at) => Some(errno),
                // the forecast had to guess keepalive's settings; nothing but keepalive probes like this
                _ if keepalive_was_at_work(life) => Some(Errno::ETIMEDOUT),
                _ => None,
            };
            return match errno {
                Some(errno) => End::GaveUp {
                    at,
                    errno,
                    reset: true,
                    rule: rule(at),
                },
                None => End::LetGo { at, reset: true },
            };
        }
        match (let_go, life.gone) {
            (Some(at), _) => End::LetGo { at, reset: false },
            // without a FIN or a RST an open connection ends only so; a connection attempt can be closed silently
            (None, Some(at)) if life.established.is_some() || is_due(at) => End::GaveUp {
                at,
                errno: due.map_or(Errno::ETIMEDOUT, |(_, errno, _)| errno),
                reset: false,
                rule: rule(at),
            },
            (None, Some(at)) => End::LetGo { at, reset: false },
            (None, None) => End::Open,
        }
    }

    /// When the program closed it or ended, if it has.
    fn let_go(&self, life: &Life) -> Option<Instant> {
        // the FIN of shutdown(SHUT_WR) is not that of close()
        let fin = life.out.fin.filter(|_| life.shut_down().is_none());
        if let Some(at) = life.orphan_since {
            return Some(fin.map_or(at, |fin| fin.min(at)));
        }
        let held_at = life.held.as_ref().map(|seen| seen.info.at);
        let by_fin = fin.filter(|_| life.gone.is_some());
        by_fin.or(self.run.program_ended_at.filter(|at| {
            // a socket of a program that has ended is held by nobody, even if nobody looked since
            life.gone.is_none() && held_at.is_none_or(|held| held <= *at)
        }))
    }
}

/// Whether probes went unanswered and the socket's options, which would tell more, are not known.
fn keepalive_was_at_work(life: &Life) -> bool {
    let held = life.held.as_ref();
    let probed = held.is_some_and(|seen| seen.options.is_none() && seen.info.probes > 0);
    probed && life.orphan_since.is_none()
}

impl Story {
    /// Whether the connection was given up, or would wait, in its handshake.
    pub(super) fn is_handshake(&self) -> bool {
        let state = self.held.as_ref().map(|info| info.state);
        matches!(state, Some(TcpState::SynSent | TcpState::SynRecv)) || self.established.is_none()
    }

    /// When it ended; None where it was still there.
    pub fn ended_at(&self) -> Option<Instant> {
        match self.end {
            End::Open => None,
            End::GaveUp { at, .. }
            | End::Reset { at, .. }
            | End::Closed { at }
            | End::LetGo { at, .. } => Some(at),
        }
    }
}
