//! How far the path is known to reorder packets.
//!
//! RFC 6675 and RFC 8985 6.2. Linux counterpart: reordering and reord_seen of struct tcp_sock. Signs of reordering are
//! found in `recovery/sack.rs` and, for a peer without SACK, in `recovery/fast_recovery.rs`.

/// The degree of reordering, in segments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reordering {
    metric: u32,
    seen: u32,
}

impl Reordering {
    /// The degree that is assumed at first (sysctl tcp_reordering).
    pub(crate) fn new(metric: u32) -> Reordering {
        Reordering { metric, seen: 0 }
    }

    /// Duplicate ACKs after which a segment counts as lost.
    pub(crate) fn metric(&self) -> u32 {
        self.metric
    }

    /// Whether the path has reordered packets.
    pub(crate) fn is_seen(&self) -> bool {
        self.seen > 0
    }

    /// A segment arrived after one that lies `span` bytes behind it (Linux: tcp_check_sack_reordering). `most` is
    /// sysctl tcp_max_reordering.
    pub(crate) fn by_sack(&mut self, span: u32, mss: u32, most: u32) {
        if span > self.metric.saturating_mul(mss) {
            self.metric = span.div_ceil(mss.max(1)).min(most);
        }
        self.seen += 1;
    }

    /// A peer without SACK has sent more duplicate ACKs than it can have holes, with `segments` segments out.
    pub(crate) fn by_dup_acks(&mut self, segments: u32, most: u32) {
        self.metric = segments.min(most);
        self.seen += 1;
    }

    /// A timeout contradicts a larger degree than the one `assumed` at first.
    pub(crate) fn limit(&mut self, assumed: u32) {
        self.metric = self.metric.min(assumed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_degree_grows_with_the_span_up_to_the_limit() {
        let mut reordering = Reordering::new(3);
        assert!(!reordering.is_seen());
        for (span, metric) in [(3_000, 3), (3_001, 4), (2_000, 4), (1_000_000, 300)] {
            reordering.by_sack(span, 1_000, 300);
            assert_eq!(reordering.metric(), metric, "{span} bytes");
        }
        assert!(reordering.is_seen());
        reordering.limit(3);
        assert_eq!(reordering.metric(), 3);
        reordering.by_dup_acks(2, 300);
        assert_eq!(reordering.metric(), 2);
    }
}
