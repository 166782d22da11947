//! Slots in the order of their age, several queues of them.
//!
//! Records of one state share one time to live, so the order of age is the order of falling due, and a sweep finds what is
//! due at the front without looking at anything else. Almost always a record that enters is the youngest of its queue:
//! then it goes to the back of a doubly linked list, in constant time, as in Caffeine's write-order and access-order queues
//! (B. Manes, "Design of a modern cache"). Constant for each call, not on average: a ring with holes, which touches fewer
//! neighbours, has to close up now and then, and a read of one among a million records held the lock for 22 ms. One that is
//! older than the back goes to an ordered set beside the list, in logarithmic time; that happens where age counts from the
//! creation and a later upload ended first.

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

/// What a slot knows of its neighbours in age.
#[derive(Clone, Copy)]
pub(super) struct Link {
    since: u64,
    previous: u32,
    next: u32,
    place: Place,
}

impl Link {
    const NOWHERE: Link = Link { since: NEVER, previous: NIL, next: NIL, place: Place::Nowhere };

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

struct Queue {
    front: u32,
    back: u32,
    set: BTreeSet<(u64, u32)>,
}

/// `N` queues over one set of slots, which the callers pass along; a slot is in one queue at most.
pub(super) struct Ages<const N: usize> {
    queues: [Queue; N],
}

impl<const N: usize> Ages<N> {
    pub(super) fn new() -> Self {
        Ages { queues: std::array::from_fn(|_| Queue { front: NIL, back: NIL, set: BTreeSet::new() }) }
    }

    /// Puts a slot into a queue, with the moment from which its age is counted; it leaves the queue it was in.
    #[inline(always)]
    pub(super) fn enter(&mut self, slots: &mut [impl Linked], slot: u32, queue: usize, since: u64) {
        if slots[slot as usize].link().place != Place::Nowhere {
            self.leave_for_another(slots, slot);
        }
        let back = self.queues[queue].back;
        let place = if back == NIL || slots[back as usize].link().since <= since {
            match back {
                NIL => self.queues[queue].front = slot,
                back => slots[back as usize].link_mut().next = slot,
            }
            self.queues[queue].back = slot;
            Place::List(queue as u8)
        } else {
            self.queues[queue].set.insert((since, slot));
            Place::Set(queue as u8)
        };
        *slots[slot as usize].link_mut() = Link { since, previous: back, next: NIL, place };
    }

    /// As [`leave`](Self::leave). Apart: few slots go from one queue to another.
    #[inline(never)]
    fn leave_for_another(&mut self, slots: &mut [impl Linked], slot: u32) {
        self.leave(slots, slot);
    }

    /// Takes a slot out of whatever queue it is in.
    #[inline(always)]
    pub(super) fn leave(&mut self, slots: &mut [impl Linked], slot: u32) {
        let Link { since, previous, next, place } = *slots[slot as usize].link();
        match place {
            Place::Nowhere => return,
            Place::List(queue) => {
                match previous {
                    NIL => self.queues[usize::from(queue)].front = next,
                    previous => slots[previous as usize].link_mut().next = next,
                }
                match next {
                    NIL => self.queues[usize::from(queue)].back = previous,
                    next => slots[next as usize].link_mut().previous = previous,
                }
            }
            Place::Set(queue) => {
                let was_there = self.queues[usize::from(queue)].set.remove(&(since, slot));
                debug_assert!(was_there, "a slot is where its link says");
            }
        }
        slots[slot as usize].link_mut().place = Place::Nowhere;
    }

    /// The oldest slot of a queue.
    pub(super) fn oldest(&self, slots: &[impl Linked], queue: usize) -> Option<u32> {
        let Queue { front, ref set, .. } = self.queues[queue];
        match (front, set.first()) {
            (NIL, first) => first.map(|&(_, slot)| slot),
            (front, Some(&(since, slot))) if since < slots[front as usize].link().since => Some(slot),
            (front, _) => Some(front),
        }
    }

    /// The slots of a queue whose age counts from `latest` or before, not in the order of their age.
    pub(super) fn up_to<'a>(
        &'a self,
        slots: &'a [impl Linked],
        queue: usize,
        latest: u64,
    ) -> impl Iterator<Item = u32> + 'a {
        let Queue { front, ref set, .. } = self.queues[queue];
        let in_list = |slot: u32| (slot != NIL).then_some(slot);
        let listed = std::iter::successors(in_list(front), move |&slot| in_list(slots[slot as usize].link().next))
            .take_while(move |&slot| slots[slot as usize].link().since <= latest);
        listed.chain(set.range(..=(latest, u32::MAX)).map(|&(_, slot)| slot))
    }
}
