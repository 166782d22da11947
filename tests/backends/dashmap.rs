//! dashmap, and what it is easily made to be.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::dashmap::DashMap;
use stillready::backend::dashmap::Dashmap;
use stillready::backend::{Backend, UnfitRetention};
use stillready::harness::{Budget, Level, Store, check};
use stillready::registry::{Capacity, Expiry, Full, Outcome, Retention, Status};
use stillready::scenario::Property;

use crate::minutes;

/// Gets a copy of an entry, and inserts what it made of it.
#[derive(Default)]
struct GetThenInsert {
    statuses: DashMap<u64, Status<u32>>,
    ids: AtomicU64,
}

impl Store for GetThenInsert {
    type Ticket = u64;

    fn begin(&self, _: u32, _: u32, _: u64) -> Result<u64, Full> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        self.statuses.insert(id, Status::Processing);
        Ok(id)
    }

    fn finish(&self, id: &u64, outcome: Outcome<u32>, _: u64) -> Option<bool> {
        let is_running = *self.statuses.get(id)? == Status::Processing;
        // What a service does here, such as to write a line of its log.
        std::thread::sleep(Duration::from_micros(50));
        if is_running {
            let status = match outcome {
                Outcome::Ready(upload) => Status::Ready(upload),
                Outcome::Failed(upload) => Status::Failed(upload),
            };
            self.statuses.insert(*id, status);
        }
        Some(is_running)
    }

    fn read(&self, id: &u64, _: u64) -> Status<u32> {
        self.statuses.get(id).map_or(Status::Unknown, |status| *status)
    }

    fn sweep(&self, _: u64) {}
}

#[test]
fn get_then_insert_takes_two_ends_of_one_upload() {
    let promise = Retention::finished(Duration::MAX);
    let report = check("get, then insert", GetThenInsert::default).promise(promise).budget(Budget::default()).report();
    let failure = report.failure.expect("two workers of one upload");
    assert_eq!(failure.level, Level::Threads, "one call after the other it is right: {failure}");
    assert_eq!(failure.fault.property().map(Property::name), Some("S4"), "{failure}");
}

#[test]
fn only_one_of_many_workers_ends_an_upload() {
    let store = Dashmap::new(Retention::default()).unwrap();
    for round in 0..500 {
        let id = store.begin("menu.xlsx", round).unwrap();
        let end = |worker: u64| store.finish(id, Outcome::Ready(worker.to_string()), round).unwrap();
        let taken: Vec<bool> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..3).map(|worker| scope.spawn(move || end(worker))).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        let winner = taken.iter().position(|taken| *taken).unwrap();
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
        assert_eq!(store.read(id, round).unwrap(), Status::Ready(winner.to_string()));
    }
}

#[test]
fn a_retention_that_it_does_not_keep_is_refused() {
    let capacity = Capacity::EvictOldest(10);
    let refused = Dashmap::new(Retention::default().capacity(capacity)).unwrap_err();
    assert_eq!(refused, UnfitRetention::Capacity { store: "dashmap", capacity });
    assert_eq!(
        refused.to_string(),
        "dashmap keeps any number of uploads, and the retention has EvictOldest(10); use Capacity::Unbounded"
    );
    let physical = Retention::finished(minutes(30)).expiry(Expiry::Physical);
    assert_eq!(Dashmap::new(physical).unwrap_err(), UnfitRetention::Tombstones { store: "dashmap" });
    assert!(Dashmap::new(physical.tombstone(None)).is_ok());
}
