//! What the peer has received out of order, and the SACK blocks that say so (RFC 2018, RFC 2883).

use crate::wire::Seq;

/// Ranges beyond rcv_nxt, the one that grew last first.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    ranges: Vec<(Seq, Seq)>,
    /// The survivor's FIN, if it came before what it follows.
    pub(super) fin_at: Option<Seq>,
    /// Nobody reads any more: data is answered by RST.
    pub(super) refused: bool,
}

impl Received {
    /// Adds `from..to`, which is beyond rcv_nxt, and returns the part that was received before, if there is one.
    pub(super) fn insert(&mut self, from: Seq, to: Seq) -> Option<(Seq, Seq)> {
        let overlap = |&(l, r): &(Seq, Seq)| (from.max(l), to.min(r));
        let duplicate = self.ranges.iter().map(overlap).find(|(l, r)| l.before(*r));
        let touches = |&(l, r): &(Seq, Seq)| !l.after(to) && !r.before(from);
        let mut whole = (from, to);
        for &(l, r) in self.ranges.iter().filter(|range| touches(range)) {
            whole = (whole.0.min(l), whole.1.max(r));
        }
        self.ranges.retain(|range| !touches(range));
        self.ranges.insert(0, whole);
        duplicate
    }

    /// Removes the ranges that are contiguous to `to`, the new rcv_nxt, and returns where they end.
    pub(super) fn join(&mut self, to: Seq) -> Seq {
        let mut next = to;
        while let Some(i) = self.ranges.iter().position(|(l, _)| !l.after(next)) {
            next = next.max(self.ranges.remove(i).1);
        }
        next
    }

    /// Returns the SACK blocks to send, at most `room`. A duplicate comes first.
    pub(super) fn blocks(&self, duplicate: Option<(Seq, Seq)>, room: usize) -> Vec<(Seq, Seq)> {
        duplicate
            .into_iter()
            .chain(self.ranges.iter().copied())
            .take(room)
            .collect()
    }
}
