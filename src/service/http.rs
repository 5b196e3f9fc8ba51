//! A static answer over HTTP (RFC 9112), which is enough for a browser or curl, and to watch a request whose server dies.

use std::collections::BTreeMap;

use super::{CHUNK, Held, is_again};
use crate::call::{Readiness, SocketId};
use crate::world::{Net, Service};

/// Largest head of a request, bytes. A larger one ends the connection.
const MOST_HEAD: usize = 16 * 1024;
const BODY: &str = "This endpoint can lose its power at any moment.\n";

/// Answers each request with the same text, and keeps the connection until the client says `Connection: close`.
#[derive(Debug, Default)]
pub struct Http {
    connections: BTreeMap<SocketId, Talk>,
}

#[derive(Debug, Default)]
struct Talk {
    /// The bytes that were received and not yet handled.
    asked: Vec<u8>,
    answers: Held,
    /// The service will answer no further request on this connection.
    last: bool,
}

impl Talk {
    /// Answers every request whose head is complete. A body is not supported: it would be taken for the next request.
    fn answer(&mut self) {
        while let Some(end) = self.asked.windows(4).position(|w| w == b"\r\n\r\n") {
            let head: Vec<u8> = self.asked.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head);
            self.last |= wants_close(&head);
            self.answers.push(answer(&head, self.last).as_bytes());
        }
        self.last |= self.asked.len() > MOST_HEAD;
    }

    /// Serves one connection, and returns whether it is over.
    fn turn(&mut self, net: &mut Net<'_>, socket: SocketId) -> bool {
        let mut buffer = vec![0; CHUNK];
        loop {
            match self.answers.drain(|bytes| net.write(socket, bytes)) {
                Ok(true) if self.last => return true,
                Ok(true) => {}
                Ok(false) => return false,
                Err(_) => return true,
            }
            match net.read(socket, &mut buffer) {
                Ok(0) => return true,
                Ok(n) => {
                    self.asked.extend_from_slice(&buffer[..n]);
                    self.answer();
                }
                Err(e) => return !is_again(&e),
            }
        }
    }
}

fn wants_close(head: &str) -> bool {
    let old = head.lines().next().is_some_and(|l| l.ends_with("HTTP/1.0"));
    let close = head.lines().any(|line| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix("connection:")
            .is_some_and(|v| v.trim() == "close")
    });
    old || close
}

fn answer(head: &str, close: bool) -> String {
    let method = head.split(' ').next().unwrap_or_default();
    let status = match method {
        "GET" | "HEAD" => "200 OK",
        _ => "405 Method Not Allowed",
    };
    let connection = if close { "close" } else { "keep-alive" };
    let length = BODY.len();
    let body = if method == "HEAD" { "" } else { BODY };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{body}"
    )
}

impl Service for Http {
    fn accepted(&mut self, _: &mut Net<'_>, socket: SocketId) {
        self.connections.insert(socket, Talk::default());
    }

    fn ready(&mut self, net: &mut Net<'_>, socket: SocketId, _: Readiness) {
        let talk = self.connections.get_mut(&socket);
        if talk.is_some_and(|talk| talk.turn(net, socket)) {
            self.connections.remove(&socket);
            net.close(socket);
        }
    }

    fn power_lost(&mut self) {
        self.connections.clear();
    }

    fn connection_lost(&mut self, socket: SocketId) {
        self.connections.remove(&socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_one_by_one_until_one_says_close() {
        let mut talk = Talk::default();
        talk.asked
            .extend_from_slice(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /a HTTP/1.1\r\n");
        talk.answer();
        let said = |talk: &Talk| String::from_utf8_lossy(&talk.answers.bytes).into_owned();
        assert!(said(&talk).starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(said(&talk).ends_with(BODY));
        assert!(!talk.last);
        talk.asked.extend_from_slice(b"Connection: close\r\n\r\n");
        talk.answer();
        assert_eq!(said(&talk).matches("HTTP/1.1 200 OK").count(), 2);
        assert!(said(&talk).ends_with("close\r\n\r\n"), "no body for HEAD");
        assert!(talk.last);
    }

    #[test]
    fn what_is_no_request_ends_the_connection() {
        let mut talk = Talk {
            asked: vec![b'x'; MOST_HEAD + 1],
            ..Talk::default()
        };
        talk.answer();
        assert!(talk.last && talk.answers.is_empty());
        let mut talk = Talk::default();
        talk.asked.extend_from_slice(b"POST / HTTP/1.0\r\n\r\n");
        talk.answer();
        assert!(talk.last && talk.answers.bytes.starts_with(b"HTTP/1.1 405 "));
    }
}
