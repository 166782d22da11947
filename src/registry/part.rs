//! One part of a registry: a shard behind its lock, and the ids of its records.

use super::board::{Board, Notice};
use super::id::UploadId;
use super::shard::{Place, Shard};
use super::status::{Outcome, Status};
use super::sync::{Arc, Mutex, MutexGuard, PoisonError, mutant};
use super::{Reclaimed, Retention, SWEEP_STEP, StaleTicket, Swept};

/// The most slots that are looked at before the lock is let go of, where only few may have to be changed.
const LOOK_STEP: usize = 1024;

/// Two lines of the processor's cache that are fetched together belong to one part alone, so that threads in different parts
/// do not take them from each other.
#[repr(align(128))]
pub(super) struct Part<K, V> {
    /// Which part.
    number: u32,
    /// Of how many, as a power of two.
    parts_bits: u32,
    /// Which registry this is, in its ids.
    origin: u32,
    board: Arc<Board>,
    shard: Mutex<Shard<K, V>>,
}

impl<K, V> Part<K, V> {
    pub(super) fn new(retention: Retention, number: u32, parts_bits: u32, origin: u32) -> Self {
        let board = Arc::new(Board::new());
        Part { number, parts_bits, origin, board: Arc::clone(&board), shard: Mutex::new(Shard::new(retention, board)) }
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
        let slot = u64::from(slot) << self.parts_bits | u64::from(self.number);
        let slot = u32::try_from(slot).expect("a registry holds fewer than 2^32 records");
        UploadId { generation, slot, origin: self.origin }
    }

    /// Where in this part an id of one of its records points.
    #[inline(always)]
    pub(super) fn place(&self, id: UploadId) -> Place {
        Place { slot: id.slot >> self.parts_bits, generation: id.generation }
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
        let place = self.place(id);
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
        let _: Result<(), StaleTicket> = self.lock().interrupt(self.place(id));
    }

    /// Removes the running uploads that began at `since` or before, in the order in which they did. Running uploads are in
    /// no queue, so this looks at all slots; like a sweep it holds the lock for a step at a time.
    pub(super) fn clear_running(&self, since: u64, now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) {
        let mut found = Vec::new();
        let mut from = 0;
        loop {
            let mut shard = self.lock();
            shard.advance(now);
            found.extend(shard.running(from..from + LOOK_STEP, since));
            from += LOOK_STEP;
            if from >= shard.slots() {
                break;
            }
        }
        // The numbers of generations count up with the time.
        found.sort_unstable_by_key(|place| place.generation);
        for places in found.chunks(SWEEP_STEP) {
            let mut shard = self.lock();
            let now = shard.advance(now);
            shard.clear_running(places, now, on_reclaim);
        }
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
