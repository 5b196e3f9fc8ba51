//! The program from outside, without privileges and without a kernel of its own.

mod commands;
mod posts;
mod recordings;
