//! The status registry: a concurrent map from upload to status, for the threads of a web service.
//!
//! An upload begins under a key (a file name, say) and gets an id and a [`Ticket`]. The ticket's holder ends the work once.
//! Readers ask by id, or by key for the key's latest upload, and a [`Retention`] says what is kept for how long. `now` is
//! always an argument, in nanoseconds of a monotonic clock of the caller's choice.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use stillready::registry::{Outcome, Registry, Retention, Status};
//!
//! let start = Instant::now();
//! let now = move || start.elapsed().as_nanos() as u64;
//!
//! // One per service; a clone is another handle to the same registry.
//! let registry = Registry::<String, String>::new(Retention::finished(Duration::from_secs(30 * 60)));
//!
//! // POST /upload: begin, hand the ticket to the work, answer with the id.
//! let ticket = registry.begin("menu.xlsx".to_owned(), now())?;
//! let id = ticket.id();
//! let worker = std::thread::spawn(move || ticket.finish(Outcome::Ready("/results/7".to_owned()), now()));
//!
//! // GET /status/{id}
//! worker.join().expect("the worker did not panic").expect("the ticket was fresh");
//! assert_eq!(registry.read(id, now()), Status::Ready("/results/7".to_owned()));
//!
//! // Now and then, from a request or from a timer:
//! registry.sweep(now());
//! # Ok::<(), stillready::registry::Full>(())
//! ```
//!
//! # Rules
//! What the registry promises. Asserts, models (`tests/loom`) and properties cite these numbers, and each has a mutant that
//! a model must catch.
//!
//! * **R1** One record: a status and its moment change together; nobody sees one without the other.
//! * **R2** Only the ticket of a running upload ends it, once. A stale ticket gets an error and changes nothing.
//! * **R3** An id names one generation of one registry for ever. Reusing a slot lets no old id or ticket touch or see the
//!   new record.
//! * **R4** A ticket dropped without a word leaves `Interrupted`.
//! * **R5** Nothing is early: a record is over at an age of its time to live or more, and not a nanosecond before.
//! * **R6** A running upload is pinned, unless the retention gives running uploads a time to live.
//! * **R7** Under logical expiry an answer depends on the record and the time, never on whether a sweep ran.
//! * **R8** An expired record is answered `Expired`, with its last state, for the tombstone's time, and then `Unknown`.
//! * **R9** A sweep decides on a record under the same lock under which it takes it, so what was renewed stays.
//! * **R10** A sweep holds a lock for at most as many records as it was allowed; reads get in between. Where it leaves nothing of a
//!   part, it may take all of that at once, in a time that does not depend on how much it is.
//! * **R11** Time does not run backwards: a `now` below one that its part of the registry has seen counts as that one. A record
//!   stays in one part, so none ever sees time run backwards. A call that has no need of the time need not show it: a read of
//!   an upload that runs or is gone, or whose time is not over; a sweep before anything is due.
//! * **R12** A bounded registry never holds more records than its capacity, and never evicts a running upload.
//! * **R13** The first acknowledgement of a finished record counts, and no later one.
//! * **R14** A key names its latest generation, until that one is gone; the end of an older one does not touch it.
//! * **R15** A clear removes the one upload that it names.
//! * **R16** A long poll that waits is woken, once, when its upload stops running, however that comes; none sleeps on.
//!
//! # Reads without a lock
//! Most reads by id take no lock: those of an upload
//! * that runs, where running uploads are pinned,
//! * that was forgotten, unless a sweep took it with all of its part and its slot was not used since,
//! * whose work and not its time is over, where details have no size (`V = ()`) and reads do not renew the age.
//!
//! Every other read takes the lock of its part. Threads can share a registry whose keys are `Send`, whose details are `Send` and
//! `Sync`, and whose hasher is both.
//!
//! # What runs under a lock
//! `Eq` and `Drop` of the key, `Clone` and `Drop` of the detail, `Clone` of a long poll's waker, and all callbacks. They must be
//! short and must not call the registry. (`Clone` of a detail that has no size, and `Drop` of what a sweep takes as a whole, may
//! also run without.)

mod account;
mod ages;
mod announced;
mod cells;
#[cfg(feature = "simulator")]
mod exclusive;
mod id;
mod index;
mod keeping;
mod pages;
mod part;
mod retention;
mod shard;
mod status;
mod ticket;
mod wait;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

pub use account::{Counts, Full, Reclaimed, StaleTicket, Swept};
#[cfg(feature = "simulator")]
pub(crate) use exclusive::Exclusive;
pub use id::{ParseUploadIdError, UploadId};
pub use retention::{AgeBasis, Capacity, Expiry, Retention, Span, TimeToLive};
pub use status::{Outcome, State, Status};
pub use ticket::Ticket;
pub use wait::Wait;

use super::sync::{self, Arc, AtomicUsize, Ordering};
use keeping::{ShardOf, Shared};
use part::Part;
use shard::{Place, Shard};

/// How many parts a registry has unless it is told otherwise.
const PARTS: usize = 8;

/// The most records that [`Registry::sweep`] takes before it lets go of the lock.
const SWEEP_STEP: usize = 16;

/// A handle to a status registry; clones share one. See the [module](self) for an example and the rules.
///
/// `K` is the key that uploads come under, `V` what the service wants readers to get with `Ready` and `Failed`.
pub struct Registry<K, V = (), S = RandomState> {
    inner: Arc<Inner<K, V, S>>,
}

struct Inner<K, V, S> {
    retention: Retention,
    /// Which registry this is, in its ids.
    origin: u32,
    /// Their number is a power of two.
    parts: Box<[Arc<Part<K, V>>]>,
    hasher: S,
    /// Where the next bounded sweep starts.
    sweep_from: AtomicUsize,
}

impl<K: Hash + Eq, V> Registry<K, V> {
    /// An empty registry. One with a capacity has a single part, since only that has one order of age; others have eight.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        let parts = if retention.capacity == Capacity::Unbounded { PARTS } else { 1 };
        Registry::with_shards_and_hasher(retention, parts, RandomState::new())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Registry<K, V, S> {
    /// An empty registry with a number of parts, rounded up to a power of two, each with a lock of its own, and a hasher of
    /// the caller's choice. Its origin is drawn from the hasher, so registries with random hashers know each other's ids apart.
    ///
    /// # Panics
    /// If `shards` is 0, or more than 1 together with a capacity.
    #[must_use]
    pub fn with_shards_and_hasher(retention: Retention, shards: usize, hasher: S) -> Self {
        let origin = hasher.hash_one(0u32) as u32;
        Registry::with_origin(retention, shards, hasher, origin)
    }

    /// As [`with_shards_and_hasher`](Self::with_shards_and_hasher), with an origin of the caller's choice: the number that
    /// tells this registry's ids from those of others, for callers whose hasher is not random.
    ///
    /// # Panics
    /// If `shards` is 0, or more than 1 together with a capacity.
    #[must_use]
    pub fn with_origin(retention: Retention, shards: usize, hasher: S, origin: u32) -> Self {
        assert!(shards > 0, "a registry has at least one part");
        assert!(
            shards == 1 || retention.capacity == Capacity::Unbounded,
            "a registry with a capacity has one part: its order of age is one"
        );
        let parts = u32::try_from(shards).ok().and_then(u32::checked_next_power_of_two);
        let parts = parts.expect("a registry has at most 2^31 parts");
        let parts = (0..parts).map(|number| Arc::new(Part::new(retention, number, parts.ilog2(), origin))).collect();
        Registry { inner: Arc::new(Inner { retention, origin, parts, hasher, sweep_from: AtomicUsize::new(0) }) }
    }

    /// What this registry promises to keep.
    #[must_use]
    pub fn retention(&self) -> &Retention {
        &self.inner.retention
    }

    /// Begins an upload under a key. If the key is in use, this starts its next generation: readers by key see the new
    /// upload, readers by id still see their own.
    ///
    /// # Errors
    /// [`Full`] if the retention has a capacity, it is reached, and nothing may be evicted.
    pub fn begin(&self, key: K, now: u64) -> Result<Ticket<K, V>, Full> {
        self.begin_with(key, now, |_| ())
    }

    /// As [`begin`](Self::begin), and calls `on_reclaim`, under the lock, for the record that was evicted to make room.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    #[inline(always)]
    pub fn begin_with(
        &self,
        key: K,
        now: u64,
        mut on_reclaim: impl FnMut(Reclaimed<'_, K>),
    ) -> Result<Ticket<K, V>, Full> {
        let (part, hash) = self.inner.under(&key);
        // Before the lock, which lies beside the count: an atomic change of the count under the lock would first wait for
        // all that was written there.
        let for_ticket = Arc::clone(part);
        let id = part.begin(hash, key, now, &mut on_reclaim)?;
        Ok(Ticket::new(for_ticket, id))
    }

    /// The status of one upload.
    #[must_use]
    #[inline]
    pub fn read(&self, id: UploadId, now: u64) -> Status<V>
    where
        V: Clone,
    {
        let of_no_record = |is_running| if is_running { Status::Processing } else { Status::Unknown };
        self.read_as(id, now, of_no_record, |status| status)
    }

    /// As [`read`](Self::read), for callers with an answer of their own: `of_no_record` makes it of an upload whose record need not be
    /// asked, since it is pinned and runs, or else is unknown; `of_record` of any status. Where uploads are many, a processor cannot
    /// guess which of them run, and with this a caller can do without a branch on it.
    #[inline(always)]
    pub fn read_as<T>(
        &self,
        id: UploadId,
        now: u64,
        of_no_record: impl FnOnce(bool) -> T,
        of_record: impl FnOnce(Status<V>) -> T,
    ) -> T
    where
        V: Clone,
    {
        let Some((part, place)) = self.inner.find(id) else { return of_no_record(false) };
        part.read_as(place, now, of_no_record, of_record)
    }

    /// The status of the latest upload under a key.
    #[must_use]
    pub fn read_key<Q>(&self, key: &Q, now: u64) -> Status<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.inner.latest(key, |shard, place| {
            let now = shard.advance(now);
            shard.read(place, now)
        })
    }

    /// A long poll of one upload: whom it is polled by is woken when the upload stops running. See [`Wait`].
    pub fn wait(&self, id: UploadId) -> Wait<K, V> {
        let part = self.inner.part_of(id);
        let place = part.map_or(Place::NOWHERE, |part| part.place(id));
        Wait::new(part.cloned(), place)
    }

    /// How many long polls are waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.parts.iter().map(|part| part.lock().waits.len()).sum()
    }

    /// Notes that the client has got its answer; under [`AgeBasis::Acknowledged`] the record's age counts from here.
    /// Returns whether it counted: the first time, for a finished upload whose time is not over (R13).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stillready::registry::{AgeBasis, Outcome, Registry, Retention};
    /// // Kept for a minute after the client has said that it got its answer; for ever until then.
    /// let retention = Retention::finished(Duration::from_secs(60)).age(AgeBasis::Acknowledged);
    /// let registry = Registry::<&str>::new(retention);
    /// let ticket = registry.begin("menu.xlsx", 0)?;
    /// let id = ticket.id();
    /// ticket.finish(Outcome::Ready(()), 1)?;
    /// assert_eq!(registry.next_due(), None);
    /// assert!(registry.acknowledge(id, 2_000_000_000));
    /// assert_eq!(registry.next_due(), Some(62_000_000_000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acknowledge(&self, id: UploadId, now: u64) -> bool {
        self.inner.at(id, false, |shard, place| {
            let now = shard.advance(now);
            shard.acknowledge(place, now)
        })
    }

    /// As [`acknowledge`](Self::acknowledge), for the latest upload under a key.
    pub fn acknowledge_key<Q>(&self, key: &Q, now: u64) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.inner.latest(key, |shard, place| {
            let now = shard.advance(now);
            shard.acknowledge(place, now)
        })
    }

    /// Removes one upload, whatever its state, without a tombstone. Returns whether it was there.
    pub fn clear(&self, id: UploadId) -> bool {
        self.inner.at(id, false, Shard::clear)
    }

    /// Removes the latest upload under a key, as [`clear`](Self::clear) does. Earlier ones stay, for those who know their
    /// ids.
    pub fn clear_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.inner.latest(key, Shard::clear)
    }

    /// Removes everything, without tombstones, and calls `on_reclaim`, under the lock, for each record that is no tombstone
    /// itself. Uploads that begin meanwhile may stay. Holds locks as [`sweep`](Self::sweep) does.
    pub fn clear_all(&self, now: u64, mut on_reclaim: impl FnMut(Reclaimed<'_, K>)) {
        for part in &self.inner.parts {
            part.clear_running(u64::MAX, now, &mut on_reclaim);
            loop {
                let mut shard = part.lock();
                let now = shard.advance(now);
                if shard.clear_some(now, SWEEP_STEP, &mut on_reclaim) < SWEEP_STEP {
                    break;
                }
            }
        }
    }

    /// Removes the uploads that began at `since` or before and still run, without tombstones, and calls `on_reclaim`, under
    /// the lock, for each: for an endpoint that clears what is stuck. A retention with a time to live for running uploads
    /// does that by itself, and leaves tombstones.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stillready::registry::{Registry, Retention, Status};
    /// let registry = Registry::<&str>::new(Retention::finished(Duration::from_secs(60)));
    /// let stuck = registry.begin("menu.xlsx", 0)?;
    /// let running = registry.begin("wines.xlsx", 500)?;
    /// let mut cleared = Vec::new();
    /// registry.clear_running(100, 1_000, |record| cleared.push(*record.key));
    /// assert_eq!(cleared, ["menu.xlsx"]);
    /// assert_eq!(registry.read(running.id(), 1_000), Status::Processing);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear_running(&self, since: u64, now: u64, mut on_reclaim: impl FnMut(Reclaimed<'_, K>)) {
        for part in &self.inner.parts {
            part.clear_running(since, now, &mut on_reclaim);
        }
    }

    /// Takes everything that is due at `now`, in time proportional to how much that is. The lock of a part is held for 16
    /// records at a time, and then another part has its turn, so no read waits for the whole sweep (R10). A part of which nothing
    /// would be left, under logical expiry, is taken as a whole, and its records are dropped without the lock.
    pub fn sweep(&self, now: u64) -> Swept {
        let mut total = Swept::default();
        for part in &self.inner.parts {
            total.add(part.sweep_whole(now));
        }
        total.add(self.sweep_with(now, |_| ()));
        total
    }

    /// As [`sweep`](Self::sweep), and calls `on_reclaim`, under the lock, for each record whose time is over: the place to
    /// note which files can be deleted.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stillready::registry::{Outcome, Registry, Retention};
    /// let registry = Registry::<&str>::new(Retention::finished(Duration::from_secs(60)));
    /// registry.begin("menu.xlsx", 0)?.finish(Outcome::Ready(()), 0)?;
    /// let mut to_delete = Vec::new();
    /// registry.sweep_with(60_000_000_000, |record| to_delete.push(*record.key));
    /// assert_eq!(to_delete, ["menu.xlsx"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep_with(&self, now: u64, mut on_reclaim: impl FnMut(Reclaimed<'_, K>)) -> Swept {
        let mut total = Swept { more: true, ..Swept::default() };
        // From part to part, and not through one after the other: who takes its lock again at once leaves the others no time to
        // get in between.
        while std::mem::take(&mut total.more) {
            for part in &self.inner.parts {
                total.add(part.sweep_some(now, SWEEP_STEP, &mut on_reclaim));
            }
        }
        total
    }

    /// Takes at most `max` of the records that are due, the next call going on where this one stopped: a sweep that a
    /// request can afford.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stillready::registry::{Outcome, Registry, Retention};
    /// let registry = Registry::<u32>::new(Retention::finished(Duration::from_secs(60)));
    /// for upload in 0..100 {
    ///     registry.begin(upload, 0)?.finish(Outcome::Ready(()), 0)?;
    /// }
    /// let swept = registry.sweep_some(60_000_000_000, 10);
    /// assert_eq!((swept.expired, swept.more), (10, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep_some(&self, now: u64, max: usize) -> Swept {
        let parts = &self.inner.parts;
        // Relaxed: a hint for fairness between the parts; it guards nothing and pairs with nothing.
        let first = self.inner.sweep_from.fetch_add(1, Ordering::Relaxed);
        let mut total = Swept::default();
        let mut left = max;
        for number in (0..parts.len()).map(|offset| first.wrapping_add(offset) % parts.len()) {
            let swept = parts[number].sweep_some(now, left, &mut |_| ());
            left = left.saturating_sub(swept.taken());
            total.add(swept);
        }
        total
    }

    /// How many records there are. The parts are counted one after the other, so the sum is exact only while nothing
    /// changes.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut total = Counts::default();
        for part in &self.inner.parts {
            let part = part.lock().counts();
            total.processing += part.processing;
            total.ready += part.ready;
            total.failed += part.failed;
            total.interrupted += part.interrupted;
            total.tombstones += part.tombstones;
        }
        total
    }

    /// Calls `visit`, under a lock, for every record that is due at `now` and was not swept yet; the order is not
    /// specified. Takes time proportional to their number.
    pub fn for_each_due(&self, now: u64, mut visit: impl FnMut(Reclaimed<'_, K>)) {
        for part in &self.inner.parts {
            part.for_each_due(now, &mut visit);
        }
    }

    /// When a sweep will next have something to do, in nanoseconds, as things stand: the moment for a timer to wait for.
    /// May lie in the past. `None` if nothing held will ever fall due.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.inner.parts.iter().filter_map(|part| part.lock().next_due()).min()
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Inner<K, V, S> {
    /// The part that holds a key's records, and the hash that it knows the key by.
    #[inline(always)]
    fn under<Q>(&self, key: &Q) -> (&Arc<Part<K, V>>, u32)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        // The upper half chooses the part, the lower half the place in the index of that part.
        let number = (hash >> 32) as usize & (self.parts.len() - 1);
        (&self.parts[number], hash as u32)
    }

    /// Runs `step` where a key's latest record is.
    fn latest<Q, T>(&self, key: &Q, step: impl FnOnce(&mut ShardOf<K, V, Shared>, Place) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (part, hash) = self.under(key);
        let mut shard = part.lock();
        let place = shard.place_of(hash, key);
        step(&mut shard, place)
    }

    /// Where an id points to; an id of another registry points nowhere (R3).
    #[inline(always)]
    fn find(&self, id: UploadId) -> Option<(&Part<K, V>, Place)> {
        let part = self.part_of(id)?;
        Some((part, part.place(id)))
    }

    /// The part that an id points to; an id of another registry points to none.
    #[inline(always)]
    fn part_of(&self, id: UploadId) -> Option<&Arc<Part<K, V>>> {
        let number = id.slot as usize & (self.parts.len() - 1);
        (id.origin == self.origin).then(|| &self.parts[number])
    }

    /// Runs `step` where an id points to.
    fn at<T>(&self, id: UploadId, nowhere: T, step: impl FnOnce(&mut ShardOf<K, V, Shared>, Place) -> T) -> T {
        match self.find(id) {
            Some((part, place)) => step(&mut part.lock(), place),
            None => nowhere,
        }
    }
}

impl<K, V, S> Clone for Registry<K, V, S> {
    fn clone(&self) -> Self {
        Registry { inner: Arc::clone(&self.inner) }
    }
}

impl<K, V, S> fmt::Debug for Registry<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("retention", &self.inner.retention).finish_non_exhaustive()
    }
}
