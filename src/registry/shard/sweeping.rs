//! What is due: when it will be, what it is, and taking it away.

use super::super::ages::Ages;
use super::super::cells::{Cells, NEVER};
use super::super::index::Index;
use super::super::retention::Expiry;
use super::super::status::State;
use super::super::sync::mutant;
use super::super::{Reclaimed, Swept};
use super::{QUEUES, Shard, TOMBSTONES};

impl<K, V, C: Cells<V>> Shard<K, V, C> {
    /// What is due → tombstone, or nothing; tombstones that have served → nothing. At most `max` of them (R10).
    pub(in super::super) fn sweep_some(
        &mut self,
        now: u64,
        max: usize,
        on_reclaim: &mut impl FnMut(Reclaimed<'_, K>),
    ) -> Swept {
        let mut swept = Swept::default();
        let mut next = NEVER;
        for queue in 0..QUEUES {
            let Some(limit) = self.limits[queue] else { continue };
            while let Some(slot) = self.ages.oldest(&self.cells, queue) {
                // An age that never begins is due at the end of time, which no clock reaches.
                let due = self.since(slot).saturating_add(limit);
                if now < due {
                    next = next.min(due);
                    break;
                }
                if swept.taken() >= max && !mutant!(sweep_without_bound) {
                    return Swept { more: true, ..swept };
                }
                if queue == TOMBSTONES {
                    swept.forgotten += 1;
                    swept.freed += 1;
                    self.forget(slot);
                } else {
                    swept.expired += 1;
                    swept.freed += usize::from(self.expire(slot, now, on_reclaim));
                }
            }
        }
        self.cells.told().set_quiet_until(next);
        swept
    }

    /// Everything → nothing, if nothing runs and a sweep would leave nothing. What the records were is for the caller to drop, who
    /// first lets go of the lock, so that it is held no longer however many they are (R10).
    ///
    /// Their cells go on telling of them. Who looks without the lock finds that their time is over, by a clock that never runs
    /// backwards, asks again with the lock, and learns that there is no such slot.
    pub(in super::super) fn take_all(&mut self, now: u64) -> Option<(Swept, impl Sized + use<K, V, C>)> {
        let [states @ .., tombstones] = self.counts;
        let taken = states.iter().sum::<usize>();
        if taken + tombstones == 0 || !(0..QUEUES).all(|queue| self.is_all_over(queue, now)) {
            return None;
        }
        self.counts = [0; QUEUES];
        self.cells.told().set_quiet_until(NEVER);
        let ages = std::mem::replace(&mut self.ages, Ages::new());
        let keys = std::mem::replace(&mut self.keys, Index::new());
        let records = (std::mem::take(&mut self.entries), std::mem::take(&mut self.free), ages, keys);
        let swept = Swept { expired: taken, forgotten: tombstones, freed: taken + tombstones, more: false };
        Some((swept, records))
    }

    /// Whether a sweep would leave nothing of a queue, not even tombstones, and no long poll would have to be woken.
    fn is_all_over(&self, queue: usize, now: u64) -> bool {
        if self.counts[queue] == 0 {
            return true;
        }
        if queue == State::Processing as usize || self.retention.expiry == Expiry::Physical {
            return mutant!(running_uploads_are_taken_along);
        }
        let (Some(limit), Some(since)) = (self.limits[queue], self.ages.youngest(&self.cells, queue)) else {
            return false;
        };
        let due = since.saturating_add(limit);
        due <= now && (queue == TOMBSTONES || self.is_forgotten(due, now))
    }

    /// The oldest running or finished record that is due: only the mutant of R9 asks.
    pub(in super::super) fn first_due(&self, now: u64) -> Option<u32> {
        let oldest = |state| {
            self.ages.oldest(&self.cells, state as usize).filter(|&slot| self.is_due(self.since(slot), state, now))
        };
        State::ALL.into_iter().find_map(oldest)
    }

    /// Calls `visit` for every record that is due and was not swept yet.
    pub(in super::super) fn for_each_due(&self, now: u64, visit: &mut impl FnMut(Reclaimed<'_, K>)) {
        for state in State::ALL {
            let Some(time_to_live) = self.retention.time_to_live.of(state) else { continue };
            let Some(latest) = now.checked_sub(time_to_live) else { continue };
            for slot in self.ages.up_to(&self.cells, state as usize, latest) {
                let due_ns = Some(self.deadline(self.since(slot), state));
                visit(Reclaimed { key: &self.entry(slot).key, state, due_ns });
            }
        }
    }

    /// When the next record falls due, or the next tombstone has served; `None` if none ever will.
    pub(in super::super) fn next_due(&self) -> Option<u64> {
        let queues = self.limits.into_iter().enumerate();
        queues
            .filter_map(|(queue, limit)| {
                let since = self.ages.oldest(&self.cells, queue).map(|slot| self.since(slot))?;
                // The clock never reads `NEVER`, so what would fall due then or later never does.
                since.checked_add(limit?).filter(|&due| due < NEVER)
            })
            .min()
    }
}
