//! Every option of `sockopt` as a method, in std's types.

/// The methods for a type whose field `socket` is an `Owned`.
macro_rules! options {
    ($type:ident) => {
        impl $type {
            /// setsockopt().
            ///
            /// # Errors
            /// EINVAL, EDOM and what else the kernel gives for the value.
            pub fn set(&self, option: crate::sockopt::SockOpt) -> std::io::Result<()> {
                self.socket
                    .call(|id| crate::call::Call::Set(id, option.clone()))
            }

            fn set_int(&self, name: crate::sockopt::OptName, value: i64) -> std::io::Result<()> {
                self.set(crate::sockopt::SockOpt::int(name, value))
            }

            /// TCP_CONGESTION: `reno` or `cubic`.
            pub fn set_congestion(&self, name: &str) -> std::io::Result<()> {
                let value = crate::sockopt::OptValue::Name(name.to_owned());
                let name = crate::sockopt::OptName::TCP_CONGESTION;
                self.set(crate::sockopt::SockOpt { name, value })
            }

            /// SO_LINGER: zero makes close() reset the connection, None is off. Unsupported: a close() that waits.
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
                set_nodelay TCP_NODELAY "no Nagle";
                set_cork TCP_CORK "hold back partial segments";
                set_quickack TCP_QUICKACK "acknowledge at once; not permanent";
                set_thin_linear_timeouts TCP_THIN_LINEAR_TIMEOUTS "no backoff for six retries of a thin stream";
                set_recverr IP_RECVERR "report ICMP errors at once";
            );
            $crate::world::options::options!(@number $type
                set_send_buffer_size SO_SNDBUF "send buffer, bytes, doubled as the kernel does";
                set_recv_buffer_size SO_RCVBUF "receive buffer, bytes, doubled as the kernel does";
                set_maxseg TCP_MAXSEG "largest segment, bytes";
                set_keepalive_probes TCP_KEEPCNT "keepalive probes before the end";
                set_syncnt TCP_SYNCNT "SYN retries";
            );
            $crate::world::options::options!(@duration $type
                set_keepalive_time TCP_KEEPIDLE as_secs "idle time before the first keepalive probe, in whole seconds";
                set_keepalive_interval TCP_KEEPINTVL as_secs "time between keepalive probes, in whole seconds";
                set_linger2 TCP_LINGER2 as_secs "life of an orphan in FIN_WAIT2, in whole seconds";
                set_defer_accept TCP_DEFER_ACCEPT as_secs "wait for data before accept(), in whole seconds";
                set_user_timeout TCP_USER_TIMEOUT as_millis "time that data may stay unacknowledged, in ms; zero is the sysctl's";
                set_rto_max TCP_RTO_MAX_MS as_millis "largest RTO, in ms";
                set_rto_min TCP_RTO_MIN_US as_micros "smallest variance term of the RTO, in us";
                set_delack_max TCP_DELACK_MAX_US as_micros "longest delay of an ACK, in us";
            );
        }
    };
    (@bool $type:ident $($method:ident $name:ident $text:literal;)*) => { $(
        #[doc = concat!(stringify!($name), ": ", $text, ".")]
        pub fn $method(&self, on: bool) -> std::io::Result<()> {
            self.set_int(crate::sockopt::OptName::$name, on.into())
        }
    )* };
    (@number $type:ident $($method:ident $name:ident $text:literal;)*) => { $(
        #[doc = concat!(stringify!($name), ": ", $text, ".")]
        pub fn $method(&self, value: u32) -> std::io::Result<()> {
            self.set_int(crate::sockopt::OptName::$name, value.into())
        }
    )* };
    (@duration $type:ident $($method:ident $name:ident $unit:ident $text:literal;)*) => { $(
        #[doc = concat!(stringify!($name), ": ", $text, ".")]
        pub fn $method(&self, time: std::time::Duration) -> std::io::Result<()> {
            let value = i64::try_from(time.$unit()).unwrap_or(i64::MAX);
            self.set_int(crate::sockopt::OptName::$name, value)
        }
    )* };
}

pub(crate) use options;
