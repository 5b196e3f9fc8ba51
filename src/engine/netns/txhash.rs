//! The hash that selects a connection's path. Over IPv6 it is visible as the flow label (RFC 6437, RFC 6438).
//!
//! Linux counterpart: sk_txhash, sk_rethink_txhash, ip6_make_flowlabel, skb_get_hash_flowi6. Linux draws a new hash when
//! a retransmission timeout suggests that the path is dead (`net.core.txrehash`).

use std::net::IpAddr;

/// The hash of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TxHash(u32);

/// A permutation of the 32-bit numbers that leaves no pattern (the finalizer of MurmurHash3).
const fn mix(mut n: u32) -> u32 {
    n = (n ^ (n >> 16)).wrapping_mul(0x85eb_ca6b);
    n = (n ^ (n >> 13)).wrapping_mul(0xc2b2_ae35);
    n ^ (n >> 16)
}

impl TxHash {
    /// Returns the hash.
    pub(crate) const fn drawn(n: u32) -> TxHash {
        TxHash(n)
    }

    /// Draws a new hash, because the path may be dead.
    pub(crate) fn rethink(&mut self) {
        self.0 = mix(self.0.wrapping_add(0x9e37_79b9));
    }

    /// Returns the flow label of a packet from `src`, 20 bits. Over IPv4, which has none, it is 0.
    pub(crate) fn flow_label(self, src: IpAddr) -> u32 {
        match src {
            IpAddr::V4(_) => 0,
            IpAddr::V6(_) => self.0.rotate_left(16) & 0xf_ffff,
        }
    }
}
