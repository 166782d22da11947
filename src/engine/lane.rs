//! A queue of events that come up in the order in which they were scheduled.
//!
//! A ring over a power of two of places: a `VecDeque` does the same in three times the instructions, and polls, which are
//! most events of a run, all pass through one.

use super::events::{Key, NEVER};

#[derive(Clone, Copy)]
struct Entry<E> {
    at_ns: u64,
    number: u64,
    event: E,
}

impl<E> Entry<E> {
    #[inline(always)]
    fn key(&self) -> Key {
        Key::from(self.at_ns) << 64 | Key::from(self.number)
    }
}

/// Events in the order of their keys.
pub(super) struct Lane<E> {
    ring: Box<[Entry<E>]>,
    /// Counts of what was ever taken and of what was ever added.
    taken: usize,
    added: usize,
    /// The time of the last event added.
    last_ns: u64,
}

impl<E: Copy + Default> Lane<E> {
    pub(super) fn new() -> Self {
        Lane { ring: Self::places(16), taken: 0, added: 0, last_ns: 0 }
    }

    fn places(count: usize) -> Box<[Entry<E>]> {
        vec![Entry { at_ns: 0, number: 0, event: E::default() }; count].into_boxed_slice()
    }

    /// The place of the entry with a count, in a ring whose length is a power of two.
    #[inline(always)]
    fn place(&self, count: usize) -> usize {
        count & (self.ring.len() - 1)
    }

    /// The key of the first event; [`NEVER`] if there is none.
    #[inline(always)]
    pub(super) fn front(&self) -> Key {
        if self.taken == self.added { NEVER } else { self.ring[self.place(self.taken)].key() }
    }

    /// Whether an event at a time may be added: one that is earlier than the last one has to go elsewhere.
    #[inline(always)]
    pub(super) fn takes(&self, at_ns: u64) -> bool {
        at_ns >= self.last_ns || self.taken == self.added
    }

    /// Adds an event, the latest of all.
    #[inline(always)]
    pub(super) fn push(&mut self, key: Key, event: E) {
        if self.added - self.taken == self.ring.len() {
            self.grow();
        }
        let place = self.place(self.added);
        self.last_ns = (key >> 64) as u64;
        self.ring[place] = Entry { at_ns: self.last_ns, number: key as u64, event };
        self.added += 1;
    }

    /// Takes the first event if it is earlier than `limit`, with its time in nanoseconds.
    #[inline(always)]
    pub(super) fn pop_before(&mut self, limit: Key) -> Option<(u64, E)> {
        if self.front() >= limit {
            return None;
        }
        let entry = self.ring[self.place(self.taken)];
        self.taken += 1;
        Some((entry.at_ns, entry.event))
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
