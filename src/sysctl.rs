//! The `net.ipv4.tcp_*` knobs by their names, units, ranges and defaults of Linux 6.18.
//!
//! Linux counterpart: `net/ipv4/sysctl_net_ipv4.c`, `Documentation/networking/ip-sysctl.rst`.

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

/// A value that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SysctlError {
    /// No such knob.
    #[error("unknown sysctl {name}{}", .nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    Unknown {
        /// As written.
        name: String,
        /// The known name nearest to it, if one is near.
        nearest: Option<&'static str>,
    },
    /// The kernel has it, this program does not model it.
    #[error("{name} is not modelled: {why}")]
    NotModelled {
        /// The knob.
        name: &'static str,
        /// What is missing.
        why: &'static str,
    },
    /// Not a value of this knob.
    #[error("{name} takes {wants}, not {got}")]
    Value {
        /// The knob.
        name: &'static str,
        /// Its range and unit in words.
        wants: String,
        /// As written.
        got: String,
    },
}

macro_rules! numbers {
    ($($field:ident: $default:literal in $min:literal ..= $max:literal, $text:literal;)*) => {
        /// The knobs of one network namespace.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Sysctl {
            $(#[doc = $text] pub $field: i64,)*
            /// receive buffer: smallest, default, largest, bytes
            pub tcp_rmem: [i64; 3],
            /// send buffer: smallest, default, largest, bytes
            pub tcp_wmem: [i64; 3],
            /// congestion control of new sockets
            pub tcp_congestion_control: CongestionControl,
        }

        /// Linux 6.18's.
        impl Default for Sysctl {
            fn default() -> Self {
                Sysctl {
                    $($field: $default,)*
                    tcp_rmem: [4096, 131_072, 33_554_432],
                    tcp_wmem: [4096, 16_384, 4_194_304],
                    tcp_congestion_control: CongestionControl::Cubic,
                }
            }
        }

        /// The numeric knobs: name, smallest, default, largest, meaning and unit.
        pub const NUMBERS: &[(&str, i64, i64, i64, &str)] = &[
            $((stringify!($field), $min, $default, $max, $text),)*
        ];

        impl Sysctl {
            fn number_mut(&mut self, name: &str) -> Option<&mut i64> {
                match name { $(stringify!($field) => Some(&mut self.$field),)* _ => None }
            }

            /// Every knob and its value as the kernel's files take it: `("tcp_rmem", "4096 131072 33554432")`.
            pub fn values(&self) -> Vec<(&'static str, String)> {
                let three = |v: &[i64; 3]| format!("{} {} {}", v[0], v[1], v[2]);
                vec![
                    $((stringify!($field), self.$field.to_string()),)*
                    ("tcp_rmem", three(&self.tcp_rmem)),
                    ("tcp_wmem", three(&self.tcp_wmem)),
                    ("tcp_congestion_control", self.tcp_congestion_control.name().to_owned()),
                ]
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
    tcp_keepalive_time: 7200 in 0..=2147483, "idle time before keepalive, s";
    tcp_keepalive_intvl: 75 in 0..=2147483, "time between keepalive probes, s";
    tcp_keepalive_probes: 9 in 0..=255, "keepalive probes before the end";
    tcp_rto_min_us: 200000 in 1..=2147483647, "smallest variance term of the RTO, us";
    tcp_rto_max_ms: 120000 in 1000..=120000, "largest RTO, ms";
    tcp_early_retrans: 3 in 0..=4, "3 or 4: tail loss probes; 0 to 2: none";
    tcp_recovery: 1 in 0..=255, "RACK bits: 2 fixed reordering window, 4 no dupack threshold";
    tcp_frto: 2 in 0..=255, "F-RTO, 0 is off";
    tcp_thin_linear_timeouts: 0 in 0..=1, "no backoff for six retries of a thin stream";
    tcp_fin_timeout: 60 in 0..=2147483, "life of an orphan in FIN_WAIT2, s";
    tcp_retrans_collapse: 1 in 0..=255, "merge small segments when one is retransmitted";
    tcp_timestamps: 1 in 0..=2, "timestamps; 1 with a random offset, 2 without";
    tcp_sack: 1 in 0..=255, "selective acknowledgments";
    tcp_dsack: 1 in 0..=255, "duplicate SACK";
    tcp_window_scaling: 1 in 0..=255, "window scaling";
    tcp_slow_start_after_idle: 1 in 0..=255, "congestion window decays when idle for an RTO";
    tcp_invalid_ratelimit: 500 in 0..=2147483647, "shortest time between ACKs of out-of-window segments, ms";
    tcp_challenge_ack_limit: 2147483647 in 0..=2147483647, "challenge ACKs per second of a namespace";
    tcp_min_rtt_wlen: 300 in 0..=86400, "window of the smallest RTT, s";
    tcp_max_reordering: 300 in 0..=2147483647, "largest reordering, segments";
    tcp_reordering: 3 in 1..=2147483647, "assumed reordering, segments";
    tcp_rfc1337: 0 in 0..=255, "1: a RST does not kill TIME_WAIT";
    tcp_no_metrics_save: 1 in 0..=255, "1: nothing is remembered of a path";
    tcp_moderate_rcvbuf: 1 in 0..=255, "receive buffer grows with the traffic";
    tcp_pingpong_thresh: 1 in 1..=255, "data sends in answer to data before ACKs are delayed";
    tcp_autocorking: 1 in 0..=255, "small writes wait while the device holds a packet";
    tcp_min_tso_segs: 2 in 1..=65535, "smallest burst, segments";
    tcp_tso_rtt_log: 9 in 0..=63, "RTT (2^n us) over which bursts shrink";
    tcp_tso_win_divisor: 3 in 0..=255, "part of the window that one burst may take";
    tcp_limit_output_bytes: 4194304 in 0..=2147483647, "bytes of a socket in the device's queue";
    tcp_comp_sack_delay_ns: 1000000 in 0..=2147483647, "longest delay of a compressed SACK, ns";
    tcp_comp_sack_nr: 44 in 0..=255, "SACKs compressed at the most";
    tcp_comp_sack_slack_ns: 100000 in 0..=2147483647, "slack of the SACK compression timer, ns";
    tcp_tw_reuse: 2 in 0..=2, "reuse of TIME_WAIT for new connections; 2 on loopback only";
    tcp_max_syn_backlog: 2048 in 0..=2147483647, "half-open connections of a listener";
    tcp_ecn: 2 in 0..=2, "ECN: 0 off, 1 ask for it, 2 accept it";
    tcp_mtu_probing: 0 in 0..=0, "path MTU probing: only off is modelled";
    tcp_shrink_window: 0 in 0..=0, "only off is modelled";
    tcp_syncookies: 1 in 0..=2, "SYN cookies when the backlog is full";
}
