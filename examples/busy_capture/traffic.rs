//! Connections as a capture at the client shows them, merged in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use halfopen::rng::Stream;

use super::connection::{Connection, Fate};

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const ETHERNET: u32 = 1;
/// The first packet: 2023-11-14.
const START_S: u64 = 1_700_000_000;
/// The time over which the connections begin, ms.
const SPREAD_MS: u64 = 600_000;
const NS_PER_S: u64 = 1_000_000_000;

/// Of a thousand connections, how many have which fate; the rest ends well.
const FATES: [(u32, Fate); 7] = [
    (100, Fate::Loss),
    (40, Fate::Silent),
    (30, Fate::Reset),
    (30, Fate::KeepaliveUnanswered),
    (20, Fate::NoAnswer),
    (20, Fate::ZeroWindow),
    (10, Fate::StaysOpen),
];

/// All connections of a capture.
pub(crate) struct Traffic {
    connections: Vec<Connection>,
}

impl Traffic {
    /// Makes up connections that fill a file of about `bytes`, if no frame is cut.
    pub(crate) fn new(seed: u64, bytes: u64, connections: u32) -> Traffic {
        let mut random = Stream::new(seed, "busy capture");
        // small ones, medium ones, and a few with most of the data
        let weights: Vec<u64> = (0..connections)
            .map(|_| match random.next_u32() % 100 {
                0..60 => 1 + u64::from(random.next_u32() % 20),
                60..95 => 20 + u64::from(random.next_u32() % 200),
                _ => 500 + u64::from(random.next_u32() % 5_000),
            })
            .collect();
        let all: u64 = weights.iter().sum::<u64>().max(1);
        // 1448 of the 1571 bytes of a full segment with its record and half an ACK
        let data = bytes / 100 * 92;
        let one = |(number, weight): (usize, &u64)| {
            let share = u128::from(data) * u128::from(*weight) / u128::from(all);
            let begins_ns =
                (START_S * 1_000 + u64::from(random.next_u32()) % SPREAD_MS) * 1_000_000;
            let fate = fate(random.next_u32() % 1_000);
            let rtt_us = 300 + random.next_u32() % 80_000;
            let isn = [random.next_u32(), random.next_u32()];
            Connection::new(number as u32, begins_ns, share as u64, fate, rtt_us, isn)
        };
        let connections = weights.iter().enumerate().map(one).collect();
        Traffic { connections }
    }

    /// Writes the capture as pcap with at most `snap_len` bytes of each frame, and returns the number of frames.
    pub(crate) fn write(mut self, snap_len: u32, out: &mut impl Write) -> io::Result<u64> {
        for n in [MAGIC_NANOSECONDS, 0x0004_0002, 0, 0, snap_len, ETHERNET] {
            out.write_all(&n.to_le_bytes())?;
        }
        let due = |(n, c): (usize, &Connection)| Reverse((c.next_ns(), n));
        let mut due: BinaryHeap<_> = self.connections.iter().enumerate().map(due).collect();
        let (mut frames, mut frame) = (0, Vec::new());
        while let Some(Reverse((at_ns, n))) = due.pop() {
            frame.clear();
            let goes_on = self.connections[n].step(&mut frame);
            if goes_on {
                due.push(Reverse((self.connections[n].next_ns(), n)));
            }
            if frame.is_empty() {
                continue;
            }
            let len = frame.len() as u32;
            let (secs, ns) = ((at_ns / NS_PER_S) as u32, (at_ns % NS_PER_S) as u32);
            let captured = len.min(snap_len);
            for n in [secs, ns, captured, len] {
                out.write_all(&n.to_le_bytes())?;
            }
            out.write_all(&frame[..captured as usize])?;
            frames += 1;
        }
        Ok(frames)
    }
}

fn fate(mut draw: u32) -> Fate {
    for (share, fate) in FATES {
        if draw < share {
            return fate;
        }
        draw -= share;
    }
    Fate::EndsWell
}
