//! All connections of a capture, as a stream of packets reaches them.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::connection::Connection;
use crate::capture::{Frame, FrameContent, TcpSeen};
use crate::wire::Flags;

/// The connections that are open, each found by the addresses of its ends.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// The lower address first. The order of the map is never used.
    by_ends: HashMap<(SocketAddr, SocketAddr), Connection>,
    next_stream: u32,
}

fn key(a: SocketAddr, b: SocketAddr) -> (SocketAddr, SocketAddr) {
    if a <= b { (a, b) } else { (b, a) }
}

/// Whether a sender seems to be the client of a connection whose handshake is not in the capture: clients have high ports.
fn looks_like_client(seen: &TcpSeen) -> bool {
    /// Where the ephemeral ports of Linux begin.
    const EPHEMERAL: u16 = 32_768;
    /// The ports below are those of servers.
    const WELL_KNOWN: u16 = 1_024;
    let (from, to) = (seen.src.port(), seen.dst.port());
    match (from >= EPHEMERAL, to >= EPHEMERAL) {
        (true, false) => true,
        (false, true) => false,
        _ => from >= WELL_KNOWN || to < WELL_KNOWN,
    }
}

impl Connections {
    /// Gives a frame to its connection. Returns the connection whose addresses a new one takes over.
    pub(super) fn take(
        &mut self,
        frame: &Frame,
        keep: &dyn Fn(u32, SocketAddr, SocketAddr) -> usize,
    ) -> Option<Connection> {
        match &frame.content {
            FrameContent::Tcp(seen) => {
                let key = key(seen.src, seen.dst);
                let replaced = self.begin(key, seen, keep);
                if let Some(connection) = self.by_ends.get_mut(&key) {
                    connection.take(seen, frame.number, frame.at_ns);
                }
                replaced
            }
            FrameContent::Icmp(seen) => {
                if let Some(connection) = self.by_ends.get_mut(&key(seen.src, seen.dst)) {
                    connection.take_icmp(seen, frame.at_ns);
                }
                None
            }
            FrameContent::Other | FrameContent::Unreadable => None,
        }
    }

    fn begin(
        &mut self,
        key: (SocketAddr, SocketAddr),
        seen: &TcpSeen,
        keep: &dyn Fn(u32, SocketAddr, SocketAddr) -> usize,
    ) -> Option<Connection> {
        let is_syn = seen.flags.has(Flags::SYN);
        let known = self.by_ends.get_mut(&key);
        if known.is_some_and(|c| !is_syn || !c.is_replaced_by(seen)) {
            return None;
        }
        let is_client = match (is_syn, seen.flags.has(Flags::ACK)) {
            (true, answers) => !answers,
            (false, _) => looks_like_client(seen),
        };
        let (client, server) = match is_client {
            true => (seen.src, seen.dst),
            false => (seen.dst, seen.src),
        };
        let stream = self.next_stream;
        self.next_stream += 1;
        let keep = keep(stream, client, server);
        let connection = Connection::new(stream, client, server, keep);
        self.by_ends.insert(key, connection)
    }

    /// Takes out the connections that are closed and have been quiet since an instant.
    pub(super) fn take_closed(&mut self, quiet_since_ns: u64) -> Vec<Connection> {
        let over = |c: &Connection| c.is_closed() && c.last_ns < quiet_since_ns;
        let keys: Vec<_> = self
            .by_ends
            .iter()
            .filter(|(_, c)| over(c))
            .map(|(k, _)| *k)
            .collect();
        keys.iter().filter_map(|k| self.by_ends.remove(k)).collect()
    }

    /// Takes out all.
    pub(super) fn take_all(&mut self) -> Vec<Connection> {
        self.by_ends.drain().map(|(_, c)| c).collect()
    }

    /// Number of connections that the capture has had.
    pub(super) fn streams(&self) -> u32 {
        self.next_stream
    }
}
