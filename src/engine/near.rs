//! The few events that come up next, in their order.
//!
//! Of a run's events only a few are near at any time: the ends of what is being processed, the steps of what is being served.
//! They stay where they were put, and what is kept in order is their places, four bits each in one word. So an event is taken in
//! and given out without moving another one, and without a branch on times, which a processor would guess wrong.

use super::events::{Entry, Key, NEVER};

/// How many events are near at most: as many as there are places that four bits can name.
const MOST: usize = 16;

/// Of a place without an event. What is as late as that is not near: times below this one differ by so little that the sign of
/// their difference tells which is the earlier.
const NO_TIME: u64 = i64::MAX as u64;

/// Up to [`MOST`] events.
pub(super) struct Near<E> {
    /// When the event in each place comes up, in nanoseconds.
    at_ns: [u64; MOST],
    /// With [`NEVER`] for a key where there is none.
    entries: [Entry<E>; MOST],
    /// The places of the events, in their order from the lowest four bits upwards, and then any.
    order: u64,
    /// The places without an event, a bit for each.
    free: u32,
}

impl<E: Copy> Near<E> {
    /// Without events; `any` stands where there is none.
    pub(super) fn new(any: E) -> Self {
        let entries = [Entry::new(NEVER, any); MOST];
        Near { at_ns: [NO_TIME; MOST], entries, order: 0, free: (1 << MOST) - 1 }
    }

    /// The place of the first event; if there is none, any place.
    #[inline(always)]
    fn first(&self) -> usize {
        self.order as usize % MOST
    }

    /// The key of the first event; [`NEVER`] if there is none.
    #[inline(always)]
    pub(super) fn front(&self) -> Key {
        self.entries[self.first()].key()
    }

    pub(super) fn len(&self) -> usize {
        MOST - self.free.count_ones() as usize
    }

    /// Adds an event that was scheduled after all others. Where there are too many then, the last one of all is given back.
    #[inline(always)]
    pub(super) fn push(&mut self, entry: Entry<E>) -> Option<Entry<E>> {
        let at_ns = entry.at().as_ns();
        if at_ns >= NO_TIME {
            return Some(entry);
        }
        // At one instant the new event comes last. The sign of a difference says which are later.
        let later: u64 = self.at_ns.iter().map(|other| at_ns.wrapping_sub(*other) >> 63).sum();
        let position = MOST - later as usize;
        if self.free == 0 {
            return self.push_out(position, entry);
        }
        let place = self.free.trailing_zeros();
        self.free &= self.free - 1;
        self.put(position, place as usize % MOST, entry);
        None
    }

    /// Puts an event at a position of the order into a place.
    #[inline(always)]
    fn put(&mut self, position: usize, place: usize, entry: Entry<E>) {
        let shift = 4 * (position % MOST);
        let before = (1 << shift) - 1;
        self.order = self.order & before | (place as u64) << shift | (self.order & !before) << 4;
        self.at_ns[place] = entry.at().as_ns();
        self.entries[place] = entry;
    }

    /// Adds an event, there being no room for it, and gives the last one back.
    #[cold]
    fn push_out(&mut self, position: usize, entry: Entry<E>) -> Option<Entry<E>> {
        if position == MOST {
            return Some(entry);
        }
        let place = (self.order >> (4 * (MOST - 1))) as usize;
        let last = self.entries[place];
        self.put(position, place, entry);
        Some(last)
    }

    /// Takes the first event.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Entry<E>> {
        let place = self.first();
        let entry = self.entries[place];
        if entry.key() == NEVER {
            return None;
        }
        self.entries[place].set_key(NEVER);
        self.at_ns[place] = NO_TIME;
        self.free |= 1 << place;
        self.order >>= 4;
        Some(entry)
    }
}
