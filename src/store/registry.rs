//! The status registry as a [`StatusStore`].

use std::cell::Cell;
use std::hint::select_unpredictable;

use rustc_hash::FxBuildHasher;

use super::{Answer, End, Gone, ODD_NAME, PlainStore, Refused, StatusStore};
use crate::registry::{
    Capacity, Exclusive, Full, Outcome, Reclaimed, Registry, Retention, State, Status, Ticket, UploadId,
};
use crate::time::SimTime;

/// The registry, with file names and results as numbers.
pub struct RegistryStore {
    /// Tells its ids from those of other stores.
    number: u32,
    registry: Registry<u32, u32, FxBuildHasher>,
    /// Records held: kept along, which is cheaper than asking the registry after each call.
    held: Cell<u64>,
}

/// The registry for one thread alone, of which a plain run makes use: see [`StatusStore::alone`].
pub struct ExclusiveStore {
    registry: Exclusive<u32, u32, FxBuildHasher>,
    held: Cell<u64>,
}

/// A ticket, and the upload that will be the result.
pub struct RegistryTicket {
    ticket: Ticket<u32, u32>,
    upload: u32,
}

impl RegistryStore {
    /// An empty registry, of one part: the engine has one thread. `number` tells its ids from those of other stores.
    #[must_use]
    pub fn new(retention: Retention, number: u32) -> Self {
        let registry = Registry::with_origin(retention, 1, FxBuildHasher, number);
        RegistryStore { number, registry, held: Cell::new(0) }
    }

    fn recount(&self) {
        self.held.set(self.registry.counts().total() as u64);
    }
}

fn gone(record: Reclaimed<'_, u32>) -> Gone {
    Gone { key: *record.key, state: record.state, due: record.due_ns.map(SimTime::from_ns) }
}

#[inline(always)]
fn answer(status: Status<u32>) -> Answer {
    match status {
        Status::Unknown => Answer::NotFound,
        Status::Processing => Answer::Processing,
        Status::Ready(upload) => Answer::Ready { upload },
        Status::Failed(_) => Answer::Error,
        Status::Interrupted => Answer::Interrupted,
        Status::Expired(last) => Answer::Expired(last),
    }
}

fn outcome(end: End, upload: u32) -> Outcome<u32> {
    match end {
        End::Ready => Outcome::Ready(upload),
        End::Error => Outcome::Failed(upload),
    }
}

/// What a poll is answered of whose upload no record need be asked.
#[inline(always)]
fn answer_of_no_record(is_running: bool) -> Answer {
    select_unpredictable(is_running, Answer::Processing, Answer::NotFound)
}

impl PlainStore for RegistryStore {
    type Ticket = RegistryTicket;
    type Id = UploadId;

    #[inline(always)]
    fn begin(
        &self,
        key: u32,
        upload: u32,
        now: SimTime,
        evicted: &mut Vec<Gone>,
    ) -> Result<(RegistryTicket, UploadId), Refused> {
        // One spelling of each name, here and for readers.
        let begun = self.registry.begin_with(key & !ODD_NAME, now.as_ns(), |record| evicted.push(gone(record)));
        let ticket = begun.map_err(|Full| Refused)?;
        match self.registry.retention().capacity {
            Capacity::Unbounded => self.held.set(self.held.get() + 1),
            _ => self.recount(),
        }
        let id = ticket.id();
        Ok((RegistryTicket { ticket, upload }, id))
    }

    #[inline(always)]
    fn finish(&self, RegistryTicket { ticket, upload }: RegistryTicket, end: End, now: SimTime) -> bool {
        ticket.finish(outcome(end, upload), now.as_ns()).is_ok()
    }

    #[inline(always)]
    fn read(&self, id: UploadId, now: SimTime) -> Answer {
        self.registry.read_as(id, now.as_ns(), answer_of_no_record, answer)
    }

    fn read_key(&self, key: u32, now: SimTime) -> Answer {
        answer(self.registry.read_key(&(key & !ODD_NAME), now.as_ns()))
    }

    fn sweep(&self, now: SimTime, removed: &mut Vec<Gone>) {
        let swept = self.registry.sweep_with(now.as_ns(), |record| removed.push(gone(record)));
        self.held.set(self.held.get() - swept.freed as u64);
    }

    fn held(&self) -> u64 {
        self.held.get()
    }

    fn due(&self, now: SimTime, found: &mut Vec<Gone>) {
        self.registry.for_each_due(now.as_ns(), |record| found.push(gone(record)));
    }
}

impl StatusStore for RegistryStore {
    type Alone = ExclusiveStore;

    fn alone(self) -> ExclusiveStore {
        debug_assert!(self.held.get() == 0, "it is still empty");
        debug_assert!(self.registry.retention().capacity == Capacity::Unbounded, "no plain run has a capacity");
        ExclusiveStore {
            registry: Exclusive::with_origin(*self.registry.retention(), FxBuildHasher, self.number),
            held: Cell::new(0),
        }
    }

    /// A ticket ends its upload once: what comes later has no say.
    fn publish(&self, ticket: RegistryTicket, now: SimTime) -> Option<RegistryTicket> {
        self.finish(ticket, End::Ready, now);
        None
    }

    fn acknowledge(&self, id: UploadId, now: SimTime) {
        self.registry.acknowledge(id, now.as_ns());
    }

    fn acknowledge_key(&self, key: u32, now: SimTime) {
        self.registry.acknowledge_key(&(key & !ODD_NAME), now.as_ns());
    }

    /// The registry keeps its entries by age and draws none at random; no policy asks for it.
    fn sweep_sample(&self, _: SimTime, _: &mut dyn FnMut(u32) -> u32, _: u32, _: &mut Vec<Gone>) -> u32 {
        0
    }

    fn clear(&self, key: u32, now: SimTime, removed: &mut Vec<Gone>) {
        let key = key & !ODD_NAME;
        let state = match self.registry.read_key(&key, now.as_ns()) {
            Status::Unknown => return,
            Status::Processing => State::Processing,
            Status::Ready(_) => State::Ready,
            Status::Failed(_) => State::Failed,
            Status::Interrupted => State::Interrupted,
            Status::Expired(state) => state,
        };
        if self.registry.clear_key(&key) {
            removed.push(Gone { key, state, due: None });
        }
        self.recount();
    }

    fn clear_all(&self, now: SimTime, removed: &mut Vec<Gone>) {
        self.registry.clear_all(now.as_ns(), |record| removed.push(gone(record)));
        self.recount();
    }

    fn clear_stuck(&self, after_ns: u64, now: SimTime, removed: &mut Vec<Gone>) {
        let Some(since) = now.as_ns().checked_sub(after_ns.saturating_add(1)) else { return };
        self.registry.clear_running(since, now.as_ns(), |record| removed.push(gone(record)));
        self.recount();
    }

    fn next_due(&self) -> Option<SimTime> {
        self.registry.next_due().map(SimTime::from_ns)
    }
}

impl PlainStore for ExclusiveStore {
    type Ticket = (UploadId, u32);
    type Id = UploadId;

    #[inline(always)]
    fn begin(
        &self,
        key: u32,
        upload: u32,
        now: SimTime,
        evicted: &mut Vec<Gone>,
    ) -> Result<((UploadId, u32), UploadId), Refused> {
        let begun = self.registry.begin_with(key & !ODD_NAME, now.as_ns(), |record| evicted.push(gone(record)));
        let id = begun.map_err(|Full| Refused)?;
        // Without a capacity nothing was evicted.
        self.held.set(self.held.get() + 1);
        Ok(((id, upload), id))
    }

    #[inline(always)]
    fn finish(&self, (id, upload): (UploadId, u32), end: End, now: SimTime) -> bool {
        self.registry.finish(id, outcome(end, upload), now.as_ns()).is_ok()
    }

    #[inline(always)]
    fn read(&self, id: UploadId, now: SimTime) -> Answer {
        self.registry.read_as(id, now.as_ns(), answer_of_no_record, answer)
    }

    fn read_key(&self, key: u32, now: SimTime) -> Answer {
        answer(self.registry.read_key(&(key & !ODD_NAME), now.as_ns()))
    }

    fn sweep(&self, now: SimTime, removed: &mut Vec<Gone>) {
        let swept = self.registry.sweep_with(now.as_ns(), |record| removed.push(gone(record)));
        self.held.set(self.held.get() - swept.freed as u64);
    }

    fn held(&self) -> u64 {
        self.held.get()
    }

    fn due(&self, now: SimTime, found: &mut Vec<Gone>) {
        self.registry.for_each_due(now.as_ns(), |record| found.push(gone(record)));
    }
}
