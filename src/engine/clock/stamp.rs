//! A point in time that may be missing, in eight bytes, because there can be many connections.

use crate::engine::clock::now::{Micros, Millis};
use crate::time::{Instant, Jiffies};

/// A unit of time, with one value that no clock ever shows.
pub(crate) trait Point: Copy + Eq {
    /// The value that no clock shows.
    const NEVER: Self;
}

impl Point for Micros {
    const NEVER: Micros = Micros(u64::MAX);
}

impl Point for Millis {
    const NEVER: Millis = Millis(u64::MAX);
}

impl Point for Jiffies {
    const NEVER: Jiffies = Jiffies(u64::MAX);
}

impl Point for Instant {
    const NEVER: Instant = Instant::from_ns(u64::MAX);
}

/// An `Option<T>` that is as small as `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp<T>(T);

impl<T: Point> Stamp<T> {
    /// The missing time.
    pub(crate) const NONE: Stamp<T> = Stamp(T::NEVER);

    pub(crate) fn get(self) -> Option<T> {
        (self != Stamp::NONE).then_some(self.0)
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        std::mem::take(self).get()
    }
}

impl<T: Point> Default for Stamp<T> {
    fn default() -> Self {
        Stamp::NONE
    }
}

impl<T: Point> From<Option<T>> for Stamp<T> {
    fn from(time: Option<T>) -> Stamp<T> {
        time.map_or(Stamp::NONE, Stamp)
    }
}

impl<T: Point> From<T> for Stamp<T> {
    fn from(time: T) -> Stamp<T> {
        Stamp(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_there_or_not() {
        let mut stamp = Stamp::from(Micros(0));
        assert_eq!(stamp.get(), Some(Micros(0)));
        assert_eq!((stamp.take(), stamp.get()), (Some(Micros(0)), None));
        assert_eq!(Stamp::from(Some(Millis(7))), Stamp::from(Millis(7)));
        assert_eq!(Stamp::from(None), Stamp::<Instant>::NONE);
        assert_eq!(size_of::<Stamp<Instant>>(), 8);
    }
}
