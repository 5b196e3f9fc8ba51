//! One connection as `halfopen watch` shows it, and its JSON.
//!
//! `halfopen watch --json` prints one JSON object a line for each connection, and so does the control socket of an
//! endpoint. The fields are those of [`Row`]. Every name ends with its unit. An unknown field is null or absent.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::{Addr, TcpInfo, TcpState, TimerKind};
use crate::engine::Engine;
use crate::forecast::{self, Firing, Forecast, Sends, Verdict};
use crate::os::processes::name_of;
use crate::printable::escaped_json;
use crate::time::Instant;

/// How many future firings of timers a row has at most.
const MOST_COMING: usize = 24;

/// A process that holds a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// The name of its program.
    pub name: String,
}

/// The TCP that a connection belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stack {
    /// The kernel of this machine.
    #[default]
    Kernel,
    /// A halfopen endpoint.
    Halfopen,
}

/// Who gets an error of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// A process.
    #[default]
    Process,
    /// No process yet: the connection waits for accept().
    AcceptQueue,
    /// No process: the socket was closed, or never existed.
    Nobody,
}

/// A pending timer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What `ss` calls it: `on`, `keepalive`, `timewait`, `persist`.
    pub kind: String,
    /// What it will send: `loss probe`, `retransmission 3`, `keepalive probe 1`, ...
    pub sends: String,
    /// Time left as the timer was requested, ms.
    pub left_ms: u64,
    /// Time until it fires, after rounding by the timer wheel, ms.
    pub fires_in_ms: u64,
}

/// The error that the application gets if the peer stays silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// `error`, `never`, `nobody` (no application holds the connection), `waiting` (an error is waiting to be fetched), or
    /// `later` (the forecast did not reach the end).
    pub kind: String,
    /// Time until then, ms, or null for never.
    pub in_ms: Option<u64>,
    /// Latest time until then if it is not known exactly, ms.
    pub latest_in_ms: Option<u64>,
    /// The error: `ETIMEDOUT`.
    pub errno: Option<String>,
    /// Whether a RST is sent then.
    pub reset: bool,
    /// The sysctl or the socket option that decides, with its value: `tcp_retries2 15`; null where nothing ends the
    /// connection, or where what decides is not known.
    #[serde(default)]
    pub rule: Option<String>,
    /// A sentence that says all of this.
    pub text: String,
}

/// A future firing of a timer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coming {
    /// Time until then, ms.
    pub in_ms: u64,
    /// What it sends.
    pub sends: String,
}

/// A connection with its timers and its forecast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The TCP that the connection belongs to.
    pub stack: Stack,
    /// The processes that hold it, as far as they are visible.
    pub processes: Vec<Process>,
    /// Who gets an error of the connection.
    pub held_by: HeldBy,
    /// The local address.
    pub local: SocketAddr,
    /// The remote address.
    pub remote: SocketAddr,
    /// The state of RFC 9293, spelled as in `ss`: `ESTABLISHED`.
    pub state: String,
    /// The pending timer.
    pub timer: Option<Pending>,
    /// Retransmissions or probes without an answer so far.
    pub retries_so_far: u32,
    /// Retransmissions or probes that follow before the end, including loss probes.
    pub retries_left: usize,
    /// When the application gets an error, and which one.
    pub told: Outlook,
    /// When the application gets an error if it writes a byte now. Present if `told` is never, or follows from keepalive.
    pub told_if_it_sends: Option<Outlook>,
    /// The next firings of timers, in order of time.
    pub coming: Vec<Coming>,
    /// What the forecast assumes, because it is not visible.
    pub assumed: Vec<String>,
    /// Socket options that were read from the socket, such as `TCP_USER_TIMEOUT=5000`, or null if they could not be read.
    pub options: Option<Vec<String>>,
    /// How often the current RTO was doubled.
    pub backoff: u32,
    /// RTO, us.
    pub rto_us: u64,
    /// Smoothed round-trip time, us.
    pub srtt_us: u64,
    /// Its mean deviation, us.
    pub rttvar_us: u64,
    /// Bytes received and not read.
    pub recv_q_bytes: u32,
    /// Bytes written and not acknowledged.
    pub send_q_bytes: u32,
    /// Bytes written and never sent.
    pub notsent_bytes: u32,
    /// Segments in flight.
    pub unacked_segments: u32,
    /// Segments in flight that are considered lost.
    pub lost_segments: u32,
    /// Consecutive retransmission timeouts.
    pub retransmits: u32,
    /// Consecutive probes without an answer.
    pub probes: u32,
    /// Segments retransmitted since the connection began.
    pub total_retrans_segments: u32,
    /// Congestion window, segments.
    pub snd_cwnd_segments: u32,
    /// The peer's window, bytes.
    pub snd_wnd_bytes: u32,
    /// Age of the last data sent, ms.
    pub last_data_sent_ms: u64,
    /// Age of the last acceptable ACK, ms.
    pub last_ack_recv_ms: u64,
    /// Congestion control.
    pub congestion: Option<String>,
    /// What was done to a connection of an endpoint: `cut`, `frozen`, `powered off`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fate: Vec<String>,
}

impl Row {
    /// Creates a row from the state of a connection and its forecast. The caller adds processes, options and the rest.
    pub fn new(
        stack: Stack,
        (local, remote): (Addr, Addr),
        info: &TcpInfo,
        forecast: &Forecast,
    ) -> Row {
        let first = forecast.firings.iter().find(|f| f.sends != Sends::Ack);
        let has_timer = info.timer != TimerKind::None;
        let timer = first.filter(|_| has_timer).map(|f| Pending {
            kind: kind(info.timer).to_owned(),
            sends: f.sends.text(),
            left_ms: info.timer_ms,
            fires_in_ms: ms(f.at.since(forecast.from)),
        });
        let coming = forecast.firings.iter().take(MOST_COMING);
        Row {
            stack,
            processes: Vec::new(),
            held_by: match forecast.told {
                Verdict::Nobody { .. } => HeldBy::Nobody,
                _ => HeldBy::Process,
            },
            local: SocketAddr::new(local.ip, local.port),
            remote: SocketAddr::new(remote.ip, remote.port),
            state: info.state.name().to_owned(),
            timer,
            retries_so_far: so_far(info),
            retries_left: forecast.tries_left(),
            told: Outlook::of(forecast),
            told_if_it_sends: None,
            coming: coming.map(|f| Coming::of(f, forecast.from)).collect(),
            assumed: forecast.assumed.iter().map(|s| (*s).to_owned()).collect(),
            options: None,
            backoff: info.backoff,
            rto_us: info.rto_us,
            srtt_us: info.rtt_us,
            rttvar_us: info.rttvar_us,
            recv_q_bytes: info.rqueue,
            send_q_bytes: info.wqueue,
            notsent_bytes: info.notsent,
            unacked_segments: info.unacked,
            lost_segments: info.lost,
            retransmits: info.retransmits,
            probes: info.probes,
            total_retrans_segments: info.total_retrans,
            snd_cwnd_segments: info.snd_cwnd,
            snd_wnd_bytes: info.snd_wnd,
            last_data_sent_ms: info.last_data_sent_ms,
            last_ack_recv_ms: info.last_ack_recv_ms,
            congestion: None,
            fate: Vec::new(),
        }
    }

    /// Returns a row for every connection of an engine, as a running endpoint reports them.
    pub fn of_engine(engine: &Engine, at: Instant) -> Vec<Row> {
        let own = Process {
            pid: std::process::id(),
            name: name_of(std::process::id()),
        };
        let row = |ends: crate::engine::Ends| {
            let (local, remote) = (ends.local, ends.remote);
            let info = engine.connection(at, local, remote)?;
            let forecast = forecast::of_connection(engine, at, local, remote);
            let mut row = Row::new(Stack::Halfopen, (local, remote), &info, &forecast);
            if row.asks_what_if() {
                let what_if = forecast::of_connection_if_it_sends(engine, at, local, remote);
                row.told_if_it_sends = what_if.map(|f| Outlook::of(&f));
            }
            row.processes.push(own.clone());
            Some(row)
        };
        engine.all_ends().into_iter().filter_map(row).collect()
    }

    /// Returns whether a write by the application would change the forecast.
    pub(super) fn asks_what_if(&self) -> bool {
        let is_open =
            self.state == TcpState::Established.name() || self.state == TcpState::CloseWait.name();
        is_open && self.send_q_bytes == 0
    }

    /// Returns the position in the order of urgency; 0 is first.
    pub fn rank(&self) -> u8 {
        rank(
            self.timer.as_ref().map(|t| t.kind.as_str()),
            self.retries_so_far,
            &self.state,
        )
    }

    /// Returns one line of JSON, without the end of line.
    pub fn to_json(&self) -> String {
        // strings, numbers and lists: there is nothing in it that JSON could not say
        let line = serde_json::to_string(self).unwrap_or_default();
        escaped_json(&line).into_owned()
    }

    /// Parses a line of JSON.
    pub fn from_json(line: &str) -> Result<Row, String> {
        serde_json::from_str(line).map_err(|e| format!("this is not a connection: {e}"))
    }
}

/// The order is: retransmitting, waiting for an answer, probing, idle, and finally connections that are over.
fn rank(timer: Option<&str>, retries: u32, state: &str) -> u8 {
    match (timer, state) {
        (_, "LISTEN") => 5,
        (Some("timewait"), _) => 4,
        (Some(_), _) if retries > 0 => 0,
        (Some("on" | "persist"), _) => 1,
        (Some(_), _) => 2,
        (None, _) => 3,
    }
}

/// Returns the position in the order of urgency before a forecast is made.
pub(super) fn rank_of(info: &TcpInfo) -> u8 {
    let timer = (info.timer != TimerKind::None).then(|| kind(info.timer));
    rank(timer, so_far(info), info.state.name())
}

fn so_far(info: &TcpInfo) -> u32 {
    match info.timer {
        TimerKind::On => info.retransmits.max(info.timer_retrans),
        TimerKind::Keepalive | TimerKind::Persist => info.probes,
        TimerKind::TimeWait | TimerKind::None => 0,
    }
}

fn kind(timer: TimerKind) -> &'static str {
    match timer {
        TimerKind::None => "none",
        TimerKind::On => "on",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::Persist => "persist",
    }
}

fn ms(d: Duration) -> u64 {
    d.as_millis() as u64
}

impl Coming {
    fn of(firing: &Firing, from: Instant) -> Coming {
        Coming {
            in_ms: ms(firing.at.since(from)),
            sends: firing.sends.text(),
        }
    }
}

impl Outlook {
    /// Converts a forecast to the fields of a row.
    pub fn of(forecast: &Forecast) -> Outlook {
        let till = |at: Instant| ms(at.since(forecast.from));
        let (kind, errno, reset) = match forecast.told {
            Verdict::Error { errno, reset, .. } => ("error", Some(errno), reset),
            Verdict::Waiting(errno) => ("waiting", Some(errno), false),
            Verdict::Never(_) => ("never", None, false),
            Verdict::Nobody { reset, .. } => ("nobody", None, reset),
            Verdict::Later(_) => ("later", None, false),
        };
        Outlook {
            kind: kind.to_owned(),
            in_ms: forecast.ends_at().map(till),
            latest_in_ms: forecast.latest.map(till),
            errno: errno.map(|e| e.name().to_owned()),
            reset,
            rule: forecast.rule.map(|rule| rule.to_string()),
            text: forecast.sentence(),
        }
    }
}
