//! Captures made byte by byte, for the tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Counts, Frame, FrameContent, Reader, TcpSeen};
use crate::wire::{Datagram, Flags, Options, Payload, Segment, Seq, Timestamps};

pub(super) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(super) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2));
pub(super) const CLIENT6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
pub(super) const SERVER6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;
pub(super) const ETHERNET: u32 = 1;
pub(super) const RAW: u32 = 101;

/// A segment with a timestamp option and the sequence number `seq`.
pub(super) fn segment(seq: u32, data: &[u8]) -> Segment {
    let ts = Timestamps { tsval: 7, tsecr: 8 };
    Segment {
        src_port: 40_000,
        dst_port: 80,
        seq: Seq(seq),
        ack: Seq(500),
        flags: Flags::ACK | Flags::PSH,
        window: 1_024,
        options: Options::aligned_timestamps(ts),
        payload: data.to_vec().into(),
        ..Segment::default()
    }
}

pub(super) fn ipv4(seq: u32, data: &[u8]) -> Vec<u8> {
    Datagram::new(CLIENT, SERVER, 99, Payload::Tcp(segment(seq, data))).emit()
}

pub(super) fn ipv6(seq: u32, data: &[u8]) -> Vec<u8> {
    Datagram::new(CLIENT6, SERVER6, 0, Payload::Tcp(segment(seq, data))).emit()
}

/// `inner` behind these headers.
pub(super) fn behind(headers: &[u8], inner: &[u8]) -> Vec<u8> {
    [headers, inner].concat()
}

pub(super) fn ethernet(inner: &[u8]) -> Vec<u8> {
    let ether_type = match inner[0] >> 4 {
        6 => [0x86, 0xdd],
        _ => [0x08, 0x00],
    };
    behind(&[[2; 12].as_slice(), &ether_type].concat(), inner)
}

/// A number in one of the two byte orders.
pub(super) type Word = fn(u32) -> [u8; 4];

/// A pcap file with frames cut to `snap` bytes. Each frame has its seconds and the fraction in units.
pub(super) fn pcap(
    magic: u32,
    word: Word,
    link: u32,
    snap: usize,
    frames: &[(u32, u32, &[u8])],
) -> Vec<u8> {
    let mut out = Vec::new();
    for n in [magic, 0x0002_0004, 0, 0, snap as u32, link] {
        out.extend(word(n));
    }
    for (secs, fraction, frame) in frames {
        let kept = &frame[..frame.len().min(snap)];
        for n in [*secs, *fraction, kept.len() as u32, frame.len() as u32] {
            out.extend(word(n));
        }
        out.extend(kept);
    }
    out
}

/// A pcap file of one frame.
pub(super) fn one(link: u32, frame: &[u8]) -> Vec<u8> {
    pcap(
        MICROSECONDS,
        u32::to_le_bytes,
        link,
        65_535,
        &[(1, 0, frame)],
    )
}

/// A pcapng file that grows.
pub(super) struct Ng {
    pub(super) bytes: Vec<u8>,
    big_endian: bool,
}

impl Ng {
    /// A file with the header of one section.
    pub(super) fn new(big_endian: bool) -> Ng {
        let bytes = Vec::new();
        let mut ng = Ng { bytes, big_endian };
        ng.section(big_endian);
        ng
    }

    pub(super) fn word(&self, n: u32) -> [u8; 4] {
        match self.big_endian {
            true => n.to_be_bytes(),
            false => n.to_le_bytes(),
        }
    }

    fn half(&self, n: u16) -> [u8; 2] {
        match self.big_endian {
            true => n.to_be_bytes(),
            false => n.to_le_bytes(),
        }
    }

    pub(super) fn long(&self, n: u64) -> [u8; 8] {
        match self.big_endian {
            true => n.to_be_bytes(),
            false => n.to_le_bytes(),
        }
    }

    pub(super) fn block(&mut self, kind: u32, body: &[u8]) {
        let len = (body.len().next_multiple_of(4) + 12) as u32;
        self.bytes.extend(self.word(kind));
        self.bytes.extend(self.word(len));
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.bytes.extend(self.word(len));
    }

    pub(super) fn section(&mut self, big_endian: bool) {
        self.big_endian = big_endian;
        let mut body = self.word(0x1a2b_3c4d).to_vec();
        body.extend(self.half(1));
        body.extend(self.half(0));
        body.extend(self.long(u64::MAX));
        self.block(0x0a0d_0d0a, &body);
    }

    fn with_options(&self, mut body: Vec<u8>, options: &[(u16, &[u8])]) -> Vec<u8> {
        body.resize(body.len().next_multiple_of(4), 0);
        for (code, value) in options {
            body.extend(self.half(*code));
            body.extend(self.half(value.len() as u16));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            body.extend([0; 4]);
        }
        body
    }

    pub(super) fn interface(&mut self, link: u16, snap: u32, options: &[(u16, &[u8])]) {
        let mut body = self.half(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.word(snap));
        let body = self.with_options(body, options);
        self.block(1, &body);
    }

    fn packet(&self, first: [u8; 4], units: u64, original_len: usize, frame: &[u8]) -> Vec<u8> {
        let mut body = first.to_vec();
        let (high, low) = ((units >> 32) as u32, units as u32);
        for n in [high, low, frame.len() as u32, original_len as u32] {
            body.extend(self.word(n));
        }
        body.extend(frame);
        body
    }

    pub(super) fn enhanced(
        &mut self,
        interface: u32,
        units: u64,
        frame: &[u8],
        options: &[(u16, &[u8])],
    ) {
        let body = self.packet(self.word(interface), units, frame.len(), frame);
        let body = self.with_options(body, options);
        self.block(6, &body);
    }

    pub(super) fn obsolete(
        &mut self,
        (interface, drops): (u16, u16),
        units: u64,
        frame: &[u8],
        options: &[(u16, &[u8])],
    ) {
        let (interface, drops) = (self.half(interface), self.half(drops));
        let first = [interface[0], interface[1], drops[0], drops[1]];
        let body = self.packet(first, units, frame.len(), frame);
        let body = self.with_options(body, options);
        self.block(2, &body);
    }

    /// A simple packet block with the first `snap` bytes of the frame.
    pub(super) fn simple(&mut self, frame: &[u8], snap: usize) {
        let body = behind(&self.word(frame.len() as u32), &frame[..snap]);
        self.block(3, &body);
    }
}

/// All frames of a file that ends without an error.
pub(super) fn read(file: &[u8]) -> (Vec<Frame>, Counts) {
    let mut reader = Reader::new(file).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push(frame);
    }
    (frames, reader.counts().clone())
}

/// The segment in a file of one frame.
#[track_caller]
pub(super) fn only_segment(file: &[u8]) -> TcpSeen {
    match only_content(file) {
        FrameContent::Tcp(seen) => seen,
        other => panic!("{other:?}"),
    }
}

/// The content of the frame in a file of one frame.
#[track_caller]
pub(super) fn only_content(file: &[u8]) -> FrameContent {
    let (mut frames, _) = read(file);
    assert_eq!(frames.len(), 1);
    frames.remove(0).content
}

/// All frames of a file up to its end or to an error.
pub(super) fn read_any(file: impl std::io::Read) -> (Vec<Frame>, Counts) {
    let Ok(mut reader) = Reader::new(file) else {
        return Default::default();
    };
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        frames.push(frame);
    }
    (frames, reader.counts().clone())
}
