//! What is measured: the registry and three usual stores of statuses, each as its users would write it.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use dashmap::DashMap;
use stillready::registry::{Outcome, Registry, Retention, Status, Ticket, UploadId};

/// The time to live, in nanoseconds of the caller's clock.
pub(crate) const LIFE_NS: u64 = 1_800_000_000_000;

/// Moka has a clock of its own. Its entries must not fall due while the others' do not.
const MOKA_LIFE: Duration = Duration::from_secs(4);

/// A store of statuses. Keys are small numbers, each begun and finished once.
pub(crate) trait Subject: Sync {
    const NAME: &'static str;
    fn new() -> Self;
    fn begin(&self, key: u64);
    fn finish(&self, key: u64, now: u64);
    /// Whether the upload is ready.
    fn read(&self, key: u64, now: u64) -> bool;
    fn sweep(&self, now: u64);
    /// Waits until what was finished at 0 is due, where that needs real time.
    fn wait_until_due(&self) {}
}

/// What a client holds of an upload, and what its worker holds.
type Begun = (OnceLock<UploadId>, Mutex<Option<Ticket<u64, ()>>>);

/// The registry, read by id.
pub(crate) struct Registered {
    registry: Registry<u64>,
    /// By key, so that all subjects are called alike; a service has these in its requests and workers.
    begun: Box<[Begun]>,
}

impl Subject for Registered {
    const NAME: &'static str = "registry";

    fn new() -> Self {
        let begun = (0..1_001_000).map(|_| (OnceLock::new(), Mutex::new(None))).collect();
        Registered {
            registry: Registry::new(Retention::finished(Duration::from_nanos(LIFE_NS)).tombstone(None)),
            begun,
        }
    }

    fn begin(&self, key: u64) {
        let ticket = self.registry.begin(key, 0).expect("there is no capacity");
        let (id, kept) = &self.begun[key as usize];
        id.get_or_init(|| ticket.id());
        *kept.lock().expect("nobody panics") = Some(ticket);
    }

    fn finish(&self, key: u64, now: u64) {
        let ticket = self.begun[key as usize].1.lock().expect("nobody panics").take();
        ticket.expect("it was begun").finish(Outcome::Ready(()), now).expect("it is running");
    }

    fn read(&self, key: u64, now: u64) -> bool {
        let id = self.begun[key as usize].0.get().expect("it was begun");
        self.registry.read(*id, now) == Status::Ready(())
    }

    fn sweep(&self, now: u64) {
        self.registry.sweep(now);
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

    fn new() -> Self {
        MutexMap(Mutex::default())
    }

    fn begin(&self, key: u64) {
        self.0.lock().expect("nobody panics").insert(key, (false, 0));
    }

    fn finish(&self, key: u64, now: u64) {
        if let Some(entry) = self.0.lock().expect("nobody panics").get_mut(&key) {
            *entry = (true, now);
        }
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
    const NAME: &'static str = "dashmap, retain";

    fn new() -> Self {
        Dash(DashMap::new())
    }

    fn begin(&self, key: u64) {
        self.0.insert(key, (false, 0));
    }

    fn finish(&self, key: u64, now: u64) {
        if let Some(mut entry) = self.0.get_mut(&key) {
            *entry = (true, now);
        }
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

    fn new() -> Self {
        Moka(moka::sync::Cache::builder().time_to_live(MOKA_LIFE).build())
    }

    fn begin(&self, key: u64) {
        self.0.insert(key, false);
    }

    fn finish(&self, key: u64, _: u64) {
        self.0.insert(key, true);
    }

    /// In the benches of single operations entries may fall due by moka's own clock, and are then put back.
    fn read(&self, key: u64, now: u64) -> bool {
        self.0.get(&key).unwrap_or_else(|| {
            if now < LIFE_NS {
                self.0.insert(key, true);
            }
            true
        })
    }

    fn sweep(&self, _: u64) {
        self.0.run_pending_tasks();
    }

    fn wait_until_due(&self) {
        thread::sleep(MOKA_LIFE);
    }
}
