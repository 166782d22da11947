//! The event list: what will happen, in the order of time and, at one instant, of insertion.
//!
//! Most delays of a run are one constant (the interval between polls), and events that are scheduled with a constant delay
//! come up in the order in which they were scheduled. So polls have a [`Lane`], and so has every other event with a constant
//! delay; an event that is earlier than the last one of its lane goes to a heap, as do all others. Events that are soon and
//! events that are far off have heaps of their own, so that the far ones, of which there are many, do not make the near ones
//! expensive. Where an event went changes nothing but the time it takes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::lane::Lane;
use crate::time::SimTime;

/// Events with one constant delay.
#[derive(Clone, Copy, Debug)]
pub(super) enum Delay {
    /// The next arrival.
    Arrival,
    /// First polls of clients that stay.
    FirstPoll,
    /// Steps of handlers.
    Step,
}

/// Events with any delay.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heap {
    /// Ends of processing.
    Near,
    /// Clients that come back, timers, and what found its lane taken.
    Far,
}

const LANES: usize = 3;
const HEAPS: usize = 2;

/// When an event comes up: its time in the upper half, the number of its insertion in the lower.
pub(super) type Key = u128;

/// Later than any event.
pub(super) const NEVER: Key = Key::MAX;

struct Entry<E> {
    at_ns: u64,
    number: u64,
    event: E,
}

/// Polls of `P`, and events of type `E`, to come.
pub(super) struct EventList<P, E> {
    inserted: u64,
    polls: Lane<P>,
    lanes: [Lane<E>; LANES],
    heaps: [BinaryHeap<Reverse<Entry<E>>>; HEAPS],
    /// The key of the first event of each lane and then of each heap.
    fronts: [Key; LANES + HEAPS],
    /// The least of these, and whose it is.
    first: (Key, usize),
}

impl<P: Copy + Default, E: Copy + Default + From<P>> EventList<P, E> {
    pub(super) fn new() -> Self {
        EventList {
            inserted: 0,
            polls: Lane::new(),
            lanes: std::array::from_fn(|_| Lane::new()),
            heaps: std::array::from_fn(|_| BinaryHeap::new()),
            fronts: [NEVER; LANES + HEAPS],
            first: (NEVER, 0),
        }
    }

    #[inline(always)]
    fn key(&mut self, at: SimTime) -> Key {
        self.inserted += 1;
        Key::from(at.as_ns()) << 64 | Key::from(self.inserted)
    }

    /// Schedules a poll whose delay is usually the same for all.
    #[inline(always)]
    pub(super) fn schedule_poll(&mut self, at: SimTime, poll: P) {
        let key = self.key(at);
        if self.polls.takes(at.as_ns()) {
            self.polls.push(key, poll);
        } else {
            self.push(Heap::Far, key, poll.into());
        }
    }

    /// Schedules an event whose delay is usually the same for all of its kind.
    #[inline]
    pub(super) fn schedule_in(&mut self, delay: Delay, at: SimTime, event: E) {
        let key = self.key(at);
        let source = delay as usize;
        if self.lanes[source].takes(at.as_ns()) {
            self.lanes[source].push(key, event);
            self.note_front(source, key);
        } else {
            self.push(Heap::Far, key, event);
        }
    }

    /// Schedules an event.
    #[inline]
    pub(super) fn schedule(&mut self, heap: Heap, at: SimTime, event: E) {
        let key = self.key(at);
        self.push(heap, key, event);
    }

    fn push(&mut self, heap: Heap, key: Key, event: E) {
        self.heaps[heap as usize].push(Reverse(Entry { at_ns: (key >> 64) as u64, number: key as u64, event }));
        self.note_front(LANES + heap as usize, key);
    }

    /// Notes an event that may be the first of its source.
    #[inline(always)]
    fn note_front(&mut self, source: usize, key: Key) {
        if key < self.fronts[source] {
            self.fronts[source] = key;
            if key < self.first.0 {
                self.first = (key, source);
            }
        }
    }

    /// Takes the next event if it is a poll that was scheduled as one.
    #[inline(always)]
    pub(super) fn pop_poll(&mut self) -> Option<(SimTime, P)> {
        let (at_ns, poll) = self.polls.pop_before(self.first.0)?;
        Some((SimTime::from_ns(at_ns), poll))
    }

    /// Takes the next event, there being no poll that comes before it.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<(SimTime, E)> {
        let source = self.first.1;
        let (at_ns, event) = if source < LANES {
            let lane = &mut self.lanes[source];
            let first = lane.pop_before(NEVER)?;
            self.fronts[source] = lane.front();
            first
        } else {
            let heap = &mut self.heaps[source - LANES];
            let Reverse(Entry { at_ns, event, .. }) = heap.pop()?;
            self.fronts[source] = heap.peek().map_or(NEVER, |Reverse(entry)| entry.key());
            (at_ns, event)
        };
        let fronts = self.fronts.iter().enumerate();
        self.first = fronts.fold((NEVER, 0), |least, (source, &key)| if key < least.0 { (key, source) } else { least });
        Some((SimTime::from_ns(at_ns), event))
    }
}

impl<E> Entry<E> {
    #[inline(always)]
    fn key(&self) -> Key {
        Key::from(self.at_ns) << 64 | Key::from(self.number)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
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
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list whose polls are events like all others.
    type List<E> = EventList<E, E>;

    fn next<E: Copy + Default>(list: &mut List<E>) -> Option<(SimTime, E)> {
        list.pop_poll().or_else(|| list.pop())
    }

    #[test]
    fn events_come_by_time_and_then_by_insertion() {
        let mut list = List::new();
        let at = SimTime::from_ns;
        list.schedule(Heap::Far, at(5), "a");
        list.schedule_poll(at(5), "b");
        list.schedule_poll(at(9), "f");
        list.schedule_poll(at(7), "e: earlier than the back of its lane");
        list.schedule_in(Delay::Step, at(5), "c");
        list.schedule(Heap::Near, at(5), "d");
        list.schedule(Heap::Near, at(9), "g");
        let order: Vec<_> = std::iter::from_fn(|| next(&mut list)).map(|(_, event)| &event[..1]).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e", "f", "g"]);
    }

    /// Random insertions and removals, against a sorted map.
    #[test]
    fn the_order_is_that_of_a_sorted_map() {
        let draws = crate::rng::PerAttempt::new(1, crate::rng::Source::Jitter);
        let (mut list, mut map, mut now) = (List::new(), std::collections::BTreeMap::new(), 0);
        for i in 0..20_000u64 {
            let draw = draws.draw(i, 0);
            if draw % 3 < 2 {
                let at = now + draw / 8 % 50;
                match draw % 5 {
                    0 => list.schedule(Heap::Near, SimTime::from_ns(at), i),
                    1 => list.schedule(Heap::Far, SimTime::from_ns(at), i),
                    2 => list.schedule_in(Delay::FirstPoll, SimTime::from_ns(at), i),
                    _ => list.schedule_poll(SimTime::from_ns(at), i),
                }
                map.insert((at, i), i);
            } else {
                let expected = map.pop_first().map(|((at, _), event)| (SimTime::from_ns(at), event));
                assert_eq!(next(&mut list), expected);
                now = expected.map_or(now, |(at, _)| at.as_ns());
            }
        }
    }
}
