//! Parses the text of a scenario file. Every section is read and checked, and all errors are reported at once.

use std::time::Duration;

use toml::de::DeTable;

use super::ends::{check_windows, read_peer, read_survivor};
use super::error::{Faults, ScenarioErrors};
use super::section::Section;
use super::steps::{check_times, read_end, read_steps, steps};
use super::wire::read_wire;
use super::{Scenario, possible};
use crate::sysctl::{Preset, nearest, quoted};
use crate::time::Instant;

/// The longest text that is read, bytes.
pub(super) const MAX_TEXT: usize = 256 * 1024;

impl Scenario {
    /// Parses the text of a scenario file. `name` becomes the name of the scenario, and `file` is the name of the file in
    /// error messages.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Scenario, ScenarioErrors> {
        let mut faults = Faults::default();
        let scenario = read(name, text, &mut faults);
        match (faults.into_error(file, text), scenario) {
            (Some(errors), _) => Err(errors),
            (None, Some(scenario)) => Ok(scenario),
            // cannot happen: whatever is missing has been reported
            (None, None) => {
                let mut faults = Faults::default();
                faults.add(&(0..0), "this is not a scenario", "");
                Err(faults.into_error(file, text).expect("one was added"))
            }
        }
    }

    /// Parses the bytes of a scenario file, which must be UTF-8.
    pub fn parse_bytes(name: &str, file: &str, bytes: &[u8]) -> Result<Scenario, ScenarioErrors> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Scenario::parse(name, file, text),
            Err(error) => {
                let at = error.valid_up_to();
                let mut faults = Faults::default();
                let help = "a scenario is a text file in UTF-8";
                faults.add(&(at..at + 1), "the file is not UTF-8", help);
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(at + MAX_TEXT)]);
                Err(faults.into_error(file, &text).expect("one was added"))
            }
        }
    }
}

fn read(name: &str, text: &str, faults: &mut Faults) -> Option<Scenario> {
    if text.len() > MAX_TEXT {
        let what = format!("the file is longer than {MAX_TEXT} bytes");
        faults.add(&(0..0), what, "a scenario is a short TOML file");
        return None;
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        faults.add(&span, error.message(), "a scenario is a TOML file");
    }
    if !errors.is_empty() {
        return None;
    }
    let keys = [
        "title", "about", "kernel", "survivor", "peer", "wire", "step", "end",
    ];
    let root = Section::open("a scenario", root.get_ref(), 0..0, text, &keys, faults);
    let title = root.string("title", faults).map_or(name, |(t, _)| t);
    let about = root.string("about", faults).map(|(t, _)| prose(t));
    let preset = read_kernel(&root, faults);
    let survivor = read_survivor(&root, preset, faults);
    let peer = read_peer(&root, faults);
    let wire = read_wire(&root, faults);
    let planned = read_steps(&root, faults);
    let end = read_end(&root, faults);
    let planned = planned?;
    if let Some((survivor, role_place)) = &survivor {
        possible::check(survivor.role, role_place, wire.delay_ns, &planned, faults);
    }
    check_windows(&planned, peer, faults);
    let end = end?;
    check_times(&planned, &end, faults);
    Some(Scenario {
        name: name.to_owned(),
        title: title.to_owned(),
        about,
        toml: text.to_owned(),
        preset,
        survivor: survivor?.0,
        peer,
        delay: Duration::from_nanos(wire.delay_ns),
        ip: wire.ip,
        middlebox: wire.middlebox,
        steps: steps(&planned, text),
        end: end.when,
        limit: Instant::from_ns(end.limit_ns),
        tail: Duration::from_nanos(end.tail_ns),
    })
}

/// Removes the line breaks inside the paragraphs of `text`.
fn prose(text: &str) -> String {
    let paragraphs = text.trim().split("\n\n");
    let joined = paragraphs.map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    joined.collect::<Vec<_>>().join("\n\n")
}

fn read_kernel(root: &Section<'_>, faults: &mut Faults) -> &'static Preset {
    let Some((name, place)) = root.string("kernel", faults) else {
        return Preset::linux();
    };
    Preset::find(name).unwrap_or_else(|| {
        let names: Vec<&str> = Preset::all().iter().map(|p| p.name).collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the presets are {}", names.join(", ")),
        };
        faults.add(&place, format!("unknown kernel {}", quoted(name)), help);
        Preset::linux()
    })
}
