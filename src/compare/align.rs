//! Aligns two or more sequences of packets in order, so that a missing packet shows as missing and the others still face
//! each other.
//!
//! The method is a weighted longest common subsequence: the kind of a packet (flags, sequence number, length) counts
//! most, and among equal ones (retransmissions) the distance in time decides which of them is missing.

use crate::compare::fields::Fields;
use crate::time::Instant;
use crate::trace::Dir;

/// A packet to align: its instant and its fields.
#[derive(Clone, Debug)]
pub struct Item {
    /// When it was on the link.
    pub at: Instant,
    /// Its direction.
    pub dir: Dir,
    /// Its fields.
    pub fields: Fields,
}

const SAME: i64 = 1_000_000;
const SAME_DATA: i64 = 500_000;
/// The weight of a packet of the same kind at another place of the stream, if it is near.
const SAME_KIND: i64 = 300_000;
const NEAR_US: u64 = 20_000;
const SAME_ACK: i64 = 100_000;
/// The most that a distance in time can subtract: less than half of what the weakest match gives.
const FAR: i64 = 200_000;

/// Returns the weight of matching `left` with `right`, or `None` if they are not the same packet in any sense.
fn worth(left: &Item, right: &Item) -> Option<i64> {
    let (l, r) = (&left.fields, &right.fields);
    if l.icmp != r.icmp || left.dir != right.dir {
        return None;
    }
    let apart_us = left.at.us().abs_diff(right.at.us());
    let base = match (l.seq == r.seq, l.len() == r.len(), l.flags == r.flags) {
        (true, true, true) => SAME,
        (true, true, false) | (true, false, true) => SAME_DATA,
        (false, true, true) if apart_us < NEAR_US => SAME_KIND,
        _ => return None,
    };
    let ack = if l.ack == r.ack { SAME_ACK } else { 0 };
    let apart = i64::try_from(apart_us / 10).unwrap_or(FAR).min(FAR);
    Some(base + ack - apart)
}

/// A row of two: the index on the left, and the one on the right.
pub type Pair = (Option<usize>, Option<usize>);

/// Largest number of packets that are aligned at once, because the table grows with its square.
const STRETCH: usize = 2_000;

/// Returns the rows of the best alignment of two sequences: indices, in order, each index once.
///
/// What both have in common at the start, at nearly the same instants, is matched directly. Of longer traces each stretch
/// of 2000 packets is aligned separately.
pub fn align(left: &[Item], right: &[Item]) -> Vec<Pair> {
    let common = left
        .iter()
        .zip(right)
        .take_while(|(l, r)| {
            let near = l.at.us().abs_diff(r.at.us()) < NEAR_US;
            near && l.dir == r.dir && l.fields == r.fields
        })
        .count();
    let mut rows: Vec<Pair> = (0..common).map(|i| (Some(i), Some(i))).collect();
    let mut from = common;
    while from < left.len().max(right.len()) {
        let cut = |items: &'_ [Item]| from.min(items.len())..(from + STRETCH).min(items.len());
        let part = best_rows(&left[cut(left)], &right[cut(right)]);
        let whole = |index: Option<usize>| index.map(|i| i + from);
        rows.extend(part.into_iter().map(|(l, r)| (whole(l), whole(r))));
        from += STRETCH;
    }
    rows
}

fn best_rows(left: &[Item], right: &[Item]) -> Vec<Pair> {
    let width = right.len() + 1;
    let mut best = vec![0_i64; (left.len() + 1) * width];
    for l in (0..left.len()).rev() {
        for r in (0..right.len()).rev() {
            let skip = best[(l + 1) * width + r].max(best[l * width + r + 1]);
            let pair = worth(&left[l], &right[r]).map(|w| w + best[(l + 1) * width + r + 1]);
            best[l * width + r] = skip.max(pair.unwrap_or(0));
        }
    }
    let (mut l, mut r) = (0, 0);
    let mut rows = Vec::with_capacity(left.len().max(right.len()));
    while l < left.len() && r < right.len() {
        let here = best[l * width + r];
        let paired =
            worth(&left[l], &right[r]).is_some_and(|w| here == w + best[(l + 1) * width + r + 1]);
        if paired {
            rows.push((Some(l), Some(r)));
            (l, r) = (l + 1, r + 1);
        } else if here == best[(l + 1) * width + r] {
            rows.push((Some(l), None));
            l += 1;
        } else {
            rows.push((None, Some(r)));
            r += 1;
        }
    }
    rows.extend((l..left.len()).map(|l| (Some(l), None)));
    rows.extend((r..right.len()).map(|r| (None, Some(r))));
    rows
}

/// One row of a table: for each sequence the index of its packet, or `None`.
pub type Row = Vec<Option<usize>>;

/// Returns the rows of an alignment of several sequences. The others are aligned with the first one.
pub fn align_all(sequences: &[Vec<Item>]) -> Vec<Row> {
    let Some((first, others)) = sequences.split_first() else {
        return Vec::new();
    };
    let mut rows: Vec<Row> = (0..first.len()).map(|i| vec![Some(i)]).collect();
    for (n, next) in others.iter().enumerate() {
        let shown: Vec<Item> = rows.iter().map(|row| face(row, sequences)).collect();
        rows = align(&shown, next)
            .into_iter()
            .map(|(row, item)| {
                let mut row = row.map_or_else(|| vec![None; n + 1], |r| rows[r].clone());
                row.push(item);
                row
            })
            .collect();
    }
    rows
}

/// Returns the packet that stands for a row: its first one.
fn face(row: &[Option<usize>], sequences: &[Vec<Item>]) -> Item {
    row.iter()
        .zip(sequences)
        .find_map(|(index, items)| index.map(|i| items[i].clone()))
        .expect("a row is made of at least one packet")
}

#[cfg(test)]
mod tests;
