//! The traffic of a large capture.

mod connection;
pub(crate) mod traffic;
