//! The memory of packets: what a received segment and its bookkeeping occupy.
//!
//! Linux counterpart: SKB_TRUESIZE, the small-head cache, tun_alloc_skb.

use crate::engine::netns::path_mtu::TCP_HEADER;

/// Size of a page, bytes. A packet that fills one is not stored in one piece.
const PAGE: u32 = 4_096;
/// Memory of a packet's bookkeeping behind its data (skb_shared_info), bytes.
pub(crate) const SHARED_INFO: u32 = 320;
/// Memory of a packet's descriptor (sk_buff), bytes.
pub(crate) const DESCRIPTOR: u32 = 256;

/// The memory of a received packet, bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Footprint {
    /// All of it: headroom, the slab of the data, and the descriptor.
    pub(crate) truesize: u32,
    /// The unused part behind the data, into which a small packet that follows is copied.
    pub(crate) tailroom: u32,
}

/// Returns the pages that hold the data of a large packet, bytes: blocks of eight, and a smaller one at the end.
fn pages(mut data: u32) -> u32 {
    let (mut order, mut all) = (3, 0);
    while data > 0 {
        while order > 0 && data.next_multiple_of(PAGE) < PAGE << order {
            order -= 1;
        }
        all += PAGE << order;
        data = data.saturating_sub(PAGE << order);
    }
    all
}

/// Returns the memory of a packet that arrived through the device with this payload, these options and an IP header of
/// this length.
pub(crate) fn footprint(ip_header: u32, payload: u32, options: u32) -> Footprint {
    const HEADROOM: u32 = 64;
    const SMALL_HEAD: u32 = 576;
    let used = HEADROOM + ip_header + TCP_HEADER + options + payload;
    if used >= PAGE {
        // only the headers are in the head, the data is in pages
        return Footprint {
            truesize: SMALL_HEAD + DESCRIPTOR + pages(payload),
            tailroom: 0,
        };
    }
    let head = used.next_multiple_of(64) + SHARED_INFO;
    let slab = if head <= SMALL_HEAD {
        SMALL_HEAD
    } else {
        head.next_power_of_two()
    };
    Footprint {
        truesize: slab + DESCRIPTOR,
        tailroom: slab - SHARED_INFO - used,
    }
}
