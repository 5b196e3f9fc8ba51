//! Whole kernels by name: sysctls, clock tick and timer wheel together.

use super::Sysctl;
use crate::time::Ticks;

/// A kernel, as far as sysctls and clock ticks can express it. Its mechanisms are those of Linux 6.18.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name in a scenario's `kernel` key.
    pub name: &'static str,
    /// What it stands for, one or two sentences.
    pub about: &'static str,
    /// Its sysctls.
    pub sysctl: Sysctl,
    /// Clock ticks per second.
    pub hz: u32,
    /// Whether timers go through the timer wheel of Linux 4.8 and later, or fire in the tick asked for.
    pub wheel: bool,
    /// Whether retries are a count, as before Linux 2.6.32, and not a time.
    pub retries_are_counted: bool,
    /// The Linux release that it stands for: 6.18 is `[6, 18, 0]`. It says which socket options there are.
    pub release: [u16; 3],
}

/// The differences of a kernel before Linux 3.10, expressed in the sysctls of 6.18.
const OLD: Sysctl = Sysctl {
    tcp_early_retrans: 0,       // tail loss probes came with 3.10
    tcp_syn_linear_timeouts: 0, // 6.5
    tcp_syn_retries: 5,         // 6 since 3.7
    tcp_timestamps: 2,          // the random offset came with 4.10; 2 is 6.18's word for none
    tcp_invalid_ratelimit: 0,   // 4.0
    tcp_comp_sack_nr: 0,        // 4.18
    tcp_autocorking: 0,         // 3.14
    tcp_tw_reuse: 0,
    // such kernels offered ten segments, 14600 bytes, at first: half of this; and the shift 7
    tcp_rmem: [4096, 29_200, 4_194_304],
    ..Sysctl::LINUX_6_18
};

static PRESETS: [Preset; 3] = [
    Preset {
        name: "linux-6.18",
        about: "Linux 6.18 at HZ 250 with the timer wheel; the default.",
        sysctl: Sysctl::LINUX_6_18,
        hz: 250,
        wheel: true,
        retries_are_counted: false,
        release: [6, 18, 0],
    },
    Preset {
        name: "old-hz1000",
        about: "A kernel before 2.6.32 at HZ 1000: timers fire in their tick, retries are a count, no tail loss probes, \
                no linear SYN retries. Its initial RTO of 3 s is not modelled.",
        sysctl: OLD,
        hz: 1000,
        wheel: false,
        retries_are_counted: true,
        release: [2, 6, 31],
    },
    Preset {
        name: "textbook",
        about: "The sysctls of Linux 6.18 with ticks of a microsecond and no wheel: no timer is rounded visibly.",
        sysctl: Sysctl::LINUX_6_18,
        hz: 1_000_000,
        wheel: false,
        retries_are_counted: false,
        release: [6, 18, 0],
    },
];

impl Preset {
    /// Returns all presets; the first is the default.
    pub fn all() -> &'static [Preset] {
        &PRESETS
    }

    /// `linux-6.18`.
    pub fn linux() -> &'static Preset {
        &PRESETS[0]
    }

    /// Returns the preset with this name.
    pub fn find(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|p| p.name == name)
    }

    /// Returns its clock ticks, with time 0 of the run at the start of tick 0.
    pub fn ticks(&self) -> Ticks {
        Ticks {
            wheel: self.wheel,
            ..Ticks::at_hz(self.hz)
        }
    }

    /// Returns the name and value of each sysctl that differs from Linux 6.18's.
    pub fn differences(&self) -> Vec<(&'static str, String)> {
        let linux = Sysctl::LINUX_6_18.values();
        let own = self.sysctl.values();
        own.into_iter()
            .zip(linux)
            .filter(|(own, linux)| own.1 != linux.1)
            .map(|(own, _)| own)
            .collect()
    }
}
