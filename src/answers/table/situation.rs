//! The questions, and the scenario in which each happens.

use std::time::Duration;

use super::TableError;
use crate::scenario::{Action, Draft, Peer, Scenario};
use crate::sockopt::{OptName, SockOpt};
use crate::time::Ticks;

/// The question: which tries to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Data that is not acknowledged: tcp_retries2.
    Retries2,
    /// An idle connection with SO_KEEPALIVE.
    Keepalive,
    /// connect() to a host that does not answer.
    Syn,
    /// A client that sends a SYN and dies.
    Synack,
    /// Data that is not acknowledged after close().
    Orphan,
    /// Data that waits for a closed window while the peer dies.
    Persist,
    /// Data that is not acknowledged, with TCP_USER_TIMEOUT.
    UserTimeout,
}

impl What {
    /// All questions.
    pub const ALL: [What; 7] = [
        What::Retries2,
        What::Keepalive,
        What::Syn,
        What::Synack,
        What::Orphan,
        What::Persist,
        What::UserTimeout,
    ];

    /// Returns its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            What::Retries2 => "retries2",
            What::Keepalive => "keepalive",
            What::Syn => "syn",
            What::Synack => "synack",
            What::Orphan => "orphan",
            What::Persist => "persist",
            What::UserTimeout => "user-timeout",
        }
    }

    /// Returns the question with this name.
    pub fn from_name(name: &str) -> Option<What> {
        What::ALL.into_iter().find(|w| w.name() == name)
    }

    /// Returns the situation in a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            What::Retries2 => "The peer is dead; the application writes 100 bytes.",
            What::Keepalive => "The connection is idle with SO_KEEPALIVE on; the peer dies.",
            What::Syn => "The application connects to a host that does not answer.",
            What::Synack => "A client sends a SYN and dies before it can answer the SYN-ACK.",
            What::Orphan => {
                "The peer is dead; the application writes 100 bytes and closes the socket."
            }
            What::Persist => {
                "The peer has closed its window and dies; the application writes 1000 bytes."
            }
            What::UserTimeout => {
                "TCP_USER_TIMEOUT is set and the peer is dead; the application writes 100 bytes."
            }
        }
    }

    /// Returns the event from which times are counted.
    pub const fn from(self) -> &'static str {
        match self {
            What::Retries2 | What::UserTimeout => "the write",
            What::Keepalive => "the last packet from the peer",
            What::Syn => "connect()",
            What::Synack => "the first SYN-ACK",
            What::Orphan => "the write and close()",
            What::Persist => "the write",
        }
    }
}

/// The settings for which a table is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Round-trip time of the link while the peer lives.
    pub rtt: Duration,
    /// Name of the kernel preset, or `None` for the default one.
    pub kernel: Option<String>,
    /// Clock ticks per second, or `None` for those of the preset.
    pub hz: Option<u32>,
    /// Sysctls by name, with values as in the kernel's files. If a name occurs twice, the later one counts.
    pub sysctls: Vec<(String, String)>,
    /// Socket options.
    pub options: Vec<SockOpt>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rtt: Duration::from_micros(200),
            kernel: None,
            hz: None,
            sysctls: Vec::new(),
            options: Vec::new(),
        }
    }
}

impl Settings {
    /// Returns the clock tick: that of the preset, at its own rate or at the one that is set.
    pub fn ticks(&self, scenario: &Scenario) -> Ticks {
        super::ticks(scenario, self.hz)
    }

    fn has(&self, name: OptName) -> bool {
        self.options.iter().any(|o| o.name == name)
    }

    /// Returns a draft with these settings and with those that the question needs and that are not set.
    fn apply(&self, what: What, mut draft: Draft) -> Draft {
        if let Some(kernel) = &self.kernel {
            draft = draft.kernel(kernel);
        }
        draft = draft.delay(self.rtt / 2);
        let mut names: Vec<&str> = Vec::new();
        for (name, value) in self.sysctls.iter().rev() {
            if !names.contains(&name.as_str()) {
                names.push(name);
                draft = draft.sysctl(name, value);
            }
        }
        let needed = match what {
            What::Keepalive => Some((OptName::SO_KEEPALIVE, 1)),
            What::UserTimeout => Some((OptName::TCP_USER_TIMEOUT, 30_000)),
            _ => None,
        };
        if let Some((name, value)) = needed.filter(|(name, _)| !self.has(*name)) {
            draft = draft.sockopt(name, value);
        }
        for option in &self.options {
            draft = draft.option(option.clone());
        }
        draft
    }
}

/// Longest run that a scenario allows. No answer takes longer.
const LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Exchanges before the death, so that the RTT is known as well as on a connection in use.
const EXCHANGES: u32 = 10;

/// Returns the scenario of a question. It still has to be checked.
pub(super) fn draft(what: What, settings: &Settings) -> Result<Draft, TableError> {
    let title = what.about();
    let ms = Duration::from_millis;
    let rtt = settings.rtt;
    let draft = match what {
        What::Synack => Draft::server(title),
        _ => Draft::client(title),
    };
    let draft = settings.apply(what, draft);
    let connected = rtt + ms(10);
    let gap = rtt * 2 + ms(50);
    let talked = |draft: Draft| {
        draft
            .at(Duration::ZERO, Action::SurvivorConnect)
            .every(gap, EXCHANGES, connected, Action::SurvivorSend(100))
            .every(
                gap,
                EXCHANGES,
                connected + rtt / 2 + ms(1),
                Action::PeerSend(100),
            )
    };
    let quiet = connected + gap * EXCHANGES + rtt * 2 + ms(500);
    let draft = match what {
        What::Retries2 | What::UserTimeout => talked(draft)
            .at(quiet, Action::PeerPowerOff)
            .at(quiet + ms(500), Action::SurvivorSend(100)),
        What::Orphan => talked(draft)
            .at(quiet, Action::PeerPowerOff)
            .at(quiet + ms(500), Action::SurvivorSend(100))
            .at(quiet + ms(500), Action::SurvivorClose),
        What::Keepalive => draft
            .at(Duration::ZERO, Action::SurvivorConnect)
            .at(connected, Action::PeerSend(100))
            .at(connected + rtt * 2 + ms(500), Action::PeerPowerOff),
        What::Syn => draft
            .at(Duration::ZERO, Action::PeerPowerOff)
            .at(ms(1), Action::SurvivorConnect),
        What::Synack => draft
            .at(Duration::ZERO, Action::SurvivorListen)
            .at(ms(1), Action::PeerConnect)
            .at(ms(1) + rtt / 2 + rtt / 4, Action::PeerPowerOff),
        What::Persist => talked(draft)
            .at(quiet, Action::PeerWindow(0))
            .at(quiet + rtt + ms(100), Action::PeerPowerOff)
            .at(quiet + rtt + ms(500), Action::SurvivorSend(1_000)),
    };
    if rtt > Duration::from_secs(10) {
        let why = "an RTT of more than 10 s is not one that a table is made for";
        return Err(TableError::Settings(why.to_owned()));
    }
    Ok(draft.peer(Peer::default()).until_closed(LIMIT))
}
