//! How long a registry keeps what, and what it answers afterwards.

use std::time::Duration;

use super::status::State;

/// One second, in the registry's unit of time.
const SECOND_NS: u64 = 1_000_000_000;

/// A length of time: a [`Duration`]; with the feature `harness` also text such as `"30m"`.
pub trait Span {
    /// The same in nanoseconds. More than 584 years count as 584 years.
    ///
    /// # Panics
    /// If text is no duration.
    fn as_ns(&self) -> u64;
}

impl Span for Duration {
    fn as_ns(&self) -> u64 {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The moment from which a finished record's age is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgeBasis {
    /// The upload's beginning.
    Created,
    /// The end of its work.
    Finished,
    /// The last write to the record: its end or, if that came later, its acknowledgement.
    LastWrite,
    /// The last read that was answered with the record's state, or its end (time to idle).
    LastAccess,
    /// The first acknowledgement. A record that was not acknowledged has no age and is kept.
    Acknowledged,
}

/// Whether the clock or the sweep decides that a record is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// A read compares the deadline itself: no answer depends on when a sweep ran (R7).
    Logical,
    /// What is still there is valid, however old; a record is over when a sweep takes it.
    Physical,
}

/// What `begin` does when the registry is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capacity {
    /// It is never full.
    Unbounded,
    /// At most so many records, tombstones included. Room is made by forgetting what has been over for longest, which is a
    /// tombstone or, under logical expiry, a record that no sweep has taken yet; else the finished record that is oldest by
    /// the age basis. Where all are running, `begin` is refused (R12).
    EvictOldest(usize),
    /// At most so many records, tombstones included; while there are as many, `begin` is refused.
    Refuse(usize),
}

/// How long each state is kept, in nanoseconds; `None` is for ever.
///
/// A running upload's age is always counted from its beginning, the age of the others from the [`AgeBasis`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeToLive {
    /// Of a running upload. `None` pins it (R6).
    pub processing_ns: Option<u64>,
    /// Of a success.
    pub ready_ns: Option<u64>,
    /// Of an error.
    pub failed_ns: Option<u64>,
    /// Of an upload whose work was lost.
    pub interrupted_ns: Option<u64>,
}

impl TimeToLive {
    /// The time to live of a state, in nanoseconds; `None` is for ever.
    #[must_use]
    pub fn of(&self, state: State) -> Option<u64> {
        match state {
            State::Processing => self.processing_ns,
            State::Ready => self.ready_ns,
            State::Failed => self.failed_ns,
            State::Interrupted => self.interrupted_ns,
        }
    }
}

/// What a registry promises to keep. The default is the safe choice: running uploads pinned, 30 minutes from the end for
/// the rest, logical expiry, tombstones for a day, no bound on the number of records.
///
/// ```
/// use std::time::Duration;
/// use stillready::registry::{AgeBasis, Capacity, Expiry, Retention};
///
/// let incident = Retention::finished(Duration::from_secs(30 * 60))
///     .expiry(Expiry::Physical)
///     .tombstone(None);
/// assert_eq!(incident.age, AgeBasis::Finished);
///
/// let bounded = Retention::default().capacity(Capacity::EvictOldest(10_000));
/// assert_eq!(bounded.expiry, Expiry::Logical);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retention {
    /// Time to live per state.
    pub time_to_live: TimeToLive,
    /// From when a finished record's age is counted.
    pub age: AgeBasis,
    /// Who decides that a record is over.
    pub expiry: Expiry,
    /// How long an expired record is answered as `Expired`, in nanoseconds, before it is forgotten: counted from the
    /// deadline under logical expiry, from the sweep that took it under physical expiry. `None`: no tombstone at all.
    pub tombstone_ns: Option<u64>,
    /// What bounds the number of records.
    pub capacity: Capacity,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            time_to_live: TimeToLive {
                processing_ns: None,
                ready_ns: Some(30 * 60 * SECOND_NS),
                failed_ns: Some(30 * 60 * SECOND_NS),
                interrupted_ns: Some(30 * 60 * SECOND_NS),
            },
            age: AgeBasis::Finished,
            expiry: Expiry::Logical,
            tombstone_ns: Some(24 * 60 * 60 * SECOND_NS),
            capacity: Capacity::Unbounded,
        }
    }
}

impl Retention {
    /// The default with another time to live, counted from the end, for success, error and interruption alike.
    #[must_use]
    pub fn finished(time_to_live: impl Span) -> Self {
        let ns = Some(time_to_live.as_ns());
        let time_to_live = TimeToLive { processing_ns: None, ready_ns: ns, failed_ns: ns, interrupted_ns: ns };
        Retention { time_to_live, ..Retention::default() }
    }

    /// The same with another age basis.
    #[must_use]
    pub fn age(self, age: AgeBasis) -> Self {
        Retention { age, ..self }
    }

    /// The same with another expiry.
    #[must_use]
    pub fn expiry(self, expiry: Expiry) -> Self {
        Retention { expiry, ..self }
    }

    /// The same with tombstones kept for another time, or none.
    #[must_use]
    pub fn tombstone(self, time: Option<Duration>) -> Self {
        Retention { tombstone_ns: time.as_ref().map(Span::as_ns), ..self }
    }

    /// The same with another bound on the number of records.
    #[must_use]
    pub fn capacity(self, capacity: Capacity) -> Self {
        Retention { capacity, ..self }
    }
}
