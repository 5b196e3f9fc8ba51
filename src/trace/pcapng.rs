//! The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, and enhanced packets with comments.

use super::capture::{Bytes, Capture, CaptureError, Link};
use super::{Dir, Meta, Packet, Trace};
use crate::time::Instant;

/// The block type that a file starts with. It is the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
pub(crate) const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

const OPT_END: u16 = 0;
pub(crate) const OPT_COMMENT: u16 = 1;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const EPB_FLAGS: u16 = 2;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

const LINKTYPE_RAW: u16 = 101;
/// The if_tsresol of nanoseconds.
pub(crate) const NANOSECONDS: u8 = 9;
const NS_PER_S: i128 = 1_000_000_000;

/// An interface's link layer and its clock.
struct Interface {
    link: Link,
    units_per_s: u128,
    offset_s: i64,
}

impl Interface {
    fn instant(&self, units: u64) -> Option<Instant> {
        let ns = u128::from(units) * NS_PER_S as u128 / self.units_per_s;
        let ns = i128::try_from(ns).ok()? + i128::from(self.offset_s) * NS_PER_S;
        u64::try_from(ns).ok().map(Instant::from_ns)
    }
}

/// Reads a file and skips unknown blocks.
pub(super) fn read(all: &[u8]) -> Result<Capture, CaptureError> {
    let mut bytes = Bytes {
        all,
        big_endian: false,
    };
    let mut interfaces = Vec::new();
    let mut capture = Capture::default();
    let mut at = 0;
    while at < all.len() {
        if bytes.slice(at, 4, "a block header")? == SECTION_HEADER {
            bytes.big_endian = is_big_endian(&bytes, at)?;
            interfaces.clear();
        }
        let kind = bytes.u32(at, "a block header")?;
        let len = bytes.u32(at + 4, "a block header")? as usize;
        if len < 12 || !len.is_multiple_of(4) {
            let what = "a block's length is below 12 or not a multiple of 4";
            return Err(CaptureError::Malformed { at: at + 4, what });
        }
        let block = Bytes {
            all: &all[..at + bytes.slice(at, len, "a block")?.len() - 4],
            ..bytes
        };
        match kind {
            INTERFACE => interfaces.push(read_interface(&block, at)?),
            ENHANCED_PACKET => packet(&block, at, &interfaces, &mut capture)?,
            SIMPLE_PACKET => capture.skipped += 1,
            _ => {}
        }
        at += len;
    }
    Ok(capture)
}

fn is_big_endian(bytes: &Bytes, at: usize) -> Result<bool, CaptureError> {
    let b = bytes.slice(at + 8, 4, "a section header")?;
    let what = "a section's byte order mark";
    match b {
        [0x1a, 0x2b, 0x3c, 0x4d] => Ok(true),
        [0x4d, 0x3c, 0x2b, 0x1a] => Ok(false),
        _ => Err(CaptureError::Malformed { at: at + 8, what }),
    }
}

fn read_interface(block: &Bytes, at: usize) -> Result<Interface, CaptureError> {
    let link = Link::from_number(u32::from(block.u16(at + 8, "an interface")?))?;
    let mut interface = Interface {
        link,
        units_per_s: 1_000_000,
        offset_s: 0,
    };
    for_each_option(block, at + 16, |code, value| match (code, value) {
        (IF_TSRESOL, [resolution]) => {
            let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
            // 10^38 and 2^127 are the last that fit; no real clock is finer
            let power = base.checked_pow(u32::from(resolution & 0x7f));
            interface.units_per_s = power.unwrap_or(u128::MAX);
        }
        (IF_TSOFFSET, value) => {
            if let Ok(b) = value.try_into() {
                interface.offset_s = if block.big_endian {
                    i64::from_be_bytes(b)
                } else {
                    i64::from_le_bytes(b)
                };
            }
        }
        _ => {}
    })?;
    Ok(interface)
}

fn packet(
    block: &Bytes,
    at: usize,
    interfaces: &[Interface],
    capture: &mut Capture,
) -> Result<(), CaptureError> {
    const WHAT: &str = "an enhanced packet";
    let malformed = |at, what| CaptureError::Malformed { at, what };
    let interface = interfaces
        .get(block.u32(at + 8, WHAT)? as usize)
        .ok_or(malformed(
            at + 8,
            "a packet of an interface that the file does not describe",
        ))?;
    let units = u64::from(block.u32(at + 12, WHAT)?) << 32 | u64::from(block.u32(at + 16, WHAT)?);
    let stamp = interface
        .instant(units)
        .ok_or(malformed(at + 12, "a time stamp before 1970 or after 2554"))?;
    let len = block.u32(at + 20, WHAT)? as usize;
    let frame = block.slice(at + 28, len, WHAT)?;
    let Some(taken) = capture.push(interface.link, stamp, frame) else {
        return Ok(());
    };
    for_each_option(
        block,
        at + 28 + len.next_multiple_of(4),
        |code, value| match (code, value) {
            (OPT_COMMENT, text) => {
                let text = String::from_utf8_lossy(text);
                match &mut taken.comment {
                    Some(comment) => {
                        comment.push('\n');
                        comment.push_str(&text);
                    }
                    None => taken.comment = Some(text.into_owned()),
                }
            }
            (EPB_FLAGS, &[first, _, _, last]) => {
                let low = if block.big_endian { last } else { first };
                taken.dir = match u32::from(low) & 3 {
                    INBOUND => Some(Dir::In),
                    OUTBOUND => Some(Dir::Out),
                    _ => None,
                };
            }
            _ => {}
        },
    )
}

/// Calls `take` with the code and the value of each option from `at` to the end of the block or of its options.
fn for_each_option(
    block: &Bytes,
    mut at: usize,
    mut take: impl FnMut(u16, &[u8]),
) -> Result<(), CaptureError> {
    while at < block.all.len() {
        let code = block.u16(at, "an option")?;
        let len = usize::from(block.u16(at + 2, "an option")?);
        if code == OPT_END {
            break;
        }
        take(code, block.slice(at + 4, len, "an option")?);
        at += 4 + len.next_multiple_of(4);
    }
    Ok(())
}

/// Returns the trace as a pcapng file: one interface of raw IP with nanoseconds, and each packet with its direction and,
/// if it is known, its cause as a comment.
///
/// Time 0 of the run has the timestamp 0 and not that of a wall clock. So Wireshark shows the times of the run both as
/// seconds since the first packet and as epoch time, and the same run gives the same file.
pub fn write(trace: &Trace) -> Vec<u8> {
    let mut out = header(&trace.meta);
    for p in &trace.packets {
        write_packet(&mut out, p);
    }
    out
}

/// Returns the beginning of a pcapng file, which [`write_packet`] continues.
pub fn header(meta: &Meta) -> Vec<u8> {
    let title = format!("{}: {}", meta.scenario, meta.title);
    let target = format!("{} {}", meta.target, meta.version);
    let mut out = section(&[(OPT_COMMENT, title.as_bytes()), (SHB_OS, target.as_bytes())]);
    let description = format!(
        "the survivor's side of the wire; times are {}",
        meta.provenance.name()
    );
    let options = [
        (IF_NAME, b"survivor".as_slice()),
        (IF_DESCRIPTION, description.as_bytes()),
    ];
    interface(&mut out, LINKTYPE_RAW, NANOSECONDS, &options);
    out
}

/// Returns the header of a section, which says that this program wrote it.
pub(crate) fn section(options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER.to_le_bytes());
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend((-1_i64).to_le_bytes());
    for (code, value) in options {
        option(&mut body, *code, value);
    }
    option(&mut body, SHB_USERAPPL, b"halfopen");
    let mut out = Vec::new();
    block(&mut out, SECTION, body);
    out
}

/// Appends the description of an interface whose time stamps count in units of 10^-`resolution` s.
pub(crate) fn interface(out: &mut Vec<u8>, link: u16, resolution: u8, options: &[(u16, &[u8])]) {
    let mut body = Vec::new();
    body.extend(link.to_le_bytes());
    body.extend([0; 6]);
    for (code, value) in options {
        option(&mut body, *code, value);
    }
    option(&mut body, IF_TSRESOL, &[resolution]);
    block(out, INTERFACE, body);
}

/// Appends a packet to a pcapng file.
pub fn write_packet(out: &mut Vec<u8>, packet: &Packet) {
    block(out, ENHANCED_PACKET, packet_body(packet));
}

fn packet_body(p: &Packet) -> Vec<u8> {
    let cause = p.cause.as_deref();
    enhanced_packet(p.at.ns(), &p.bytes, p.bytes.len(), Some(p.dir), cause)
}

/// Returns the body of an enhanced packet block of the first interface, with a time stamp in the units of the interface and
/// the length that the frame had before it was cut.
pub(crate) fn enhanced_packet(
    units: u64,
    frame: &[u8],
    original_len: usize,
    dir: Option<Dir>,
    comment: Option<&str>,
) -> Vec<u8> {
    let (high, low) = ((units >> 32) as u32, units as u32);
    let mut body = Vec::new();
    for word in [0, high, low, frame.len() as u32, original_len as u32] {
        body.extend(word.to_le_bytes());
    }
    body.extend(frame);
    body.resize(body.len().next_multiple_of(4), 0);
    if let Some(comment) = comment {
        option(&mut body, OPT_COMMENT, comment.as_bytes());
    }
    let flags = match dir {
        Some(Dir::In) => INBOUND,
        Some(Dir::Out) => OUTBOUND,
        None => return body,
    };
    option(&mut body, EPB_FLAGS, &flags.to_le_bytes());
    body
}

/// Appends an option. A text longer than the format's 65535 bytes is cut between two characters.
pub(crate) fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let mut len = value.len().min(usize::from(u16::MAX));
    while len < value.len() && value[len] & 0xc0 == 0x80 {
        len -= 1;
    }
    body.extend(code.to_le_bytes());
    body.extend((len as u16).to_le_bytes());
    body.extend(&value[..len]);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Appends a block. A body with options gets an end-of-options mark.
pub(crate) fn block(out: &mut Vec<u8>, kind: u32, mut body: Vec<u8>) {
    body.extend([0; 4]);
    let len = (body.len() + 12) as u32;
    out.extend(kind.to_le_bytes());
    out.extend(len.to_le_bytes());
    out.extend(body);
    out.extend(len.to_le_bytes());
}
