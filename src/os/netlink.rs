//! Netlink messages (RFC 3549), as far as addresses, links and sock_diag need them.
//!
//! Linux counterpart: `include/uapi/linux/netlink.h`.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto,
    socket_with,
};

/// NLM_F_REQUEST: the message is a request.
pub(super) const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
/// NLM_F_ACK: the kernel should acknowledge success too.
pub(super) const ACK: u16 = libc::NLM_F_ACK as u16;
/// NLM_F_CREATE | NLM_F_EXCL: the object must not exist yet.
pub(super) const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;

/// NLM_F_DUMP: the kernel should return all objects.
const DUMP: u16 = libc::NLM_F_DUMP as u16;

const HEADER_LEN: usize = size_of::<libc::nlmsghdr>();
const NLMSG_ERROR: u16 = libc::NLMSG_ERROR as u16;
const NLMSG_DONE: u16 = libc::NLMSG_DONE as u16;
/// NLM_F_DUMP_INTR: the objects changed during the dump.
const DUMP_INTERRUPTED: u16 = libc::NLM_F_DUMP_INTR as u16;

/// A netlink socket, which belongs to the network namespace in which it was opened.
#[derive(Debug)]
pub(super) struct Netlink {
    fd: OwnedFd,
    seq: u32,
}

/// A received message: its type and its body.
pub(super) struct Answer {
    /// nlmsg_type.
    pub(super) kind: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Netlink {
    /// Opens a socket for `protocol`. None stands for NETLINK_ROUTE, which has the number 0.
    pub(super) fn open(protocol: Option<Protocol>) -> io::Result<Netlink> {
        let fd = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        Ok(Netlink { fd, seq: 0 })
    }

    /// Sends a request and returns the answer. The kernel answers within the system call, so this does not block for long.
    /// An error that the kernel reports becomes an `io::Error`. An acknowledgment has an empty body.
    pub(super) fn ask(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<Answer> {
        self.send(kind, flags, body)?;
        let mut buffer = vec![0; 16_384];
        loop {
            let (_, len) = recv(&self.fd, &mut buffer, RecvFlags::empty())?;
            if let Some(answer) = self.read(&buffer[..len.min(buffer.len())])? {
                return Ok(answer);
            }
        }
    }

    /// Requests a dump and passes the body of each message to `each`. Returns false if the objects changed during the
    /// dump, so that one may be missing or listed twice.
    pub(super) fn dump(
        &mut self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        self.send(kind, REQUEST | DUMP, body)?;
        let mut buffer = vec![0; 65_536];
        let mut steady = true;
        loop {
            let (_, len) = recv(&self.fd, &mut buffer, RecvFlags::empty())?;
            for message in messages(&buffer[..len.min(buffer.len())]) {
                let message = message?;
                if message.seq != self.seq {
                    continue;
                }
                steady &= message.flags & DUMP_INTERRUPTED == 0;
                match message.kind {
                    NLMSG_DONE | NLMSG_ERROR => match error_of(message.body)? {
                        None => return Ok(steady),
                        Some(e) => return Err(e),
                    },
                    got if got == kind => each(message.body),
                    _ => {}
                }
            }
        }
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        self.seq += 1;
        let mut message = Vec::with_capacity(HEADER_LEN + body.len());
        message.extend(((HEADER_LEN + body.len()) as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(self.seq.to_ne_bytes());
        message.extend(0u32.to_ne_bytes());
        message.extend(body);
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.fd, &message, SendFlags::empty(), &kernel)?;
        Ok(())
    }

    fn read(&self, bytes: &[u8]) -> io::Result<Option<Answer>> {
        if bytes.len() < HEADER_LEN {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        if u32_at(bytes, 8) != self.seq {
            return Ok(None);
        }
        let end = (u32_at(bytes, 0) as usize).clamp(HEADER_LEN, bytes.len());
        let kind = u16_at(bytes, 4);
        let body = bytes[HEADER_LEN..end].to_vec();
        if kind != NLMSG_ERROR {
            return Ok(Some(Answer { kind, body }));
        }
        match error_of(&body)? {
            None => Ok(Some(Answer {
                kind,
                body: Vec::new(),
            })),
            Some(e) => Err(e),
        }
    }
}

/// One message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message<'a> {
    kind: u16,
    flags: u16,
    seq: u32,
    body: &'a [u8],
}

/// Returns the messages of a datagram. A wrong length produces an error and ends the iteration.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = io::Result<Message<'_>>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let len = u32_at(bytes, 0) as usize;
        let whole = std::mem::take(&mut bytes);
        let Some(body) = whole.get(HEADER_LEN..len) else {
            return Some(Err(io::Error::from(io::ErrorKind::InvalidData)));
        };
        bytes = whole.get(len.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Ok(Message {
            kind: u16_at(whole, 4),
            flags: u16_at(whole, 6),
            seq: u32_at(whole, 8),
            body,
        }))
    })
}

/// Returns the error in an error message or in the message that ends a dump.
fn error_of(body: &[u8]) -> io::Result<Option<io::Error>> {
    match body.first_chunk().map(|b| i32::from_ne_bytes(*b)) {
        Some(0) => Ok(None),
        Some(errno) => Ok(Some(io::Error::from_raw_os_error(errno.saturating_neg()))),
        None => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

/// Appends an attribute, padded to four bytes.
pub(super) fn push_attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(((4 + value.len()) as u16).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Returns the value of the first attribute of this type.
pub(super) fn attribute(mut bytes: &[u8], kind: u16) -> Option<&[u8]> {
    while bytes.len() >= 4 {
        let len = usize::from(u16_at(bytes, 0));
        let value = bytes.get(4..len)?;
        if u16_at(bytes, 2) == kind {
            return Some(value);
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or(&[]);
    }
    None
}

/// Reads the u32 at `at` in the byte order of the machine. Past the end it is zero, because an older kernel returns a
/// shorter structure.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..).and_then(|b| b.first_chunk()) {
        Some(b) => u32::from_ne_bytes(*b),
        None => 0,
    }
}

/// Reads the u16 at `at` in the byte order of the machine, or zero past the end.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..).and_then(|b| b.first_chunk()) {
        Some(b) => u16::from_ne_bytes(*b),
        None => 0,
    }
}

#[cfg(test)]
mod tests;
