//! The few events that come up next, in their order.
//!
//! Of a run's events only a few are near at any time: the ends of what is being processed, the steps of what is being served.
//! A short sorted array takes one in with a few moves and gives the first one out with none, where a heap of the same few
//! compares its way down and up, and a processor guesses wrong at every other comparison.

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

    /// Adds an event that was scheduled after all others. Where there are too many then, the last one of all is given back.
    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry<E>) -> Option<Entry<E>> {
        // At one instant the new event comes last. Counting looks at all of them and never guesses wrong, where a search that
        // stops at the right place does so nearly always.
        let at = entry.at();
        let later = self.entries.iter().map(|other| usize::from(other.at() > at)).sum();
        if self.entries.len() == MOST {
            return Some(self.push_out(later, entry));
        }
        self.entries.insert(later, entry);
        None
    }

    /// Adds an event behind so many later ones, there being no room for it, and gives the last one back.
    #[cold]
    fn push_out(&mut self, later: usize, entry: Entry<E>) -> Entry<E> {
        if later == 0 {
            return entry;
        }
        let last = self.entries[0];
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
