//! The program from outside, without privileges and without a kernel of its own.

#[path = "../bounded/mod.rs"]
mod bounded;
mod answers;
mod closed;
mod commands;
mod damaged;
mod examples;
mod forecast;
mod posts;
mod recordings;
mod reference;
mod replay;
mod smoltcp;
mod sysctls;
mod table;
mod watch;
