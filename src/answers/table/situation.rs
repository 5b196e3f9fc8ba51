//! The questions, and the scenario in which each happens.

use std::time::Duration;

use super::TableError;
use crate::scenario::{Action, Draft, Forget, Peer, Role, Scenario};
use crate::sockopt::{OptName, OptValue, SockOpt};
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
    /// Data to a peer that has rebooted.
    Reboot,
    /// An idle connection with SO_KEEPALIVE whose peer has rebooted.
    RebootIdle,
}

impl What {
    /// All questions.
    pub const ALL: [What; 9] = [
        What::Retries2,
        What::Keepalive,
        What::Syn,
        What::Synack,
        What::Orphan,
        What::Persist,
        What::UserTimeout,
        What::Reboot,
        What::RebootIdle,
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
            What::Reboot => "reboot",
            What::RebootIdle => "reboot-idle",
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
            What::Reboot => "The peer has rebooted; the application writes 100 bytes.",
            What::RebootIdle => "The connection is idle with SO_KEEPALIVE on; the peer reboots.",
        }
    }

    /// Returns the event from which times are counted.
    pub const fn from(self) -> &'static str {
        match self {
            What::Retries2 | What::UserTimeout | What::Reboot => "the write",
            What::Keepalive | What::RebootIdle => "the last packet from the peer",
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
    /// Which end the survivor is.
    pub role: Role,
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
            role: Role::Client,
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

    /// Returns whether SO_KEEPALIVE is on.
    pub fn keeps_alive(&self) -> bool {
        let mut set = self.options.iter().rev();
        let last = set.find(|o| o.name == OptName::SO_KEEPALIVE);
        last.is_some_and(|o| o.value != OptValue::Int(0))
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
            What::Keepalive | What::RebootIdle => Some((OptName::SO_KEEPALIVE, 1)),
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
/// The window that a peer opens again, bytes.
const WINDOW: u32 = 64_256;

/// What becomes of the peer or the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The peer dies, or reboots where the question is about that.
    Dies,
    /// The peer stays, and the link is cut for so long.
    Outage(Duration),
}

/// Time after which the answer of the peer must have come once an outage is over.
const AFTER_OUTAGE: Duration = Duration::from_secs(10);

/// Returns the scenario of a question. It still has to be checked.
pub(super) fn draft(what: What, settings: &Settings) -> Result<Draft, TableError> {
    if settings.rtt > Duration::from_secs(10) {
        let why = "an RTT of more than 10 s is not one that a table is made for";
        return Err(TableError::Settings(why.to_owned()));
    }
    let scene = Scene::of(what, settings);
    let draft = scene.until_death(what).peer(Peer::default());
    Ok(scene.after_death(what, draft).until_closed(LIMIT))
}

/// Returns the scenario of a question in which the peer does not die: the link is cut at the instant of the death and
/// restored `outage` later. It ends when a connection that is to be given up after `detect` was given up.
pub fn outage(
    what: What,
    settings: &Settings,
    outage: Duration,
    detect: Duration,
) -> Result<Scenario, TableError> {
    let mut scene = Scene::of(what, settings);
    scene.fate = Fate::Outage(outage);
    let draft = scene.until_death(what).peer(Peer::default());
    let end = scene.death(what) + ms(500) + outage + detect + settings.rtt * 4 + AFTER_OUTAGE;
    Ok(scene.after_death(what, draft).until(end).build()?)
}

/// Returns the scenario of a connection that is idle behind a middlebox for `idle`. Then the application writes.
pub fn behind_middlebox(
    settings: &Settings,
    forget_after: Duration,
    idle: Duration,
) -> Result<Scenario, TableError> {
    let scene = Scene::of(What::Keepalive, settings);
    let quiet = scene.connected + settings.rtt * 2 + ms(500);
    let title = "A connection that is idle behind a middlebox, and then in use";
    let draft = settings.apply(What::Retries2, scene.start(title));
    let draft = draft
        .at(scene.peer_connected(), Action::PeerSend(100))
        .at(quiet + idle, Action::SurvivorSend(100))
        .middlebox(forget_after, Forget::Drop)
        .peer(Peer::default());
    let end = quiet + idle + settings.rtt * 4 + AFTER_OUTAGE;
    Ok(draft.until(end).build()?)
}

/// Returns the scenario of a peer that lives and does not read: it closes its window for good, and the application writes.
pub fn slow_reader(settings: &Settings, until: Duration) -> Result<Scenario, TableError> {
    let mut scene = Scene::of(What::Persist, settings);
    scene.fate = Fate::Outage(Duration::ZERO);
    let draft = scene.until_death(What::Persist).peer(Peer::default());
    let write = scene.quiet + settings.rtt + ms(500);
    let draft = draft.at(write, Action::SurvivorSend(1_000));
    Ok(draft.until(write + until).build()?)
}

/// Returns the scenario of a dead peer to which the application writes when the connection was idle for `idle`.
pub fn late_write(settings: &Settings, idle: Duration) -> Result<Scenario, TableError> {
    let scene = Scene::of(What::Keepalive, settings);
    let draft = scene.until_death(What::Keepalive).peer(Peer::default());
    let draft = scene.after_death(What::Keepalive, draft);
    let write = scene.peer_connected() + settings.rtt / 2 + idle;
    Ok(draft
        .at(write, Action::SurvivorSend(100))
        .until_closed(LIMIT)
        .build()?)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The instants of a scenario, and what happens at them.
struct Scene<'a> {
    settings: &'a Settings,
    fate: Fate,
    role: Role,
    /// When the application can use the connection.
    connected: Duration,
    /// When the exchanges before the death are over.
    quiet: Duration,
}

impl<'a> Scene<'a> {
    fn of(what: What, settings: &'a Settings) -> Scene<'a> {
        let rtt = settings.rtt;
        let role = match what {
            What::Synack => Role::Server,
            What::Syn => Role::Client,
            _ => settings.role,
        };
        let connected = match role {
            Role::Client => rtt + ms(10),
            Role::Server => rtt * 2 + ms(10),
        };
        Scene {
            settings,
            fate: Fate::Dies,
            role,
            connected,
            quiet: connected + gap(rtt) * EXCHANGES + rtt * 2 + ms(500),
        }
    }

    /// Returns when the peer can write.
    fn peer_connected(&self) -> Duration {
        self.connected + self.settings.rtt / 2 + ms(1)
    }

    /// Returns a draft in which the connection is opened.
    fn start(&self, title: &str) -> Draft {
        match self.role {
            Role::Client => Draft::client(title).at(Duration::ZERO, Action::SurvivorConnect),
            Role::Server => Draft::server(title)
                .at(Duration::ZERO, Action::SurvivorListen)
                .at(ms(1), Action::PeerConnect),
        }
    }

    /// Returns when the peer dies or the link is cut.
    fn death(&self, what: What) -> Duration {
        let rtt = self.settings.rtt;
        match what {
            What::Syn => Duration::ZERO,
            What::Synack => ms(1) + rtt / 2 + rtt / 4,
            What::Keepalive | What::RebootIdle => self.connected + rtt * 2 + ms(500),
            What::Persist => self.quiet + rtt + ms(100),
            What::Retries2 | What::UserTimeout | What::Orphan | What::Reboot => self.quiet,
        }
    }

    /// Everything before the death.
    fn until_death(&self, what: What) -> Draft {
        let rtt = self.settings.rtt;
        let title = what.about();
        let draft = match (what, self.role) {
            (What::Syn, _) => Draft::client(title),
            _ => self.start(title),
        };
        let draft = self.settings.apply(what, draft);
        let talked = |draft: Draft| {
            draft
                .every(
                    gap(rtt),
                    EXCHANGES,
                    self.connected,
                    Action::SurvivorSend(100),
                )
                .every(
                    gap(rtt),
                    EXCHANGES,
                    self.peer_connected(),
                    Action::PeerSend(100),
                )
        };
        match what {
            What::Syn | What::Synack => draft,
            What::Keepalive | What::RebootIdle => {
                draft.at(self.peer_connected(), Action::PeerSend(100))
            }
            What::Persist => talked(draft).at(self.quiet, Action::PeerWindow(0)),
            What::Retries2 | What::UserTimeout | What::Orphan | What::Reboot => talked(draft),
        }
    }

    /// The death, and what the application does then.
    fn after_death(&self, what: What, draft: Draft) -> Draft {
        let at = self.death(what);
        let write = at + ms(500);
        let draft = match (self.fate, what) {
            (Fate::Dies, What::Reboot | What::RebootIdle) => draft
                .at(at, Action::PeerPowerOff)
                .at(at + ms(1), Action::PeerPowerOn),
            (Fate::Dies, _) => draft.at(at, Action::PeerPowerOff),
            (Fate::Outage(_), _) => draft,
        };
        let cut = |draft: Draft, from: Duration| match (self.fate, what) {
            (Fate::Dies, _) => draft,
            // the peer begins to read while nobody can hear it
            (Fate::Outage(outage), What::Persist) => draft
                .at(from, Action::WireCut)
                .at(from + outage / 2, Action::PeerWindow(WINDOW))
                .at(from + outage, Action::WireRestore),
            (Fate::Outage(outage), _) => draft
                .at(from, Action::WireCut)
                .at(from + outage, Action::WireRestore),
        };
        match what {
            What::Retries2 | What::UserTimeout | What::Reboot => {
                cut(draft, write).at(write, Action::SurvivorSend(100))
            }
            What::Orphan => cut(draft, write)
                .at(write, Action::SurvivorSend(100))
                .at(write, Action::SurvivorClose),
            What::Persist => {
                let write = at + ms(400);
                cut(draft, write).at(write, Action::SurvivorSend(1_000))
            }
            What::Syn => cut(draft, at + ms(1)).at(at + ms(1), Action::SurvivorConnect),
            What::Keepalive | What::RebootIdle | What::Synack => cut(draft, at),
        }
    }
}

/// Time between two exchanges before the death.
fn gap(rtt: Duration) -> Duration {
    rtt * 2 + ms(50)
}
