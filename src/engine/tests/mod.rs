//! The engine as a host: handshakes, data, the table of states, timers, hostile packets.

mod check;
mod crossing;
mod gso;
mod hostile;
mod ipv6;
mod lab;
mod options;
mod pair;
mod states;
mod timing;
