//! What a store promises: what it is held to.

use crate::registry::{AgeBasis, Capacity, Expiry, Retention, Span, State};

/// What a client finds its upload by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Address {
    /// An id of the upload's own: whoever began it goes on seeing it.
    #[default]
    Upload,
    /// The key: a later upload under the same key takes the earlier one's place.
    Key,
}

/// What a store promises: what is kept for how long, and what a client finds its upload by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Promise {
    /// What is kept for how long, and what is answered afterwards.
    pub retention: Retention,
    /// What a client finds its upload by.
    pub address: Address,
}

impl Span for &str {
    fn as_ns(&self) -> u64 {
        let duration = humantime::parse_duration(self).unwrap_or_else(|error| {
            panic!("`{self}` is not a duration: {error}; write a number and a unit, such as \"90s\" or \"30m\"")
        });
        duration.as_ns()
    }
}

impl Promise {
    /// From when the age of an upload counts that began and ended at these moments and was not read or acknowledged since.
    pub(super) fn since(&self, begun_ns: u64, ended_ns: u64) -> Option<u64> {
        match self.retention.age {
            AgeBasis::Created => Some(begun_ns),
            AgeBasis::Acknowledged => None,
            AgeBasis::Finished | AgeBasis::LastWrite | AgeBasis::LastAccess => Some(ended_ns),
        }
    }

    /// Whether a poll changes nothing, so that two polls can come in either order.
    pub(super) fn polls_commute(&self) -> bool {
        // Where room is scarce each call has a time of its own, so that the order of polls tells.
        self.retention.age != AgeBasis::LastAccess && !self.is_bounded()
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.retention.capacity != Capacity::Unbounded
    }

    pub(super) fn is_logical(&self) -> bool {
        self.retention.expiry == Expiry::Logical
    }

    /// The times after which something may change: times to live, and the tombstones'.
    pub(super) fn times(&self) -> Vec<u64> {
        let lives = State::ALL.into_iter().filter_map(|state| self.retention.time_to_live.of(state));
        let mut times: Vec<u64> = lives.chain(self.retention.tombstone_ns).filter(|&ns| ns < u64::MAX / 4).collect();
        times.sort_unstable();
        times.dedup();
        times
    }
}
