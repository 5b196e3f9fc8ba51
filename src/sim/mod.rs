//! The wire and the peer: sans-IO values, the same in simulation and against a kernel.
