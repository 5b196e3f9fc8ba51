//! What a sweep varies: a name, its values, and what a value changes in a scenario.

use std::time::Duration;

use crate::scenario::{Scenario, parse_duration};
use crate::sockopt::{OptName, SockOpt};
use crate::sysctl::{Preset, Sysctl, nearest, quoted};
use crate::time::{TickSpan, Ticks};

/// Largest number of values on one axis.
const MOST_VALUES: u64 = 1_000_000;

/// The setting that is varied.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Sysctl(&'static str),
    Option(OptName),
    Rtt,
    Delay,
    Mss,
    Window,
    Wscale,
    Timestamps,
    Sack,
    Dsack,
    Phase,
    Hz,
    Kernel,
}

/// The names that are neither a sysctl nor a socket option, with their meaning.
pub const OTHERS: [(&str, &str); 11] = [
    ("rtt", "round-trip time of the link"),
    ("delay", "one-way delay of the link"),
    ("mss", "the MSS that the peer announces, bytes"),
    ("window", "the window that the peer advertises, bytes"),
    ("wscale", "the window shift that the peer announces"),
    ("timestamps", "whether the peer offers timestamps, 0 or 1"),
    ("sack", "whether the peer offers SACK, 0 or 1"),
    ("dsack", "whether the peer sends D-SACK, 0 or 1"),
    (
        "phase",
        "the tick of the timer wheel in which the run begins",
    ),
    ("hz", "clock ticks per second"),
    ("kernel", "the kernel preset"),
];

/// One value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The value as it was written or counted.
    pub text: String,
    /// The value as a number, if it is one. Times are in seconds.
    pub number: Option<f64>,
}

/// A name and the values that it takes one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The name, such as `tcp_retries2` or `rtt`.
    pub name: String,
    /// The values in the order given.
    pub values: Vec<Value>,
    kind: Kind,
}

impl Axis {
    /// Parses `NAME=VALUES`: values separated by commas, each one value or a range `1..15` or `0..512:8` that includes
    /// both ends.
    ///
    /// # Errors
    /// Returns a sentence that says what is wrong and what is possible.
    pub fn parse(text: &str) -> Result<Axis, String> {
        let (name, values) = text
            .split_once('=')
            .ok_or("a name, = and values are wanted, as in tcp_retries2=1..15 or rtt=1ms,80ms")?;
        let kind = kind(name.trim())?;
        let mut all = Vec::new();
        for part in values.split(',') {
            range(&kind, part.trim(), &mut all)?;
        }
        let axis = Axis {
            name: name.trim().to_owned(),
            values: all,
            kind,
        };
        axis.check()?;
        Ok(axis)
    }

    /// Tries every value once, so that a sweep does not stop halfway.
    fn check(&self) -> Result<(), String> {
        let mut sysctl = Sysctl::default();
        for value in &self.values {
            let text = &value.text;
            match &self.kind {
                Kind::Sysctl(name) => sysctl.set(name, text).map_err(|e| e.to_string())?,
                Kind::Option(name) => {
                    SockOpt::parse(name.name(), text).map_err(|e| e.to_string())?;
                }
                Kind::Kernel => {
                    preset(text)?;
                }
                Kind::Timestamps | Kind::Sack | Kind::Dsack => within(&self.name, text, 0..=1)?,
                Kind::Mss => within(&self.name, text, 1..=65_535)?,
                Kind::Window => within(&self.name, text, 0..=1 << 30)?,
                Kind::Wscale => within(&self.name, text, 0..=14)?,
                Kind::Hz => within(&self.name, text, 24..=1_000)?,
                Kind::Phase => within(&self.name, text, 0..=1 << 40)?,
                Kind::Rtt | Kind::Delay => {}
            }
        }
        Ok(())
    }

    /// Sets value `n` in the scenario and in the ticks in which it begins.
    pub(super) fn apply(&self, n: usize, scenario: &mut Scenario, ticks: &mut Ticks) {
        let value = &self.values[n];
        let number = value.number.unwrap_or_default();
        match &self.kind {
            Kind::Sysctl(name) => {
                // this was checked when the axis was parsed
                let _ = scenario.survivor.sysctl.set(name, &value.text);
            }
            Kind::Option(name) => {
                if let Ok(option) = SockOpt::parse(name.name(), &value.text) {
                    let set = &mut scenario.survivor.sockopt;
                    set.retain(|o| o.name != option.name);
                    set.push(option);
                }
            }
            Kind::Rtt => scenario.delay = Duration::from_secs_f64(number) / 2,
            Kind::Delay => scenario.delay = Duration::from_secs_f64(number),
            Kind::Mss => scenario.peer.mss = number as u16,
            Kind::Window => scenario.peer.window = number as u32,
            Kind::Wscale => scenario.peer.wscale = Some(number as u8),
            Kind::Timestamps => scenario.peer.timestamps = number != 0.0,
            Kind::Sack => scenario.peer.sack = number != 0.0,
            Kind::Dsack => scenario.peer.dsack = number != 0.0,
            Kind::Phase => ticks.jiffies_at_t0 += TickSpan(number as u64),
            Kind::Hz => {
                *ticks = Ticks {
                    wheel: ticks.wheel,
                    jiffies_at_t0: ticks.jiffies_at_t0,
                    ..Ticks::at_hz(number as u32)
                };
            }
            Kind::Kernel => {
                if let Ok(preset) = preset(&value.text) {
                    become_kernel(scenario, preset);
                    *ticks = preset.ticks();
                }
            }
        }
    }

    /// Returns whether the axis must be applied before the others, because it sets what they change.
    pub(super) fn comes_first(&self) -> bool {
        matches!(self.kind, Kind::Kernel)
    }
}

/// Returns the sysctls of the preset, changed by those that the scenario names.
fn become_kernel(scenario: &mut Scenario, preset: &'static Preset) {
    scenario.preset = preset;
    scenario.survivor.sysctl = preset.sysctl.clone();
    for (name, value) in &scenario.survivor.sysctl_set {
        // a scenario that was parsed has no sysctl that cannot be set
        let _ = scenario.survivor.sysctl.set(name, value);
    }
}

fn preset(name: &str) -> Result<&'static Preset, String> {
    let found = Preset::find(name).or_else(|| Preset::find(&format!("linux-{name}")));
    found.ok_or_else(|| {
        let names: Vec<&str> = Preset::all().iter().map(|p| p.name).collect();
        format!(
            "there is no kernel preset {}; there are {}",
            quoted(name),
            names.join(", ")
        )
    })
}

fn kind(name: &str) -> Result<Kind, String> {
    Ok(match name {
        "rtt" => Kind::Rtt,
        "delay" => Kind::Delay,
        "mss" => Kind::Mss,
        "window" => Kind::Window,
        "wscale" => Kind::Wscale,
        "timestamps" => Kind::Timestamps,
        "sack" => Kind::Sack,
        "dsack" => Kind::Dsack,
        "phase" => Kind::Phase,
        "hz" => Kind::Hz,
        "kernel" => Kind::Kernel,
        _ => {
            if let Some(option) = OptName::from_name(name) {
                return Ok(Kind::Option(option));
            }
            match Sysctl::known(name) {
                Ok(known) => Kind::Sysctl(known),
                Err(why @ crate::sysctl::SysctlError::NotModelled { .. }) => {
                    return Err(why.to_string());
                }
                Err(_) => {
                    let options = OptName::ALL.iter().map(|o| o.name());
                    let others = OTHERS.iter().map(|o| o.0);
                    let all = Sysctl::names().chain(options).chain(others);
                    let near = nearest(name, all.collect::<Vec<_>>())
                        .map_or(String::new(), |n| format!("; did you mean {n}?"));
                    return Err(format!(
                        "there is nothing called {} to vary{near}",
                        quoted(name)
                    ));
                }
            }
        }
    })
}

fn within(name: &str, text: &str, range: std::ops::RangeInclusive<u64>) -> Result<(), String> {
    match text.parse::<u64>() {
        Ok(n) if range.contains(&n) => Ok(()),
        _ => Err(format!(
            "{name} takes a whole number from {} to {}, not {}",
            range.start(),
            range.end(),
            quoted(text)
        )),
    }
}

/// Adds one value, or those of a range.
fn range(kind: &Kind, text: &str, all: &mut Vec<Value>) -> Result<(), String> {
    let Some((first, rest)) = text.split_once("..") else {
        all.push(value(kind, text)?);
        return Ok(());
    };
    let (last, step) = rest.split_once(':').unwrap_or((rest, ""));
    let is_time = matches!(kind, Kind::Rtt | Kind::Delay);
    if is_time && step.is_empty() {
        return Err(format!(
            "a range of times needs a step, as in {first}..{last}:10ms"
        ));
    }
    let whole = |text: &str| -> Result<u64, String> {
        if is_time {
            let length = parse_duration(text)?;
            return u64::try_from(length.as_nanos()).map_err(|_| "too long".to_owned());
        }
        text.parse()
            .map_err(|_| format!("a range is of whole numbers, and {} is none", quoted(text)))
    };
    let (from, to) = (whole(first)?, whole(last)?);
    let step = if step.is_empty() { 1 } else { whole(step)? };
    if step == 0 || from > to {
        return Err(format!("{} is not a range that goes up", quoted(text)));
    }
    if (to - from) / step >= MOST_VALUES {
        return Err(format!(
            "{} has more than {MOST_VALUES} values",
            quoted(text)
        ));
    }
    for n in (from..=to).step_by(step as usize) {
        all.push(match is_time {
            true => time(Duration::from_nanos(n)),
            false => Value {
                text: n.to_string(),
                number: Some(n as f64),
            },
        });
    }
    Ok(())
}

fn value(kind: &Kind, text: &str) -> Result<Value, String> {
    if matches!(kind, Kind::Rtt | Kind::Delay) {
        return Ok(time(parse_duration(text)?));
    }
    Ok(Value {
        text: text.to_owned(),
        number: text.parse().ok(),
    })
}

fn time(length: Duration) -> Value {
    let us = length.as_nanos() as f64 / 1e3;
    let text = match length.as_micros() {
        us if us % 1_000_000 == 0 && us > 0 => format!("{}s", us / 1_000_000),
        us if us % 1_000 == 0 => format!("{}ms", us / 1_000),
        _ => format!("{us}us"),
    };
    Value {
        text,
        number: Some(length.as_secs_f64()),
    }
}
