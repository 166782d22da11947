//! What the registry tells of itself and of what it did: counts, sweeps, what was taken away, refusals.

use std::fmt;

use super::status::State;

/// The registry is full: it holds as many records as its capacity allows and may evict none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the registry is full: it holds as many uploads as its capacity allows")
    }
}

impl std::error::Error for Full {}

/// The ticket's upload is not running any more: it was cleared, or expired while running. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleTicket;

impl fmt::Display for StaleTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ticket is stale: its upload was cleared, or expired while it was running")
    }
}

impl std::error::Error for StaleTicket {}

/// How many records a registry holds, per state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Running uploads.
    pub processing: usize,
    /// Successes, those that are due and not yet swept included.
    pub ready: usize,
    /// Errors, likewise.
    pub failed: usize,
    /// Interrupted uploads, likewise.
    pub interrupted: usize,
    /// Tombstones.
    pub tombstones: usize,
}

impl Counts {
    /// All records in memory.
    #[must_use]
    pub fn total(&self) -> usize {
        self.processing + self.ready + self.failed + self.interrupted + self.tombstones
    }
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records whose time was over; where the retention says so, each left a tombstone.
    pub expired: usize,
    /// Tombstones that had served their time.
    pub forgotten: usize,
    /// Records whose memory was given back: of these, all that left no tombstone.
    pub freed: usize,
    /// Whether the sweep stopped at its bound with more to do.
    pub more: bool,
}

impl Swept {
    /// All that the sweep took.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.expired + self.forgotten
    }

    pub(crate) fn add(&mut self, other: Swept) {
        self.expired += other.expired;
        self.forgotten += other.forgotten;
        self.freed += other.freed;
        self.more |= other.more;
    }
}

/// A record that is, or is being, taken away because its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reclaimed<'a, K> {
    /// The key that it came under.
    pub key: &'a K,
    /// Its last state.
    pub state: State,
    /// When it fell due, in nanoseconds; `None` if it was evicted before it did.
    pub due_ns: Option<u64>,
}
