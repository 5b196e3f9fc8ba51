//! Our engine as the survivor, on a virtual clock.

use std::collections::VecDeque;

use crate::call::{Addr, Call, Outcome, Readiness, SocketId, TcpInfo};
use crate::engine::{Config, Counter, Drawn, Engine};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::time::{Instant, Ticks};
use crate::trace::Incident;
use crate::wire::Datagram;

use super::{Sent, Target, TargetError};

/// A host whose TCP is [`Engine`].
#[derive(Debug)]
pub struct Host {
    now: Instant,
    ticks: Ticks,
    engine: Engine,
    congestion: &'static str,
    packets: VecDeque<Sent>,
    told: VecDeque<(Instant, Incident)>,
}

impl Host {
    /// A host with the survivor's address and the scenario's sysctls.
    pub fn new(scenario: &Scenario, seed: u64, ticks: Ticks) -> Self {
        let sysctl = scenario.survivor.sysctl.clone();
        Host {
            now: Instant::ZERO,
            ticks,
            congestion: sysctl.tcp_congestion_control.name(),
            engine: Engine::new(Config {
                addrs: vec![scenario.ip.survivor()],
                mtu: 1_500,
                gso: false,
                sysctl,
                ticks,
                ns_into_ms: u64::from(Stream::new(seed, "ns_into_ms").next_u32()) % 1_000_000,
                seed,
                drawn: Drawn::default(),
                max_connections: Config::new(scenario.ip.survivor()).max_connections,
                retries_are_counted: scenario.preset.retries_are_counted,
            }),
            packets: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    /// Takes what the engine sends and says, as its contract asks after each input.
    fn drain(&mut self) {
        while let Some(transmit) = self.engine.poll_transmit(self.now) {
            self.packets.push_back(Sent {
                at: self.now,
                bytes: transmit.datagram.emit(),
                cause: Some(transmit.cause.to_string()),
            });
        }
        while let Some(event) = self.engine.poll_event() {
            self.told.push_back((event.at, Incident::from(&event.text)));
        }
        // or the loop would stand still
        debug_assert!(
            self.engine.next_deadline().is_none_or(|at| at > self.now),
            "the engine's contract: after draining, the deadline lies in the future"
        );
    }
}

impl Target for Host {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn is_real_time(&self) -> bool {
        false
    }

    fn ticks(&self) -> Option<Ticks> {
        Some(self.ticks)
    }

    fn congestion_control(&self) -> String {
        self.congestion.to_owned()
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) -> Result<Instant, TargetError> {
        if !self.packets.is_empty() {
            return Ok(self.now);
        }
        let own = self.engine.next_deadline().filter(|at| *at <= until);
        self.now = own.unwrap_or(until).max(self.now);
        if own.is_some() {
            self.engine.on_deadline(self.now);
            self.drain();
        }
        Ok(self.now)
    }

    fn call(&mut self, call: Call) -> Outcome {
        let outcome = self.engine.call(self.now, call);
        self.drain();
        outcome
    }

    fn readiness(&mut self, socket: SocketId) -> Readiness {
        self.engine.readiness(socket)
    }

    fn deliver(&mut self, datagram: &[u8]) {
        // a kernel drops what it cannot read, without a word
        if let Ok(datagram) = Datagram::parse(datagram) {
            self.engine.on_packet(self.now, &datagram);
            self.drain();
        }
    }

    fn take_packet(&mut self) -> Option<Sent> {
        self.packets.pop_front()
    }

    fn take_note(&mut self) -> Option<(Instant, Incident)> {
        self.told.pop_front()
    }

    fn connection(&mut self, local: Addr, remote: Addr) -> Option<TcpInfo> {
        self.engine.connection(self.now, local, remote)
    }

    fn counters(&mut self) -> Vec<(String, String, i64)> {
        let row = |(c, n): (Counter, u64)| (c.group().to_owned(), c.name().to_owned(), n as i64);
        self.engine.counters().iter().map(row).collect()
    }
}
