//! The engine as a host: handshakes, data, the table of states, hostile packets.
