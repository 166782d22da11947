//! What is measured: the registry and three usual stores of statuses, each as its users would write it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use dashmap::DashMap;
use stillready::registry::{Outcome, Registry, Retention, Status, Ticket, UploadId};

/// The time to live, in nanoseconds of the caller's clock.
pub(crate) const LIFE_NS: u64 = 1_800_000_000_000;

/// Moka has a clock of its own. Its entries must not fall due while the others' do not.
const MOKA_LIFE: Duration = Duration::from_secs(4);

/// A store of statuses. Keys are small numbers, each begun and finished once.
///
/// A service's worker holds its ticket and a client's request brings its id along, so the store keeps neither: the bench
/// does, in the same way for all.
pub(crate) trait Subject: Sync {
    const NAME: &'static str;
    /// Whether entries fall due by the clock that the calls are given.
    const OBEYS_NOW: bool = true;
    /// What a worker holds.
    type Ticket: Send;
    /// What a client holds.
    type Id: Copy + Send + Sync;
    fn new() -> Self;
    fn begin(&self, key: u64, now: u64) -> Self::Ticket;
    fn id(ticket: &Self::Ticket) -> Self::Id;
    fn finish(&self, ticket: Self::Ticket, now: u64);
    /// Whether the upload is ready.
    fn read(&self, id: Self::Id, now: u64) -> bool;
    fn sweep(&self, now: u64);
    /// Waits until all that was finished is due, where that needs real time.
    fn wait_until_due(&self) {}
}

/// The registry, read by id.
pub(crate) struct Registered(Registry<u64>);

impl Subject for Registered {
    const NAME: &'static str = "registry, by id";
    type Ticket = Ticket<u64, ()>;
    type Id = UploadId;

    fn new() -> Self {
        Registered(Registry::new(Retention::finished(Duration::from_nanos(LIFE_NS)).tombstone(None)))
    }

    fn begin(&self, key: u64, now: u64) -> Self::Ticket {
        self.0.begin(key, now).expect("there is no capacity")
    }

    fn id(ticket: &Self::Ticket) -> UploadId {
        ticket.id()
    }

    fn finish(&self, ticket: Self::Ticket, now: u64) {
        ticket.finish(Outcome::Ready(()), now).expect("it is running");
    }

    fn read(&self, id: UploadId, now: u64) -> bool {
        self.0.read(id, now) == Status::Ready(())
    }

    fn sweep(&self, now: u64) {
        self.0.sweep(now);
    }
}

/// Whether an upload is ready, and since when.
type Entry = (bool, u64);

fn is_due((ready, since): Entry, now: u64) -> bool {
    ready && now.saturating_sub(since) >= LIFE_NS
}

/// A map behind one lock, swept by a full scan: the incident's way.
pub(crate) struct MutexMap(Mutex<HashMap<u64, Entry>>);

impl Subject for MutexMap {
    const NAME: &'static str = "Mutex<HashMap>, full scan";
    type Ticket = u64;
    type Id = u64;

    fn new() -> Self {
        MutexMap(Mutex::default())
    }

    fn begin(&self, key: u64, now: u64) -> u64 {
        self.0.lock().expect("nobody panics").insert(key, (false, now));
        key
    }

    fn id(key: &u64) -> u64 {
        *key
    }

    fn finish(&self, key: u64, now: u64) {
        *self.0.lock().expect("nobody panics").get_mut(&key).expect("it was begun") = (true, now);
    }

    fn read(&self, key: u64, now: u64) -> bool {
        let map = self.0.lock().expect("nobody panics");
        map.get(&key).is_some_and(|entry| entry.0 && !is_due(*entry, now))
    }

    fn sweep(&self, now: u64) {
        self.0.lock().expect("nobody panics").retain(|_, entry| !is_due(*entry, now));
    }
}

/// dashmap, swept by `retain`.
pub(crate) struct Dash(DashMap<u64, Entry>);

impl Subject for Dash {
    const NAME: &'static str = "dashmap, `retain`";
    type Ticket = u64;
    type Id = u64;

    fn new() -> Self {
        Dash(DashMap::new())
    }

    fn begin(&self, key: u64, now: u64) -> u64 {
        self.0.insert(key, (false, now));
        key
    }

    fn id(key: &u64) -> u64 {
        *key
    }

    fn finish(&self, key: u64, now: u64) {
        *self.0.get_mut(&key).expect("it was begun") = (true, now);
    }

    fn read(&self, key: u64, now: u64) -> bool {
        self.0.get(&key).is_some_and(|entry| entry.0 && !is_due(*entry, now))
    }

    fn sweep(&self, now: u64) {
        self.0.retain(|_, entry| !is_due(*entry, now));
    }
}

/// moka with a time to live, by its own clock.
pub(crate) struct Moka(moka::sync::Cache<u64, bool>);

impl Subject for Moka {
    const NAME: &'static str = "moka, time to live";
    const OBEYS_NOW: bool = false;
    type Ticket = u64;
    type Id = u64;

    fn new() -> Self {
        Moka(moka::sync::Cache::builder().time_to_live(MOKA_LIFE).build())
    }

    fn begin(&self, key: u64, _: u64) -> u64 {
        self.0.insert(key, false);
        key
    }

    fn id(key: &u64) -> u64 {
        *key
    }

    fn finish(&self, key: u64, _: u64) {
        self.0.insert(key, true);
    }

    /// An entry that fell due by moka's own clock counts as read: on a slow machine that may come to pass.
    fn read(&self, key: u64, _: u64) -> bool {
        self.0.get(&key).unwrap_or(true)
    }

    fn sweep(&self, _: u64) {
        self.0.run_pending_tasks();
    }

    fn wait_until_due(&self) {
        thread::sleep(MOKA_LIFE);
    }
}
