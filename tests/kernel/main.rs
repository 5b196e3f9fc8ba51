//! The real kernel as a target, each test in a namespace of its own; nothing leaves this machine.
//!
//! Where no namespace or no TUN can be had, a test says so in one line and is skipped.

#[path = "../bounded/mod.rs"]
mod bounded;
mod by_hand;
mod captures;
mod closed;
mod commands;
mod counters;
mod endpoint;
mod endpoint_under_load;
mod examples;
mod exec;
mod exec_inherits;
mod forward;
mod ipv6;
mod leftovers;
mod live;
mod merged;
mod not_tcp;
mod own_programs;
mod programs;
mod serve;
mod skip;
mod socket;
mod watch;
