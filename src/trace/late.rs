//! How late the loop of a measured run was: with a step of the scenario, or with the delivery of a packet.

use std::time::Duration;

/// The end of a note about a machine that was late with steps, deliveries or timestamps.
pub const BUSY: &str = "this machine was busy";

/// What the loop did too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// A step of the scenario.
    Step,
    /// The delivery of a packet to the survivor.
    Delivery,
}

impl Duty {
    const ALL: [Duty; 2] = [Duty::Step, Duty::Delivery];

    /// Returns its name in notes and in summary.json.
    pub const fn name(self) -> &'static str {
        match self {
            Duty::Step => "step",
            Duty::Delivery => "delivery",
        }
    }

    /// Returns the one with this name.
    pub fn from_name(name: &str) -> Option<Duty> {
        Duty::ALL.into_iter().find(|duty| duty.name() == name)
    }
}

/// How late the latest step or delivery of a run was (measured).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// What was late.
    pub duty: Duty,
    /// By how much.
    pub by: Duration,
}

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = self.by.as_secs_f64() * 1e3;
        let duty = self.duty.name();
        write!(
            f,
            "the latest {duty} was {ms:.1} ms late (measured): {BUSY}"
        )
    }
}

impl Late {
    /// Reads a note that [`Display`](std::fmt::Display) wrote. A recording that was made before summary.json had a member
    /// `late` has only the note.
    pub fn from_note(note: &str) -> Option<Late> {
        let rest = note
            .strip_suffix(BUSY)?
            .strip_suffix(" ms late (measured): ")?;
        let (duty, ms) = rest.strip_prefix("the latest ")?.split_once(" was ")?;
        let seconds = ms.parse::<f64>().ok()? / 1e3;
        Some(Late {
            duty: Duty::from_name(duty)?,
            by: Duration::try_from_secs_f64(seconds).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        for (duty, us) in [(Duty::Step, 5_300), (Duty::Delivery, 1_234_500)] {
            let late = Late {
                duty,
                by: Duration::from_micros(us),
            };
            assert_eq!(Late::from_note(&late.to_string()), Some(late));
        }
        for other in [
            "",
            BUSY,
            "the latest step was -1 ms late (measured): this machine was busy",
            "the latest step was 1e300 ms late (measured): this machine was busy",
            "the latest lunch was 1.0 ms late (measured): this machine was busy",
        ] {
            assert_eq!(Late::from_note(other), None, "{other}");
        }
    }
}
