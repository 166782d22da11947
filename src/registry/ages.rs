//! Slots in the order of their age, several queues of them.
//!
//! Records of one state share one time to live, so the order of age is the order of falling due, and a sweep finds what is
//! due at the front without looking at anything else. Almost always a record that enters is the youngest of its queue:
//! then it goes to the back of a ring, in constant time. Who leaves from between leaves a hole, and where holes are the
//! greater part the ring closes up. One slot number per place lies densely in memory: entering and leaving touch no
//! neighbours, as they would in a linked list, and a sweep sees which slots come next. One that is older than the back goes to
//! an ordered set beside the ring, in logarithmic time; that happens where age counts from the creation and a later upload
//! ended first.

use std::collections::{BTreeSet, VecDeque};

/// An age that never begins: such a record sorts last and never falls due.
pub(super) const NEVER: u64 = u64::MAX;

/// In a ring, what a slot that left leaves behind.
const HOLE: u32 = u32::MAX;

/// A ring this short does not close up: that would be more work than its holes are.
const SHORT: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Ring(u8),
    Set(u8),
}

/// What a slot knows of its age and its queue.
#[derive(Clone, Copy)]
pub(super) struct Link {
    since: u64,
    /// In a ring, how many entered it before. It wraps around, which no ring is long enough to notice.
    ticket: u32,
    place: Place,
}

impl Link {
    const NOWHERE: Link = Link { since: NEVER, ticket: 0, place: Place::Nowhere };

    /// Of a slot that has an age and is in no queue.
    pub(super) fn aside(since: u64) -> Link {
        Link { since, ..Link::NOWHERE }
    }

    /// From when the slot's age is counted; [`NEVER`] while it has none.
    #[inline(always)]
    pub(super) fn since(&self) -> u64 {
        self.since
    }
}

/// A slot that can stand in a queue.
pub(super) trait Linked {
    fn link(&self) -> &Link;
    fn link_mut(&mut self) -> &mut Link;
}

/// The ring neither begins nor ends with a hole.
struct Queue {
    ring: VecDeque<u32>,
    /// How many have left the ring's front for good: the ticket of its first place.
    passed: u32,
    holes: usize,
    set: BTreeSet<(u64, u32)>,
}

impl Queue {
    /// Takes out what entered the ring with a ticket.
    #[inline(always)]
    fn vacate(&mut self, ticket: u32) {
        self.ring[ticket.wrapping_sub(self.passed) as usize] = HOLE;
        self.holes += 1;
        while self.ring.front() == Some(&HOLE) {
            self.ring.pop_front();
            self.passed = self.passed.wrapping_add(1);
            self.holes -= 1;
        }
        while self.ring.back() == Some(&HOLE) {
            self.ring.pop_back();
            self.holes -= 1;
        }
    }

    /// Closes the ring up. Each hole pays for one place that is looked at, so this takes constant time per slot that left.
    #[cold]
    #[inline(never)]
    fn close_up(&mut self, slots: &mut [impl Linked]) {
        self.ring.retain(|&slot| slot != HOLE);
        self.holes = 0;
        for (place, &slot) in self.ring.iter().enumerate() {
            slots[slot as usize].link_mut().ticket = self.passed.wrapping_add(place as u32);
        }
    }
}

/// `N` queues over one set of slots, which the callers pass along; a slot is in one queue at most.
pub(super) struct Ages<const N: usize> {
    queues: [Queue; N],
}

impl<const N: usize> Ages<N> {
    pub(super) fn new() -> Self {
        let queue = |_| Queue { ring: VecDeque::new(), passed: 0, holes: 0, set: BTreeSet::new() };
        Ages { queues: std::array::from_fn(queue) }
    }

    /// Puts a slot into a queue, with the moment from which its age is counted; it leaves the queue it was in.
    #[inline]
    pub(super) fn enter(&mut self, slots: &mut [impl Linked], slot: u32, queue: usize, since: u64) {
        self.leave(slots, slot);
        let Queue { ring, passed, set, .. } = &mut self.queues[queue];
        let ticket = passed.wrapping_add(ring.len() as u32);
        let place = if ring.back().is_none_or(|&back| slots[back as usize].link().since <= since) {
            ring.push_back(slot);
            Place::Ring(queue as u8)
        } else {
            set.insert((since, slot));
            Place::Set(queue as u8)
        };
        *slots[slot as usize].link_mut() = Link { since, ticket, place };
    }

    /// Takes a slot out of whatever queue it is in.
    #[inline]
    pub(super) fn leave(&mut self, slots: &mut [impl Linked], slot: u32) {
        let Link { since, ticket, place } = *slots[slot as usize].link();
        slots[slot as usize].link_mut().place = Place::Nowhere;
        match place {
            Place::Nowhere => (),
            Place::Ring(queue) => {
                let queue = &mut self.queues[usize::from(queue)];
                queue.vacate(ticket);
                if queue.holes * 2 > queue.ring.len().max(SHORT) {
                    queue.close_up(slots);
                }
            }
            Place::Set(queue) => {
                let was_there = self.queues[usize::from(queue)].set.remove(&(since, slot));
                debug_assert!(was_there, "a slot is where its link says");
            }
        }
    }

    /// The oldest slot of a queue.
    #[inline]
    pub(super) fn oldest(&self, slots: &[impl Linked], queue: usize) -> Option<u32> {
        let Queue { ring, set, .. } = &self.queues[queue];
        match (ring.front(), set.first()) {
            (None, first) => first.map(|&(_, slot)| slot),
            (Some(&front), Some(&(since, slot))) if since < slots[front as usize].link().since => Some(slot),
            (front, _) => front.copied(),
        }
    }

    /// The slots of a queue, oldest first, but for those few that entered out of order.
    #[inline(always)]
    pub(super) fn front(&self, queue: usize) -> impl Iterator<Item = u32> {
        self.queues[queue].ring.iter().copied().filter(|&slot| slot != HOLE)
    }

    /// The slots of a queue whose age counts from `latest` or before, not in the order of their age.
    pub(super) fn up_to<'a>(
        &'a self,
        slots: &'a [impl Linked],
        queue: usize,
        latest: u64,
    ) -> impl Iterator<Item = u32> + 'a {
        let old = move |&slot: &u32| slots[slot as usize].link().since <= latest;
        let set = &self.queues[queue].set;
        self.front(queue).take_while(old).chain(set.range(..=(latest, u32::MAX)).map(|&(_, slot)| slot))
    }
}
