//! Initial sequence numbers and the offset of the timestamp clock, as keyed hashes of the two ends.
//!
//! RFC 6528 3: ISN = M + F(local end, remote end, key), M a clock. RFC 7323 5.4, 7.1: an offset for each pair of hosts.
//! Linux counterpart: secure_tcp_seq, secure_tcp_ts_off. M counts 64 ns, so it is round after 4.6 minutes.

use crate::call::Addr;
use crate::engine::clock::now::EPOCH_MS;
use crate::engine::host::engine::Engine;
use crate::time::Instant;
use crate::wire::Seq;

impl Engine {
    /// Returns the initial sequence number of a connection between these ends at `now`.
    pub(crate) fn isn(&self, at: Instant, local: Addr, remote: Addr) -> Seq {
        let clock = (at.ns() >> 6) as u32;
        let keyed = self.secrets.isn.of_ends(local, remote) as u32;
        Seq(self.drawn.isn.unwrap_or(keyed.wrapping_add(clock)))
    }

    /// Returns the offset that is added to the millisecond clock in timestamps between these hosts.
    pub(crate) fn ts_offset(&self, local: Addr, remote: Addr) -> u32 {
        let key = self.secrets.ts_offset;
        let offset = match (self.drawn.ts_offset, self.sysctl.tcp_timestamps) {
            (Some(given), _) => given,
            (None, 1) => key.hash(|m| {
                m.addr(local.ip).addr(remote.ip);
            }) as u32,
            (None, _) => 0,
        };
        offset.wrapping_sub(EPOCH_MS as u32)
    }
}

#[cfg(test)]
mod tests;
