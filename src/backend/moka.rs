//! [`moka`](https://docs.rs/moka) as a store for one process: a cache that gives memory back by itself.
//!
//! moka's own `time_to_live` and `time_to_idle` count from an entry's last write and last access, whatever its state, so a
//! running upload would fall due: of work that takes longer than its time to live, both answer that there is none. Here each record has
//! an expiry of its own, by moka's [`Expiry`]: a running upload has none unless the retention gives it one, [`AgeBasis::Finished`]
//! is a time to live that counts from the end, [`AgeBasis::LastAccess`] a time to idle. moka's clock says when a record goes
//! that has been forgotten for five seconds by then; what is answered goes by the record and the caller's `now`.
//!
//! [`AgeBasis::Finished`]: crate::registry::AgeBasis::Finished
//! [`AgeBasis::LastAccess`]: crate::registry::AgeBasis::LastAccess

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::moka::Expiry;
use ::moka::ops::compute::{CompResult, Op};
use ::moka::sync::Cache;

use super::record::{self, Record};
use super::{Backend, Entry, MARGIN, UnfitRetention};
use crate::registry::{Outcome, Retention, State, Status};

/// How this store is called in errors.
const NAME: &str = "moka";

/// A cache of moka, and the latest upload under each key. See the [module](self).
///
/// Time does not run backwards: a `now` below one that the store has seen counts as that one.
pub struct Moka {
    retention: Retention,
    records: Cache<u64, Kept>,
    /// The latest upload under each key. Its lock comes before those of moka.
    latest: Mutex<BTreeMap<String, u64>>,
    /// What moka has let go of, to be taken from the keys: moka tells of it in the middle of any call, also of one that holds
    /// them. Its lock is the last one.
    gone: Arc<Mutex<Vec<Gone>>>,
    ids: AtomicU64,
    /// The latest time that anybody passed. Raised alone with the record that it decides on, which moka sees to.
    clock: AtomicU64,
}

/// A record that moka has let go of, and its id.
type Gone = (u64, Arc<Record>);

/// A record in the cache, and for how long moka keeps it from its last write on; `None`: until it is taken.
#[derive(Clone)]
struct Kept {
    record: Arc<Record>,
    time: Option<Duration>,
}

impl Kept {
    fn new(record: Record, now_ns: u64) -> Kept {
        let time = record.forget_ns.map(|forget| Duration::from_nanos(forget.saturating_sub(now_ns)) + MARGIN);
        Kept { record: Arc::new(record), time }
    }
}

/// Each record has its own time, which each write sets anew and no read changes.
struct Each;

#[expect(clippy::disallowed_types, reason = "the real time of moka, which gives memory back and decides no answer")]
impl Expiry<u64, Kept> for Each {
    fn expire_after_create(&self, _: &u64, kept: &Kept, _: std::time::Instant) -> Option<Duration> {
        kept.time
    }

    fn expire_after_update(
        &self,
        _: &u64,
        kept: &Kept,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        kept.time
    }
}

/// What becomes of a record.
enum Then {
    /// It stays as it is.
    Stays,
    /// It was changed.
    Changed(Record),
    /// It goes.
    Goes,
}

impl Moka {
    /// An empty store.
    ///
    /// # Errors
    /// [`UnfitRetention`] for one with a capacity (moka would evict running uploads, too), or with physical expiry.
    pub fn new(retention: Retention) -> Result<Moka, UnfitRetention> {
        UnfitRetention::unless_logical(NAME, &retention)?;
        let gone = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&gone);
        let tell = move |id: Arc<u64>, kept: Kept, cause: ::moka::notification::RemovalCause| {
            if cause.was_evicted() {
                locked(&told).push((*id, kept.record));
            }
        };
        let records = Cache::builder().expire_after(Each).eviction_listener(tell).build();
        let (ids, clock) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Moka { retention, records, latest: Mutex::default(), gone, ids, clock })
    }

    fn advance(&self, now_ns: u64) -> u64 {
        self.clock.fetch_max(now_ns, Ordering::Relaxed).max(now_ns)
    }

    /// Decides on a record, alone with it. Returns what was returned, or the default where there is none.
    fn decide<T: Default>(&self, id: u64, now_ns: u64, decide: impl FnOnce(&Record, u64) -> (Then, T)) -> T {
        let mut decided = T::default();
        let done = self.records.entry(id).and_compute_with(|kept| {
            let Some(kept) = kept else { return Op::Nop };
            let now_ns = self.advance(now_ns);
            let (then, value) = decide(&kept.value().record, now_ns);
            decided = value;
            match then {
                Then::Stays => Op::Nop,
                Then::Changed(record) => Op::Put(Kept::new(record, now_ns)),
                Then::Goes => Op::Remove,
            }
        });
        if let CompResult::Removed(kept) = done {
            let key = &kept.value().record.key;
            let_go(&mut self.keys(), key, id);
        }
        decided
    }

    /// Changes a record. Whether that was taken.
    fn change(&self, id: u64, now_ns: u64, change: impl FnOnce(&mut Record, u64) -> bool) -> bool {
        self.decide(id, now_ns, |record, now_ns| {
            let mut changed = record.clone();
            if change(&mut changed, now_ns) { (Then::Changed(changed), true) } else { (Then::Stays, false) }
        })
    }

    fn end(&self, id: u64, state: State, detail: Option<String>, now_ns: u64) -> bool {
        self.change(id, now_ns, |record, now_ns| record.end(state, detail, now_ns, &self.retention))
    }

    fn status(&self, id: u64, now_ns: u64) -> Option<Status<String>> {
        // What runs and is never due is answered at once: the time has no say.
        let kept = self.records.get(&id)?;
        if kept.record.state == State::Processing && kept.record.deadline_ns.is_none() {
            return Some(Status::Processing);
        }
        self.decide(id, now_ns, |record, now_ns| {
            let status = Some(record.status(now_ns, &self.retention));
            let mut renewed = record.clone();
            let then = if renewed.renew(now_ns, &self.retention) { Then::Changed(renewed) } else { Then::Stays };
            (then, status)
        })
    }

    /// The keys, without those of which moka has let go by now.
    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        let mut keys = locked(&self.latest);
        let gone = std::mem::take(&mut *locked(&self.gone));
        gone.iter().for_each(|(id, record)| let_go(&mut keys, &record.key, *id));
        keys
    }
}

/// A panic while a lock was held leaves what is behind it whole: each is one call of a map or a list.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A key names an upload no more that is gone.
fn let_go(keys: &mut BTreeMap<String, u64>, key: &str, id: u64) {
    if keys.get(key) == Some(&id) {
        keys.remove(key);
    }
}

impl Backend for Moka {
    type Error = Infallible;

    fn retention(&self) -> &Retention {
        &self.retention
    }

    fn begin(&self, key: &str, now_ns: u64) -> Result<u64, Infallible> {
        // The keys are held until the record is there: nobody is told of an upload that is not.
        let mut keys = self.keys();
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let now_ns = self.advance(now_ns);
        self.records.insert(id, Kept::new(Record::begin(key, now_ns, &self.retention), now_ns));
        keys.insert(key.to_owned(), id);
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
        Ok(self.status(id, now_ns).unwrap_or(Status::Unknown))
    }

    fn read_key(&self, key: &str, now_ns: u64) -> Result<Status<String>, Infallible> {
        // The keys are held until the upload was read: its key names it all the while.
        let keys = self.keys();
        let id = keys.get(key).copied();
        Ok(id.and_then(|id| self.status(id, now_ns)).unwrap_or(Status::Unknown))
    }

    fn acknowledge(&self, id: u64, now_ns: u64) -> Result<bool, Infallible> {
        Ok(self.change(id, now_ns, |record, now_ns| record.acknowledge(now_ns, &self.retention)))
    }

    fn clear(&self, id: u64) -> Result<bool, Infallible> {
        Ok(self.decide(id, 0, |_, _| (Then::Goes, true)))
    }

    /// Looks at everything. Without a sweep moka lets go of the same by its own clock, when it is called.
    fn sweep(&self, now_ns: u64, on_taken: &mut dyn FnMut(Entry)) -> Result<(), Infallible> {
        let now_ns = self.advance(now_ns);
        let due = self.records.iter().filter(|(_, kept)| kept.record.is_forgotten(now_ns));
        let due: Vec<u64> = due.map(|(id, _)| *id).collect();
        for id in due {
            // Once more, alone with it: it may have been renewed.
            let taken = self.decide(id, now_ns, |record, now_ns| match record.is_forgotten(now_ns) {
                true => (Then::Goes, Some(record.entry())),
                false => (Then::Stays, None),
            });
            taken.into_iter().for_each(&mut *on_taken);
        }
        self.records.run_pending_tasks();
        drop(self.keys());
        Ok(())
    }

    fn entries(&self, visit: &mut dyn FnMut(u64, Entry)) -> Result<(), Infallible> {
        self.records.iter().for_each(|(id, kept)| visit(*id, kept.record.entry()));
        Ok(())
    }
}

impl fmt::Debug for Moka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moka").field("retention", &self.retention).finish_non_exhaustive()
    }
}
