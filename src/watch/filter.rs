//! Selects connections by address, port, state and process.

use std::net::IpAddr;
use std::str::FromStr;

use crate::call::{Addr, TcpState};

/// An address or port at either end of a connection: `10.0.0.1`, `10.0.0.1:80`, `[::1]:80`, `:80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressFilter {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl AddressFilter {
    /// Any address with this port.
    pub fn port(port: u16) -> AddressFilter {
        AddressFilter {
            ip: None,
            port: Some(port),
        }
    }

    fn takes(&self, end: Addr) -> bool {
        self.ip.is_none_or(|ip| ip == end.ip) && self.port.is_none_or(|port| port == end.port)
    }
}

impl FromStr for AddressFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<AddressFilter, String> {
        let wrong = || {
            format!(
                "{text:?} is not an address; write it as 10.0.0.1, 10.0.0.1:80, ::1, [::1]:80 or :80"
            )
        };
        if let Ok(both) = text.parse::<std::net::SocketAddr>() {
            return Ok(AddressFilter {
                ip: Some(both.ip()),
                port: Some(both.port()),
            });
        }
        if let Some(port) = text.strip_prefix(':').and_then(|p| p.parse().ok()) {
            return Ok(AddressFilter::port(port));
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let ip = bare.unwrap_or(text).parse().map_err(|_| wrong())?;
        Ok(AddressFilter {
            ip: Some(ip),
            port: None,
        })
    }
}

/// Which connections are selected. The default is all but listeners.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those in one of these states. Empty means any state but LISTEN.
    pub states: Vec<TcpState>,
    /// Those with one of these addresses at either end. Empty means any.
    pub ends: Vec<AddressFilter>,
    /// Those with this port at either end.
    pub ports: Vec<u16>,
    /// Those held by this process.
    pub pid: Option<u32>,
}

impl Filter {
    /// Returns whether a connection is selected, not considering its process.
    pub fn takes(&self, state: TcpState, local: Addr, remote: Addr) -> bool {
        let state = match self.states.is_empty() {
            true => state != TcpState::Listen,
            false => self.states.contains(&state),
        };
        let either = |f: &AddressFilter| f.takes(local) || f.takes(remote);
        let has_port = |p: &u16| local.port == *p || remote.port == *p;
        state
            && (self.ends.is_empty() || self.ends.iter().any(either))
            && (self.ports.is_empty() || self.ports.iter().any(has_port))
    }

    /// Returns the state with this name, as `ss` or RFC 9293 spell it: `established`, `syn-sent`, `FIN_WAIT1`, `fin-wait-1`.
    pub fn state(name: &str) -> Option<TcpState> {
        let plain = |s: &str| {
            let letters = s.chars().filter(char::is_ascii_alphanumeric);
            letters.collect::<String>().to_ascii_uppercase()
        };
        let wanted = plain(name);
        let wanted = match wanted.as_str() {
            "ESTAB" => "ESTABLISHED",
            "LISTENING" => "LISTEN",
            "SYNRECEIVED" => "SYNRECV",
            other => other,
        };
        TcpState::NOT_CLOSED
            .into_iter()
            .find(|s| plain(s.name()) == wanted)
    }
}
