//! The loop that runs a scenario on a target and records the trace. It is the same for simulated and for real time.
//!
//! Everything beyond the survivor's interface ([`FarSide`]) runs on the target's clock. Packets are stamped when they
//! leave the target and just before they are handed to it. What falls due far away is done at its due instant, so
//! lateness of this loop shows only in what the survivor itself does late and hears late, and is measured.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::call::TcpState;
use crate::scenario::{EndWhen, Role, Scenario, Step};
use crate::sim::{FarSide, PeerClock};
use crate::time::Instant;
use crate::trace::{
    Dir, Duty, Event, Incident, Late, Meta, Packet, Provenance, Stopped, Trace, Who,
};

use super::app::App;
use super::{Target, TargetError};

/// TCP_INFO is read this long after each packet of the survivor.
const INFO_AFTER: Duration = Duration::from_millis(2);
/// A reading that is already due so shortly before stands for a packet's own.
const INFO_APART: Duration = Duration::from_millis(1);
/// In real time a connection without a descriptor is looked at this often, to see its state change.
const ORPHAN_LOOK: Duration = Duration::from_millis(4);
/// In real time the loop comes round at least this often, for progress and Ctrl-C.
const BEAT: Duration = Duration::from_millis(100);
/// A step or delivery that is later than this is mentioned in the notes of the trace.
const LATE: Duration = Duration::from_micros(1_500);

/// Options of a run.
#[derive(Default)]
pub struct Drive<'a> {
    /// Seed of what is drawn; kept in the trace.
    pub seed: Option<u64>,
    /// The peer's timestamp clock.
    pub clock: PeerClock,
    /// A flag that ends the run early and keeps what was recorded.
    pub interrupt: Option<&'a AtomicBool>,
    /// Called in real time, ten times a second: now, and the instant at which the run ends at the latest.
    pub progress: Option<&'a mut dyn FnMut(Instant, Instant)>,
}

/// Runs `scenario` on `target` until its end.
pub fn drive(
    scenario: &Scenario,
    target: &mut dyn Target,
    mut how: Drive<'_>,
) -> Result<Trace, TargetError> {
    let mut run = Run::new(scenario, how.clock);
    let (stopped, ended_at) = loop {
        let now = target.now();
        run.turn(target, now);
        if let Some(end) = run.ended(scenario, target.now(), how.interrupt) {
            break end;
        }
        if target.is_real_time()
            && let Some(progress) = how.progress.as_mut()
        {
            progress(now, run.latest_end(scenario));
        }
        let until = run.next(scenario, target);
        target.wait(until)?;
    };
    Ok(run.into_trace(scenario, target, how.seed, stopped, ended_at))
}

struct Run<'a> {
    far: FarSide,
    app: App,
    steps: VecDeque<&'a Step>,
    packets: Vec<Packet>,
    events: Vec<Event>,
    /// When TCP_INFO is to be read.
    infos: VecDeque<Instant>,
    /// As last seen; none counts as closed.
    state: TcpState,
    /// Something was done to the survivor since then.
    acted: bool,
    /// When the survivor's connection was first seen to be gone.
    gone_at: Option<Instant>,
    latest_step: Duration,
    latest_delivery: Duration,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, clock: PeerClock) -> Self {
        Run {
            far: FarSide::new(scenario.delay, scenario.peer, scenario.survivor.role, clock)
                .over(scenario.ip)
                .through(scenario.middlebox),
            app: App::new(&scenario.survivor, scenario.ip),
            steps: scenario.steps.iter().collect(),
            packets: Vec::new(),
            events: Vec::new(),
            infos: VecDeque::new(),
            state: TcpState::Closed,
            acted: false,
            gone_at: None,
            latest_step: Duration::ZERO,
            latest_delivery: Duration::ZERO,
        }
    }

    /// Does everything that is due at `now`.
    fn turn(&mut self, target: &mut dyn Target, now: Instant) {
        self.collect(target);
        self.do_steps(target, now);
        self.far.advance(now);
        while let Some((due, bytes)) = self.far.take_arrival() {
            self.deliver(target, due, bytes);
        }
        while self.app.poll(target) {
            self.collect(target);
        }
        self.look_at_state(target);
        self.read_infos(target);
    }

    /// Before something more is done to the survivor: a connection that just arose may be gone after it, at the same
    /// instant if the link has no delay, and would never be seen.
    fn before_acting(&mut self, target: &mut dyn Target) {
        if self.acted && self.state == TcpState::Closed {
            self.look_at_state(target);
        }
        self.acted = true;
    }

    fn do_steps(&mut self, target: &mut dyn Target, now: Instant) {
        while let Some(step) = self.steps.front().filter(|s| s.at <= now) {
            let step: &Step = step;
            self.steps.pop_front();
            self.before_acting(target);
            if !self.far.act(step.at, now, &step.action) {
                self.app.step(target, &step.action);
            }
            self.latest_step = self.latest_step.max(target.now().since(step.at));
            self.collect(target);
        }
    }

    fn deliver(&mut self, target: &mut dyn Target, due: Instant, bytes: Vec<u8>) {
        self.before_acting(target);
        let at = target.now();
        self.latest_delivery = self.latest_delivery.max(at.since(due));
        target.deliver(&bytes);
        self.packets.push(Packet {
            at,
            dir: Dir::In,
            bytes,
            cause: None,
        });
        self.collect(target);
    }

    /// Takes the packets and notes of the target.
    fn collect(&mut self, target: &mut dyn Target) {
        while let Some((at, what)) = target.take_note() {
            let who = Who::Survivor;
            self.events.push(Event { at, who, what });
        }
        while let Some(sent) = target.take_packet() {
            self.far.from_survivor(sent.at, &sent.bytes);
            let info_at = sent.at + INFO_AFTER;
            if self
                .infos
                .back()
                .is_none_or(|b| info_at.since(*b) >= INFO_APART)
            {
                self.infos.push_back(info_at);
            }
            self.packets.push(Packet {
                at: sent.at,
                dir: Dir::Out,
                bytes: sent.bytes,
                cause: sent.cause,
            });
        }
    }

    fn read_infos(&mut self, target: &mut dyn Target) {
        let mut due = false;
        while self.infos.front().is_some_and(|at| *at <= target.now()) {
            self.infos.pop_front();
            due = true;
        }
        let (local, remote) = self.app.addresses();
        if due
            && target.has_tcp_info()
            && let Some(info) = target.connection(local, remote)
        {
            self.events.push(Event {
                at: info.at,
                who: Who::Survivor,
                what: Incident::TcpInfo(Box::new(info)),
            });
        }
    }

    fn look_at_state(&mut self, target: &mut dyn Target) {
        self.acted = false;
        self.events.append(&mut self.app.take_events());
        self.events.append(&mut self.far.take_events());
        let (local, remote) = self.app.addresses();
        let info = target.connection(local, remote);
        let at = info.as_ref().map_or_else(|| target.now(), |i| i.at);
        let state = info.map_or(TcpState::Closed, |i| i.state);
        let changed = self.state != state;
        if !matches!(state, TcpState::Closed | TcpState::TimeWait) {
            self.gone_at = None;
        } else if changed || self.app.is_finished() {
            self.gone_at.get_or_insert(at);
        }
        if !changed {
            return;
        }
        self.state = state;
        self.events.push(Event {
            at,
            who: Who::Survivor,
            what: Incident::State { state },
        });
    }

    fn ended(
        &self,
        scenario: &Scenario,
        now: Instant,
        interrupt: Option<&AtomicBool>,
    ) -> Option<(Stopped, Instant)> {
        if interrupt.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Some((Stopped::Interrupted, now));
        }
        let (at, why) = self.planned_end(scenario);
        (now >= at).then_some((why, now))
    }

    /// Returns when the run will end in its present state, and why.
    fn planned_end(&self, scenario: &Scenario) -> (Instant, Stopped) {
        let limit = scenario.limit;
        match (scenario.end, self.gone_at) {
            (EndWhen::After(at), _) if at <= limit => (at, Stopped::After),
            (EndWhen::SurvivorClosed, Some(at)) if at <= limit => {
                (limit.min(at + scenario.tail), Stopped::SurvivorClosed)
            }
            _ => (limit, Stopped::Limit),
        }
    }

    fn latest_end(&self, scenario: &Scenario) -> Instant {
        self.planned_end(scenario).0
    }

    fn next(&mut self, scenario: &Scenario, target: &mut dyn Target) -> Instant {
        let mut until = self.planned_end(scenario).0;
        let coming = [
            self.steps.front().map(|s| s.at),
            self.far.next_deadline(),
            self.infos.front().copied(),
        ];
        until = coming.into_iter().flatten().fold(until, Instant::min);
        if target.is_real_time() {
            let look = if self.app.holds_connection() || self.gone_at.is_some() {
                BEAT
            } else {
                ORPHAN_LOOK
            };
            until = until.min(target.now() + look);
        }
        until
    }

    fn into_trace(
        mut self,
        scenario: &Scenario,
        target: &mut dyn Target,
        seed: Option<u64>,
        stopped: Stopped,
        ended_at: Instant,
    ) -> Trace {
        // what is stamped by its due instant may have been reported after something later
        self.packets.sort_by_key(|p| p.at);
        self.events.sort_by_key(|e| e.at);
        Trace {
            meta: self.meta(scenario, target, seed),
            packets: self.packets,
            events: self.events,
            stopped,
            ended_at,
        }
    }

    fn meta(&self, scenario: &Scenario, target: &dyn Target, seed: Option<u64>) -> Meta {
        let latest = [
            (Duty::Step, self.latest_step),
            (Duty::Delivery, self.latest_delivery),
        ];
        let late = latest.map(|(duty, by)| Late { duty, by }).into_iter();
        let late: Vec<Late> = late
            .filter(|late| target.is_real_time() && late.by > LATE)
            .collect();
        let mut notes = target.notes();
        notes.extend(late.iter().map(Late::to_string));
        let role = match scenario.survivor.role {
            Role::Client => "client",
            Role::Server => "server",
        };
        let sysctls = scenario.survivor.sysctl.values();
        Meta {
            scenario: scenario.name.clone(),
            title: scenario.title.clone(),
            scenario_toml: scenario.toml.clone(),
            target: target.name().to_owned(),
            version: target.version(),
            provenance: if target.is_real_time() {
                Provenance::Measured
            } else {
                Provenance::Simulated
            },
            role: role.to_owned(),
            delay: scenario.delay,
            sysctl: sysctls
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect(),
            ticks: target.ticks(),
            congestion_control: target.congestion_control(),
            seed,
            notes,
            late,
        }
    }
}
