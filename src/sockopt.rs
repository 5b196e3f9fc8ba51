//! Socket options by the kernel's names, levels and numbers.
//!
//! Linux counterpart: `include/uapi/linux/tcp.h`, `asm-generic/socket.h`, `socket(7)`, `tcp(7)`. What the kernel
//! does with a value (range, rounding, error) is decided in `engine/lifecycle/setsockopt.rs`.

use crate::sysctl::{nearest, quoted};

const SOL_IP: i32 = 0;
const SOL_SOCKET: i32 = 1;
const SOL_TCP: i32 = 6;

macro_rules! options {
    ($($name:ident = $level:ident $number:literal, $text:literal;)*) => {
        /// The name of a socket option.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the kernel's own names")]
        pub enum OptName { $(#[doc = $text] $name,)* }

        impl OptName {
            /// All options, in the order of the table.
            pub const ALL: &'static [OptName] = &[$(OptName::$name),*];

            /// Returns the kernel's name of the option.
            pub const fn name(self) -> &'static str {
                match self { $(OptName::$name => stringify!($name),)* }
            }

            /// Returns what the option does, and its unit.
            pub const fn about(self) -> &'static str {
                match self { $(OptName::$name => $text,)* }
            }

            /// Returns the level and number for setsockopt(2) (the generic ABI: x86, ARM, RISC-V).
            pub const fn number(self) -> (i32, i32) {
                match self { $(OptName::$name => ($level, $number),)* }
            }
        }
    };
}

options! {
    SO_SNDBUF = SOL_SOCKET 7, "send buffer, bytes, doubled by the kernel";
    SO_RCVBUF = SOL_SOCKET 8, "receive buffer, bytes, doubled by the kernel";
    SO_KEEPALIVE = SOL_SOCKET 9, "keepalive probes on an idle connection, 0 or 1";
    SO_LINGER = SOL_SOCKET 13, "0: close() resets the connection; -1 is off; a close() that waits is not modelled";
    TCP_NODELAY = SOL_TCP 1, "no Nagle, 0 or 1";
    TCP_MAXSEG = SOL_TCP 2, "largest segment, bytes";
    TCP_CORK = SOL_TCP 3, "hold back partial segments, 0 or 1";
    TCP_KEEPIDLE = SOL_TCP 4, "idle time before the first keepalive probe, s";
    TCP_KEEPINTVL = SOL_TCP 5, "time between keepalive probes, s";
    TCP_KEEPCNT = SOL_TCP 6, "keepalive probes before the end";
    TCP_SYNCNT = SOL_TCP 7, "SYN retries";
    TCP_LINGER2 = SOL_TCP 8, "life of an orphan in FIN_WAIT2, s; negative is none";
    TCP_DEFER_ACCEPT = SOL_TCP 9, "wait for data before accept(), s";
    TCP_QUICKACK = SOL_TCP 12, "acknowledge at once, 0 or 1; not permanent";
    TCP_CONGESTION = SOL_TCP 13, "congestion control by name";
    TCP_THIN_LINEAR_TIMEOUTS = SOL_TCP 16, "no backoff for six retries of a thin stream, 0 or 1";
    TCP_USER_TIMEOUT = SOL_TCP 18, "time data may stay unacknowledged, ms; 0 is the sysctl's";
    TCP_RTO_MAX_MS = SOL_TCP 44, "largest RTO, ms";
    TCP_RTO_MIN_US = SOL_TCP 45, "smallest variance term of the RTO, us";
    TCP_DELACK_MAX_US = SOL_TCP 46, "longest delay of an ACK, us";
    IP_RECVERR = SOL_IP 11, "report ICMP errors at once, 0 or 1";
}

impl OptName {
    /// Returns the Linux release that brought the option, `[0, 0, 0]` if every kernel of today's machines has it.
    pub const fn since(self) -> [u16; 3] {
        match self {
            OptName::TCP_THIN_LINEAR_TIMEOUTS => [2, 6, 34],
            OptName::TCP_USER_TIMEOUT => [2, 6, 37],
            OptName::TCP_RTO_MAX_MS | OptName::TCP_RTO_MIN_US | OptName::TCP_DELACK_MAX_US => {
                [6, 15, 0]
            }
            _ => [0, 0, 0],
        }
    }

    /// The option of this name.
    pub fn from_name(name: &str) -> Option<OptName> {
        OptName::ALL.iter().copied().find(|o| o.name() == name)
    }
}

/// An option's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptValue {
    /// A number in the option's unit.
    Int(i64),
    /// A name (TCP_CONGESTION).
    Name(String),
}

impl std::fmt::Display for OptValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OptValue::Int(n) => n.fmt(f),
            OptValue::Name(name) => name.fmt(f),
        }
    }
}

/// An option that could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SockOptError {
    /// There is no such option, or it is not modelled.
    #[error("unknown socket option {name}{}", .nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// As written.
        name: String,
        /// The known name nearest to it, if one is near.
        nearest: Option<&'static str>,
    },
    /// The kernel supports this value, and this program does not.
    #[error("{} = {value} is not modelled: {why}", .name.name())]
    NotModelled {
        /// The option.
        name: OptName,
        /// As written.
        value: i64,
        /// Why.
        why: &'static str,
    },
    /// The value has the wrong type. Whether the kernel accepts a value of the right type is decided by the call.
    #[error("{} must be {wants}, not {got}", .name.name())]
    Value {
        /// The option.
        name: OptName,
        /// The type that is required.
        wants: &'static str,
        /// As written.
        got: String,
    },
}

/// An option and the value to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SockOpt {
    /// The option.
    pub name: OptName,
    /// The value.
    pub value: OptValue,
}

impl SockOpt {
    /// Parses the value `text` of the option `name`: a number that fits an int, or for TCP_CONGESTION a name of up to 15
    /// letters.
    pub fn parse(name: &str, text: &str) -> Result<SockOpt, SockOptError> {
        let known = OptName::from_name(name).ok_or_else(|| SockOptError::Unknown {
            name: name.to_owned(),
            nearest: nearest(name, OptName::ALL.iter().map(|o| o.name())),
        })?;
        let value = if known == OptName::TCP_CONGESTION {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let fits = !text.is_empty() && text.len() < 16 && text.chars().all(is_name);
            fits.then(|| OptValue::Name(text.to_owned()))
        } else {
            text.parse::<i32>().ok().map(|n| OptValue::Int(n.into()))
        };
        match value {
            Some(OptValue::Int(seconds)) if known == OptName::SO_LINGER && seconds > 0 => {
                Err(SockOptError::NotModelled {
                    name: known,
                    value: seconds,
                    why: "close() would block for that time, and the socket would belong to the application until then",
                })
            }
            Some(value) => Ok(SockOpt { name: known, value }),
            None => Err(SockOptError::Value {
                name: known,
                wants: if known == OptName::TCP_CONGESTION {
                    "a name of up to 15 letters"
                } else {
                    "a number from -2147483648 to 2147483647"
                },
                got: quoted(text),
            }),
        }
    }

    /// Returns a numeric option.
    pub fn int(name: OptName, value: i64) -> Self {
        SockOpt {
            name,
            value: OptValue::Int(value),
        }
    }
}

#[cfg(test)]
mod tests;
