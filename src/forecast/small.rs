//! Requests and timewait socks: no TCP_INFO, one timer, nobody to be told.
//!
//! Linux counterpart: reqsk_timer_handler, inet_twsk_schedule.

use super::{Firing, Forecast, Seen, Sends, Verdict, never};
use crate::call::TcpState;
use crate::engine::{GiveUpRule, SYNACK_TIMEOUT_MAX_MS, SYNACK_TIMEOUT_MS, TIMEWAIT_LEN_MS};
use crate::sysctl::Sysctl;
use crate::time::{Instant, Jiffies, TickSpan, Ticks};

use super::Why;

/// The tick in which a timer fires that was armed for `for_ms` and has `left_ms` to go.
fn fires(ticks: &Ticks, at: Instant, left_ms: u64, for_ms: u64) -> Jiffies {
    let now = ticks.jiffies(at);
    let expires = now + ticks.from_ms(left_ms);
    let armed_at = expires.saturating_sub(ticks.from_ms(for_ms.max(left_ms)));
    ticks
        .fires_at(armed_at.min(now), expires)
        .0
        .max(now + TickSpan::ONE)
}

/// A timewait sock, of TIME_WAIT or of an orphan's FIN_WAIT2.
pub(super) fn timewait(seen: &Seen, sysctl: &Sysctl, ticks: &Ticks) -> Forecast {
    let info = &seen.info;
    let j = fires(ticks, info.at, info.timer_ms, TIMEWAIT_LEN_MS);
    let at = ticks.start_of(j);
    let mut forecast = never(info.at, info.state, Why::Closed);
    forecast.firings.push(Firing {
        at,
        sends: Sends::Nothing,
    });
    forecast.told = Verdict::Nobody {
        at: Some(at),
        reset: false,
    };
    if info.state == TcpState::FinWait2 {
        // an option that an orphan cannot be asked for any more may have replaced it
        let set_ms = sysctl.tcp_fin_timeout * 1_000;
        let rule = GiveUpRule::FinTimeout(sysctl.tcp_fin_timeout as u32);
        forecast.rule = (info.timer_ms <= set_ms as u64).then_some(rule);
    }
    forecast
}

/// A half-open connection: the SYN-ACK again, twice as late each time, and then nothing.
pub(super) fn request(seen: &Seen, sysctl: &Sysctl, ticks: &Ticks) -> Forecast {
    let info = &seen.info;
    let mut forecast = never(info.at, TcpState::SynRecv, Why::Closed);
    let wait_ms =
        |timeouts: u32| (SYNACK_TIMEOUT_MS << timeouts.min(32)).min(SYNACK_TIMEOUT_MAX_MS);
    let mut timeouts = info.timer_retrans;
    let mut j = fires(ticks, info.at, info.timer_ms, wait_ms(timeouts));
    while i64::from(timeouts) < sysctl.tcp_synack_retries {
        timeouts += 1;
        forecast.firings.push(Firing {
            at: ticks.start_of(j),
            sends: Sends::SynAck,
        });
        j = ticks.fires_at(j, j + ticks.from_ms(wait_ms(timeouts))).0;
    }
    let at = ticks.start_of(j);
    forecast.firings.push(Firing {
        at,
        sends: Sends::Nothing,
    });
    forecast.told = Verdict::Nobody {
        at: Some(at),
        reset: false,
    };
    forecast.rule = Some(GiveUpRule::SynAckRetries(sysctl.tcp_synack_retries as u32));
    forecast
}
