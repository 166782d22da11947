//! The few events that come up next, in their order.
//!
//! Of a run's events only a few are near at any time: the next arrival, the ends of what is being processed. A short sorted
//! array takes one in with a few moves and gives the first one out with none, where a heap of the same few compares its way
//! down and up, and a processor guesses wrong at every other comparison.

use super::events::{Entry, Key, NEVER};

/// How many events are near at most. Beyond some thirty, moving them costs more than a heap's comparisons.
const MOST: usize = 32;

/// Up to [`MOST`] events.
pub(super) struct Near<E> {
    /// The first one last.
    entries: Vec<Entry<E>>,
}

impl<E: Copy> Near<E> {
    pub(super) fn new() -> Self {
        Near { entries: Vec::with_capacity(MOST) }
    }

    /// The key of the first event; [`NEVER`] if there is none.
    #[inline(always)]
    pub(super) fn front(&self) -> Key {
        self.entries.last().map_or(NEVER, Entry::key)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an event. Where there are too many then, the last one of all is given back.
    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry<E>) -> Option<Entry<E>> {
        if self.entries.len() == MOST {
            return Some(self.push_out(entry));
        }
        let key = entry.key();
        self.entries.push(entry);
        let mut place = self.entries.len() - 1;
        while place > 0 && self.entries[place - 1].key() < key {
            self.entries[place] = self.entries[place - 1];
            place -= 1;
        }
        self.entries[place] = entry;
        None
    }

    /// Adds an event, there being no room for it, and gives the last one back.
    fn push_out(&mut self, entry: Entry<E>) -> Entry<E> {
        let key = entry.key();
        if self.entries[0].key() < key {
            return entry;
        }
        let last = self.entries[0];
        let later = self.entries.partition_point(|other| other.key() > key);
        self.entries.copy_within(1..later, 0);
        self.entries[later - 1] = entry;
        last
    }

    /// Takes the first event.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Entry<E>> {
        self.entries.pop()
    }
}
