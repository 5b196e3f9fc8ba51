//! `struct virtio_net_hdr`, which precedes each datagram on a TUN with IFF_VNET_HDR and says what is left to do:
//! checksums and segmentation.
//!
//! Linux counterpart: `include/uapi/linux/virtio_net.h`, tun_get_user, tun_put_user. The fields have the machine's byte
//! order.

use crate::os::Device;
use crate::wire::PartialChecksum;

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_ECN: u8 = 0x80;

/// The header's fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VnetHeader {
    /// Where the checksum is that has to be completed.
    pub(crate) partial: Option<PartialChecksum>,
    /// Whether the kernel has verified the checksum.
    pub(crate) valid: bool,
    /// For a datagram that stands for several segments: their size in bytes (the last may be shorter), the IP version,
    /// and the length of the headers in bytes.
    pub(crate) gso: Option<Gso>,
}

/// The segmentation of a datagram that stands for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gso {
    pub(crate) size: u16,
    pub(crate) header_len: u16,
    pub(crate) v6: bool,
}

impl VnetHeader {
    /// Parses the header. It returns `None` if the header is cut off or of a kind that was not requested.
    pub(crate) fn parse(bytes: &[u8]) -> Option<VnetHeader> {
        let b: &[u8; Device::HEADER_LEN] = bytes.first_chunk()?;
        let u16_at = |at: usize| u16::from_ne_bytes([b[at], b[at + 1]]);
        let gso = match b[1] & !GSO_ECN {
            0 => None,
            kind @ (GSO_TCPV4 | GSO_TCPV6) => Some(Gso {
                header_len: u16_at(2),
                size: u16_at(4),
                v6: kind == GSO_TCPV6,
            }),
            _ => return None,
        };
        let partial = (b[0] & NEEDS_CSUM != 0).then(|| PartialChecksum {
            start: u16_at(6),
            offset: u16_at(8),
        });
        Some(VnetHeader {
            partial,
            valid: b[0] & DATA_VALID != 0,
            gso,
        })
    }

    /// Returns the header's bytes.
    pub(crate) fn emit(&self) -> [u8; Device::HEADER_LEN] {
        let mut b = [0; Device::HEADER_LEN];
        let mut put = |at: usize, n: u16| b[at..at + 2].copy_from_slice(&n.to_ne_bytes());
        if let Some(gso) = self.gso {
            put(2, gso.header_len);
            put(4, gso.size);
        }
        if let Some(partial) = self.partial {
            put(6, partial.start);
            put(8, partial.offset);
        }
        b[0] = u8::from(self.partial.is_some()) * NEEDS_CSUM + u8::from(self.valid) * DATA_VALID;
        b[1] = match self.gso {
            None => 0,
            Some(Gso { v6: false, .. }) => GSO_TCPV4,
            Some(Gso { v6: true, .. }) => GSO_TCPV6,
        };
        b
    }
}

#[cfg(test)]
mod tests;
