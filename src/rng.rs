//! Random streams. Each depends on the seed and its own name, so that one more draw in one place does not change the
//! others.

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

/// A stream of random numbers that depends only on the run's seed and on its own name.
#[derive(Clone, Debug)]
pub struct Stream(SmallRng);

impl Stream {
    /// Creates the stream called `name` of the run with this seed.
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a: the name must give the same number in every build, which std's hasher does not promise
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        Stream(SmallRng::seed_from_u64(seed ^ hash))
    }

    /// Returns the next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.random()
    }

    /// Returns the next 16 bits.
    pub fn next_u16(&mut self) -> u16 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_seed_and_its_name() {
        let draw = |seed, name| Stream::new(seed, name).next_u32();
        assert_eq!(draw(1, "isn"), draw(1, "isn"));
        assert_ne!(draw(1, "isn"), draw(1, "ts_offset"));
        assert_ne!(draw(1, "isn"), draw(2, "isn"));
    }
}
