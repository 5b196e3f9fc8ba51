//! The link types of captures (<https://www.tcpdump.org/linktypes.html>) and the headers that frames of each begin with.

use super::ether_type::{self, Inner};
use super::part::Part;
use crate::trace::Dir;

/// The header that each frame of an interface begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// No header: IP.
    Raw,
    /// Ethernet.
    Ethernet,
    /// Linux cooked, version 1: the interface `any`, and interfaces without a link layer of their own.
    Cooked,
    /// Linux cooked, version 2.
    Cooked2,
    /// BSD loopback: an address family.
    Loopback,
    /// PPP, with or without HDLC's address and control bytes.
    Ppp,
    /// PPPoE without the Ethernet header.
    Pppoe,
}

impl Link {
    /// Returns the link with this LINKTYPE number, if it can be read. Raw IP has the numbers 12 and 14 on some systems.
    pub(super) fn from_number(number: u32) -> Option<Link> {
        Some(match number {
            0 | 108 => Link::Loopback,
            1 => Link::Ethernet,
            9 | 50 => Link::Ppp,
            12 | 14 | 101 | 228 | 229 => Link::Raw,
            51 => Link::Pppoe,
            113 => Link::Cooked,
            276 => Link::Cooked2,
            _ => return None,
        })
    }

    /// Returns what is in a frame; None if it ends inside its link layer header.
    pub(super) fn open(self, frame: Part<'_>) -> Option<Inner<'_>> {
        match self {
            Link::Raw => Some(Inner::Ip(frame)),
            Link::Ethernet => Some(Inner::Ethernet(frame)),
            Link::Cooked => ether_type::open(frame.u16(14)?, frame.after(16)?),
            Link::Cooked2 => ether_type::open(frame.u16(0)?, frame.after(20)?),
            Link::Loopback => loopback(frame),
            Link::Ppp => ether_type::ppp(frame),
            Link::Pppoe => ether_type::ppp(frame.after(6)?),
        }
    }

    /// Returns the direction of a frame, where its header tells it.
    pub(super) fn dir(self, frame: Part<'_>) -> Option<Dir> {
        let packet_type = match self {
            Link::Cooked => frame.u16(0)?,
            Link::Cooked2 => u16::from(frame.u8(10)?),
            _ => return None,
        };
        direction(packet_type)
    }
}

/// Returns the direction of a frame with this packet type (Linux: `sll_pkttype` of packet(7)): 0 to 2 are to this machine,
/// 3 is between two others, 4 is from it.
pub(super) fn direction(packet_type: u16) -> Option<Dir> {
    match packet_type {
        0..=2 => Some(Dir::In),
        4 => Some(Dir::Out),
        _ => None,
    }
}

/// The address family is in the byte order of the machine that captured, so it is read in both: no family has a number of
/// 65536 or more. Systems disagree about the number of IPv6.
fn loopback(frame: Part<'_>) -> Option<Inner<'_>> {
    let family = frame.u32(0)?;
    Some(match family.min(family.swap_bytes()) {
        2 | 10 | 23 | 24 | 28 | 30 => Inner::Ip(frame.after(4)?),
        _ => Inner::Other,
    })
}

/// Returns what a link type that cannot be read is called, if it is one that people meet.
pub(super) fn name(number: u32) -> Option<&'static str> {
    Some(match number {
        105 | 119 | 127 | 163 | 192 => "IEEE 802.11",
        187 | 201 | 251 | 254 | 255 => "Bluetooth",
        189 | 220 | 249 | 266 => "USB",
        117 => "the log of OpenBSD's firewall",
        195 | 215 | 230 | 283 => "IEEE 802.15.4",
        227 => "CAN",
        239 => "the log of Linux's firewall",
        252 => "Wireshark's exported PDUs",
        253 => "Linux netlink",
        147..=162 => "a private use",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
