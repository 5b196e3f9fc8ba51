//! What a SYN shows of the system that sent it.
//!
//! The order of the options in a SYN is a habit of each system, and so is the first TTL. This is a hint, no proof: a proxy
//! or load balancer answers with its own. The initial values: Linux, macOS, BSD 64, Windows 128.

use std::fmt;

use crate::capture::TcpSeen;
use crate::wire::TcpOption;

/// What the SYN or SYN-ACK of an end says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynFacts {
    /// The names of its options in their order.
    pub options: Vec<&'static str>,
    /// Its MSS, bytes.
    pub mss: Option<u16>,
    /// Its window scale.
    pub wscale: Option<u8>,
    /// Whether it permits SACK.
    pub sack: bool,
    /// Whether it has timestamps.
    pub timestamps: bool,
    /// Its window, bytes.
    pub window: u16,
    /// Its TTL at the capture.
    pub ttl: u8,
    /// Whether it is a SYN-ACK, whose options depend on those of the SYN.
    pub answers: bool,
}

/// A family of TCP implementations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux, Android.
    Linux,
    /// Windows.
    Windows,
    /// macOS, iOS.
    MacOs,
    /// FreeBSD and its relatives.
    FreeBsd,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            System::Linux => "Linux",
            System::Windows => "Windows",
            System::MacOs => "macOS or iOS (xnu), or a BSD",
            System::FreeBsd => "FreeBSD",
        })
    }
}

impl SynFacts {
    pub(super) fn of(seen: &TcpSeen, answers: bool) -> SynFacts {
        SynFacts {
            options: seen.options.iter().map(|o| short(&o)).collect(),
            mss: seen.options.mss(),
            wscale: seen.options.window_scale(),
            sack: seen.options.sack_permitted(),
            timestamps: seen.options.timestamps().is_some(),
            window: seen.window,
            ttl: seen.ttl,
            answers,
        }
    }

    /// Returns the system whose habit it is, if the options and the TTL agree on one.
    pub fn system(&self) -> Option<System> {
        let order = self.options.join(",");
        let starts_at = |first: u8| self.ttl <= first && self.ttl > first.saturating_sub(40);
        // a SYN-ACK leaves out what the SYN did not offer
        let habit = match order.as_str() {
            "mss,sackok,ts,nop,ws" | "mss,nop,nop,sackok,nop,ws" => System::Linux,
            "mss,nop,nop,sackok" | "mss,sackok,ts" if self.answers && starts_at(64) => {
                System::Linux
            }
            "mss,nop,ws,nop,nop,sackok" | "mss,nop,nop,sackok" => System::Windows,
            "mss,nop,ws,sackok,ts" if starts_at(128) => System::Windows,
            "mss,nop,ws,nop,nop,ts,sackok" => System::MacOs,
            "mss,nop,ws,sackok,ts" => System::FreeBsd,
            _ => return None,
        };
        let first_ttl = match habit {
            System::Windows => 128,
            _ => 64,
        };
        starts_at(first_ttl).then_some(habit)
    }
}

const fn short(option: &TcpOption) -> &'static str {
    match option {
        TcpOption::End => "eol",
        TcpOption::Nop => "nop",
        TcpOption::Mss(_) => "mss",
        TcpOption::WindowScale(_) => "ws",
        TcpOption::SackPermitted => "sackok",
        TcpOption::Sack(_) => "sack",
        TcpOption::Timestamps(_) => "ts",
        TcpOption::Unknown(..) => "other",
    }
}
