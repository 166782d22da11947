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

use super::cells::{Cell, Cells, NOWHERE};
use super::sync::Ordering::Relaxed;

/// No slot, as no other number from here on is one.
const NIL: u32 = NOWHERE - 1;

/// Stands for the neighbour of a slot that is in the set of its queue.
const SET: u32 = NOWHERE - 2;

/// Numbers of slots are below this.
pub(super) const SLOTS: u32 = SET;

struct Queue {
    front: u32,
    back: u32,
    set: BTreeSet<(u64, u32)>,
}

/// A slot and its cell.
#[derive(Clone, Copy)]
pub(super) struct Aged<'a> {
    pub(super) slot: u32,
    pub(super) cell: &'a Cell,
}

/// `N` queues over one set of slots, whose cells the callers pass along; a slot is in one queue at most. Used under the lock alone,
/// which orders what is done to the neighbours.
pub(super) struct Ages<const N: usize> {
    queues: [Queue; N],
}

impl<const N: usize> Ages<N> {
    pub(super) fn new() -> Self {
        Ages { queues: std::array::from_fn(|_| Queue { front: NIL, back: NIL, set: BTreeSet::new() }) }
    }

    /// Puts a slot into a queue, with the moment from which its age is counted; it leaves `from`, the queue that it is in, if it is
    /// in one.
    #[inline(always)]
    pub(super) fn enter<V>(
        &mut self,
        cells: &impl Cells<V>,
        Aged { slot, cell }: Aged<'_>,
        from: usize,
        queue: usize,
        since: u64,
    ) {
        if cell.previous.load(Relaxed) != NOWHERE {
            self.leave_for_another(cells, Aged { slot, cell }, from);
        }
        let back = self.queues[queue].back;
        let youngest = (back != NIL).then(|| cells.at(back));
        if youngest.is_none_or(|youngest| youngest.since() <= since) {
            match youngest {
                None => self.queues[queue].front = slot,
                Some(youngest) => youngest.next.store(slot, Relaxed),
            }
            self.queues[queue].back = slot;
            cell.previous.store(back, Relaxed);
            cell.next.store(NIL, Relaxed);
        } else {
            self.queues[queue].set.insert((since, slot));
            cell.previous.store(SET, Relaxed);
        }
        cell.count_from(since);
    }

    /// As [`leave`](Self::leave). Apart: few slots go from one queue to another.
    #[inline(never)]
    fn leave_for_another<V>(&mut self, cells: &impl Cells<V>, aged: Aged<'_>, queue: usize) {
        self.leave(cells, aged, queue);
    }

    /// Takes a slot out of the queue that it is in, if it is in one.
    #[inline(always)]
    pub(super) fn leave<V>(&mut self, cells: &impl Cells<V>, Aged { slot, cell }: Aged<'_>, queue: usize) {
        match cell.previous.load(Relaxed) {
            NOWHERE => return,
            SET => {
                let was_there = self.queues[queue].set.remove(&(cell.since(), slot));
                debug_assert!(was_there, "a slot is in the queue of its state");
            }
            previous => {
                let next = cell.next.load(Relaxed);
                match previous {
                    NIL => self.queues[queue].front = next,
                    previous => cells.at(previous).next.store(next, Relaxed),
                }
                match next {
                    NIL => self.queues[queue].back = previous,
                    next => cells.at(next).previous.store(previous, Relaxed),
                }
            }
        }
        cell.previous.store(NOWHERE, Relaxed);
    }

    /// The oldest slot of a queue.
    pub(super) fn oldest<V>(&self, cells: &impl Cells<V>, queue: usize) -> Option<u32> {
        let Queue { front, ref set, .. } = self.queues[queue];
        match (front, set.first()) {
            (NIL, first) => first.map(|&(_, slot)| slot),
            (front, Some(&(since, slot))) if since < cells.at(front).since() => Some(slot),
            (front, _) => Some(front),
        }
    }

    /// From when the age of the youngest slot of a queue is counted.
    pub(super) fn youngest<V>(&self, cells: &impl Cells<V>, queue: usize) -> Option<u64> {
        let Queue { back, ref set, .. } = self.queues[queue];
        let listed = (back != NIL).then(|| cells.at(back).since());
        listed.max(set.last().map(|&(since, _)| since))
    }

    /// The slots of a queue whose age counts from `latest` or before, not in the order of their age.
    pub(super) fn up_to<'a, V>(
        &'a self,
        cells: &'a impl Cells<V>,
        queue: usize,
        latest: u64,
    ) -> impl Iterator<Item = u32> + 'a {
        let Queue { front, ref set, .. } = self.queues[queue];
        let in_list = |slot: u32| (slot != NIL).then_some(slot);
        let listed = std::iter::successors(in_list(front), move |&slot| in_list(cells.at(slot).next.load(Relaxed)))
            .take_while(move |&slot| cells.at(slot).since() <= latest);
        listed.chain(set.range(..=(latest, u32::MAX)).map(|&(_, slot)| slot))
    }
}
