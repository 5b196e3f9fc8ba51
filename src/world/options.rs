//! Every option of `sockopt` as a method, with the types of std.

/// Defines the methods for a type whose field `socket` is an `Owned`.
macro_rules! options {
    ($type:ident) => {
        impl $type {
            /// Sets a socket option, as setsockopt() does.
            ///
            /// # Errors
            /// Returns the error that the kernel gives for the value, such as EINVAL or EDOM.
            pub fn set(&self, option: crate::sockopt::SockOpt) -> std::io::Result<()> {
                self.socket
                    .call(|id| crate::call::Call::Set(id, option.clone()))
            }

            fn set_int(&self, name: crate::sockopt::OptName, value: i64) -> std::io::Result<()> {
                self.set(crate::sockopt::SockOpt::int(name, value))
            }

            /// Sets TCP_CONGESTION, the congestion control: `reno` or `cubic`.
            pub fn set_congestion(&self, name: &str) -> std::io::Result<()> {
                let value = crate::sockopt::OptValue::Name(name.to_owned());
                let name = crate::sockopt::OptName::TCP_CONGESTION;
                self.set(crate::sockopt::SockOpt { name, value })
            }

            /// Sets SO_LINGER: with zero, close() resets the connection; `None` turns the option off. A close() that
            /// waits is not supported.
            pub fn set_linger(&self, linger: Option<std::time::Duration>) -> std::io::Result<()> {
                let value = match linger {
                    None => -1,
                    Some(std::time::Duration::ZERO) => 0,
                    Some(_) => return Err(std::io::ErrorKind::Unsupported.into()),
                };
                self.set_int(crate::sockopt::OptName::SO_LINGER, value)
            }

            $crate::world::options::options!(@bool $type
                set_keepalive SO_KEEPALIVE "keepalive probes on an idle connection";
                set_nodelay TCP_NODELAY "send small segments at once, without the Nagle algorithm";
                set_cork TCP_CORK "hold back partial segments";
                set_quickack TCP_QUICKACK "acknowledge at once; the kernel may end this mode by itself";
                set_thin_linear_timeouts TCP_THIN_LINEAR_TIMEOUTS "no backoff in the first six retransmissions of a thin stream";
                set_recverr IP_RECVERR "report ICMP errors at once";
            );
            $crate::world::options::options!(@number $type
                set_send_buffer_size SO_SNDBUF "size of the send buffer in bytes, which is doubled as in the kernel";
                set_recv_buffer_size SO_RCVBUF "size of the receive buffer in bytes, which is doubled as in the kernel";
                set_maxseg TCP_MAXSEG "largest segment in bytes";
                set_keepalive_probes TCP_KEEPCNT "unanswered keepalive probes before the connection ends";
                set_syncnt TCP_SYNCNT "SYN retransmissions before connect() fails";
            );
            $crate::world::options::options!(@duration $type
                set_keepalive_time TCP_KEEPIDLE as_secs "idle time before the first keepalive probe, in whole seconds";
                set_keepalive_interval TCP_KEEPINTVL as_secs "time between keepalive probes, in whole seconds";
                set_linger2 TCP_LINGER2 as_secs "how long an orphan stays in FIN_WAIT2, in whole seconds";
                set_defer_accept TCP_DEFER_ACCEPT as_secs "how long a connection waits for data before accept() returns it, in whole seconds";
                set_user_timeout TCP_USER_TIMEOUT as_millis "time that data may stay unacknowledged, in ms; zero leaves it to the sysctls";
                set_rto_max TCP_RTO_MAX_MS as_millis "largest RTO, in ms";
                set_rto_min TCP_RTO_MIN_US as_micros "smallest variance term of the RTO, in us";
                set_delack_max TCP_DELACK_MAX_US as_micros "longest delay of an ACK, in us";
            );
        }
    };
    (@bool $type:ident $($method:ident $name:ident $text:literal;)*) => { $(
        #[doc = concat!("Sets ", stringify!($name), ": ", $text, ".")]
        pub fn $method(&self, on: bool) -> std::io::Result<()> {
            self.set_int(crate::sockopt::OptName::$name, on.into())
        }
    )* };
    (@number $type:ident $($method:ident $name:ident $text:literal;)*) => { $(
        #[doc = concat!("Sets ", stringify!($name), ": ", $text, ".")]
        pub fn $method(&self, value: u32) -> std::io::Result<()> {
            self.set_int(crate::sockopt::OptName::$name, value.into())
        }
    )* };
    (@duration $type:ident $($method:ident $name:ident $unit:ident $text:literal;)*) => { $(
        #[doc = concat!("Sets ", stringify!($name), ": ", $text, ".")]
        pub fn $method(&self, time: std::time::Duration) -> std::io::Result<()> {
            let value = i64::try_from(time.$unit()).unwrap_or(i64::MAX);
            self.set_int(crate::sockopt::OptName::$name, value)
        }
    )* };
}

pub(crate) use options;
