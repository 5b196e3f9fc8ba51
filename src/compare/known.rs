//! Known differences: data with a reason, in known.toml, checked both ways.
//!
//! Those between the engine and Linux are declared place by place, of a recording or a scenario by its content: another one
//! of the same name is another one. Those between stock smoltcp and Linux are in every
//! run, so they are declared by kind; docs/smoltcp-vs-linux.md, which is generated, says in which scenario each shows.

use serde::Deserialize;

use crate::compare::verdict::{Class, Difference, Mode, Verdict};
use crate::time::Instant;

/// A declared difference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The recording's name, which is its scenario's: for the reader.
    pub recording: String,
    /// What it is declared of, whatever that is called: [`content_hash`](crate::compare::content_hash) of the recording for a
    /// replay, of its scenario for closed mode.
    pub content_hash: String,
    /// In which kind of comparison; without it replay.
    #[serde(default = "replay")]
    pub mode: Mode,
    /// The kind of difference, by [`Class::name`].
    pub class: String,
    /// What differs.
    pub what: String,
    /// What its place begins with: `packet 12`.
    pub place: Option<String>,
    /// How often it occurs; without it once or more.
    pub count: Option<usize>,
    /// Both sides' values are of these; without it any.
    pub values: Option<Vec<String>>,
    /// Two recordings of the kernel that differ in this among themselves, if it varies from run to run: then it need
    /// not occur.
    pub varies_between: Option<[String; 2]>,
    /// Why it cannot be the same.
    pub reason: String,
    /// Where that can be read or seen.
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
    /// Why it differs.
    pub reason: String,
    /// Where that can be read.
    pub reference: String,
}

/// All declared differences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// One by one.
    #[serde(default)]
    pub known: Vec<Entry>,
    /// Of stock smoltcp, in the order of their numbers in docs/smoltcp-vs-linux.md.
    #[serde(default)]
    pub smoltcp: Vec<Kind>,
}

/// A list of known differences that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownError {
    /// Not TOML, or not in this form.
    #[error("known differences: {0}")]
    Syntax(String),
    /// No such class.
    #[error("known differences, {recording}: there is no class {class:?}; see Class::name")]
    Class {
        /// Of which recording.
        recording: String,
        /// As written.
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
    /// Reads a list.
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

    /// The list that this program was built with.
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
