//! Virtual time: an unsigned count of nanoseconds since the start of a replication.

use std::fmt;

/// Nanoseconds in a second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// A moment of virtual time. Durations are plain `u64` nanoseconds whose names end in `_ns`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

impl SimTime {
    /// The start of a replication.
    pub const ZERO: SimTime = SimTime(0);

    /// The moment so many nanoseconds after the start.
    #[must_use]
    pub const fn from_ns(ns: u64) -> Self {
        SimTime(ns)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// The moment `delay_ns` later; the end of time, 584 years on, if that is beyond it.
    #[must_use]
    pub const fn after(self, delay_ns: u64) -> Self {
        SimTime(self.0.saturating_add(delay_ns))
    }

    /// Nanoseconds from `earlier` to this moment, 0 if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: SimTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for SimTime {
    /// `1:02:03.000000004`: hours, minutes, seconds, nanoseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / SECOND_NS;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{hours}:{minutes:02}:{:02}.{:09}", seconds % 60, self.0 % SECOND_NS)
    }
}
