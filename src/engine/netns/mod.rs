//! What all connections of a host share.
//!
//! In: sysctls, the host's seed, the MTU of its device. Out: counters (`mib`), what is known of the path to each
//! destination, and keyed hashes. Linux counterpart: `struct net`. This folder uses `clock`.

pub(super) mod knobs;
pub(super) mod mib;
pub(super) mod net;
pub(super) mod path_mtu;
pub(super) mod routes;
pub(super) mod siphash;
pub(super) mod txhash;
