//! The status registry as a [`StatusStore`].

use std::cell::Cell;
use std::hint::select_unpredictable;

use rustc_hash::FxBuildHasher;

use super::{Answer, End, Gone, ODD_NAME, Refused, StatusStore};
use crate::registry::{Capacity, Full, Outcome, Reclaimed, Registry, Retention, State, Status, Ticket, UploadId};
use crate::time::SimTime;

/// The registry, with file names and results as numbers.
pub struct RegistryStore {
    registry: Registry<u32, u32, FxBuildHasher>,
    /// Records held: kept along, which is cheaper than asking the registry after each call.
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
        RegistryStore { registry: Registry::with_origin(retention, 1, FxBuildHasher, number), held: Cell::new(0) }
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

impl StatusStore for RegistryStore {
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
        let outcome = match end {
            End::Ready => Outcome::Ready(upload),
            End::Error => Outcome::Failed(upload),
        };
        ticket.finish(outcome, now.as_ns()).is_ok()
    }

    /// A ticket ends its upload once: what comes later has no say.
    fn publish(&self, ticket: RegistryTicket, now: SimTime) -> Option<RegistryTicket> {
        self.finish(ticket, End::Ready, now);
        None
    }

    #[inline(always)]
    fn read(&self, id: UploadId, now: SimTime) -> Answer {
        let of_no_record = |is_running| select_unpredictable(is_running, Answer::Processing, Answer::NotFound);
        self.registry.read_as(id, now.as_ns(), of_no_record, answer)
    }

    fn read_key(&self, key: u32, now: SimTime) -> Answer {
        answer(self.registry.read_key(&(key & !ODD_NAME), now.as_ns()))
    }

    fn acknowledge(&self, id: UploadId, now: SimTime) {
        self.registry.acknowledge(id, now.as_ns());
    }

    fn acknowledge_key(&self, key: u32, now: SimTime) {
        self.registry.acknowledge_key(&(key & !ODD_NAME), now.as_ns());
    }

    fn sweep(&self, now: SimTime, removed: &mut Vec<Gone>) {
        let swept = self.registry.sweep_with(now.as_ns(), |record| removed.push(gone(record)));
        self.held.set(self.held.get() - swept.freed as u64);
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

    fn held(&self) -> u64 {
        self.held.get()
    }

    fn due(&self, now: SimTime, found: &mut Vec<Gone>) {
        self.registry.for_each_due(now.as_ns(), |record| found.push(gone(record)));
    }

    fn next_due(&self) -> Option<SimTime> {
        self.registry.next_due().map(SimTime::from_ns)
    }
}
