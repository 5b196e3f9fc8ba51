//! A `tcpinfo` line: the timers and queues of any socket, and TCP_INFO if the kernel keeps a full one.

use serde_json::json;

use super::{Members, Object, state};
use crate::call::{TcpInfo, TimerKind};
use crate::time::Instant;

const TIMERS: [TimerKind; 5] = [
    TimerKind::None,
    TimerKind::On,
    TimerKind::Keepalive,
    TimerKind::TimeWait,
    TimerKind::Persist,
];

macro_rules! fields {
    ($($key:literal => $field:ident,)*) => {
        fn read_full(info: &mut TcpInfo, m: &Members) -> Result<(), String> {
            $(info.$field = m.number($key)?;)*
            Ok(())
        }

        fn write_full(info: &TcpInfo, out: &mut Object) {
            $(out.insert($key.into(), info.$field.into());)*
        }
    };
}

fields! {
    "ca_state" => ca_state,
    "retransmits" => retransmits,
    "probes" => probes,
    "backoff" => backoff,
    "rto" => rto_us,
    "ato" => ato_us,
    "snd_mss" => snd_mss,
    "rcv_mss" => rcv_mss,
    "unacked" => unacked,
    "sacked" => sacked,
    "lost" => lost,
    "retrans" => retrans,
    "last_data_sent" => last_data_sent_ms,
    "last_ack_recv" => last_ack_recv_ms,
    "rtt" => rtt_us,
    "rttvar" => rttvar_us,
    "snd_ssthresh" => snd_ssthresh,
    "snd_cwnd" => snd_cwnd,
    "rcv_space" => rcv_space,
    "total_retrans" => total_retrans,
    "notsent" => notsent,
    "snd_wnd" => snd_wnd,
}

/// Reads the members of a line. A request and a TIME_WAIT socket have no TCP_INFO, and its fields are 0.
pub(super) fn read(at: Instant, m: &Members) -> Result<TcpInfo, String> {
    let timer = m.text("timer")?;
    let mut info = TcpInfo {
        at,
        state: state::read(&m.text("state")?)?,
        timer: TIMERS
            .into_iter()
            .find(|t| t.name() == timer)
            .ok_or(format!("unknown timer {timer:?}"))?,
        timer_ms: m.number("timer_ms")?,
        timer_retrans: m.number("timer_retrans")?,
        rqueue: m.number("rqueue")?,
        wqueue: m.number("wqueue")?,
        ..TcpInfo::default()
    };
    if m.0.contains_key("tcpi_state") {
        read_full(&mut info, m)?;
    }
    Ok(info)
}

/// Returns the members of a line. `at` is not among them, because it is the instant of the event.
pub(super) fn write(info: &TcpInfo) -> Object {
    let short = TcpInfo {
        at: info.at,
        state: info.state,
        timer: info.timer,
        timer_ms: info.timer_ms,
        timer_retrans: info.timer_retrans,
        rqueue: info.rqueue,
        wqueue: info.wqueue,
        ..TcpInfo::default()
    };
    let mut out = Object::new();
    out.insert("why".into(), json!("packet"));
    out.insert("state".into(), json!(info.state.name()));
    out.insert("timer".into(), json!(info.timer.name()));
    out.insert("timer_ms".into(), info.timer_ms.into());
    out.insert("timer_retrans".into(), info.timer_retrans.into());
    out.insert("rqueue".into(), info.rqueue.into());
    out.insert("wqueue".into(), info.wqueue.into());
    if *info != short {
        out.insert("tcpi_state".into(), json!(info.state.name()));
        write_full(info, &mut out);
    }
    out
}
