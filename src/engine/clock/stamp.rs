//! A point in time that may be missing, in eight bytes: connections are many.

/// An `Option<u64>` that has no room for `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// No time.
    pub(crate) const NONE: Stamp = Stamp(u64::MAX);

    pub(crate) fn get(self) -> Option<u64> {
        (self != Stamp::NONE).then_some(self.0)
    }

    pub(crate) fn take(&mut self) -> Option<u64> {
        std::mem::take(self).get()
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Stamp::NONE
    }
}

impl From<Option<u64>> for Stamp {
    fn from(time: Option<u64>) -> Stamp {
        time.map_or(Stamp::NONE, Stamp)
    }
}

impl From<u64> for Stamp {
    fn from(time: u64) -> Stamp {
        Stamp(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_there_or_not() {
        let mut stamp = Stamp::from(0);
        assert_eq!(stamp.get(), Some(0));
        assert_eq!((stamp.take(), stamp.get()), (Some(0), None));
        assert_eq!(Stamp::from(Some(7)), Stamp::from(7));
        assert_eq!((Stamp::from(None), size_of::<Stamp>()), (Stamp::NONE, 8));
    }
}
