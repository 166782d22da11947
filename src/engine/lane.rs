//! A queue of events that come up in the order in which they were scheduled.
//!
//! A ring over a power of two of places: a `VecDeque` does the same in three times the instructions, and polls, which are
//! most events of a run, all pass through one. Where there is no event stands one that never comes up, so that nobody has to
//! ask whether there is a first one.

use super::events::{Entry, Key, NEVER};
use crate::time::SimTime;

/// Events in the order of their keys.
pub(super) struct Lane<E> {
    /// A power of two of places, one of them free at least.
    ring: Box<[Entry<E>]>,
    /// The place of the first event.
    front: usize,
    /// The place behind the last one.
    back: usize,
    /// The time of the last event added.
    last: SimTime,
}

impl<E: Copy + Default> Lane<E> {
    pub(super) fn new() -> Self {
        Lane { ring: Self::places(16), front: 0, back: 0, last: SimTime::ZERO }
    }

    /// So many places, a power of two.
    fn places(count: usize) -> Box<[Entry<E>]> {
        vec![Entry::new(NEVER, E::default()); count].into_boxed_slice()
    }

    /// The place that comes behind another one.
    #[inline(always)]
    fn behind(&self, place: usize) -> usize {
        (place + 1) & (self.ring.len() - 1)
    }

    pub(super) fn len(&self) -> usize {
        self.back.wrapping_sub(self.front) & (self.ring.len() - 1)
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
        self.ring[self.back] = entry;
        self.back = self.behind(self.back);
        if self.back == self.front {
            self.grow();
        }
    }

    /// The key of the first event; [`NEVER`] if there is none.
    #[inline(always)]
    pub(super) fn front(&self) -> Key {
        self.ring[self.front].key()
    }

    /// Takes the first event if it is earlier than `limit`.
    #[inline(always)]
    pub(super) fn pop_before(&mut self, limit: Key) -> Option<Entry<E>> {
        let entry = self.ring[self.front];
        (entry.key() < limit).then(|| {
            self.ring[self.front].set_key(NEVER);
            self.front = self.behind(self.front);
            entry
        })
    }

    /// Twice the places, all of them being taken.
    #[cold]
    fn grow(&mut self) {
        let mut ring = Self::places(self.ring.len() * 2);
        let (after, before) = self.ring.split_at(self.front);
        ring[..before.len()].copy_from_slice(before);
        ring[before.len()..self.ring.len()].copy_from_slice(after);
        (self.front, self.back) = (0, self.ring.len());
        self.ring = ring;
    }
}
