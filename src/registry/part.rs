//! One part of a registry: a shard behind its lock, and the ids of its records.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::task::Waker;

use super::cells::{Cells, Notice};
use super::id::UploadId;
use super::keeping::{GuardOf, Keeping, Lock, Shared};
use super::retention::{AgeBasis, Expiry};
use super::shard::{Place, Shard};
use super::status::{Outcome, State, Status};
use super::sync::mutant;
use super::wait::ByNumber;
use super::{Full, Reclaimed, Retention, SWEEP_STEP, StaleTicket, Swept};

/// The most slots that are looked at before the lock is let go of, where only few may have to be changed.
const LOOK_STEP: usize = 1024;

/// Two lines of the processor's cache that are fetched together belong to one part alone, so that threads in different parts
/// do not take them from each other.
#[repr(align(128))]
pub(super) struct Part<K, V, P: Keeping<K, V> = Shared> {
    /// Which part.
    number: u32,
    /// Of how many, as a power of two.
    parts_bits: u32,
    /// Which registry this is, in its ids.
    origin: u32,
    /// How long a status lasts by the clock, per state, for who reads without the lock, in nanoseconds.
    lasts: [u64; State::ALL.len()],
    beside: P::Beside,
    shard: P::Lock,
}

impl<K, V, P: Keeping<K, V>> Part<K, V, P> {
    pub(super) fn new(retention: Retention, number: u32, parts_bits: u32, origin: u32) -> Self {
        let (beside, shard) = P::new(retention);
        let lasts = State::ALL.map(|state| match retention {
            // A read renews the age, which it must do under the lock.
            Retention { age: AgeBasis::LastAccess, .. } => 0,
            Retention { expiry: Expiry::Physical, .. } => u64::MAX,
            Retention { time_to_live, .. } => time_to_live.of(state).unwrap_or(u64::MAX),
        });
        Part { number, parts_bits, origin, lasts, beside, shard }
    }

    /// What a record says to who does not take the lock.
    #[inline(always)]
    fn look(&self, Place { slot, generation }: Place) -> Notice {
        self.with_cells(|cells| cells.look(slot, generation))
    }

    #[inline(always)]
    fn with_cells<T>(&self, step: impl FnOnce(&P::Cells) -> T) -> T {
        P::with_cells(&self.beside, &self.shard, step)
    }

    /// Locks the part.
    #[inline(always)]
    pub(super) fn lock(&self) -> Locked<K, V, P::Cells, GuardOf<'_, K, V, P>> {
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

    /// What a record says.
    #[inline(always)]
    pub(super) fn read(&self, place: Place, now: u64) -> Status<V>
    where
        V: Clone,
    {
        let without_lock = self.with_cells(|cells| cells.read(place.slot, place.generation, now, &self.lasts));
        without_lock.unwrap_or_else(|| self.read_locked(place, now))
    }

    /// What a record says to who takes the lock.
    #[inline(never)]
    fn read_locked(&self, place: Place, now: u64) -> Status<V>
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

    /// A sweep of the whole part, if that leaves nothing of it.
    pub(super) fn sweep_whole(&self, now: u64) -> Swept {
        if now < self.with_cells(|cells| cells.told().quiet_until()) {
            return Swept::default();
        }
        let mut shard = self.lock();
        let now = shard.advance(now);
        let taken = shard.take_all(now);
        drop(shard);
        taken.map_or_else(Swept::default, |(swept, _)| swept)
    }

    /// One step of a sweep: one hold of the lock, at most `max` records (R9, R10).
    pub(super) fn sweep_some(&self, now: u64, max: usize, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> Swept {
        let seen = if mutant!(sweep_acts_on_what_it_saw) { self.lock().first_due(now) } else { None };
        let mut swept = Swept::default();
        if now < self.with_cells(|cells| cells.told().quiet_until()) {
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
pub(super) struct Locked<K, V, C: Cells<V>, G: DerefMut<Target = Shard<K, V, C>>> {
    /// Nothing only while the lock is let go of.
    shard: Option<G>,
}

impl<K, V, C: Cells<V>, G: DerefMut<Target = Shard<K, V, C>>> Deref for Locked<K, V, C, G> {
    type Target = Shard<K, V, C>;

    #[inline(always)]
    fn deref(&self) -> &Shard<K, V, C> {
        self.shard.as_ref().expect(HELD)
    }
}

impl<K, V, C: Cells<V>, G: DerefMut<Target = Shard<K, V, C>>> DerefMut for Locked<K, V, C, G> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Shard<K, V, C> {
        self.shard.as_mut().expect(HELD)
    }
}

const HELD: &str = "the lock is let go of at the very end";

impl<K, V, C: Cells<V>, G: DerefMut<Target = Shard<K, V, C>>> Drop for Locked<K, V, C, G> {
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
fn wake<K, V, C: Cells<V>>(mut shard: impl DerefMut<Target = Shard<K, V, C>>) {
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
