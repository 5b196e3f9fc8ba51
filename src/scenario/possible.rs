//! Finds steps that can never happen, whatever the survivor's TCP does, before anything is run.
//!
//! Only the steps are examined. Whether the connection still exists or a segment has arrived depends on the run: a step of
//! the survivor on a dead connection returns an error to the application, and a step of a dead peer does nothing.

use std::collections::BTreeSet;
use std::ops::Range;

use super::error::Faults;
use super::{Action, Role};

/// A step with its time and its place in the file.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// The time, ns.
    pub(super) at_ns: u64,
    /// The action.
    pub(super) action: Action,
    /// The number of the step in the file, counted from 0.
    pub(super) step: usize,
    /// The place of its action in the file.
    pub(super) place: Range<usize>,
}

/// The effect of the steps so far.
#[derive(Default)]
struct Script {
    /// The survivor called connect() or listen().
    opened: bool,
    /// When the connection was begun, by either end, ns.
    begun_ns: Option<u64>,
    closed: bool,
    killed: bool,
    was_off: bool,
    was_frozen: bool,
    was_cut: bool,
    was_unreachable: bool,
}

/// Reports every step that can never happen. `steps` are in order of time, and `delay_ns` is the one-way delay.
pub(super) fn check(
    role: Role,
    role_place: &Range<usize>,
    delay_ns: u64,
    steps: &[Planned],
    faults: &mut Faults,
) {
    let mut script = Script::default();
    let mut reported = BTreeSet::new();
    for planned in steps {
        let problem = script
            .check_survivor(role, &planned.action)
            .or_else(|| script.check_others(role, delay_ns, planned));
        match problem {
            // a repeated step is reported once
            Some((what, help)) if reported.insert(planned.step) => {
                faults.add(&planned.place, what, help);
            }
            _ => {}
        }
        script.note(planned);
    }
    let opener = match role {
        Role::Client => Action::SurvivorConnect,
        Role::Server => Action::SurvivorListen,
    };
    if !steps.iter().any(|s| s.action == opener) {
        let (role, opener) = match role {
            Role::Client => ("client", "survivor connect"),
            Role::Server => ("server", "survivor listen"),
        };
        let help = format!("add a step with do = \"{opener}\"");
        faults.add(
            role_place,
            format!("a {role} needs a step {opener:?}"),
            help,
        );
    }
}

type Problem = Option<(String, String)>;

fn problem(what: impl Into<String>, help: impl Into<String>) -> Problem {
    Some((what.into(), help.into()))
}

impl Script {
    fn check_survivor(&self, role: Role, action: &Action) -> Problem {
        use Action::*;
        let is_survivor = matches!(
            action,
            SurvivorConnect
                | SurvivorListen
                | SurvivorSend(_)
                | SurvivorRecv
                | SurvivorShutdown
                | SurvivorClose
                | SurvivorKill
                | SurvivorSet(_)
        );
        if !is_survivor {
            return None;
        }
        if self.killed {
            return problem(
                "the survivor's process was killed before this step",
                "move the step before \"survivor kill\", or remove it",
            );
        }
        match (action, role) {
            (SurvivorConnect, Role::Server) => problem(
                "a server does not connect",
                "use \"survivor listen\" and \"peer connect\", or role = \"client\"",
            ),
            (SurvivorListen, Role::Client) => problem(
                "a client does not listen",
                "use \"survivor connect\", or role = \"server\"",
            ),
            (SurvivorConnect | SurvivorListen, _) if self.opened => problem(
                "the survivor has already done this",
                "a scenario has one connection; remove the step",
            ),
            (SurvivorConnect | SurvivorListen, _) => None,
            (SurvivorKill, _) if self.opened => None,
            _ if self.closed => problem(
                "the survivor closed its socket before this step",
                "move the step before \"survivor close\", or use \"survivor shutdown\" there",
            ),
            (_, Role::Client) if !self.opened => problem(
                "the survivor has no socket yet",
                "move the step after \"survivor connect\"; [survivor] sockopt sets options before the connection is opened",
            ),
            (_, Role::Server) if !self.opened => problem(
                "the survivor has no socket yet",
                "move the step after \"survivor listen\"; [survivor] sockopt sets options before the connection is opened",
            ),
            (SurvivorSend(_) | SurvivorRecv | SurvivorShutdown, Role::Server)
                if self.begun_ns.is_none() =>
            {
                problem(
                    "no peer has connected to the survivor yet",
                    "move the step after \"peer connect\"",
                )
            }
            _ => None,
        }
    }

    fn check_others(&self, role: Role, delay_ns: u64, planned: &Planned) -> Problem {
        use Action::*;
        match (&planned.action, role) {
            (PeerConnect, Role::Client) => problem(
                "the peer of a client does not connect",
                "use \"survivor connect\", or role = \"server\"",
            ),
            (PeerConnect, Role::Server) if self.begun_ns.is_some() => problem(
                "the peer has already connected",
                "a scenario has one connection; remove the step",
            ),
            (PeerSend(_) | PeerShutdown | PeerClose | PeerKill | PeerReset | PeerWindow(_), _) => {
                self.check_peer(role, delay_ns, planned.at_ns)
            }
            (PeerPowerOn, _) if !self.was_off => problem(
                "the peer has not been powered off",
                "add \"peer power-off\" before it",
            ),
            (PeerThaw, _) if !self.was_frozen => problem(
                "the peer has not been frozen",
                "add \"peer freeze\" before it",
            ),
            (WireRestore, _) if !self.was_cut => {
                problem("the wire has not been cut", "add \"wire cut\" before it")
            }
            (WireReachable, _) if !self.was_unreachable => problem(
                "the peer has not been made unreachable",
                "add \"wire unreachable\" before it",
            ),
            _ => None,
        }
    }

    fn check_peer(&self, role: Role, delay_ns: u64, at_ns: u64) -> Problem {
        let opener = match role {
            Role::Client => "survivor connect",
            Role::Server => "peer connect",
        };
        match self.begun_ns {
            None => problem(
                "the peer has no connection yet",
                format!(
                    "move the step after \"{opener}\"; [peer] says what the peer offers from the start"
                ),
            ),
            // the SYN is still on its way
            Some(begun) if role == Role::Client && at_ns < begun.saturating_add(delay_ns) => {
                problem(
                    "the survivor's SYN has not reached the peer yet",
                    "move the step at least [wire] delay after \"survivor connect\"",
                )
            }
            Some(_) => None,
        }
    }

    fn note(&mut self, planned: &Planned) {
        match planned.action {
            Action::SurvivorConnect => {
                self.opened = true;
                self.begun_ns.get_or_insert(planned.at_ns);
            }
            Action::SurvivorListen => self.opened = true,
            Action::PeerConnect => {
                self.begun_ns.get_or_insert(planned.at_ns);
            }
            Action::SurvivorClose => self.closed = true,
            Action::SurvivorKill => self.killed = true,
            Action::PeerPowerOff => self.was_off = true,
            Action::PeerFreeze => self.was_frozen = true,
            Action::WireCut => self.was_cut = true,
            Action::WireUnreachable => self.was_unreachable = true,
            _ => {}
        }
    }
}
