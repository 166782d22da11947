//! The events that are not near, in their order.
//!
//! A calendar queue (R. Brown, "Calendar queues: a fast O(1) priority queue implementation for the simulation event set problem",
//! Communications of the ACM 31, 1988) whose days have one length: an event goes to the list of its day, and only those of the
//! current day are in a heap, which stays small. What is beyond the calendar's last day is in a heap of its own. Where all events
//! are on one day, this is that heap and nothing else.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::events::{Entry, Key, NEVER};

/// The length of a day in nanoseconds, as a power of two: 34 s.
const DAY_BITS: u32 = 35;

/// How many days a calendar has: two and a half hours.
const DAYS: usize = 256;

/// Events of type `E`, any number of them.
pub(super) struct Far<E> {
    /// The current day. All events of it and of those before it are in `today`, and no others.
    day: u64,
    /// Empty only if there is no event at all.
    today: BinaryHeap<Reverse<Entry<E>>>,
    /// The events of each of the next days, in the place of the day's number modulo their count.
    days: Vec<Vec<Reverse<Entry<E>>>>,
    beyond: BinaryHeap<Reverse<Entry<E>>>,
    len: usize,
}

fn day_of<E>(entry: &Entry<E>) -> u64 {
    entry.at().as_ns() >> DAY_BITS
}

impl<E> Far<E> {
    pub(super) fn new() -> Self {
        let days = (0..DAYS).map(|_| Vec::new()).collect();
        Far { day: 0, today: BinaryHeap::new(), days, beyond: BinaryHeap::new(), len: 0 }
    }

    /// The key of the first event; [`NEVER`] if there is none.
    pub(super) fn front(&self) -> Key {
        self.today.peek().map_or(NEVER, |Reverse(entry)| entry.key())
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an event.
    pub(super) fn push(&mut self, entry: Entry<E>) {
        let day = day_of(&entry);
        self.len += 1;
        if day <= self.day {
            self.today.push(Reverse(entry));
            return;
        }
        if day - self.day < DAYS as u64 {
            self.days[day as usize % DAYS].push(Reverse(entry));
        } else {
            self.beyond.push(Reverse(entry));
        }
        if self.today.is_empty() {
            self.turn();
        }
    }

    /// Takes the first event.
    pub(super) fn pop(&mut self) -> Option<Entry<E>> {
        let Reverse(entry) = self.today.pop()?;
        self.len -= 1;
        if self.today.is_empty() && self.len > 0 {
            self.turn();
        }
        Some(entry)
    }

    /// Goes on to the next day that has an event; there is one.
    fn turn(&mut self) {
        let listed = (self.day + 1..self.day + DAYS as u64).find(|day| !self.days[*day as usize % DAYS].is_empty());
        let beyond = self.beyond.peek().map(|Reverse(entry)| day_of(entry));
        self.day = listed.into_iter().chain(beyond).min().expect("an event that is not of today is of a later day");
        if listed == Some(self.day) {
            self.today.extend(self.days[self.day as usize % DAYS].drain(..));
        }
        while self.beyond.peek().is_some_and(|Reverse(entry)| day_of(entry) == self.day) {
            self.today.extend(self.beyond.pop());
        }
    }
}
