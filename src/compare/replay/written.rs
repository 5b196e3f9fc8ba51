//! What the application of a recording wrote: byte by byte as far as the packets show it, else what a scenario's
//! application writes. Only what packets show takes memory: how much a recording says was written is not believed.

use crate::compare::fields::Fields;

/// The bytes of all writes. The application of a recording need not write what that of a scenario does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// Pieces that packets show, with their place in the stream; in order, without overlap.
    shown: Vec<(usize, Vec<u8>)>,
}

impl Written {
    /// The writes of a survivor that sent packets with these fields and wrote `len` bytes in all.
    pub(crate) fn of<'a>(packets: impl Iterator<Item = &'a Fields>, len: usize) -> Written {
        let mut shown: Vec<(usize, Vec<u8>)> = Vec::new();
        // a retransmission does not overwrite: it is held against what was sent first
        let mut known = 0;
        for fields in packets {
            let from = fields.seq.wrapping_sub(1) as usize;
            let end = from.saturating_add(fields.len());
            if end > len || end <= known || fields.is_empty() {
                continue;
            }
            let new = known.max(from);
            shown.push((new, fields.payload[new - from..].to_vec()));
            known = end;
        }
        Written { shown }
    }

    /// `len` bytes from this place of the stream.
    pub(crate) fn bytes(&self, from: usize, len: usize) -> Vec<u8> {
        let to = from.saturating_add(len);
        // byte k of what a scenario's application writes is k mod 251
        let text: [u8; 251] = std::array::from_fn(|k| ((from % 251 + k) % 251) as u8);
        let mut bytes = text.repeat(len.div_ceil(text.len()));
        bytes.truncate(len);
        let first = self.shown.partition_point(|(at, b)| at + b.len() <= from);
        for (at, piece) in self.shown[first..].iter().take_while(|(at, _)| *at < to) {
            let (begin, end) = (from.max(*at), to.min(at + piece.len()));
            bytes[begin - from..end - from].copy_from_slice(&piece[begin - at..end - at]);
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
