//! What a declared difference is bound to: a hash over a scenario and, for a replay, over the recording's packets.
//!
//! A name says nothing of what is in a file. SipHash-2-4 with the key 0, so that a hash is the same on every machine.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;
use toml::{Table, Value};

use crate::trace::{Dir, Packet, Trace};

/// The keys of a scenario that are for its reader only.
const ONLY_SAID: [&str; 2] = ["title", "about"];

/// The hash of a recording's scenario and packets, in 16 hex digits: what a replay is about.
pub fn of_recording(trace: &Trace) -> String {
    let mut hasher = SipHasher24::new();
    scenario(&mut hasher, &trace.meta.scenario_toml);
    packets(&mut hasher, &trace.packets);
    format!("{:016x}", hasher.finish())
}

/// The hash of a scenario's TOML without its title, its `about` and its comments, in 16 hex digits: what
/// a comparison in closed mode is about.
pub fn of_scenario(toml: &str) -> String {
    let mut hasher = SipHasher24::new();
    scenario(&mut hasher, toml);
    format!("{:016x}", hasher.finish())
}

fn scenario(hasher: &mut SipHasher24, toml: &str) {
    match toml.parse::<Table>() {
        Ok(mut table) => {
            table.retain(|key, _| !ONLY_SAID.contains(&key));
            value(hasher, &Value::Table(table));
        }
        // a capture that no scenario made has none
        Err(_) => bytes(hasher, toml.as_bytes()),
    }
}

/// A value behind its kind, keys in the file's order: that of options is the order of the calls.
fn value(hasher: &mut SipHasher24, it: &Value) {
    match it {
        Value::String(text) => {
            hasher.write(b"s");
            bytes(hasher, text.as_bytes());
        }
        Value::Array(items) => {
            hasher.write(b"a");
            length(hasher, items.len());
            items.iter().for_each(|item| value(hasher, item));
        }
        Value::Table(table) => {
            hasher.write(b"t");
            length(hasher, table.len());
            for (key, item) in table {
                bytes(hasher, key.as_bytes());
                value(hasher, item);
            }
        }
        // a number, a truth value, a date: one spelling each
        plain => {
            hasher.write(b"p");
            bytes(hasher, plain.to_string().as_bytes());
        }
    }
}

fn packets(hasher: &mut SipHasher24, packets: &[Packet]) {
    length(hasher, packets.len());
    for packet in packets {
        // whichever kind of capture file: trace.pcap has microseconds
        hasher.write(&packet.at.us().to_le_bytes());
        hasher.write(&[u8::from(packet.dir == Dir::In)]);
        bytes(hasher, &packet.bytes);
    }
}

/// With their length, so that no two lists of texts are the same to the hash.
fn bytes(hasher: &mut SipHasher24, bytes: &[u8]) {
    length(hasher, bytes.len());
    hasher.write(bytes);
}

fn length(hasher: &mut SipHasher24, length: usize) {
    hasher.write(&(length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests;
