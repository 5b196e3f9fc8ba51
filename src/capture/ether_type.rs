//! What a header with an EtherType announces: IP, or a tag with another header behind it.
//!
//! VLAN tags (IEEE 802.1Q, 802.1ad and their older numbers), MPLS (RFC 3032), PPPoE (RFC 2516). Everything else is
//! another protocol.

use super::part::Part;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const PPPOE_SESSION: u16 = 0x8864;
/// Ethernet inside GRE (RFC 7637, "transparent Ethernet bridging").
const BRIDGED_ETHERNET: u16 = 0x6558;
/// The smallest EtherType. A smaller value is the length of an IEEE 802.3 frame.
const SMALLEST: u16 = 0x0600;
/// LLC and SNAP with the organization code 0, before an EtherType (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];
const MPLS_BOTTOM_OF_STACK: u8 = 1;

/// What is behind a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inner<'a> {
    /// An IP datagram; its first four bits say of which version.
    Ip(Part<'a>),
    /// An Ethernet frame.
    Ethernet(Part<'a>),
    /// Another protocol.
    Other,
}

/// Returns what is in `part`, which a header announced with this EtherType; None if the part ends too early.
pub(super) fn open(mut ether_type: u16, mut part: Part<'_>) -> Option<Inner<'_>> {
    loop {
        match ether_type {
            IPV4 | IPV6 => return Some(Inner::Ip(part)),
            BRIDGED_ETHERNET => return Some(Inner::Ethernet(part)),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                ether_type = part.u16(2)?;
                part = part.after(4)?;
            }
            0x8847 | 0x8848 => return mpls(part),
            PPPOE_SESSION => return ppp(part.after(6)?),
            ..SMALLEST if part.array(0)? == SNAP => {
                ether_type = part.u16(6)?;
                part = part.after(8)?;
            }
            _ => return Some(Inner::Other),
        }
    }
}

/// Returns what is in an Ethernet frame.
pub(super) fn ethernet(frame: Part<'_>) -> Option<Inner<'_>> {
    open(frame.u16(12)?, frame.after(14)?)
}

/// Returns what is behind the protocol number of PPP (RFC 1661), which may be preceded by the address and control
/// bytes of HDLC (RFC 1662).
pub(super) fn ppp(mut part: Part<'_>) -> Option<Inner<'_>> {
    if part.u16(0)? == 0xff03 {
        part = part.after(2)?;
    }
    Some(match part.u16(0)? {
        0x0021 | 0x0057 => Inner::Ip(part.after(2)?),
        _ => Inner::Other,
    })
}

/// Labels do not say what they carry; a router looks at the first four bits (RFC 4928).
fn mpls(mut part: Part<'_>) -> Option<Inner<'_>> {
    while part.u8(2)? & MPLS_BOTTOM_OF_STACK == 0 {
        part = part.after(4)?;
    }
    part = part.after(4)?;
    Some(match part.u8(0)? >> 4 {
        4 | 6 => Inner::Ip(part),
        _ => Inner::Other,
    })
}
