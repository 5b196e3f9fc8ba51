//! From what sock_diag shows of a connection to what an engine needs to go on from there: every state that it can be in.
//!
//! TCP_INFO does not say whether a write timer is a loss probe's or a retransmission's, nor when the first
//! retransmission left. Both follow in most cases: from the ages that it does tell, and because the write timer is
//! always armed for a time that is known. Where they do not, there is a snapshot for each possibility.

use crate::call::{TcpInfo, TcpState, TimerKind};
use crate::engine::{
    CaState, LONGEST_RTO_US, MODEL_BASE_US, Snapshot, TIMEWAIT_LEN_MS, WriteTimer, pto_us,
};
use crate::sockopt::{OptName, OptValue, SockOpt};
use crate::sysctl::Sysctl;
use crate::time::{TickSpan, Ticks};

use super::{Forecast, Sends, Verdict};

/// What sock_diag shows of a connection. The default is what a kernel that shows little more than TCP_INFO leaves open.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// TCP_INFO and the timer; `info.at` is when it was read.
    pub info: TcpInfo,
    /// No process holds the socket.
    pub orphan: bool,
    /// Whether SACK was agreed on; none: it is not known, and likely.
    pub sack_ok: Option<bool>,
    /// Age of the last data received, ms; none: it is not known.
    pub last_data_recv_ms: Option<u64>,
    /// Time spent in retransmission timeouts, this episode included, ms (tcpi_total_rto_time, since 6.7).
    pub total_rto_time_ms: Option<u64>,
    /// How many episodes of timeouts there were, this one included (tcpi_total_rto_recoveries).
    pub rto_recoveries: u32,
    /// The socket options that matter, as getsockopt() told them; none: they are not known.
    pub options: Option<Vec<SockOpt>>,
}

impl Seen {
    fn option(&self, name: OptName) -> Option<i64> {
        let set = self.options.as_ref()?.iter().find(|o| o.name == name)?;
        match set.value {
            OptValue::Int(value) => Some(value),
            OptValue::Name(_) => None,
        }
    }
}

/// The values of one connection that the guesses are made from, in ticks.
struct View<'a> {
    seen: &'a Seen,
    info: &'a TcpInfo,
    sysctl: &'a Sysctl,
    ticks: &'a Ticks,
}

impl View<'_> {
    fn ms(&self, j: TickSpan) -> u64 {
        self.ticks.to_us(j) / 1_000
    }

    /// Age of the start of the tick that lies so many ticks back, ms: timers fire there.
    fn age_ms(&self, ago: TickSpan) -> u64 {
        let into_tick_ns = (self.info.at.ns() + self.ticks.ns_into_tick) % self.ticks.tick_ns;
        (ago.0 * self.ticks.tick_ns + into_tick_ns) / 1_000_000
    }

    /// The write timer's segment has data, so that TCP_INFO tells when it was last sent.
    fn data_is_out(&self) -> bool {
        self.info.wqueue.saturating_sub(self.info.notsent) > 1
    }

    fn rto_max(&self) -> TickSpan {
        let set = self.seen.option(OptName::TCP_RTO_MAX_MS);
        let ms = set.unwrap_or(self.sysctl.tcp_rto_max_ms);
        self.ticks.from_ms(ms.max(1) as u64)
    }

    fn rto_min_us(&self) -> u64 {
        let set = self.seen.option(OptName::TCP_RTO_MIN_US);
        set.unwrap_or(self.sysctl.tcp_rto_min_us).max(1) as u64
    }

    fn rto(&self) -> TickSpan {
        self.ticks.from_us(self.info.rto_us)
    }

    fn left(&self) -> TickSpan {
        self.ticks.from_ms(self.info.timer_ms)
    }

    fn sent_ago(&self) -> TickSpan {
        self.ticks.from_ms(self.info.last_data_sent_ms)
    }

    /// A wait that is over and not yet acted upon (timers are late by the wheel) was one that TCP_USER_TIMEOUT had
    /// shortened, where it is set.
    fn shorten_overdue(&self, snapshot: &mut Snapshot) {
        let limit = self.seen.option(OptName::TCP_USER_TIMEOUT).unwrap_or(0);
        let (Some(first_ms), 1..) = (snapshot.first_retransmission_ms, limit) else {
            return;
        };
        if self.info.timer_ms == 0 {
            let passed_ms = first_ms.saturating_sub(snapshot.armed_ago_ms);
            let left_ms = (limit as u64).saturating_sub(passed_ms);
            snapshot.armed_for_ms = snapshot.armed_for_ms.min(left_ms);
        }
    }

    /// The loss probe's wait.
    fn pto(&self) -> TickSpan {
        let twice_srtt_us = (self.info.rtt_us > 0).then_some(2 * self.info.rtt_us);
        let us = pto_us(twice_srtt_us, self.info.unacked, self.rto_min_us());
        self.ticks.from_us(us).min(self.rto())
    }

    /// The RTO after `k` doublings, from what is known of it now.
    fn rto_after(&self, k: u32) -> TickSpan {
        let (rto, max) = (self.rto(), self.rto_max());
        if rto < max {
            return rto >> self.info.backoff.saturating_sub(k).min(63);
        }
        let deviation = (self.info.rttvar_us * 4).max(self.rto_min_us());
        let first = self.ticks.from_us(self.info.rtt_us + deviation);
        (first << k.min(32)).min(max)
    }

    /// How long the waits `rtos`, one after the other, took: at least and at most; each is rounded up by the wheel.
    fn took(&self, waits: impl Iterator<Item = TickSpan>) -> (TickSpan, TickSpan) {
        waits.fold((TickSpan::ZERO, TickSpan::ZERO), |(least, most), wait| {
            let granule = match self.ticks.wheel {
                true => TickSpan::ONE << (3 * self.ticks.level_of(wait)),
                false => TickSpan::ZERO,
            };
            (
                least + wait + granule.min(TickSpan::ONE),
                most + wait + granule,
            )
        })
    }
}

/// What no kernel would say is cut to what one could, so that arithmetic on it has no surprises.
fn sane(info: &TcpInfo) -> TcpInfo {
    TcpInfo {
        retransmits: info.retransmits.min(255),
        probes: info.probes.min(255),
        backoff: info.backoff.min(32),
        rto_us: info.rto_us.min(LONGEST_RTO_US),
        rtt_us: info.rtt_us.min(LONGEST_RTO_US),
        rttvar_us: info.rttvar_us.min(LONGEST_RTO_US),
        snd_mss: info.snd_mss.clamp(48, 65_535),
        snd_cwnd: info.snd_cwnd.min(1 << 20),
        snd_ssthresh: info.snd_ssthresh.min(i32::MAX as u32),
        snd_wnd: info.snd_wnd.min(1 << 30),
        notsent: info.notsent.min(1 << 30),
        wqueue: info.wqueue.min(1 << 30),
        total_retrans: info.total_retrans.min(1 << 30),
        ..info.clone()
    }
}

/// Every state that the connection can be in, the likeliest first. At least one.
pub(super) fn snapshots(seen: &Seen, sysctl: &Sysctl, ticks: &Ticks) -> Vec<Snapshot> {
    let info = &sane(&seen.info);
    let view = View {
        seen,
        info,
        sysctl,
        ticks,
    };
    let base = Snapshot {
        info: info.clone(),
        orphan: seen.orphan,
        sack_ok: seen.sack_ok.unwrap_or(sysctl.tcp_sack != 0),
        armed_ago_ms: 0,
        armed_for_ms: info.timer_ms,
        last_data_recv_ms: seen.last_data_recv_ms,
        options: seen.options.clone().unwrap_or_default(),
        ..Snapshot::default()
    };
    match info.timer {
        TimerKind::On if info.state == TcpState::SynSent => connecting(&view, &base),
        TimerKind::On if info.retransmits > 0 || is_backed_off_in_loss(info) => {
            backed_off(&view, &base)
        }
        TimerKind::On => first_wait(&view, &base),
        TimerKind::Persist => probing(&view, &base),
        TimerKind::Keepalive => kept_alive(&view, &base),
        TimerKind::TimeWait | TimerKind::None => vec![base],
    }
}

/// The pending timer, given what it was armed for.
fn armed(view: &View, base: &Snapshot, wait: TickSpan) -> Snapshot {
    let ago = match view.info.timer_ms {
        0 => view.sent_ago(),
        _ => wait.saturating_sub(view.left()),
    };
    Snapshot {
        armed_ago_ms: view.ms(ago),
        armed_for_ms: view.ms(if view.info.timer_ms == 0 {
            wait
        } else {
            ago + view.left()
        }),
        ..base.clone()
    }
}

/// Retransmissions into a closed window are not counted, but the RTO doubles.
fn is_backed_off_in_loss(info: &TcpInfo) -> bool {
    info.backoff > 0 && info.ca_state == CaState::Loss as u8
}

/// SYN_SENT: the first SYN left as long ago as the waits since then, somewhere within its tick.
fn connecting(view: &View, base: &Snapshot) -> Vec<Snapshot> {
    let first = view.ticks.from_ms(1_000);
    let linear = view.sysctl.tcp_syn_linear_timeouts.max(0) as u32;
    let wait = |k: u32| (first << k.saturating_sub(linear).min(32)).min(view.rto_max());
    let (least, most) = view.took((0..view.info.retransmits).map(wait));
    let ago = view.rto().saturating_sub(view.left());
    let ages = [(least + ago).saturating_sub(TickSpan::ONE), most + ago];
    let mut all = with_ages(armed(view, base, view.rto()), ages.map(|j| view.age_ms(j)));
    if let Some(1..) = view.seen.option(OptName::TCP_USER_TIMEOUT) {
        // it may have shortened the wait, to nobody knows what
        let shortened = all.clone().into_iter().map(|s| Snapshot {
            armed_ago_ms: 0,
            armed_for_ms: view.info.timer_ms,
            ..s
        });
        all.extend(shortened);
    }
    all
}

/// In the middle of retransmissions: when did the first one leave?
fn backed_off(view: &View, base: &Snapshot) -> Vec<Snapshot> {
    let info = view.info;
    let mut snapshot = armed(view, base, view.rto());
    let mut ago = view.rto().saturating_sub(view.left());
    if view.data_is_out() {
        // an application's timeout may have shortened the wait
        ago = view.sent_ago();
        snapshot.armed_ago_ms = view.ms(ago);
        if info.timer_ms > 0 {
            snapshot.armed_for_ms = view.ms(ago + view.left());
        }
    }
    let told = view.seen.total_rto_time_ms;
    if let (Some(ms), 1, 1..) = (told, view.seen.rto_recoveries, info.retransmits) {
        snapshot.first_retransmission_ms = Some(ms);
        view.shorten_overdue(&mut snapshot);
        return vec![snapshot];
    }
    let last = match info.retransmits {
        0 => info.backoff,
        n => n,
    };
    let waits = (1..last).map(|k| view.rto_after(info.backoff.saturating_sub(last - k)));
    let (least, most) = view.took(waits);
    let ages = [least, most].map(|took| view.age_ms(took + ago));
    with_ages(snapshot, ages.map(|age| age.min(told.unwrap_or(u64::MAX))))
}

fn with_ages(snapshot: Snapshot, ages: [u64; 2]) -> Vec<Snapshot> {
    let of = |age| Snapshot {
        first_retransmission_ms: Some(age),
        ..snapshot.clone()
    };
    match ages[0] == ages[1] {
        true => vec![of(ages[0])],
        false => ages.map(of).to_vec(),
    }
}

/// Nothing was retransmitted by timeout yet: a loss probe comes first, if it was not sent already.
fn first_wait(view: &View, base: &Snapshot) -> Vec<Snapshot> {
    let info = view.info;
    let calm = matches!(info.ca_state, 0 | 2);
    let probes = matches!(view.sysctl.tcp_early_retrans, 3 | 4);
    let (pto, rto) = (view.pto(), view.rto());
    let of = |write_timer, loss_probe_sent, wait| Snapshot {
        write_timer,
        loss_probe_sent,
        ..armed(view, base, wait)
    };
    let before = of(WriteTimer::LossProbe, false, pto);
    let after = of(WriteTimer::Retransmission, true, rto);
    if !probes || !base.sack_ok || !calm || info.state == TcpState::SynRecv {
        return vec![of(WriteTimer::Retransmission, false, rto)];
    }
    // a probe is a retransmission, or a segment more
    let can_be_after = info.total_retrans > 0 || info.unacked > 1;
    // the timer was armed when something was sent, or when an ACK came
    let since = [info.last_data_sent_ms, info.last_ack_recv_ms]
        .map(|ms| view.ticks.from_ms(ms) + view.left());
    let fits = |wait: TickSpan| since.iter().any(|s| s.abs_diff(wait) <= TickSpan::ONE);
    // a second probe may be pending, which will send nothing: the first one went out for older data
    let second = Snapshot {
        loss_probe_sent: true,
        head_sent_ms: Some(view.ms(rto).min(info.last_ack_recv_ms)),
        ..before.clone()
    };
    match (can_be_after, fits(pto), fits(rto)) {
        (true, true, false) if info.unacked > 1 => vec![before, second],
        (false, ..) | (true, true, false) => vec![before],
        (true, false, true) => vec![after],
        (true, ..) => vec![after, before],
    }
}

/// A closed window.
fn probing(view: &View, base: &Snapshot) -> Vec<Snapshot> {
    let backoff = view.info.backoff;
    let first = view.rto().max(view.ticks.from_us(MODEL_BASE_US));
    let wait = |k: u32| (first << k.min(10)).min(view.rto_max());
    let snapshot = armed(view, base, wait(backoff).max(view.left()));
    if backoff == 0 {
        return vec![snapshot];
    }
    let (least, most) = view.took((1..backoff).map(wait));
    // after each answer the wait begins anew, a round trip later
    let answers = view.ticks.from_us(view.info.rtt_us) + TickSpan::ONE;
    let most = most + answers * u64::from(backoff - view.info.probes.min(backoff));
    let of = |took| Snapshot {
        first_probe_ms: Some(view.ms(took) + snapshot.armed_ago_ms),
        ..snapshot.clone()
    };
    match view.seen.option(OptName::TCP_USER_TIMEOUT) {
        Some(1..) => [least, most].map(of).to_vec(),
        // only that timeout asks for it
        _ => vec![of(least)],
    }
}

/// Keepalive's timer (or an orphan's in FIN_WAIT2): idle time first, then the interval.
fn kept_alive(view: &View, base: &Snapshot) -> Vec<Snapshot> {
    let s = |name, default: i64| {
        let set = view.seen.option(name).filter(|s| *s > 0);
        view.ticks
            .from_ms(set.unwrap_or(default).max(0) as u64 * 1_000)
    };
    let idle = s(OptName::TCP_KEEPIDLE, view.sysctl.tcp_keepalive_time);
    if view.seen.orphan && view.info.state == TcpState::FinWait2 {
        let all = s(OptName::TCP_LINGER2, view.sysctl.tcp_fin_timeout);
        let on_this_timer = all.saturating_sub(view.ticks.from_ms(TIMEWAIT_LEN_MS));
        return vec![armed(view, base, on_this_timer.max(view.left()))];
    }
    let interval = s(OptName::TCP_KEEPINTVL, view.sysctl.tcp_keepalive_intvl);
    if view.info.probes > 0 {
        return vec![armed(view, base, interval.max(view.left()))];
    }
    let heard = [
        Some(view.info.last_ack_recv_ms),
        view.seen.last_data_recv_ms,
    ];
    let heard = heard
        .into_iter()
        .flatten()
        .map(|ms| view.ticks.from_ms(ms))
        .min();
    let differs = heard.is_none_or(|h| (h + view.left()).abs_diff(idle) > TickSpan::ONE);
    if let (None, Some(h), true) = (&view.seen.options, heard, differs) {
        return vec![with_other_idle_time(view, base, h)];
    }
    let whole = armed(view, base, idle.max(view.left()));
    if differs {
        return vec![whole];
    }
    // armed anew for the rest of the idle time, some time after something was heard
    vec![whole, armed(view, base, view.left())]
}

/// Not the sysctl's idle time: the timer shows which, in whole seconds, as it is armed from when something was heard.
fn with_other_idle_time(view: &View, base: &Snapshot, heard: TickSpan) -> Snapshot {
    let all = heard + view.left();
    let seconds = (view.ms(all) / 1_000).clamp(1, 32_767) as i64;
    let mut snapshot = armed(view, base, all);
    let idle = SockOpt::int(OptName::TCP_KEEPIDLE, seconds);
    snapshot.options.push(idle);
    snapshot
}

/// What the forecast rests on and cannot be seen.
pub(super) fn assumed(seen: &Seen, forecast: &Forecast) -> Vec<&'static str> {
    let mut lines = Vec::new();
    if seen.options.is_some()
        || !matches!(
            forecast.told,
            Verdict::Error { .. } | Verdict::Nobody { .. }
        )
    {
        return lines;
    }
    let probes = |s: &Sends| matches!(s, Sends::KeepaliveProbe(_) | Sends::Reset);
    if forecast.firings.iter().any(|f| probes(&f.sends)) {
        lines.push("keepalive's times are the sysctls'");
    }
    lines.push("TCP_USER_TIMEOUT is unset");
    lines
}
