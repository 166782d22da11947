//! Slots in the order of their age, several queues of them.
//!
//! Records of one state share one time to live, so the order of age is the order of falling due, and a sweep finds what is
//! due at the front without looking at anything else. Almost always a record that enters is the youngest of its queue:
//! then it goes to the back of a doubly linked list, in constant time, as in Caffeine's write-order and access-order queues
//! (B. Manes, "Design of a modern cache"). One that is older than the back goes to an ordered set beside the list, in
//! logarithmic time; that happens where age counts from the creation and a later upload ended first.

use std::collections::BTreeSet;

/// An age that never begins: such a record sorts last and never falls due.
pub(super) const NEVER: u64 = u64::MAX;

/// No slot.
const NIL: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    List(u8),
    Set(u8),
}

#[derive(Clone, Copy)]
struct Link {
    since: u64,
    previous: u32,
    next: u32,
    place: Place,
}

struct Queue {
    front: u32,
    back: u32,
    set: BTreeSet<(u64, u32)>,
}

/// `N` queues over one set of slots; a slot is in one queue at most.
pub(super) struct Ages<const N: usize> {
    links: Vec<Link>,
    queues: [Queue; N],
}

impl<const N: usize> Ages<N> {
    pub(super) fn new() -> Self {
        Ages {
            links: Vec::new(),
            queues: std::array::from_fn(|_| Queue { front: NIL, back: NIL, set: BTreeSet::new() }),
        }
    }

    /// Makes room for one more slot, whose number is the count of those before it.
    pub(super) fn grow(&mut self) {
        self.links.push(Link { since: NEVER, previous: NIL, next: NIL, place: Place::Nowhere });
    }

    /// Puts a slot into a queue, with the moment from which its age is counted; it leaves the queue it was in.
    pub(super) fn enter(&mut self, slot: u32, queue: usize, since: u64) {
        self.leave(slot);
        let back = self.queues[queue].back;
        let in_order = back == NIL || self.links[back as usize].since <= since;
        let link = &mut self.links[slot as usize];
        link.since = since;
        if in_order {
            *link = Link { since, previous: back, next: NIL, place: Place::List(queue as u8) };
            match back {
                NIL => self.queues[queue].front = slot,
                back => self.links[back as usize].next = slot,
            }
            self.queues[queue].back = slot;
        } else {
            link.place = Place::Set(queue as u8);
            self.queues[queue].set.insert((since, slot));
        }
    }

    /// Takes a slot out of whatever queue it is in.
    pub(super) fn leave(&mut self, slot: u32) {
        let Link { since, previous, next, place } = self.links[slot as usize];
        match place {
            Place::Nowhere => return,
            Place::List(queue) => {
                match previous {
                    NIL => self.queues[usize::from(queue)].front = next,
                    previous => self.links[previous as usize].next = next,
                }
                match next {
                    NIL => self.queues[usize::from(queue)].back = previous,
                    next => self.links[next as usize].previous = previous,
                }
            }
            Place::Set(queue) => {
                let was_there = self.queues[usize::from(queue)].set.remove(&(since, slot));
                debug_assert!(was_there, "a slot is where its link says");
            }
        }
        self.links[slot as usize].place = Place::Nowhere;
    }

    /// From when a slot's age is counted; [`NEVER`] while it has none.
    pub(super) fn since(&self, slot: u32) -> u64 {
        self.links[slot as usize].since
    }

    /// The oldest slot of a queue.
    pub(super) fn oldest(&self, queue: usize) -> Option<u32> {
        let Queue { front, ref set, .. } = self.queues[queue];
        match (front, set.first()) {
            (NIL, first) => first.map(|&(_, slot)| slot),
            (front, Some(&(since, slot))) if since < self.since(front) => Some(slot),
            (front, _) => Some(front),
        }
    }

    /// The slots of a queue whose age counts from `latest` or before, not in the order of their age.
    pub(super) fn up_to(&self, queue: usize, latest: u64) -> impl Iterator<Item = u32> + '_ {
        let Queue { front, ref set, .. } = self.queues[queue];
        let in_list = |slot: u32| (slot != NIL).then_some(slot);
        let listed = std::iter::successors(in_list(front), move |&slot| in_list(self.links[slot as usize].next))
            .take_while(move |&slot| self.since(slot) <= latest);
        listed.chain(set.range(..=(latest, u32::MAX)).map(|&(_, slot)| slot))
    }
}
