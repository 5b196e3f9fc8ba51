//! The actions: `survivor send 102` to [`Action`].

use super::Action;
use super::error::Fault;
use crate::sockopt::{SockOpt, SockOptError};
use crate::sysctl::{nearest, quoted};

/// How many bytes one step may write.
const MAX_SEND: u32 = 100_000_000;
/// The largest window that TCP can express: 65535 shifted by 14.
pub(super) const MAX_WINDOW: u32 = 65_535 << 14;
/// How many packets one step may drop.
const MAX_DROP: u32 = 1_000_000;

/// The argument of an action.
enum Form {
    /// There is no argument.
    Bare(Action),
    /// A number: its meaning, smallest, largest, and the action with it.
    Count(&'static str, u32, u32, fn(u32) -> Action),
    /// OPTION=VALUE.
    Option,
}

/// Every action of the language.
const ACTIONS: [(&str, Form); 24] = [
    ("survivor connect", Form::Bare(Action::SurvivorConnect)),
    ("survivor listen", Form::Bare(Action::SurvivorListen)),
    (
        "survivor send",
        Form::Count("bytes", 1, MAX_SEND, |n| Action::SurvivorSend(n as usize)),
    ),
    ("survivor recv", Form::Bare(Action::SurvivorRecv)),
    ("survivor shutdown", Form::Bare(Action::SurvivorShutdown)),
    ("survivor close", Form::Bare(Action::SurvivorClose)),
    ("survivor kill", Form::Bare(Action::SurvivorKill)),
    ("survivor set", Form::Option),
    ("peer connect", Form::Bare(Action::PeerConnect)),
    (
        "peer send",
        Form::Count("bytes", 1, MAX_SEND, |n| Action::PeerSend(n as usize)),
    ),
    ("peer shutdown", Form::Bare(Action::PeerShutdown)),
    ("peer close", Form::Bare(Action::PeerClose)),
    ("peer kill", Form::Bare(Action::PeerKill)),
    ("peer freeze", Form::Bare(Action::PeerFreeze)),
    ("peer thaw", Form::Bare(Action::PeerThaw)),
    ("peer reset", Form::Bare(Action::PeerReset)),
    ("peer power-off", Form::Bare(Action::PeerPowerOff)),
    ("peer power-on", Form::Bare(Action::PeerPowerOn)),
    (
        "peer window",
        Form::Count("bytes", 0, MAX_WINDOW, Action::PeerWindow),
    ),
    ("wire cut", Form::Bare(Action::WireCut)),
    ("wire restore", Form::Bare(Action::WireRestore)),
    (
        "wire drop",
        Form::Count("packets", 1, MAX_DROP, Action::WireDrop),
    ),
    ("wire unreachable", Form::Bare(Action::WireUnreachable)),
    ("wire reachable", Form::Bare(Action::WireReachable)),
];

/// Formats the action as in a scenario file: `survivor send 102`.
impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = match self {
            Action::SurvivorSend(n) | Action::PeerSend(n) => u32::try_from(*n).ok(),
            Action::PeerWindow(n) | Action::WireDrop(n) => Some(*n),
            _ => None,
        };
        let is_this = |form: &Form| match (form, self, number) {
            (Form::Bare(action), ..) => action == self,
            (Form::Count(.., make), _, Some(n)) => make(n) == *self,
            (Form::Option, Action::SurvivorSet(_), _) => true,
            _ => false,
        };
        let found = ACTIONS.iter().find(|(_, form)| is_this(form));
        f.write_str(found.map_or("survivor send", |(name, _)| name))?;
        match self {
            Action::SurvivorSend(n) | Action::PeerSend(n) => write!(f, " {n}"),
            Action::PeerWindow(n) | Action::WireDrop(n) => write!(f, " {n}"),
            Action::SurvivorSet(option) => write!(f, " {}={}", option.name.name(), option.value),
            _ => Ok(()),
        }
    }
}

/// Parses an action. The span of an error is in `text`.
pub(super) fn parse(text: &str) -> Result<Action, Fault> {
    let words = words(text);
    let (Some(who), Some(verb)) = (words.first(), words.get(1)) else {
        let what = format!("unknown action {}", quoted(text));
        return Err(Fault::new(
            0..text.len(),
            what,
            "an action is survivor, peer or wire followed by a verb, such as \"survivor close\"",
        ));
    };
    let name = format!("{} {}", who.1, verb.1);
    let Some((_, form)) = ACTIONS.iter().find(|(n, _)| *n == name) else {
        return Err(unknown(text, &words, &name));
    };
    let rest = words.get(2).map_or(text.len(), |w| w.0);
    let argument = text[rest..].trim_end();
    let place = if argument.is_empty() {
        0..text.len()
    } else {
        rest..rest + argument.len()
    };
    match form {
        Form::Bare(action) if argument.is_empty() => Ok(action.clone()),
        Form::Bare(_) => {
            let what = format!("{name} takes no argument");
            Err(Fault::new(place, what, format!("write \"{name}\"")))
        }
        Form::Count(unit, min, max, make) => {
            let number = argument.parse().ok().filter(|n| (min..=max).contains(&n));
            number.map(make).ok_or_else(|| {
                let what = if argument.is_empty() {
                    format!("{name} needs a number")
                } else {
                    format!("{} is not a number for {name}", quoted(argument))
                };
                let help = format!("{name} takes a number of {unit} from {min} to {max}");
                Fault::new(place, what, help)
            })
        }
        Form::Option => option(argument, place),
    }
}

/// Parses `OPTION=VALUE`; blanks around the sign are allowed.
fn option(argument: &str, place: std::ops::Range<usize>) -> Result<Action, Fault> {
    let example = "write an option and its value, such as \"survivor set TCP_USER_TIMEOUT=5000\"";
    let Some((name, value)) = argument.split_once('=') else {
        return Err(Fault::new(
            place,
            "survivor set lacks OPTION=VALUE",
            example,
        ));
    };
    SockOpt::parse(name.trim(), value.trim())
        .map(Action::SurvivorSet)
        .map_err(|error| {
            let (what, help) = explain(error);
            Fault::new(place, what, help)
        })
}

/// Returns what is wrong with a socket option, and what to do about it.
pub(super) fn explain(error: SockOptError) -> (String, String) {
    match error {
        SockOptError::Unknown { name, nearest } => {
            let help = nearest.map(|n| format!("did you mean {n}?"));
            let all = || {
                let names = crate::sockopt::OptName::ALL.iter().map(|o| o.name());
                format!("the options are {}", names.collect::<Vec<_>>().join(", "))
            };
            (
                format!("unknown socket option {name}"),
                help.unwrap_or_else(all),
            )
        }
        error @ (SockOptError::Value { name, .. } | SockOptError::NotModelled { name, .. }) => (
            error.to_string(),
            format!("{}: {}", name.name(), name.about()),
        ),
    }
}

fn unknown(text: &str, words: &[(usize, &str)], name: &str) -> Fault {
    let span = |n: usize| words[n].0..words[n].0 + words[n].1.len();
    let who = words[0].1;
    let verbs = ACTIONS
        .iter()
        .filter_map(|(n, _)| n.strip_prefix(who)?.strip_prefix(' '));
    let verbs: Vec<&str> = verbs.collect();
    let near = nearest(name, ACTIONS.iter().map(|(n, _)| *n));
    let (place, help) = match (near, verbs.is_empty()) {
        (Some(near), true) => (span(0), format!("did you mean {near}?")),
        (Some(near), false) => (span(1), format!("did you mean {near}?")),
        (None, true) => (
            span(0),
            "an action begins with survivor, peer or wire".to_owned(),
        ),
        (None, false) => (span(1), format!("{who} can {}", verbs.join(", "))),
    };
    Fault::new(place, format!("unknown action {}", quoted(text)), help)
}

/// Returns the words of `text`, each with the byte at which it begins.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = 0;
    for piece in text.split(char::is_whitespace) {
        if !piece.is_empty() {
            words.push((at, piece));
        }
        at += piece.len()
            + text[at + piece.len()..]
                .chars()
                .next()
                .map_or(0, char::len_utf8);
    }
    words
}
