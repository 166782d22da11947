//! A queue of events that come up in the order in which they were scheduled.
//!
//! A ring over a power of two of places: a `VecDeque` does the same in three times the instructions, and polls, which are
//! most events of a run, all pass through one.

use super::events::{Entry, Key, NEVER};

/// Events in the order of their keys.
pub(super) struct Lane<E> {
    /// Behind the last event stands one that never comes up, so that nobody has to ask whether there is a first one.
    ring: Box<[Entry<E>]>,
    /// Counts of what was ever taken and of what was ever added.
    taken: usize,
    added: usize,
    /// The key of the last event added.
    last: Key,
}

impl<E: Copy + Default> Lane<E> {
    pub(super) fn new() -> Self {
        Lane { ring: Self::places(16), taken: 0, added: 0, last: 0 }
    }

    /// So many places, a power of two, for events that never come up.
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

    /// Whether an event may be added: one that is earlier than the last one has to go elsewhere.
    #[inline(always)]
    pub(super) fn takes(&self, key: Key) -> bool {
        key > self.last || self.taken == self.added
    }

    /// Adds an event, the latest of all.
    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry<E>) {
        self.last = entry.key();
        let place = self.place(self.added);
        self.ring[place] = entry;
        self.added += 1;
        if self.added - self.taken == self.ring.len() {
            return self.grow();
        }
        let behind = self.place(self.added);
        self.ring[behind].put_off();
    }

    /// Takes the first event if it is earlier than `limit`.
    #[inline(always)]
    pub(super) fn pop_before(&mut self, limit: Key) -> Option<Entry<E>> {
        let entry = self.ring[self.place(self.taken)];
        if entry.key() >= limit {
            return None;
        }
        self.taken += 1;
        Some(entry)
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
