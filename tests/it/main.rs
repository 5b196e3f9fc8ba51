//! The program from outside, without privileges and without a kernel of its own.

mod advise;
mod answers;
#[path = "../bounded/mod.rs"]
mod bounded;
mod closed;
mod commands;
mod damaged;
mod emit;
mod examples;
mod explain;
mod explain_html;
mod forecast;
mod posts;
mod recordings;
mod reference;
mod replay;
mod smoltcp;
mod streams;
mod sysctls;
mod table;
mod watch;
