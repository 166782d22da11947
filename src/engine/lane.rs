//! A queue of events that come up in the order in which they were scheduled.
//!
//! A ring over a power of two of places: a `VecDeque` does the same in three times the instructions, and polls, which are
//! most events of a run, all pass through one. Where there is no event stands one that never comes up, so that nobody has to
//! ask whether there is a first one.

use super::events::{Entry, Key, NEVER};
use crate::time::SimTime;

/// Events in the order of their keys.
pub(super) struct Lane<E> {
    ring: Box<[Entry<E>]>,
    /// Counts of what was ever taken and of what was ever added.
    taken: usize,
    added: usize,
    /// The time of the last event added.
    last: SimTime,
}

impl<E: Copy + Default> Lane<E> {
    pub(super) fn new() -> Self {
        Lane { ring: Self::places(16), taken: 0, added: 0, last: SimTime::ZERO }
    }

    /// So many places, a power of two.
    fn places(count: usize) -> Box<[Entry<E>]> {
        vec![Entry::new(NEVER, E::default()); count].into_boxed_slice()
    }

    /// The place of the entry with a count.
    #[inline(always)]
    fn place(&self, count: usize) -> usize {
        count & (self.ring.len() - 1)
    }

    pub(super) fn len(&self) -> usize {
        self.added - self.taken
    }

    /// Whether an event may be added at a moment: one that is earlier than the last one has to go elsewhere.
    #[inline(always)]
    pub(super) fn takes(&self, at: SimTime) -> bool {
        at >= self.last
    }

    /// Adds an event, the latest of all.
    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry<E>) {
        self.last = entry.at();
        let place = self.place(self.added);
        self.ring[place] = entry;
        self.added += 1;
        if self.len() == self.ring.len() {
            self.grow();
        }
    }

    /// The key of the first event; [`NEVER`] if there is none.
    #[inline(always)]
    pub(super) fn front(&self) -> Key {
        self.ring[self.place(self.taken)].key()
    }

    /// Takes the first event if it is earlier than `limit`.
    #[inline(always)]
    pub(super) fn pop_before(&mut self, limit: Key) -> Option<Entry<E>> {
        let place = self.place(self.taken);
        let entry = self.ring[place];
        (entry.key() < limit).then(|| {
            self.ring[place].set_key(NEVER);
            self.taken += 1;
            entry
        })
    }

    #[cold]
    fn grow(&mut self) {
        let mut ring = Self::places(self.ring.len() * 2);
        for count in self.taken..self.added {
            ring[count & (ring.len() - 1)] = self.ring[self.place(count)];
        }
        self.ring = ring;
    }
}
