//! The `net.ipv4.tcp_*` sysctls by their names, units, ranges and defaults of Linux 6.18.
//!
//! Linux counterpart: `net/ipv4/sysctl_net_ipv4.c`, `Documentation/networking/ip-sysctl.rst`. The ranges are
//! those at which a 6.18.44 kernel (HZ 250) takes or refuses a write. What the kernel does with an accepted
//! value (rounding to ticks, clamping) is the engine's business.

mod nearest;
mod ports;
mod preset;
mod unmodelled;

pub use nearest::nearest;
pub use preset::Preset;
pub use unmodelled::{NOT_MODELLED, WITHOUT_EFFECT};

/// Names of congestion controls that the engine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CongestionControl {
    /// RFC 5681.
    Reno,
    /// RFC 9438.
    #[default]
    Cubic,
}

impl CongestionControl {
    /// Linux's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            CongestionControl::Reno => "reno",
            CongestionControl::Cubic => "cubic",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [CongestionControl::Reno, CongestionControl::Cubic]
            .into_iter()
            .find(|c| c.name() == name)
    }
}

/// Why a sysctl could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SysctlError {
    /// There is no such sysctl.
    #[error("unknown sysctl {name}{}", .nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// As written.
        name: String,
        /// The known name nearest to it, if one is near.
        nearest: Option<&'static str>,
    },
    /// The kernel has this sysctl, but this program does not model it.
    #[error("{name} is not modelled: {why}")]
    NotModelled {
        /// The sysctl.
        name: &'static str,
        /// What is missing.
        why: &'static str,
    },
    /// The kernel accepts this value, but this program does not model it.
    #[error("{name} = {got} is not modelled: {why}")]
    ValueNotModelled {
        /// The sysctl.
        name: &'static str,
        /// As written.
        got: String,
        /// What is missing.
        why: &'static str,
    },
    /// The value is invalid: the kernel would return EINVAL.
    #[error("{name} must be {wants}, not {got}")]
    Value {
        /// The sysctl.
        name: &'static str,
        /// The range that is required.
        wants: String,
        /// As written.
        got: String,
    },
}

macro_rules! numbers {
    ($($field:ident: $default:literal in $min:literal ..= $max:literal, $text:literal;)*) => {
        /// The sysctls of one network namespace.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Sysctl {
            $(#[doc = $text] pub $field: i64,)*
            /// receive buffer: smallest, default, largest, bytes
            pub tcp_rmem: [i64; 3],
            /// send buffer: smallest, default, largest, bytes
            pub tcp_wmem: [i64; 3],
            /// memory of all connections: low, pressure, most, pages of 4096 bytes
            pub tcp_mem: [i64; 3],
            /// congestion control of new sockets
            pub tcp_congestion_control: CongestionControl,
            /// local ports to choose from: first, last
            pub ip_local_port_range: [u16; 2],
            /// local ports never chosen, as ranges: first, last; [0, 0] is none
            pub ip_local_reserved_ports: [[u16; 2]; ports::RANGES],
        }

        /// The numeric sysctls: name, smallest value, default, largest value, meaning and unit.
        pub const NUMBERS: &[(&str, i64, i64, i64, &str)] = &[
            $((stringify!($field), $min, $default, $max, $text),)*
        ];

        impl Sysctl {
            /// The defaults of Linux 6.18, with metrics off (`tcp_no_metrics_save` = 1), and with the memory and the
            /// tables of a machine of 24 GB.
            pub const LINUX_6_18: Sysctl = Sysctl {
                $($field: $default,)*
                tcp_rmem: [4096, 131_072, 33_554_432],
                tcp_wmem: [4096, 16_384, 4_194_304],
                tcp_mem: [287_901, 383_868, 575_802],
                tcp_congestion_control: CongestionControl::Cubic,
                ip_local_port_range: [32_768, 60_999],
                ip_local_reserved_ports: [[0; 2]; ports::RANGES],
            };

            fn number(&self, name: &str) -> Option<i64> {
                match name { $(stringify!($field) => Some(self.$field),)* _ => None }
            }

            fn number_mut(&mut self, name: &str) -> Option<&mut i64> {
                match name { $(stringify!($field) => Some(&mut self.$field),)* _ => None }
            }
        }
    };
}

numbers! {
    tcp_retries1: 3 in 0..=255, "retries before the route is doubted";
    tcp_retries2: 15 in 0..=255, "retries that make up the time after which a connection is given up";
    tcp_syn_retries: 6 in 1..=127, "SYN retries";
    tcp_syn_linear_timeouts: 4 in 0..=127, "SYN retries at 1 s before the backoff starts";
    tcp_synack_retries: 5 in 0..=255, "SYN-ACK retries";
    tcp_orphan_retries: 0 in 0..=255, "retries of a connection without an owner; 0 means 8";
    tcp_keepalive_time: 7200 in -8589934..=8589934, "idle time before keepalive, s";
    tcp_keepalive_intvl: 75 in -8589934..=8589934, "time between keepalive probes, s";
    tcp_keepalive_probes: 9 in 0..=255, "keepalive probes before the end";
    tcp_rto_min_us: 200000 in 1..=2147483647, "smallest variance term of the RTO, us";
    tcp_rto_max_ms: 120000 in 1000..=120000, "largest RTO, ms";
    tcp_early_retrans: 3 in 0..=4, "3 or 4: tail loss probes; 0 to 2: none";
    tcp_recovery: 1 in 0..=255, "RACK bits: 2 fixed reordering window, 4 no dupack threshold";
    tcp_frto: 2 in 0..=255, "F-RTO, 0 is off";
    tcp_thin_linear_timeouts: 0 in 0..=255, "no backoff for six retries of a thin stream, 0 is off";
    tcp_fin_timeout: 60 in -8589934..=8589934, "life of an orphan in FIN_WAIT2, s";
    tcp_retrans_collapse: 1 in 0..=255, "merge small segments when one is retransmitted";
    tcp_timestamps: 1 in 0..=255, "timestamps; 1 with a random offset, 2 without";
    tcp_sack: 1 in 0..=255, "selective acknowledgments";
    tcp_dsack: 1 in 0..=255, "duplicate SACK";
    tcp_window_scaling: 1 in 0..=255, "window scaling";
    tcp_slow_start_after_idle: 1 in 0..=255, "congestion window decays when idle for an RTO";
    tcp_invalid_ratelimit: 500 in 0..=2147483647, "shortest time between ACKs of out-of-window segments, ms";
    tcp_challenge_ack_limit: 2147483647 in -2147483648..=2147483647, "challenge ACKs per second of a namespace";
    tcp_min_rtt_wlen: 300 in 0..=86400, "window of the smallest RTT, s";
    tcp_max_reordering: 300 in 1..=2147483647, "largest reordering, segments";
    tcp_reordering: 3 in 1..=2147483647, "assumed reordering, segments; at most tcp_max_reordering";
    tcp_rfc1337: 0 in 0..=255, "1: a RST does not kill TIME_WAIT";
    tcp_no_metrics_save: 1 in 0..=255, "1: nothing is remembered of a path";
    tcp_moderate_rcvbuf: 1 in 0..=255, "receive buffer grows with the traffic";
    tcp_pingpong_thresh: 1 in 1..=255, "data sends in answer to data before ACKs are delayed";
    tcp_autocorking: 1 in 0..=1, "small writes wait while the device holds a packet";
    tcp_min_tso_segs: 2 in 1..=255, "smallest burst, segments";
    tcp_tso_rtt_log: 9 in 0..=255, "RTT (2^n us) over which bursts shrink";
    tcp_tso_win_divisor: 3 in 0..=255, "part of the window that one burst may take";
    tcp_limit_output_bytes: 4194304 in -2147483648..=2147483647, "bytes of a socket in the device's queue";
    tcp_comp_sack_delay_ns: 1000000 in 0..=9223372036854775807, "longest delay of a compressed SACK, ns";
    tcp_comp_sack_nr: 44 in 0..=255, "SACKs compressed at the most";
    tcp_comp_sack_slack_ns: 100000 in 0..=9223372036854775807, "slack of the SACK compression timer, ns";
    tcp_tw_reuse: 2 in 0..=2, "reuse of TIME_WAIT for new connections; 2 on loopback only";
    tcp_tw_reuse_delay: 1000 in 1..=60000, "age from which a TIME_WAIT may be reused, ms";
    tcp_max_tw_buckets: 131072 in -2147483648..=2147483647, "connections in TIME_WAIT and orphans in FIN_WAIT2";
    tcp_max_orphans: 131072 in -2147483648..=2147483647, "connections without an owner";
    tcp_abort_on_overflow: 0 in 0..=255, "1: a full accept queue answers the last ACK of the handshake by a RST";
    somaxconn: 4096 in 0..=2147483647, "net.core: largest backlog of a listener";
    tcp_max_syn_backlog: 2048 in -2147483648..=2147483647, "half-open connections of a listener without SYN cookies, the last quarter unused";
    tcp_ecn: 2 in 0..=2, "ECN: 0 off, 1 ask for it, 2 accept it";
    tcp_mtu_probing: 0 in 0..=255, "path MTU probing, 0 is off";
    tcp_shrink_window: 0 in 0..=1, "1: a window that was offered may be taken back";
    tcp_syncookies: 1 in 0..=255, "SYN cookies: 0 never, 1 when the backlog is full, 2 always";
}

/// The sysctls that are not single numbers, with their meaning.
const OTHERS: [(&str, &str); 6] = [
    (
        "tcp_rmem",
        "receive buffer: smallest, default, largest, bytes",
    ),
    ("tcp_wmem", "send buffer: smallest, default, largest, bytes"),
    (
        "tcp_congestion_control",
        "congestion control of new sockets: reno or cubic",
    ),
    (
        "tcp_mem",
        "memory of all connections: low, pressure, most, pages of 4096 bytes",
    ),
    (
        "ip_local_port_range",
        "local ports to choose from: first and last",
    ),
    (
        "ip_local_reserved_ports",
        "local ports never chosen: `8080,9148-9150`",
    ),
];

/// Linux 6.18's.
impl Default for Sysctl {
    fn default() -> Self {
        Sysctl::LINUX_6_18
    }
}

impl Sysctl {
    /// Returns the names of all modelled sysctls, in the order of the table.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let numbers = NUMBERS.iter().map(|n| n.0);
        numbers.chain(OTHERS.iter().map(|o| o.0))
    }

    /// Returns the meaning and unit of a modelled sysctl.
    pub fn about(name: &str) -> Option<&'static str> {
        let numbers = NUMBERS.iter().map(|n| (n.0, n.4));
        let mut all = numbers.chain(OTHERS);
        all.find(|(n, _)| *n == name).map(|(_, text)| text)
    }

    /// Returns the known name for `name`, which may begin with `net.ipv4.` (`net.core.` for somaxconn).
    pub fn known(name: &str) -> Result<&'static str, SysctlError> {
        let bare = bare(name);
        if let Some(known) = Sysctl::names().find(|n| *n == bare) {
            return Ok(known);
        }
        match NOT_MODELLED.iter().find(|(n, ..)| *n == bare) {
            Some((name, _, why)) => Err(SysctlError::NotModelled { name, why }),
            None => Err(SysctlError::Unknown {
                name: name.to_owned(),
                nearest: nearest(bare, Sysctl::names()),
            }),
        }
    }

    /// Sets the sysctl `name` from the text that would be written into the kernel's file, and checks it as that file
    /// does. If only the first values of a list are given, the others are kept, as in the kernel.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SysctlError> {
        let name = Sysctl::known(name)?;
        match name {
            "tcp_rmem" => self.tcp_rmem = triple(name, self.tcp_rmem, text)?,
            "tcp_wmem" => self.tcp_wmem = triple(name, self.tcp_wmem, text)?,
            "tcp_mem" => self.tcp_mem = triple(name, self.tcp_mem, text)?,
            "ip_local_port_range" => {
                self.ip_local_port_range = ports::range(self.ip_local_port_range, text)?;
            }
            "ip_local_reserved_ports" => self.ip_local_reserved_ports = ports::ranges(text)?,
            "tcp_congestion_control" => {
                let known = CongestionControl::from_name(text.trim());
                self.tcp_congestion_control = known.ok_or_else(|| SysctlError::Value {
                    name,
                    wants: "reno or cubic (no other is modelled)".to_owned(),
                    got: quoted(text),
                })?;
            }
            _ => {
                let value = self.checked_number(name, text)?;
                if let Some(field) = self.number_mut(name) {
                    *field = value;
                }
            }
        }
        Ok(())
    }

    /// Returns the value of the sysctl `name` as the kernel's file shows it, or None for a name that is not modelled.
    pub fn get(&self, name: &str) -> Option<String> {
        let list = |v: [i64; 3]| format!("{} {} {}", v[0], v[1], v[2]);
        match bare(name) {
            "tcp_rmem" => Some(list(self.tcp_rmem)),
            "tcp_wmem" => Some(list(self.tcp_wmem)),
            "tcp_mem" => Some(list(self.tcp_mem)),
            "ip_local_port_range" => {
                let [low, high] = self.ip_local_port_range;
                Some(format!("{low} {high}"))
            }
            "ip_local_reserved_ports" => Some(ports::text(&self.ip_local_reserved_ports)),
            "tcp_congestion_control" => Some(self.tcp_congestion_control.name().to_owned()),
            name => self.number(name).map(|v| v.to_string()),
        }
    }

    /// Returns every modelled sysctl with its value as the kernel's file shows it, in the order of the table.
    pub fn values(&self) -> Vec<(&'static str, String)> {
        Sysctl::names()
            .filter_map(|name| Some((name, self.get(name)?)))
            .collect()
    }

    /// Returns the sysctls of a preset; see [`Preset`].
    pub fn preset(name: &str) -> Option<Sysctl> {
        Preset::find(name).map(|p| p.sysctl.clone())
    }

    /// Reads the sysctls of a kernel from a listing of its files, such as that in the summary of a recording. Returns them
    /// with a note for each one that could not be used. Sysctls that are not modelled are noted only if they do not have
    /// their default.
    pub fn from_listing<'a>(
        listing: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Sysctl, Vec<String>) {
        let mut sysctl = Sysctl::default();
        let mut notes = Vec::new();
        for (name, text) in listing {
            let default = NOT_MODELLED.iter().find(|(n, ..)| *n == name).map(|n| n.1);
            if default.is_some_and(|d| d.is_empty() || d == text.trim()) {
                continue;
            }
            if let Err(error) = sysctl.set(name, text) {
                notes.push(error.to_string());
            }
        }
        (sysctl, notes)
    }

    fn checked_number(&self, name: &'static str, text: &str) -> Result<i64, SysctlError> {
        let row = NUMBERS.iter().find(|n| n.0 == name);
        let (min, mut max) = row.map_or((0, 0), |n| (n.1, n.3));
        if name == "tcp_reordering" {
            max = max.min(self.tcp_max_reordering);
        }
        let value = text.trim().parse().ok().filter(|v| (min..=max).contains(v));
        let value = value.ok_or_else(|| SysctlError::Value {
            name,
            wants: if min == max {
                min.to_string()
            } else {
                format!("a number from {min} to {max}")
            },
            got: quoted(text),
        })?;
        let narrowed = unmodelled::NARROWED.iter();
        let narrowed = narrowed.filter(|n| n.0 == name && !(n.1..=n.2).contains(&value));
        let excepted = unmodelled::EXCEPTED.iter();
        let excepted = excepted.filter(|n| n.0 == name && n.1 == value);
        match narrowed.map(|n| n.3).chain(excepted.map(|n| n.2)).next() {
            None => Ok(value),
            Some(why) => Err(SysctlError::ValueNotModelled {
                name,
                got: value.to_string(),
                why,
            }),
        }
    }
}

/// Returns the name of a sysctl without its folder.
fn bare(name: &str) -> &str {
    let folder = name.strip_prefix("net.ipv4.");
    let core = name.strip_prefix("net.core.").filter(|n| *n == "somaxconn");
    folder.or(core).unwrap_or(name)
}

/// Returns `old` with its first values replaced by those of `text`, which has one to three numbers, each at least 1.
fn triple(name: &'static str, old: [i64; 3], text: &str) -> Result<[i64; 3], SysctlError> {
    let refused = || SysctlError::Value {
        name,
        wants: "three numbers from 1 to 2147483647: smallest, default, largest".to_owned(),
        got: quoted(text),
    };
    let mut values = old;
    let mut count = 0;
    for word in text.split_whitespace() {
        let value = word.parse().ok();
        let value = value.filter(|v| (1..=i64::from(i32::MAX)).contains(v));
        *values.get_mut(count).ok_or_else(refused)? = value.ok_or_else(refused)?;
        count += 1;
    }
    if count == 0 {
        return Err(refused());
    }
    Ok(values)
}

/// Formats a value for a message: a number as it is, anything else in quotes and cut to 40 characters.
pub(crate) fn quoted(text: &str) -> String {
    if text.parse::<i64>().is_ok() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests;
