//! The event list: what will happen, in the order of time and, at one instant, of insertion.
//!
//! Most delays of a run are one constant (the interval between polls), and events that are scheduled with a constant delay
//! come up in the order in which they were scheduled. So an event that is not earlier than the last one of its lane, a plain
//! queue, goes there; all others go to a heap. Events that are soon and events that are far off have heaps of their own, so that
//! the far ones, of which there are many, do not make the near ones expensive. Where an event went changes nothing but the time
//! it takes.

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

/// A heap of events with any delay.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heap {
    /// Ends of processing.
    Near,
    /// Clients that come back, timers, and what found its lane taken.
    Far,
}

const LANES: usize = 4;
const HEAPS: usize = 2;

/// When an event comes up: its time in the upper half, the number of its insertion in the lower.
type Key = u128;

/// Later than any event.
const NEVER: Key = Key::MAX;

struct Entry<E> {
    key: Key,
    event: E,
}

/// Events of type `E` to come.
pub(super) struct EventList<E> {
    inserted: u64,
    /// The key of the first event of each lane and then of each heap.
    fronts: [Key; LANES + HEAPS],
    /// The least of these but that of the polls' lane, from which most events come, and whose it is.
    others: (Key, usize),
    lanes: [VecDeque<Entry<E>>; LANES],
    heaps: [BinaryHeap<Reverse<Entry<E>>>; HEAPS],
}

impl<E: Copy> EventList<E> {
    pub(super) fn new() -> Self {
        EventList {
            inserted: 0,
            fronts: [NEVER; LANES + HEAPS],
            others: (NEVER, 0),
            lanes: std::array::from_fn(|_| VecDeque::new()),
            heaps: std::array::from_fn(|_| BinaryHeap::new()),
        }
    }

    #[inline(always)]
    fn key(&mut self, at: SimTime) -> Key {
        self.inserted += 1;
        Key::from(at.as_ns()) << 64 | Key::from(self.inserted)
    }

    /// Schedules an event whose delay is usually the same for all of its lane.
    #[inline(always)]
    pub(super) fn schedule_in(&mut self, lane: Lane, at: SimTime, event: E) {
        let key = self.key(at);
        match self.lanes[lane as usize].back() {
            Some(last) if last.key > key => return self.push(Heap::Far, Entry { key, event }),
            Some(_) => {}
            None => self.set_front(lane as usize, key),
        }
        self.lanes[lane as usize].push_back(Entry { key, event });
    }

    /// Schedules an event.
    #[inline]
    pub(super) fn schedule(&mut self, heap: Heap, at: SimTime, event: E) {
        let key = self.key(at);
        self.push(heap, Entry { key, event });
    }

    fn push(&mut self, heap: Heap, entry: Entry<E>) {
        let source = LANES + heap as usize;
        if entry.key < self.fronts[source] {
            self.set_front(source, entry.key);
        }
        self.heaps[heap as usize].push(Reverse(entry));
    }

    /// An event came that is earlier than all of its source.
    fn set_front(&mut self, source: usize, key: Key) {
        self.fronts[source] = key;
        if source != Lane::Poll as usize && key < self.others.0 {
            self.others = (key, source);
        }
    }

    /// Takes the next event.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<(SimTime, E)> {
        const POLL: usize = Lane::Poll as usize;
        let entry = if self.fronts[POLL] < self.others.0 {
            let queue = &mut self.lanes[POLL];
            let entry = queue.pop_front()?;
            self.fronts[POLL] = queue.front().map_or(NEVER, |next| next.key);
            entry
        } else {
            self.pop_other()?
        };
        Some((SimTime::from_ns((entry.key >> 64) as u64), entry.event))
    }

    fn pop_other(&mut self) -> Option<Entry<E>> {
        let source = self.others.1;
        let (entry, next) = if source < LANES {
            let queue = &mut self.lanes[source];
            (queue.pop_front()?, queue.front().map(|entry| entry.key))
        } else {
            let heap = &mut self.heaps[source - LANES];
            (heap.pop()?.0, heap.peek().map(|Reverse(entry)| entry.key))
        };
        self.fronts[source] = next.unwrap_or(NEVER);
        let fronts = self.fronts.iter().enumerate().filter(|&(source, _)| source != Lane::Poll as usize);
        self.others =
            fronts.fold((NEVER, 0), |least, (source, &key)| if key < least.0 { (key, source) } else { least });
        Some(entry)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_by_insertion() {
        let mut list = EventList::new();
        let at = SimTime::from_ns;
        list.schedule(Heap::Far, at(5), "a");
        list.schedule_in(Lane::Poll, at(5), "b");
        list.schedule_in(Lane::Poll, at(9), "f");
        list.schedule_in(Lane::Poll, at(7), "e: earlier than the back of its lane");
        list.schedule_in(Lane::Step, at(5), "c");
        list.schedule(Heap::Near, at(5), "d");
        list.schedule(Heap::Near, at(9), "g");
        let order: Vec<_> = std::iter::from_fn(|| list.pop()).map(|(_, event)| &event[..1]).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e", "f", "g"]);
    }

    /// Random insertions and removals, against a sorted map.
    #[test]
    fn the_order_is_that_of_a_sorted_map() {
        let draws = crate::rng::PerAttempt::new(1, crate::rng::Source::Jitter);
        let (mut list, mut map, mut now) = (EventList::new(), std::collections::BTreeMap::new(), 0);
        for i in 0..20_000u64 {
            let draw = draws.draw(i, 0);
            if draw % 3 < 2 {
                let at = now + draw / 8 % 50;
                match draw % 5 {
                    0 => list.schedule(Heap::Near, SimTime::from_ns(at), i),
                    1 => list.schedule(Heap::Far, SimTime::from_ns(at), i),
                    2 => list.schedule_in(Lane::FirstPoll, SimTime::from_ns(at), i),
                    _ => list.schedule_in(Lane::Poll, SimTime::from_ns(at), i),
                }
                map.insert((at, i), i);
            } else {
                let expected = map.pop_first().map(|((at, _), event)| (SimTime::from_ns(at), event));
                assert_eq!(list.pop(), expected);
                now = expected.map_or(now, |(at, _)| at.as_ns());
            }
        }
    }
}
