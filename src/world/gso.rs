//! Segmentation: a burst that the engine sends in one piece becomes the segments that it stands for.
//!
//! Linux counterpart: tcp_gso_segment. All segments but the last have the same size. FIN and PSH are set on the last one
//! only.

use crate::wire::{Datagram, Flags, Payload};

/// Returns the datagrams that `burst` stands for. If it stands for one, that is `burst` itself.
pub(crate) fn cut(burst: &Datagram) -> impl Iterator<Item = Datagram> + '_ {
    let data = burst.segment().map_or(0, |s| s.payload.len());
    let size = match usize::from(burst.gso_size) {
        0 => data.max(1),
        size => size,
    };
    let count = data.div_ceil(size).max(1);
    (0..count).map(move |i| piece(burst, i, i * size..data.min((i + 1) * size), i + 1 == count))
}

fn piece(burst: &Datagram, index: usize, part: std::ops::Range<usize>, last: bool) -> Datagram {
    let payload = match &burst.payload {
        Payload::Tcp(whole) => {
            let mut segment = whole.clone();
            segment.seq = whole.seq + part.start as u32;
            segment.payload = whole.payload.slice(part);
            if !last {
                segment.flags = whole.flags.without(Flags::FIN | Flags::PSH);
            }
            Payload::Tcp(segment)
        }
        other => other.clone(),
    };
    let v4 = burst.src.is_ipv4();
    Datagram {
        ident: burst.ident.wrapping_add(if v4 { index as u16 } else { 0 }),
        payload,
        gso_size: 0,
        ..*burst
    }
}

#[cfg(test)]
mod tests;
