//! The event list: what will happen, in the order of time and, at one instant, of insertion.
//!
//! Most delays of a run are one constant (the interval between polls), and events that are scheduled with a constant delay
//! come up in the order in which they were scheduled. So an event that is not earlier than the last one of its lane, a plain
//! queue, goes there; all others go to a heap. Which of the two an event went to changes nothing but the time it takes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::time::SimTime;

/// A queue of events with one constant delay.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lane {
    /// The next arrival.
    Arrival,
    /// First polls of clients that stay.
    FirstPoll,
    /// Further polls.
    Poll,
    /// Steps of handlers.
    Step,
}

const LANES: usize = 4;

/// When an event comes up: its time, then the number of its insertion.
type Key = (SimTime, u64);

/// Events of type `E` to come.
pub(super) struct EventList<E> {
    inserted: u64,
    lanes: [VecDeque<(Key, E)>; LANES],
    heap: BinaryHeap<Reverse<(Key, Unordered<E>)>>,
}

impl<E: Copy> EventList<E> {
    pub(super) fn new() -> Self {
        EventList { inserted: 0, lanes: std::array::from_fn(|_| VecDeque::new()), heap: BinaryHeap::new() }
    }

    /// Schedules an event whose delay is usually the same for all of its lane.
    pub(super) fn schedule_in(&mut self, lane: Lane, at: SimTime, event: E) {
        let queue = &mut self.lanes[lane as usize];
        if queue.back().is_none_or(|(last, _)| last.0 <= at) {
            queue.push_back(((at, self.inserted), event));
            self.inserted += 1;
        } else {
            self.schedule(at, event);
        }
    }

    /// Schedules an event.
    pub(super) fn schedule(&mut self, at: SimTime, event: E) {
        self.heap.push(Reverse(((at, self.inserted), Unordered(event))));
        self.inserted += 1;
    }

    /// Takes the next event.
    pub(super) fn pop(&mut self) -> Option<(SimTime, E)> {
        let mut first = self.heap.peek().map(|Reverse((key, _))| *key);
        let mut from = None;
        for (lane, queue) in self.lanes.iter().enumerate() {
            if let Some(&(key, _)) = queue.front()
                && first.is_none_or(|first| key < first)
            {
                (first, from) = (Some(key), Some(lane));
            }
        }
        match from {
            Some(lane) => self.lanes[lane].pop_front().map(|((at, _), event)| (at, event)),
            None => self.heap.pop().map(|Reverse(((at, _), Unordered(event)))| (at, event)),
        }
    }
}

/// A payload that takes no part in the order; keys never tie.
struct Unordered<E>(E);

impl<E> PartialEq for Unordered<E> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<E> Eq for Unordered<E> {}

impl<E> PartialOrd for Unordered<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Unordered<E> {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_insertion() {
        let mut list = EventList::new();
        let at = SimTime::from_ns;
        list.schedule(at(5), "a");
        list.schedule_in(Lane::Poll, at(5), "b");
        list.schedule_in(Lane::Poll, at(9), "e");
        list.schedule_in(Lane::Poll, at(7), "d: earlier than the back of its lane");
        list.schedule_in(Lane::Step, at(5), "c");
        list.schedule(at(9), "f");
        let order: Vec<_> = std::iter::from_fn(|| list.pop()).map(|(_, event)| &event[..1]).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e", "f"]);
    }
}
