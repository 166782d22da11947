//! A registry that one thread has for itself, as a simulation does: the same records, rules and edges, without what only others
//! make necessary. Nothing but a flag stands in the place of the lock, and a caller that ends each work once needs no ticket.

use std::cell::{RefCell, RefMut};
use std::hash::{BuildHasher, Hash};

use super::cells::{Cell, Cells, Told};
use super::keeping::{Keeping, Lock};
use super::part::Part;
use super::shard::Shard;
use super::{Full, Outcome, Reclaimed, Retention, StaleTicket, Status, Swept, UploadId};

impl<T> Lock<T> for RefCell<T> {
    type Guard<'a>
        = RefMut<'a, T>
    where
        T: 'a;

    fn new(kept: T) -> Self {
        RefCell::new(kept)
    }

    #[inline(always)]
    fn lock(&self) -> RefMut<'_, T> {
        self.borrow_mut()
    }
}

/// Cells that one thread has for itself.
struct Flat<V> {
    cells: Vec<Cell>,
    told: Told<V>,
}

impl<V> Flat<V> {
    fn new() -> Self {
        Flat { cells: Vec::new(), told: Told::new() }
    }
}

impl<V> Cells<V> for Flat<V> {
    fn told(&self) -> &Told<V> {
        &self.told
    }

    #[inline(always)]
    fn find(&self, slot: u32) -> Option<&Cell> {
        self.cells.get(slot as usize)
    }

    #[inline(always)]
    fn make(&mut self, slot: u32) -> &Cell {
        if slot as usize == self.cells.len() {
            self.cells.push(Cell::new());
        }
        &self.cells[slot as usize]
    }
}

/// For one thread.
enum Alone {}

impl<K, V> Keeping<K, V> for Alone {
    type Cells = Flat<V>;
    type Lock = RefCell<Shard<K, V, Flat<V>>>;
    type Beside = ();

    fn new(retention: Retention) -> ((), Self::Lock) {
        ((), Lock::new(Shard::new(retention, Flat::new())))
    }

    #[inline(always)]
    fn with_cells<T>((): &(), lock: &Self::Lock, step: impl FnOnce(&Flat<V>) -> T) -> T {
        step(&lock.borrow().cells)
    }
}

/// See the [module](self); its methods are those of [`Registry`](super::Registry) with one part, but that ids are its own.
pub(crate) struct Exclusive<K, V, S> {
    part: Part<K, V, Alone>,
    hasher: S,
}

impl<K: Hash + Eq, V, S: BuildHasher> Exclusive<K, V, S> {
    pub(crate) fn with_origin(retention: Retention, hasher: S, origin: u32) -> Self {
        Exclusive { part: Part::new(retention, 0, 0, origin), hasher }
    }

    #[inline(always)]
    pub(crate) fn begin_with(
        &self,
        key: K,
        now: u64,
        mut on_reclaim: impl FnMut(Reclaimed<'_, K>),
    ) -> Result<UploadId, Full> {
        let hash = self.hasher.hash_one(&key) as u32;
        self.part.begin(hash, key, now, &mut on_reclaim)
    }

    /// Ends the work of one of this registry's own uploads.
    #[inline(always)]
    pub(crate) fn finish(&self, id: UploadId, outcome: Outcome<V>, now: u64) -> Result<(), StaleTicket> {
        debug_assert!(self.part.has_made(id));
        self.part.finish(id, outcome, now)
    }

    /// Reads one of this registry's own uploads.
    #[inline(always)]
    pub(crate) fn read_as<T>(
        &self,
        id: UploadId,
        now: u64,
        of_no_record: impl FnOnce(bool) -> T,
        of_record: impl FnOnce(Status<V>) -> T,
    ) -> T
    where
        V: Clone,
    {
        debug_assert!(self.part.has_made(id));
        self.part.read_as(self.part.place(id), now, of_no_record, of_record)
    }

    pub(crate) fn read_key(&self, key: &K, now: u64) -> Status<V>
    where
        V: Clone,
    {
        let place = self.part.lock().place_of(self.hasher.hash_one(key) as u32, key);
        self.part.read(place, now)
    }

    pub(crate) fn sweep_with(&self, now: u64, mut on_reclaim: impl FnMut(Reclaimed<'_, K>)) -> Swept {
        // Nobody waits for the lock: one hold of it is enough.
        self.part.sweep_some(now, usize::MAX, &mut on_reclaim)
    }

    pub(crate) fn for_each_due(&self, now: u64, mut visit: impl FnMut(Reclaimed<'_, K>)) {
        self.part.for_each_due(now, &mut visit);
    }
}
