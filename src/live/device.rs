//! The machine's side of the TUN: it reads and merges datagrams, and writes datagrams.
//!
//! On a plain TUN, segments that were read together are merged here ([`Gro`]). With offload the kernel merges and cuts
//! them, and leaves out the checksums ([`VnetHeader`]).

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;

use super::gro::{Gro, NotTcp};
use super::vnet::{Gso, VnetHeader};
use crate::os::{self, Tun};
use crate::wire::Datagram;
use crate::world::gso;

const VNET: usize = os::Device::HEADER_LEN;
/// Largest datagram, bytes.
const IP_MAX: usize = 65_535;
/// Data of at least this size is not copied out of the buffer that it was read into. The buffer is handed over with it.
const WORTH_A_BUFFER: usize = 16_384;

/// What was read.
#[derive(Debug)]
pub(crate) enum Arrival<'a> {
    /// A TCP segment, or several that were merged into one.
    Tcp(Datagram),
    /// Another datagram: one that is not TCP, a fragment, or one that cannot be parsed.
    Other(&'a [u8]),
}

/// A TUN, with what was read from it and not yet taken.
#[derive(Debug)]
pub(crate) struct Device {
    tun: Arc<Tun>,
    gro: Gro,
    /// Whether segments are merged. If not, each datagram is handed over as it was read.
    merging: bool,
    /// Segments that were read and not yet taken, the last one first.
    ready: Vec<Datagram>,
    /// The place of a datagram that is not TCP and was read after those segments.
    other: Option<usize>,
    /// The datagram that is being read, with offload.
    large: Vec<u8>,
    /// The datagram that is being written. With offload it holds the headers only.
    out: Vec<u8>,
}

impl Device {
    pub(crate) fn new(tun: Arc<Tun>) -> Device {
        Device {
            tun,
            gro: Gro::new(),
            merging: true,
            ready: Vec::new(),
            other: None,
            large: Vec::new(),
            out: Vec::new(),
        }
    }

    pub(crate) fn tun(&self) -> &Tun {
        &self.tun
    }

    /// Sets whether segments are merged from now on. What the kernel has merged stays merged.
    pub(crate) fn set_merging(&mut self, merging: bool) {
        self.merging = merging;
    }

    /// Returns what arrived next. It returns `None` when nothing waits, or when `budget`, the number of datagrams that
    /// may still be read, is used up.
    pub(crate) fn receive(&mut self, budget: &mut usize) -> io::Result<Option<Arrival<'_>>> {
        if self.tun.device().offload {
            return self.receive_large(budget);
        }
        while self.ready.is_empty() && self.other.is_none() {
            let read = match *budget {
                0 => None,
                _ => self.tun.read_into(self.gro.room())?,
            };
            let Some(len) = read else {
                self.gro.flush(&mut self.ready);
                break;
            };
            *budget -= 1;
            if !self.merging {
                self.other = Some(len);
                break;
            }
            if let Err(NotTcp) = self.gro.push(len, &mut self.ready) {
                self.other = Some(len);
            }
            self.ready.reverse();
        }
        if let Some(datagram) = self.ready.pop() {
            return Ok(Some(Arrival::Tcp(datagram)));
        }
        let len = self.other.take();
        Ok(len.map(|len| Arrival::Other(&self.gro.room()[..len])))
    }

    /// Returns what arrived next on a TUN with offload.
    fn receive_large(&mut self, budget: &mut usize) -> io::Result<Option<Arrival<'_>>> {
        if *budget == 0 {
            return Ok(None);
        }
        *budget -= 1;
        self.large.clear();
        self.large.reserve(VNET + IP_MAX);
        let Some(len) = self.tun.read_appending(&mut self.large)? else {
            return Ok(None);
        };
        let Some(header) = VnetHeader::parse(&self.large) else {
            // a datagram of a kind that was not requested is dropped, as a device does
            return self.receive_large(budget);
        };
        let bytes = match len > WORTH_A_BUFFER {
            true => Bytes::from(std::mem::take(&mut self.large)).slice(VNET..),
            false => Bytes::copy_from_slice(&self.large[VNET..]),
        };
        let vouched = header.valid || header.partial.is_some();
        let parsed = match vouched {
            true => Datagram::parse_trusted(&bytes),
            false => Datagram::parse_bytes(&bytes),
        };
        match parsed {
            Ok(mut datagram) if datagram.segment().is_some() => {
                datagram.gso_size = header.gso.map_or(0, |gso| gso.size);
                Ok(Some(Arrival::Tcp(datagram)))
            }
            _ => {
                self.large.clear();
                self.large.extend_from_slice(&bytes);
                Ok(Some(Arrival::Other(&self.large)))
            }
        }
    }

    /// Writes a datagram, or the several that it stands for. An interface that is full or gone loses packets, as any
    /// other does.
    pub(crate) fn send(&mut self, datagram: &Datagram) {
        if self.tun.device().offload {
            self.send_large(datagram);
        } else if datagram.gso_size == 0 {
            self.send_one(datagram);
        } else {
            gso::cut(datagram).for_each(|piece| self.send_one(&piece));
        }
    }

    fn send_one(&mut self, datagram: &Datagram) {
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        // copying few bytes costs less than a second piece in writev(2)
        datagram.emit_into(&mut out);
        self.send_bytes(&out);
        self.out = out;
    }

    /// Writes a burst that the kernel cuts into segments and completes with checksums.
    fn send_large(&mut self, datagram: &Datagram) {
        let mut headers = std::mem::take(&mut self.out);
        headers.clear();
        let (partial, data) = datagram.emit_partial_headers_into(&mut headers);
        let gso = Gso {
            size: datagram.gso_size,
            header_len: headers.len() as u16,
            v6: datagram.src.is_ipv6(),
        };
        let vnet = VnetHeader {
            partial,
            valid: false,
            gso: (gso.size > 0).then_some(gso),
        };
        let written = self.tun.write_split(&[
            IoSlice::new(&vnet.emit()),
            IoSlice::new(&headers),
            IoSlice::new(data),
        ]);
        tell(written, headers.len() + data.len());
        self.out = headers;
    }

    /// Writes a datagram that exists as bytes already to a TUN with offload.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        let written = match self.tun.device().offload {
            true => self
                .tun
                .write_split(&[IoSlice::new(&[0; VNET]), IoSlice::new(bytes)]),
            false => self.tun.write(bytes),
        };
        tell(written, bytes.len());
    }
}

/// Logs a packet that could not be written. It is lost.
fn tell(written: io::Result<()>, len: usize) {
    if let Err(e) = written {
        log::debug!("{len} bytes not sent: {e}");
    }
}
