//! What one end has sent and the other has not acknowledged, as the capture shows it.

use std::collections::VecDeque;

/// The most segments that are kept. A sender that has more out is followed with less detail.
const MOST: usize = 16_384;

/// A segment that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) seq: i64,
    pub(super) end: i64,
    /// When it was first sent, ns.
    pub(super) first_ns: u64,
    /// When it was last sent, ns.
    pub(super) last_ns: u64,
    /// How often it was sent.
    pub(super) times: u32,
    /// Whether a SACK block covers it.
    pub(super) sacked: bool,
}

/// The segments that are out, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    all: VecDeque<Flight>,
}

/// What an acknowledgment did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Acked {
    /// Time since the oldest of the segments was sent that were sent once, ns.
    pub(super) rtt_ns: Option<u64>,
    /// Whether any segment was taken off.
    pub(super) any: bool,
}

impl Flights {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn first(&self) -> Option<&Flight> {
        self.all.front()
    }

    pub(super) fn last(&self) -> Option<&Flight> {
        self.all.back()
    }

    /// Adds new data.
    pub(super) fn push(&mut self, seq: i64, end: i64, at_ns: u64) {
        if self.all.len() == MOST {
            self.all.pop_front();
        }
        self.all.push_back(Flight {
            seq,
            end,
            first_ns: at_ns,
            last_ns: at_ns,
            times: 1,
            sacked: false,
        });
    }

    /// Notes that a range was sent again. Returns how many of the segments it holds wholly, and when the first of them
    /// was last sent before.
    pub(super) fn again(&mut self, seq: i64, end: i64, at_ns: u64) -> (usize, Option<u64>) {
        let from = self.all.partition_point(|f| f.end <= seq);
        let touched = self.all.iter_mut().skip(from).take_while(|f| f.seq < end);
        let (mut whole, mut before) = (0, None);
        for flight in touched {
            before = before.or(Some(flight.last_ns));
            whole += usize::from(flight.seq >= seq && flight.end <= end);
            flight.last_ns = at_ns;
            flight.times += 1;
        }
        (whole, before)
    }

    /// Takes off what is acknowledged.
    pub(super) fn acknowledge(&mut self, ack: i64, at_ns: u64) -> Acked {
        let mut acked = Acked::default();
        while let Some(first) = self.all.front_mut() {
            if first.end > ack {
                // a part of a segment: offload-sized ones are acknowledged in pieces
                first.seq = first.seq.max(ack);
                break;
            }
            acked.any = true;
            if first.times == 1 && !first.sacked {
                let rtt = at_ns.saturating_sub(first.first_ns);
                acked.rtt_ns = acked.rtt_ns.or(Some(rtt));
            }
            self.all.pop_front();
        }
        acked
    }

    /// Marks what a SACK block covers. Returns whether that is news.
    pub(super) fn sack(&mut self, left: i64, right: i64) -> bool {
        let from = self.all.partition_point(|f| f.seq < left);
        let mut news = false;
        for flight in self.all.iter_mut().skip(from) {
            if flight.end > right {
                break;
            }
            news |= !flight.sacked;
            flight.sacked = true;
        }
        news
    }

    /// Whether something after this number is covered by a SACK block.
    pub(super) fn is_sacked_above(&self, seq: i64) -> bool {
        self.all.iter().rev().any(|f| f.sacked && f.seq >= seq)
    }
}
