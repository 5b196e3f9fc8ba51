//! Known differences: data with a reason, in known.toml, checked both ways.
//!
//! They are differences between the engine and Linux. What stock smoltcp does differently is told by
//! docs/smoltcp-vs-linux.md.

use serde::Deserialize;

use crate::compare::verdict::{Class, Difference, Mode, Verdict};
use crate::time::Instant;

/// A declared difference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The recording's name, which is its scenario's.
    pub recording: String,
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

/// All declared differences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// One by one.
    #[serde(default)]
    pub known: Vec<Entry>,
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
        match known
            .known
            .iter()
            .find(|e| !DECLARABLE.iter().any(|c| c.name() == e.class))
        {
            None => Ok(known),
            Some(entry) => Err(KnownError::Class {
                recording: entry.recording.clone(),
                class: entry.class.clone(),
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
            if entry.recording != verdict.scenario || entry.mode != verdict.mode {
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
