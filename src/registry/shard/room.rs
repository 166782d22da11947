//! Room for one more record, where a capacity bounds their number.

use super::super::cells::Cells;
use super::super::retention::Capacity;
use super::super::status::State;
use super::super::sync::mutant;
use super::super::{Full, Reclaimed};
use super::{Shard, TOMBSTONES};

impl<K, V, C: Cells<V>> Shard<K, V, C> {
    /// Makes room for one more record, or says that there is none (R12).
    pub(in super::super) fn make_room(
        &mut self,
        now: u64,
        on_reclaim: &mut impl FnMut(Reclaimed<'_, K>),
    ) -> Result<(), Full> {
        let held = self.counts.iter().sum::<usize>();
        match self.retention.capacity {
            Capacity::Unbounded => Ok(()),
            Capacity::Refuse(max) => {
                if held < max {
                    Ok(())
                } else {
                    Err(Full)
                }
            }
            Capacity::EvictOldest(max) if held < max => Ok(()),
            Capacity::EvictOldest(_) => {
                let slot = self.eviction_candidate(now).ok_or(Full)?;
                self.take(slot, now, on_reclaim);
                Ok(())
            }
        }
    }

    /// What has been over for longest, whether a sweep has made it a tombstone or not (R7), else the oldest finished record.
    fn eviction_candidate(&self, now: u64) -> Option<u32> {
        let oldest = |state: State| self.ages.oldest(&self.cells, state as usize).map(|slot| (slot, state));
        let tombstone = self.ages.oldest(&self.cells, TOMBSTONES).map(|slot| (self.since(slot), slot));
        let over = State::ALL
            .into_iter()
            .filter_map(oldest)
            .filter(|&(slot, state)| self.is_over(self.since(slot), state, now))
            .map(|(slot, state)| (self.deadline(self.since(slot), state), slot));
        over.chain(tombstone).min().map(|(_, slot)| slot).or_else(|| {
            let finished = [State::Ready, State::Failed, State::Interrupted];
            let running = mutant!(running_uploads_are_evicted).then_some(State::Processing);
            let candidates = finished.into_iter().chain(running).filter_map(oldest).map(|(slot, _)| slot);
            candidates.min_by_key(|&slot| (self.since(slot), self.word(slot).generation()))
        })
    }
}
