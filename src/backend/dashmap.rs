//! [`dashmap`](https://docs.rs/dashmap) as a store for one process, with a [`Reaper`](super::Reaper) or with sweeps of one's own.
//!
//! Each change looks at a record and writes it under one lock of its shard, and a sweep decides and takes under one, too: to get
//! a copy and to insert it later would lose what came in between. Two maps, and one order of locks: of the key first, then of
//! the record. `tests/backends` shows what a store does that keeps neither.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use ::dashmap::DashMap;

use super::record::{self, Record};
use super::{Backend, Entry, UnfitRetention};
use crate::registry::{Expiry, Outcome, Retention, State, Status};

/// How this store is called in errors.
const NAME: &str = "dashmap";

/// Two maps of dashmap: of records, and of the latest upload under each key. See the [module](self).
///
/// Time does not run backwards: a `now` below one that the store has seen counts as that one.
#[derive(Debug)]
pub struct Dashmap {
    retention: Retention,
    records: DashMap<u64, Record>,
    /// The latest upload under each key.
    latest: DashMap<String, u64>,
    ids: AtomicU64,
    /// The latest time that anybody passed. Raised under the lock of what it decides on, so that no later call on the same record
    /// goes by an earlier time; the lock orders the rest.
    clock: AtomicU64,
}

impl Dashmap {
    /// An empty store. Physical expiry is kept, too, without tombstones: it is what the usual `retain` does.
    ///
    /// # Errors
    /// [`UnfitRetention`] for one with a capacity, or with physical expiry and tombstones.
    pub fn new(retention: Retention) -> Result<Dashmap, UnfitRetention> {
        UnfitRetention::unless_unbounded(NAME, &retention)?;
        if retention.expiry == Expiry::Physical && retention.tombstone_ns.is_some() {
            return Err(UnfitRetention::Tombstones { store: NAME });
        }
        let (records, latest) = (DashMap::new(), DashMap::new());
        Ok(Dashmap { retention, records, latest, ids: AtomicU64::new(0), clock: AtomicU64::new(0) })
    }

    fn advance(&self, now_ns: u64) -> u64 {
        self.clock.fetch_max(now_ns, Ordering::Relaxed).max(now_ns)
    }

    /// Does something to a record, alone with it; `false` where there is none.
    fn change(&self, id: u64, now_ns: u64, change: impl FnOnce(&mut Record, u64) -> bool) -> bool {
        self.records.get_mut(&id).is_some_and(|mut record| {
            let now_ns = self.advance(now_ns);
            change(&mut record, now_ns)
        })
    }

    fn end(&self, id: u64, state: State, detail: Option<String>, now_ns: u64) -> bool {
        self.change(id, now_ns, |record, now_ns| record.end(state, detail, now_ns, &self.retention))
    }

    fn status(&self, id: u64, now_ns: u64) -> Status<String> {
        let mut status = Status::Unknown;
        self.change(id, now_ns, |record, now_ns| {
            status = record.status(now_ns, &self.retention);
            record.renew(now_ns, &self.retention)
        });
        status
    }

    /// The key names an upload no more that is gone.
    fn let_go(&self, key: &str, id: u64) {
        self.latest.remove_if(key, |_, latest| *latest == id);
    }
}

impl Backend for Dashmap {
    type Error = Infallible;

    fn retention(&self) -> &Retention {
        &self.retention
    }

    fn begin(&self, key: &str, now_ns: u64) -> Result<u64, Infallible> {
        // The key is held until the record is there: nobody is told of an upload that is not.
        let place = self.latest.entry(key.to_owned());
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        self.records.insert(id, Record::begin(key, self.advance(now_ns), &self.retention));
        place.insert(id);
        Ok(id)
    }

    fn finish(&self, id: u64, outcome: Outcome<String>, now_ns: u64) -> Result<bool, Infallible> {
        let (state, detail) = record::into_parts(outcome);
        Ok(self.end(id, state, detail, now_ns))
    }

    fn interrupt(&self, id: u64, now_ns: u64) -> Result<bool, Infallible> {
        Ok(self.end(id, State::Interrupted, None, now_ns))
    }

    fn read(&self, id: u64, now_ns: u64) -> Result<Status<String>, Infallible> {
        Ok(self.status(id, now_ns))
    }

    fn read_key(&self, key: &str, now_ns: u64) -> Result<Status<String>, Infallible> {
        // The key is held until its upload was read: it names that one all the while.
        let latest = self.latest.get(key);
        Ok(latest.map_or(Status::Unknown, |id| self.status(*id, now_ns)))
    }

    fn acknowledge(&self, id: u64, now_ns: u64) -> Result<bool, Infallible> {
        Ok(self.change(id, now_ns, |record, now_ns| record.acknowledge(now_ns, &self.retention)))
    }

    fn clear(&self, id: u64) -> Result<bool, Infallible> {
        let Some((_, record)) = self.records.remove(&id) else { return Ok(false) };
        self.let_go(&record.key, id);
        Ok(true)
    }

    /// Looks at everything, one shard after the other.
    fn sweep(&self, now_ns: u64, on_taken: &mut dyn FnMut(Entry)) -> Result<(), Infallible> {
        let now_ns = self.advance(now_ns);
        let mut taken = Vec::new();
        self.records.retain(|&id, record| {
            let goes = record.is_forgotten(now_ns);
            if goes {
                taken.push((id, record.entry()));
            }
            !goes
        });
        // Without the lock of a record: keys come first.
        for (id, entry) in taken {
            self.let_go(&entry.key, id);
            on_taken(entry);
        }
        Ok(())
    }

    fn entries(&self, visit: &mut dyn FnMut(u64, Entry)) -> Result<(), Infallible> {
        self.records.iter().for_each(|record| visit(*record.key(), record.entry()));
        Ok(())
    }
}
