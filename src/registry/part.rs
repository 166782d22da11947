//! One part of a registry: a shard behind its lock, and the ids of its records.

use super::board::{Board, Notice};
use super::id::UploadId;
use super::shard::{Place, Shard};
use super::status::{Outcome, Status};
use super::{Reclaimed, Retention, StaleTicket, Swept};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, mutant};

pub(super) struct Part<K, V> {
    /// Which part of how many.
    number: u32,
    of: u32,
    /// Which registry this is, in its ids.
    origin: u32,
    board: Arc<Board>,
    shard: Mutex<Shard<K, V>>,
}

impl<K, V> Part<K, V> {
    pub(super) fn new(retention: Retention, number: u32, of: u32, origin: u32) -> Self {
        let board = Arc::new(Board::new());
        Part { number, of, origin, board: Arc::clone(&board), shard: Mutex::new(Shard::new(retention, board)) }
    }

    /// What a record says to who does not take the lock.
    #[inline(always)]
    pub(super) fn look(&self, Place { slot, generation }: Place) -> Notice {
        self.board.look(slot, generation)
    }

    /// Locks the part. A lock poisoned by a panic of the key's or the detail's own code is taken all the same: no edge
    /// leaves a record half-changed at a point where such code runs.
    #[inline(always)]
    pub(super) fn lock(&self) -> MutexGuard<'_, Shard<K, V>> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of a record: slots are counted over all parts in turn.
    pub(super) fn id(&self, Place { slot, generation }: Place) -> UploadId {
        let slot = u64::from(slot) * u64::from(self.of) + u64::from(self.number);
        let slot = u32::try_from(slot).expect("a registry holds fewer than 2^32 records");
        UploadId { generation, slot, origin: self.origin }
    }

    /// Where in its part an id points, in a registry of so many parts.
    #[inline(always)]
    pub(super) fn place(id: UploadId, parts: u32) -> Place {
        let slot = if parts == 1 { id.slot } else { id.slot / parts };
        Place { slot, generation: id.generation }
    }

    /// What a record says to who takes the lock.
    #[inline(never)]
    pub(super) fn read(&self, place: Place, now: u64) -> Status<V>
    where
        V: Clone,
    {
        let mut shard = self.lock();
        let now = shard.advance(now);
        shard.read(place, now)
    }

    pub(super) fn finish(&self, id: UploadId, outcome: Outcome<V>, now: u64) -> Result<(), StaleTicket> {
        let place = Self::place(id, self.of);
        let mut shard = self.lock();
        let now = shard.advance(now);
        let result = shard.finish(place, outcome, now);
        if mutant!(status_before_timestamp) {
            drop(shard);
            self.lock().stamp(place, now);
        }
        result
    }

    pub(super) fn interrupt(&self, id: UploadId) {
        // A stale ticket that is dropped has nothing to say, and nobody to say it to.
        let _: Result<(), StaleTicket> = self.lock().interrupt(Self::place(id, self.of));
    }

    /// One step of a sweep: one hold of the lock, at most `max` records (R9, R10).
    pub(super) fn sweep_some(&self, now: u64, max: usize, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> Swept {
        let seen = if mutant!(sweep_acts_on_what_it_saw) { self.lock().first_due(now) } else { None };
        let mut swept = Swept::default();
        if now < self.board.quiet_until() {
            return swept;
        }
        let mut shard = self.lock();
        let now = shard.advance(now);
        if let Some(slot) = seen {
            swept.freed += usize::from(shard.expire(slot, now, on_reclaim));
            swept.expired += 1;
        }
        swept.add(shard.sweep_some(now, max, on_reclaim));
        swept
    }
}
