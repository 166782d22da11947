//! The event list: what will happen, in the order of time and, at one instant, of insertion.
//!
//! Most delays of a run are one constant (the interval between polls), and events that are scheduled with a constant delay
//! come up in the order in which they were scheduled: polls have a [`Lane`]. A poll that is earlier than the last one of its
//! lane is put where events with other delays are: the few that are [near](Near), and all others, which are [far](Far),
//! so that the far ones, of which there are many, do not make the near ones expensive. Of arrivals there is one at a time,
//! which has a place of its own. Where an event went changes nothing but the time it takes.

use super::far::Far;
use super::lane::Lane;
use super::near::Near;
use crate::time::SimTime;

/// When an event comes up: its time in the upper half, the number of its insertion in the lower.
pub(super) type Key = u128;

/// Later than any event.
pub(super) const NEVER: Key = Key::MAX;

/// The time in a key.
fn time_of(key: Key) -> SimTime {
    SimTime::from_ns((key >> 64) as u64)
}

/// An event and when it comes up.
#[derive(Clone, Copy)]
pub(super) struct Entry<E> {
    at_ns: u64,
    number: u64,
    event: E,
}

impl<E> Entry<E> {
    #[inline(always)]
    pub(super) fn new(key: Key, event: E) -> Self {
        Entry { at_ns: (key >> 64) as u64, number: key as u64, event }
    }

    #[inline(always)]
    pub(super) fn key(&self) -> Key {
        Key::from(self.at_ns) << 64 | Key::from(self.number)
    }

    #[inline(always)]
    pub(super) fn set_key(&mut self, key: Key) {
        (self.at_ns, self.number) = ((key >> 64) as u64, key as u64);
    }

    #[inline(always)]
    pub(super) fn at(&self) -> SimTime {
        SimTime::from_ns(self.at_ns)
    }

    /// The time and the event.
    #[inline(always)]
    pub(super) fn open(self) -> (SimTime, E) {
        (SimTime::from_ns(self.at_ns), self.event)
    }
}

/// Polls of `P`, and events of type `E`, to come.
pub(super) struct EventList<P, E> {
    inserted: u64,
    polls: Lane<P>,
    /// The key of the next arrival.
    arrival: Key,
    near: Near<E>,
    far: Far<E>,
    /// The key of the first event that is far.
    far_front: Key,
    /// The least key of all but the polls in their lane.
    first: Key,
}

impl<P: Copy + Default, E: Copy + From<P>> EventList<P, E> {
    pub(super) fn new() -> Self {
        EventList {
            inserted: 0,
            polls: Lane::new(),
            arrival: NEVER,
            near: Near::new(P::default().into()),
            far: Far::new(),
            far_front: NEVER,
            first: NEVER,
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
        if self.polls.takes(at) {
            self.polls.push(Entry::new(key, poll));
        } else {
            self.push_early(Entry::new(key, poll.into()));
        }
    }

    /// Schedules a poll that is earlier than another one in the lane. Apart: most runs never come here, and all polls of all runs
    /// would have to go around it.
    #[inline(never)]
    fn push_early(&mut self, entry: Entry<E>) {
        self.push_near(entry);
    }

    /// Schedules the next arrival, the one before it being over.
    #[inline(always)]
    pub(super) fn schedule_arrival(&mut self, at: SimTime) {
        self.arrival = self.key(at);
        self.first = self.first.min(self.arrival);
    }

    /// Whether a poll that is scheduled now for a moment will be the next event.
    #[inline(always)]
    pub(super) fn would_be_next(&self, at: SimTime) -> bool {
        // What is there already comes before it at the same instant.
        at < time_of(self.first) && at < time_of(self.polls.front())
    }

    /// Schedules an event that is likely to be one of the next few.
    #[inline(always)]
    pub(super) fn schedule_soon(&mut self, at: SimTime, event: E) {
        let key = self.key(at);
        self.push_near(Entry::new(key, event));
    }

    /// Schedules an event.
    pub(super) fn schedule(&mut self, at: SimTime, event: E) {
        let key = self.key(at);
        self.push_far(Entry::new(key, event));
    }

    #[inline(always)]
    fn push_near(&mut self, entry: Entry<E>) {
        self.first = self.first.min(entry.key());
        if let Some(last) = self.near.push(entry) {
            self.push_far(last);
        }
    }

    fn push_far(&mut self, entry: Entry<E>) {
        self.far_front = self.far_front.min(entry.key());
        self.first = self.first.min(entry.key());
        self.far.push(entry);
    }

    /// How many events are to come, the next arrival aside.
    pub(super) fn len(&self) -> usize {
        self.polls.len() + self.near.len() + self.far.len()
    }

    /// Takes the next event if it is a poll in its lane.
    #[inline(always)]
    pub(super) fn pop_poll(&mut self) -> Option<(SimTime, P)> {
        self.polls.pop_before(self.first).map(Entry::open)
    }

    /// Takes the next event if it is an arrival, there being no poll that comes before it.
    #[inline(always)]
    pub(super) fn pop_arrival(&mut self) -> bool {
        // Where nothing is to come, `first` is `NEVER` as well.
        if self.arrival != self.first || self.arrival == NEVER {
            return false;
        }
        self.arrival = NEVER;
        self.note_first();
        true
    }

    /// Takes the next event, there being neither a poll nor an arrival that comes before it.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<(SimTime, E)> {
        let entry = if self.far_front < self.near.front() {
            let entry = self.far.pop()?;
            self.far_front = self.far.front();
            entry
        } else {
            self.near.pop()?
        };
        self.note_first();
        Some(entry.open())
    }

    #[inline(always)]
    fn note_first(&mut self) {
        self.first = self.arrival.min(self.far_front).min(self.near.front());
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
        list.schedule(at(5), "a");
        list.schedule_poll(at(5), "b");
        list.schedule_poll(at(9), "f");
        list.schedule_poll(at(7), "e: earlier than the back of its lane");
        list.schedule_soon(at(5), "c");
        list.schedule_soon(at(5), "d");
        list.schedule_soon(at(9), "g");
        let order: Vec<_> = std::iter::from_fn(|| next(&mut list)).map(|(_, event)| &event[..1]).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e", "f", "g"]);
    }

    /// Random insertions and removals, against a sorted map; more of them than are ever near.
    #[test]
    fn the_order_is_that_of_a_sorted_map() {
        // Some of them days away, and a few beyond the calendar.
        const SCALES: [u64; 4] = [1, 1, 1 << 33, 1 << 43];
        let draws = crate::rng::PerAttempt::new(1, crate::rng::Source::Jitter);
        let (mut list, mut map, mut now) = (List::new(), std::collections::BTreeMap::new(), 0);
        for i in 0..20_000u64 {
            let draw = draws.draw(i, 0);
            if draw % 3 < 2 {
                let at = now + draw / 8 % 50 * SCALES[(draw >> 40) as usize % SCALES.len()];
                match draw % 5 {
                    0 => list.schedule(SimTime::from_ns(at), i),
                    1 | 2 => list.schedule_soon(SimTime::from_ns(at), i),
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
