//! Known differences: data with a reason, in known.toml, checked both ways.
//!
//! A difference between the engine and Linux is declared for one place in one recording or scenario, which is identified by
//! its content and not by its name. The differences between stock smoltcp and Linux occur in every run, so they are declared
//! by kind; docs/smoltcp-vs-linux.md, which is generated, lists the scenarios in which each occurs.

use serde::Deserialize;

use crate::compare::verdict::{Class, Difference, Mode, Verdict};
use crate::time::Instant;

/// A declared difference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The recording's name, which is that of its scenario. It is only for the reader.
    pub recording: String,
    /// The [`content_hash`](crate::compare::content_hash) of the recording for a replay, or of its scenario for closed mode.
    /// The difference is declared for this content, whatever its name is.
    pub content_hash: String,
    /// The kind of comparison in which it occurs; the default is a replay.
    #[serde(default = "replay")]
    pub mode: Mode,
    /// The kind of difference, by [`Class::name`].
    pub class: String,
    /// What differs.
    pub what: String,
    /// The beginning of its place, such as `packet 12`.
    pub place: Option<String>,
    /// How often it occurs; `None` means once or more.
    pub count: Option<usize>,
    /// The values that both sides may have; `None` means any.
    pub values: Option<Vec<String>>,
    /// Two recordings of the kernel that differ from each other in this, if it varies from run to run. The difference then
    /// does not have to occur.
    pub varies_between: Option<[String; 2]>,
    /// The reason why both sides cannot be the same.
    pub reason: String,
    /// The document or the evidence for the reason.
    pub reference: String,
}

const fn replay() -> Mode {
    Mode::Replay
}

/// A declared kind of difference between stock smoltcp and Linux, over all built-in scenarios.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// The kind of difference, by [`Class::name`].
    pub class: String,
    /// What differs.
    pub what: String,
    /// The reason for the difference.
    pub reason: String,
    /// The document or the source file for the reason.
    pub reference: String,
}

/// All declared differences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The differences between the engine and Linux, each with its place.
    #[serde(default)]
    pub known: Vec<Entry>,
    /// The kinds of differences between stock smoltcp and Linux, in the order of their numbers in
    /// docs/smoltcp-vs-linux.md.
    #[serde(default)]
    pub smoltcp: Vec<Kind>,
}

/// A list of known differences that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownError {
    /// The text is not TOML, or does not have this form.
    #[error("known differences: {0}")]
    Syntax(String),
    /// There is no such class of differences.
    #[error("known differences, {recording}: there is no class {class:?}; see Class::name")]
    Class {
        /// The name of the recording.
        recording: String,
        /// The class as it is written in the list.
        class: String,
    },
}

const DECLARABLE: [Class; 7] = [
    Class::Missing,
    Class::Extra,
    Class::Field,
    Class::Time,
    Class::Application,
    Class::State,
    Class::TcpInfo,
];

impl Known {
    /// Reads a list of known differences.
    pub fn parse(text: &str) -> Result<Known, KnownError> {
        let known: Known = toml::from_str(text).map_err(|e| KnownError::Syntax(e.to_string()))?;
        let entries = known.known.iter().map(|e| (&e.recording[..], &e.class));
        let kinds = known.smoltcp.iter().map(|k| ("smoltcp", &k.class));
        let mut all = entries.chain(kinds);
        match all.find(|(_, class)| !DECLARABLE.iter().any(|c| c.name() == *class)) {
            None => Ok(known),
            Some((recording, class)) => Err(KnownError::Class {
                recording: recording.to_owned(),
                class: class.clone(),
            }),
        }
    }

    /// Returns the list that this program was built with.
    pub fn shipped() -> Known {
        Known::parse(include_str!("known.toml")).expect("checked by a test")
    }

    /// Marks the verdict's differences that are declared, and adds one for every declaration that did not occur.
    pub fn apply(&self, verdict: &mut Verdict) {
        if (&*verdict.left.target, &*verdict.right.target) != ("engine", "linux") {
            return;
        }
        for entry in &self.known {
            if entry.content_hash != verdict.content_hash || entry.mode != verdict.mode {
                continue;
            }
            let mut found = 0;
            for difference in &mut verdict.differences {
                if entry.covers(difference) && entry.count.is_none_or(|most| found < most) {
                    difference.known = Some(entry.reason.clone());
                    found += 1;
                }
            }
            if entry.varies_between.is_some() {
                continue;
            }
            if found == 0 || entry.count.is_some_and(|wanted| found < wanted) {
                verdict.differences.push(entry.gone(found));
            }
        }
        verdict.settle();
    }
}

impl Entry {
    /// Whether this is what the entry declares.
    pub fn covers(&self, d: &Difference) -> bool {
        let is_one = |values: &Vec<String>| [&d.left, &d.right].iter().all(|v| values.contains(v));
        // `packet 1` is not `packet 12`
        let begins = |place: &String| {
            d.place
                .strip_prefix(place.as_str())
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        d.known.is_none()
            && d.class.name() == self.class
            && d.what == self.what
            && self.place.as_ref().is_none_or(begins)
            && self.values.as_ref().is_none_or(is_one)
    }

    fn gone(&self, found: usize) -> Difference {
        let place = self.place.clone().unwrap_or_else(|| "anywhere".to_owned());
        let wanted = self.count.unwrap_or(1);
        Difference::new(Class::NoLongerThere, &self.what, place, Instant::ZERO)
            .values(format!("{found} found"), format!("{wanted} declared"))
            .because(format!(
                "known.toml declares this {} difference; take it out",
                self.class
            ))
    }
}

#[cfg(test)]
mod tests;
