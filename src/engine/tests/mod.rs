//! The engine as a host: handshakes, data, the table of states, timers, hostile packets.

mod crossing;
mod lab;
mod states;
