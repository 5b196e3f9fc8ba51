//! Steps that can never happen, whatever the survivor's TCP does: found before anything is run.
//!
//! Only the script is looked at. What depends on the run (whether the connection still lives, whether a segment
//! arrived) is left to the run: a step that finds its connection gone does nothing, or gives the application its
//! error. So are the steps of a peer that has died: it does nothing.

use std::collections::BTreeSet;
use std::ops::Range;

use super::error::Faults;
use super::{Action, Role};

/// A step in time, with its place in the file.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// When, ns.
    pub(super) at_ns: u64,
    /// What.
    pub(super) action: Action,
    /// Which step of the file, from 0.
    pub(super) step: usize,
    /// Where its action stands.
    pub(super) place: Range<usize>,
}

/// What the script has done so far.
#[derive(Default)]
struct Script {
    /// The survivor called connect() or listen().
    opened: bool,
    /// When the connection was begun, by either end, ns.
    begun_ns: Option<u64>,
    closed: bool,
    killed: bool,
    was_off: bool,
    was_cut: bool,
    was_unreachable: bool,
}

/// Notes every step that can never happen; `steps` are in order of time, `delay_ns` is the wire's.
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
        let trouble = script
            .trouble_with_survivor(role, &planned.action)
            .or_else(|| script.trouble_with_others(role, delay_ns, planned));
        match trouble {
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
            format!("a {role} without a step {opener:?}"),
            help,
        );
    }
}

type Trouble = Option<(String, String)>;

fn trouble(what: impl Into<String>, help: impl Into<String>) -> Trouble {
    Some((what.into(), help.into()))
}

impl Script {
    fn trouble_with_survivor(&self, role: Role, action: &Action) -> Trouble {
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
            return trouble(
                "the survivor's process is dead by then",
                "put the step before \"survivor kill\", or leave it out",
            );
        }
        match (action, role) {
            (SurvivorConnect, Role::Server) => trouble(
                "a server does not connect",
                "use \"survivor listen\" and \"peer connect\", or role = \"client\"",
            ),
            (SurvivorListen, Role::Client) => trouble(
                "a client does not listen",
                "use \"survivor connect\", or role = \"server\"",
            ),
            (SurvivorConnect | SurvivorListen, _) if self.opened => trouble(
                "the survivor has done that already",
                "a scenario has one connection; leave the step out",
            ),
            (SurvivorConnect | SurvivorListen, _) => None,
            (SurvivorKill, _) if self.opened => None,
            _ if self.closed => trouble(
                "the survivor has closed its socket by then",
                "put the step before \"survivor close\", or use \"survivor shutdown\" there",
            ),
            (_, Role::Client) if !self.opened => trouble(
                "the survivor has no socket yet",
                "put the step after \"survivor connect\"; options for the start go into [survivor] sockopt",
            ),
            (_, Role::Server) if !self.opened => trouble(
                "the survivor has no socket yet",
                "put the step after \"survivor listen\"; options for the start go into [survivor] sockopt",
            ),
            (SurvivorSend(_) | SurvivorRecv | SurvivorShutdown, Role::Server)
                if self.begun_ns.is_none() =>
            {
                trouble(
                    "nobody has connected to the survivor yet",
                    "put the step after \"peer connect\"",
                )
            }
            _ => None,
        }
    }

    fn trouble_with_others(&self, role: Role, delay_ns: u64, planned: &Planned) -> Trouble {
        use Action::*;
        match (&planned.action, role) {
            (PeerConnect, Role::Client) => trouble(
                "the peer of a client does not connect",
                "use \"survivor connect\", or role = \"server\"",
            ),
            (PeerConnect, Role::Server) if self.begun_ns.is_some() => trouble(
                "the peer has connected already",
                "a scenario has one connection; leave the step out",
            ),
            (PeerSend(_) | PeerShutdown | PeerClose | PeerKill | PeerReset | PeerWindow(_), _) => {
                self.trouble_with_peer(role, delay_ns, planned.at_ns)
            }
            (PeerPowerOn, _) if !self.was_off => {
                trouble("the peer was never off", "put \"peer power-off\" before it")
            }
            (WireRestore, _) if !self.was_cut => {
                trouble("the wire was never cut", "put \"wire cut\" before it")
            }
            (WireReachable, _) if !self.was_unreachable => trouble(
                "the peer was never unreachable",
                "put \"wire unreachable\" before it",
            ),
            _ => None,
        }
    }

    fn trouble_with_peer(&self, role: Role, delay_ns: u64, at_ns: u64) -> Trouble {
        let opener = match role {
            Role::Client => "survivor connect",
            Role::Server => "peer connect",
        };
        match self.begun_ns {
            None => trouble(
                "the peer has no connection yet",
                format!(
                    "put the step after \"{opener}\"; what the peer offers from the start goes into [peer]"
                ),
            ),
            // the SYN is still on its way
            Some(begun) if role == Role::Client && at_ns < begun.saturating_add(delay_ns) => {
                trouble(
                    "the peer has not heard of the connection yet",
                    "put the step later than \"survivor connect\" by [wire] delay at least",
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
            Action::WireCut => self.was_cut = true,
            Action::WireUnreachable => self.was_unreachable = true,
            _ => {}
        }
    }
}
