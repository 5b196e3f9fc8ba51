//! The clock of an interface: how its time stamps count (pcapng's if_tsresol and if_tsoffset).

const NS_PER_S: u64 = 1_000_000_000;

/// The unit and the origin of time stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    units_per_s: u128,
    offset_s: i64,
}

impl Clock {
    /// Microseconds since the Unix epoch: what counts where a file does not say otherwise.
    pub(super) const MICROSECONDS: Clock = Clock {
        units_per_s: 1_000_000,
        offset_s: 0,
    };

    /// Sets the unit by the value of if_tsresol: an exponent of 10 or, with the highest bit, of 2.
    pub(super) fn set_resolution(&mut self, resolution: u8) {
        let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
        // 10^38 and 2^127 are the last that fit; all time stamps of a finer clock are 0 s
        let power = base.checked_pow(u32::from(resolution & 0x7f));
        self.units_per_s = power.unwrap_or(u128::MAX);
    }

    /// Sets the instant 0, seconds after the Unix epoch.
    pub(super) fn set_offset_s(&mut self, offset_s: i64) {
        self.offset_s = offset_s;
    }

    /// Returns a time stamp in nanoseconds since the Unix epoch, rounded down; None if it is before 1970 or after 2554.
    pub(super) fn ns(&self, units: u64) -> Option<u64> {
        // what nearly every file has
        if self.offset_s == 0 && self.units_per_s == 1_000_000 {
            return units.checked_mul(1_000);
        }
        if self.offset_s == 0 && self.units_per_s == u128::from(NS_PER_S) {
            return Some(units);
        }
        let ns = u128::from(units) * u128::from(NS_PER_S) / self.units_per_s;
        let offset_ns = i128::from(self.offset_s) * i128::from(NS_PER_S);
        u64::try_from(i128::try_from(ns).ok()? + offset_ns).ok()
    }
}

#[cfg(test)]
mod tests;
