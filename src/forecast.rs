//! When will the application be told, and what: the future of one connection if the peer stays silent from now on.
//!
//! The engine itself is asked: the connection is taken out of its host ([`of_connection`]) or put together from what
//! sock_diag shows of the kernel's ([`of_seen`]), and runs in virtual time, alone, against silence. So every rule of
//! the engine holds here too: TLP before RTO, the time that tcp_retries2 stands for, the wheel's rounding, keepalive
//! that waits for data in flight, window probes, orphans. What sock_diag does not show is guessed (`forecast/guess.rs`);
//! where two guesses are possible both are run, and the end is told as a span of time.
//!
//! Linux counterpart: tcp_timer.c. RFC 9293 3.8.3 asks that the application can be told.

mod guess;
mod small;
mod text;

pub use guess::Seen;
pub use text::span;

use crate::call::{Addr, Call, Errno, Outcome, SocketId, TcpInfo, TcpState, TimerKind};
use crate::engine::{Config, Engine, GiveUpRule, Text};
use crate::sysctl::Sysctl;
use crate::time::{Instant, Ticks};
use crate::wire::{Flags, Payload};

/// Firings that are run through before a forecast says "later than that".
const MOST_FIRINGS: usize = 20_000;

/// What a firing of a timer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// Nothing: the timer is armed again.
    Nothing,
    /// The SYN again.
    Syn,
    /// The SYN-ACK again.
    SynAck,
    /// The last segment again, or one that was never sent.
    LossProbe,
    /// The first segment again: the how-manieth RTO retransmission in a row.
    Retransmission(u32),
    /// A segment without data that draws an answer from a live peer: the how-manieth in a row.
    KeepaliveProbe(u32),
    /// The same against a closed window.
    WindowProbe(u32),
    /// An ACK that was held back.
    Ack,
    /// A RST.
    Reset,
}

/// A timer that will fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    /// When, on the engine's clock.
    pub at: Instant,
    /// What it sends.
    pub sends: Sends,
}

/// What the application will be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An error, at an instant; a call that blocks then returns it, else the next one does.
    Error {
        /// When the kernel gives up.
        at: Instant,
        /// The error.
        errno: Errno,
        /// Whether a RST is sent then.
        reset: bool,
    },
    /// It has happened already: the next call returns this.
    Waiting(Errno),
    /// Nothing, ever.
    Never(Why),
    /// Nobody holds the connection: it ends (if it does) without anybody being told.
    Nobody {
        /// When it ends; none: never.
        at: Option<Instant>,
        /// Whether a RST is sent then.
        reset: bool,
    },
    /// Nothing for so long that it was not followed to its end.
    Later(Instant),
}

/// Why the application will never be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing is in flight and keepalive is off.
    Idle,
    /// It is a listener.
    Listens,
    /// There is no connection.
    Closed,
    /// The peer's FIN came: recv() says end of stream now, and no timer runs.
    EndOfStream,
    /// Our FIN was acknowledged, the peer's never came, and keepalive is off.
    HalfClosed,
}

/// The future of a connection whose peer stays silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The instant that it was made for.
    pub from: Instant,
    /// State of the connection at that instant.
    pub state: TcpState,
    /// Every firing of a timer from then on, earliest first.
    pub firings: Vec<Firing>,
    /// What the application will be told.
    pub told: Verdict,
    /// The rule by which the host gives the connection up; none where it does not, or where it is not known.
    pub rule: Option<GiveUpRule>,
    /// The end at the latest, where what cannot be seen of the connection decides; none: as `told` says.
    pub latest: Option<Instant>,
    /// Bytes that recv() gives before it gives the error.
    pub unread: u32,
    /// What had to be taken for granted, a line each.
    pub assumed: Vec<&'static str>,
}

impl Forecast {
    /// Firings that send something that an answer would come to, RSTs and held-back ACKs not counted.
    pub fn tries_left(&self) -> usize {
        let tries = self.firings.iter().map(|f| f.sends);
        tries
            .filter(|s| !matches!(s, Sends::Nothing | Sends::Ack | Sends::Reset))
            .count()
    }

    /// When it ends, with an error or without; none: never.
    pub fn ends_at(&self) -> Option<Instant> {
        match self.told {
            Verdict::Error { at, .. } => Some(at),
            Verdict::Nobody { at, .. } => at,
            Verdict::Waiting(_) => Some(self.from),
            Verdict::Never(_) | Verdict::Later(_) => None,
        }
    }
}

/// The future of a connection of an engine. `from`: not before the engine's present.
pub fn of_connection(engine: &Engine, from: Instant, local: Addr, remote: Addr) -> Forecast {
    match engine.alone(local, remote) {
        Some((lone, holder)) => silence(lone, from, (local, remote), holder),
        None => gone(from),
    }
}

/// The same if the application writes one byte first; none where it cannot.
pub fn of_connection_if_it_sends(
    engine: &Engine,
    from: Instant,
    local: Addr,
    remote: Addr,
) -> Option<Forecast> {
    let (lone, holder) = engine.alone(local, remote)?;
    after_send(lone, from, (local, remote), holder)
}

/// The future of a connection of the kernel, from what sock_diag shows of it at `seen.info.at`, the knobs of its
/// namespace and its ticks.
pub fn of_seen(seen: &Seen, sysctl: &Sysctl, ticks: Ticks) -> Forecast {
    let from = seen.info.at;
    match seen.info.state {
        TcpState::TimeWait => return small::timewait(seen, sysctl, &ticks),
        TcpState::SynRecv if seen.info.rto_us == 0 => return small::request(seen, sysctl, &ticks),
        TcpState::FinWait2 if seen.info.timer == TimerKind::TimeWait => {
            return small::timewait(seen, sysctl, &ticks);
        }
        TcpState::Listen => return never(from, TcpState::Listen, Why::Listens),
        TcpState::Closed => return gone(from),
        _ => {}
    }
    let mut merged: Option<Forecast> = None;
    for snapshot in guess::snapshots(seen, sysctl, &ticks) {
        let (engine, local, remote, holder) = Engine::restored(config(sysctl, ticks), &snapshot);
        let next = silence(engine, from, (local, remote), holder);
        merged = Some(match merged {
            None => next,
            Some(first) => either(first, next),
        });
    }
    let mut forecast = merged.unwrap_or_else(|| gone(from));
    forecast.unread = seen.info.rqueue;
    forecast.assumed = guess::assumed(seen, &forecast);
    forecast
}

/// The same if the application writes one byte first; none where it cannot.
pub fn of_seen_if_it_sends(seen: &Seen, sysctl: &Sysctl, ticks: Ticks) -> Option<Forecast> {
    if !matches!(seen.info.state, TcpState::Established | TcpState::CloseWait) {
        return None;
    }
    let snapshot = guess::snapshots(seen, sysctl, &ticks).into_iter().next()?;
    let (engine, local, remote, holder) = Engine::restored(config(sysctl, ticks), &snapshot);
    after_send(engine, seen.info.at, (local, remote), holder)
}

fn config(sysctl: &Sysctl, ticks: Ticks) -> Config {
    Config {
        sysctl: sysctl.clone(),
        ticks,
        // ticks begin with a millisecond, since 6.4
        ns_into_ms: ticks.ns_into_tick % 1_000_000,
        ..Config::new(std::net::Ipv4Addr::LOCALHOST.into())
    }
}

fn after_send(
    mut engine: Engine,
    from: Instant,
    addrs: (Addr, Addr),
    holder: Option<SocketId>,
) -> Option<Forecast> {
    match engine.call(from, Call::Send(holder?, vec![0])) {
        Outcome::Bytes(_) => Some(silence(engine, from, addrs, holder)),
        _ => None,
    }
}

fn never(from: Instant, state: TcpState, why: Why) -> Forecast {
    Forecast {
        from,
        state,
        firings: Vec::new(),
        told: Verdict::Never(why),
        rule: None,
        latest: None,
        unread: 0,
        assumed: Vec::new(),
    }
}

fn gone(from: Instant) -> Forecast {
    never(from, TcpState::Closed, Why::Closed)
}

/// Two guesses at the same connection: the first one's firings, and the end between the two.
fn either(first: Forecast, second: Forecast) -> Forecast {
    let ends = |f: &Forecast| f.latest.or(f.ends_at());
    let earliest = first.ends_at().min(second.ends_at());
    let latest = ends(&first).max(ends(&second));
    let mut told = first.told;
    match &mut told {
        Verdict::Error { at, .. } => *at = earliest.unwrap_or(*at),
        Verdict::Nobody { at, .. } => *at = earliest,
        _ => {}
    }
    Forecast {
        told,
        rule: first.rule.filter(|rule| second.rule == Some(*rule)),
        latest: latest.filter(|at| Some(*at) != earliest),
        ..first
    }
}

/// Runs the connection to its end, or till no timer is left.
fn silence(
    mut engine: Engine,
    from: Instant,
    addrs: (Addr, Addr),
    holder: Option<SocketId>,
) -> Forecast {
    let look = |engine: &Engine, at| engine.connection(at, addrs.0, addrs.1);
    // what it would send at this instant is not yet the work of a timer
    let (_, given_up) = sent(&mut engine, from);
    let Some(mut info) = look(&engine, from) else {
        let mut forecast = gone(from);
        forecast.rule = given_up;
        if let Some(errno) = error_of(&mut engine, from, holder) {
            forecast.told = Verdict::Waiting(errno);
        }
        return forecast;
    };
    let mut forecast = never(from, info.state, why_never(&info));
    forecast.unread = info.rqueue;
    while let Some(due) = engine.next_deadline() {
        if forecast.firings.len() >= MOST_FIRINGS {
            forecast.told = Verdict::Later(due);
            return forecast;
        }
        let at = due.max(from);
        engine.on_deadline(at);
        let (packets, given_up) = sent(&mut engine, at);
        forecast.rule = given_up;
        let after = look(&engine, at);
        let sends = what(&info, after.as_ref(), &packets);
        forecast.firings.push(Firing { at, sends });
        let errno = error_of(&mut engine, at, holder);
        match (after, errno) {
            (_, Some(errno)) => {
                let reset = sends == Sends::Reset;
                forecast.told = Verdict::Error { at, errno, reset };
                return forecast;
            }
            (None, None) => {
                let reset = sends == Sends::Reset;
                let at = Some(at);
                forecast.told = Verdict::Nobody { at, reset };
                return forecast;
            }
            (Some(after), None) => info = after,
        }
    }
    let is_held = holder.is_some() || info.state == TcpState::Listen;
    forecast.told = if is_held {
        Verdict::Never(why_never(&info))
    } else {
        Verdict::Nobody {
            at: None,
            reset: false,
        }
    };
    forecast
}

/// The error that waits at the socket, as SO_ERROR would give it.
fn error_of(engine: &mut Engine, at: Instant, holder: Option<SocketId>) -> Option<Errno> {
    let socket = holder?;
    if !engine.readiness(socket).error {
        return None;
    }
    engine.so_error(at, socket).ok().flatten()
}

/// Takes what the engine sends: the flags of each segment, and the rule by which it gave the connection up, if it did.
fn sent(engine: &mut Engine, at: Instant) -> (Vec<Flags>, Option<GiveUpRule>) {
    let mut packets = Vec::new();
    while let Some(transmit) = engine.poll_transmit(at) {
        if let Payload::Tcp(segment) = &transmit.datagram.payload {
            packets.push(segment.flags);
        }
    }
    let mut given_up = None;
    while let Some(event) = engine.poll_event() {
        if let Text::GivenUp { rule, .. } = event.text {
            given_up = Some(rule);
        }
    }
    (packets, given_up)
}

/// What a firing sent, from what it changed.
fn what(before: &TcpInfo, after: Option<&TcpInfo>, packets: &[Flags]) -> Sends {
    if packets.iter().any(|f| f.any(Flags::RST)) {
        return Sends::Reset;
    }
    let Some(after) = after.filter(|_| !packets.is_empty()) else {
        return Sends::Nothing;
    };
    let is_syn = packets.iter().any(|f| f.any(Flags::SYN));
    if after.state == TcpState::SynSent {
        Sends::Syn
    } else if is_syn {
        Sends::SynAck
    } else if after.retransmits > before.retransmits {
        Sends::Retransmission(after.retransmits)
    } else if after.probes > before.probes {
        match before.timer {
            TimerKind::Persist => Sends::WindowProbe(after.probes),
            _ => Sends::KeepaliveProbe(after.probes),
        }
    } else if after.total_retrans > before.total_retrans && before.snd_wnd == 0 {
        Sends::WindowProbe(after.backoff)
    } else if after.total_retrans > before.total_retrans || after.unacked > before.unacked {
        Sends::LossProbe
    } else {
        Sends::Ack
    }
}

fn why_never(info: &TcpInfo) -> Why {
    match info.state {
        TcpState::CloseWait => Why::EndOfStream,
        TcpState::FinWait2 => Why::HalfClosed,
        TcpState::Listen => Why::Listens,
        TcpState::Closed => Why::Closed,
        _ => Why::Idle,
    }
}

#[cfg(test)]
mod tests;
