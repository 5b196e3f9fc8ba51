//! From the bytes of a frame to what it shows: passes over the headers around a TCP segment or an ICMP error.

use super::ether_type::{self, Inner};
use super::ip::{Header, Lengths, header};
use super::part::Part;
use super::seen::FrameContent;
use super::{icmp, tcp};

const ICMP: u8 = 1;
const IPV4: u8 = 4;
const TCP: u8 = 6;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const ICMPV6: u8 = 58;

/// The most IP and Ethernet headers that a frame may have, one inside the other. What is deeper is another protocol.
const MAX_NESTED: usize = 8;

/// Reads what is in a frame, where its link layer header could be read. Adds 1 to `options_cut` if the options of its TCP
/// header were not captured whole.
pub(super) fn read(inner: Option<Inner<'_>>, options_cut: &mut u64) -> FrameContent {
    let content = inner.and_then(|inner| content(inner, options_cut));
    content.unwrap_or(FrameContent::Unreadable)
}

/// None if a header is cut off or contradicts another one.
fn content(mut inner: Inner<'_>, options_cut: &mut u64) -> Option<FrameContent> {
    for _ in 0..MAX_NESTED {
        inner = match inner {
            Inner::Other => return Some(FrameContent::Other),
            Inner::Ethernet(frame) => ether_type::ethernet(frame)?,
            Inner::Ip(datagram) => {
                let ip = header(datagram, Lengths::Binding)?;
                match transport(&ip, options_cut)? {
                    Transport::Content(content) => return Some(content),
                    Transport::Tunnel(inner) => inner,
                }
            }
        };
    }
    Some(FrameContent::Other)
}

/// What is in a datagram.
enum Transport<'a> {
    Content(FrameContent),
    Tunnel(Inner<'a>),
}

fn transport<'a>(ip: &Header<'a>, options_cut: &mut u64) -> Option<Transport<'a>> {
    let v6 = ip.src.is_ipv6();
    Some(match ip.protocol {
        _ if ip.later_fragment => Transport::Content(FrameContent::Other),
        TCP => {
            let segment = tcp::read(ip)?;
            *options_cut += u64::from(tcp::options_were_cut(ip.payload));
            Transport::Content(FrameContent::Tcp(segment))
        }
        ICMP if !v6 => Transport::Content(icmp::read(ip)?),
        ICMPV6 if v6 => Transport::Content(icmp::read(ip)?),
        IPV4 | IPV6 => Transport::Tunnel(Inner::Ip(ip.payload)),
        GRE => Transport::Tunnel(gre(ip.payload)?),
        _ => Transport::Content(FrameContent::Other),
    })
}

/// Returns what is in a GRE packet of version 0 (RFC 2784, RFC 2890). The routing field of RFC 1701 is out of use.
fn gre(packet: Part<'_>) -> Option<Inner<'_>> {
    let flags = packet.u16(0)?;
    let (checksum, routing) = (flags & 0x8000 != 0, flags & 0x4000 != 0);
    let (key, sequence) = (flags & 0x2000 != 0, flags & 0x1000 != 0);
    if flags & 7 != 0 || routing {
        return Some(Inner::Other);
    }
    let fields = usize::from(checksum) + usize::from(key) + usize::from(sequence);
    ether_type::open(packet.u16(2)?, packet.after(4 + 4 * fields)?)
}
