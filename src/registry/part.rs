//! One part of a registry: a shard behind its lock, and the ids of its records.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::task::Waker;

use super::board::{Board, Notice};
use super::id::UploadId;
use super::shard::{Place, Shard};
use super::status::{Outcome, Status};
use super::sync::{Arc, Mutex, MutexGuard, PoisonError, mutant};
use super::wait::ByNumber;
use super::{Full, Reclaimed, Retention, SWEEP_STEP, StaleTicket, Swept};

/// The most slots that are looked at before the lock is let go of, where only few may have to be changed.
const LOOK_STEP: usize = 1024;

/// What lets one at a time have a shard.
pub(super) trait Lock<T> {
    type Guard<'a>: DerefMut<Target = T>
    where
        Self: 'a;

    fn new(kept: T) -> Self;

    fn lock(&self) -> Self::Guard<'_>;
}

impl<T> Lock<T> for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        T: 'a;

    fn new(kept: T) -> Self {
        Mutex::new(kept)
    }

    /// One poisoned by a panic of the key's or the detail's own code is taken all the same: no edge leaves a record
    /// half-changed at a point where such code runs.
    #[inline(always)]
    fn lock(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two lines of the processor's cache that are fetched together belong to one part alone, so that threads in different parts
/// do not take them from each other.
#[repr(align(128))]
pub(super) struct Part<K, V, L = Mutex<Shard<K, V>>> {
    /// Which part.
    number: u32,
    /// Of how many, as a power of two.
    parts_bits: u32,
    /// Which registry this is, in its ids.
    origin: u32,
    board: Arc<Board>,
    shard: L,
    /// A function's result, so that what may be shared between threads is up to the lock alone.
    keeps: PhantomData<fn() -> Shard<K, V>>,
}

impl<K, V, L: Lock<Shard<K, V>>> Part<K, V, L> {
    pub(super) fn new(retention: Retention, number: u32, parts_bits: u32, origin: u32) -> Self {
        let board = Arc::new(Board::new());
        let shard = L::new(Shard::new(retention, Arc::clone(&board)));
        Part { number, parts_bits, origin, board, shard, keeps: PhantomData }
    }

    /// What a record says to who does not take the lock.
    #[inline(always)]
    pub(super) fn look(&self, Place { slot, generation }: Place) -> Notice {
        self.board.look(slot, generation)
    }

    /// Locks the part.
    #[inline(always)]
    pub(super) fn lock(&self) -> Locked<K, V, L::Guard<'_>> {
        Locked { shard: Some(self.shard.lock()) }
    }

    /// The id of a record: slots are counted over all parts in turn.
    pub(super) fn id(&self, Place { slot, generation }: Place) -> UploadId {
        let slot = u64::from(slot) << self.parts_bits | u64::from(self.number);
        let slot = u32::try_from(slot).expect("a registry holds fewer than 2^32 records");
        UploadId { generation, slot, origin: self.origin }
    }

    /// Whether an id is of this registry.
    #[cfg(feature = "simulator")]
    pub(super) fn has_made(&self, id: UploadId) -> bool {
        id.origin == self.origin
    }

    /// Where in this part an id of one of its records points.
    #[inline(always)]
    pub(super) fn place(&self, id: UploadId) -> Place {
        Place { slot: id.slot >> self.parts_bits, generation: id.generation }
    }

    /// Begins an upload under a key of some hash, where there is room.
    #[inline(always)]
    pub(super) fn begin(
        &self,
        hash: u32,
        key: K,
        now: u64,
        on_reclaim: &mut impl FnMut(Reclaimed<'_, K>),
    ) -> Result<UploadId, Full>
    where
        K: Eq,
    {
        let mut shard = self.lock();
        let now = shard.advance(now);
        shard.make_room(now, on_reclaim)?;
        if mutant!(room_is_let_go_before_it_is_taken) {
            drop(shard);
            shard = self.lock();
        }
        let place = shard.begin(hash, key, now);
        drop(shard);
        Ok(self.id(place))
    }

    /// See [`Registry::read_as`](super::Registry::read_as).
    #[inline(always)]
    pub(super) fn read_as<T>(
        &self,
        place: Place,
        now: u64,
        of_no_record: impl FnOnce(bool) -> T,
        of_record: impl FnOnce(Status<V>) -> T,
    ) -> T
    where
        V: Clone,
    {
        let notice = self.look(place);
        if notice.is_unclear() { of_record(self.read(place, now)) } else { of_no_record(notice.is_running()) }
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

    /// What a long poll is told; if the upload is running it waits from then on (R16), and will be over at the moment returned
    /// with it, if that is known.
    pub(super) fn wait(
        &self,
        place: Place,
        now: u64,
        number: &mut Option<u64>,
        waker: &Waker,
    ) -> (Status<V>, Option<u64>)
    where
        V: Clone,
    {
        let mut shard = self.lock();
        let now = shard.advance(now);
        let status = shard.read(place, now);
        if !matches!(status, Status::Processing) {
            // Over by the clock, it may still be entered; it has its answer.
            let before = number.take().and_then(|number| shard.waits.leave(place.slot, number));
            drop(shard);
            drop(before);
            return (status, None);
        }
        if mutant!(wait_looks_before_it_enters) {
            drop(shard);
            shard = self.lock();
        }
        let before = shard.waits.enter(place.slot, number, waker);
        let over_at = shard.over_at(place);
        drop(shard);
        drop(before);
        (status, over_at)
    }

    /// A long poll waits no more.
    pub(super) fn leave(&self, place: Place, number: u64) {
        let waker = self.lock().waits.leave(place.slot, number);
        drop(waker);
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

    /// The work of an upload is lost, as of `now` or, without it, of the latest time that this part was told.
    pub(super) fn interrupt(&self, id: UploadId, now: Option<u64>) -> Result<(), StaleTicket> {
        let mut shard = self.lock();
        if let Some(now) = now {
            shard.advance(now);
        }
        shard.interrupt(self.place(id))
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

    /// Calls `visit` for every record that is due and was not swept yet.
    pub(super) fn for_each_due(&self, now: u64, visit: &mut impl FnMut(Reclaimed<'_, K>)) {
        let mut shard = self.lock();
        let now = shard.advance(now);
        shard.for_each_due(now, visit);
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

/// A part that is locked. When it is let go of, the long polls are woken whose wait is over (R16).
pub(super) struct Locked<K, V, G: DerefMut<Target = Shard<K, V>>> {
    /// Nothing only while the lock is let go of.
    shard: Option<G>,
}

impl<K, V, G: DerefMut<Target = Shard<K, V>>> Deref for Locked<K, V, G> {
    type Target = Shard<K, V>;

    #[inline(always)]
    fn deref(&self) -> &Shard<K, V> {
        self.shard.as_ref().expect(HELD)
    }
}

impl<K, V, G: DerefMut<Target = Shard<K, V>>> DerefMut for Locked<K, V, G> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Shard<K, V> {
        self.shard.as_mut().expect(HELD)
    }
}

const HELD: &str = "the lock is let go of at the very end";

impl<K, V, G: DerefMut<Target = Shard<K, V>>> Drop for Locked<K, V, G> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(shard) = self.shard.take()
            && shard.waits.has_woken()
        {
            wake(shard);
        }
    }
}

/// Lets go of the lock, and then wakes those whose wait is over. Apart, so that where nobody is, which is nearly always, nothing
/// is left to do but to let go.
#[cold]
#[inline(never)]
fn wake<K, V>(mut shard: impl DerefMut<Target = Shard<K, V>>) {
    let woken = shard.waits.take_woken();
    if mutant!(woken_under_the_lock) {
        return wake_all(woken);
    }
    drop(shard);
    wake_all(woken);
}

/// Wakes all of them, also where waking one of them panics.
fn wake_all(woken: Vec<ByNumber>) {
    struct Rest<I: Iterator<Item = Waker>>(I);

    impl<I: Iterator<Item = Waker>> Drop for Rest<I> {
        fn drop(&mut self) {
            self.0.by_ref().for_each(Waker::wake);
        }
    }

    let mut rest = Rest(woken.into_iter().flat_map(BTreeMap::into_values));
    rest.0.by_ref().for_each(Waker::wake);
}
