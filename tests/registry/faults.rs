//! What the registry must stand: code of the caller's that panics under the lock, answers that a sweep must not change, ends of
//! time. Each test is a fault that was found once, or a sentence of the documentation that nothing else checks.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "one test measures that a sweep of nothing is free"
)]

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use std::time::{Duration, Instant};

use stillready::registry::{AgeBasis, Capacity, Outcome, Registry, Retention, State, Status};

use crate::{Ready, begin, ready, retention};

thread_local! {
    /// What panics next.
    static PANICS: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Panics, once, where it was told to.
fn may_panic(at: &'static str) {
    if PANICS.get() == Some(at) {
        PANICS.set(None);
        panic!("as told: {at}");
    }
}

#[derive(Debug, Eq)]
struct Key(u8);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        may_panic("hash of the key");
        self.0.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        may_panic("comparison of the key");
        self.0 == other.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        may_panic("drop of the key");
    }
}

#[derive(Debug, PartialEq)]
struct Detail(u8);

impl Clone for Detail {
    fn clone(&self) -> Self {
        may_panic("clone of the detail");
        Detail(self.0)
    }
}

impl Drop for Detail {
    fn drop(&mut self) {
        may_panic("drop of the detail");
    }
}

type Fragile = Registry<Key, Detail>;

#[test]
fn a_panic_of_the_callers_code_under_the_lock_leaves_the_registry_whole() {
    type Step = dyn Fn(&Fragile);
    let steps: [(&str, &Step); 6] = [
        ("begin", &|registry| drop(registry.begin(Key(1), 100))),
        ("read", &|registry| drop(registry.read_key(&Key(1), 1))),
        ("sweep", &|registry| _ = registry.sweep_with(100, |_| may_panic("callback"))),
        ("sweep again", &|registry| _ = registry.sweep(150)),
        ("clear", &|registry| _ = registry.clear_key(&Key(1))),
        ("look", &|registry| registry.for_each_due(100, |_| may_panic("callback"))),
    ];
    let faults = [
        "hash of the key",
        "comparison of the key",
        "drop of the key",
        "clone of the detail",
        "drop of the detail",
        "callback",
    ];
    for (name, step) in steps {
        for fault in faults {
            let registry = Fragile::with_shards_and_hasher(retention(), 1, std::hash::RandomState::new());
            registry.begin(Key(1), 0).unwrap().finish(Outcome::Ready(Detail(7)), 0).unwrap();
            let other = registry.begin(Key(2), 0).unwrap();
            PANICS.set(Some(fault));
            let _ = catch_unwind(AssertUnwindSafe(|| step(&registry)));
            PANICS.set(None);
            // Whatever happened, nothing else was touched, and the books still balance to the last record.
            assert_eq!(registry.read(other.id(), 100), Status::Processing, "{name}, {fault}");
            other.finish(Outcome::Failed(Detail(8)), 150).unwrap();
            registry.clear_key(&Key(1));
            registry.begin(Key(1), 150).unwrap().finish(Outcome::Ready(Detail(9)), 150).unwrap();
            assert_eq!(registry.read_key(&Key(1), 249), Status::Ready(Detail(9)), "{name}, {fault}");
            registry.sweep(10_000);
            assert_eq!(registry.counts().total() - registry.counts().processing, 0, "{name}, {fault}");
        }
    }
}

/// A detail without a size, of which a registry keeps one for all, and drops the others.
#[derive(Clone)]
struct Nothing;

impl Drop for Nothing {
    fn drop(&mut self) {
        may_panic("drop of a detail without a size");
    }
}

/// Whether a long poll was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_panic_of_the_callers_code_while_a_whole_part_is_swept_leaves_the_registry_whole() {
    for fault in ["drop of the key", "drop of the detail"] {
        let registry = Fragile::with_shards_and_hasher(retention().tombstone(None), 1, std::hash::RandomState::new());
        let ids = [1, 2, 3].map(|key| {
            let ticket = registry.begin(Key(key), 0).unwrap();
            let id = ticket.id();
            ticket.finish(Outcome::Ready(Detail(key)), 0).unwrap();
            id
        });
        PANICS.set(Some(fault));
        assert!(catch_unwind(AssertUnwindSafe(|| registry.sweep(100))).is_err(), "{fault}");
        assert_eq!(ids.map(|id| registry.read(id, 100)), [Status::Unknown, Status::Unknown, Status::Unknown]);
        assert_eq!((registry.counts().total(), registry.next_due()), (0, None));
        registry.begin(Key(1), 100).unwrap().finish(Outcome::Ready(Detail(9)), 100).unwrap();
        assert_eq!(registry.read_key(&Key(1), 100), Status::Ready(Detail(9)));
        assert_eq!(registry.sweep(200).freed, 1);
    }
}

#[test]
fn a_surplus_detail_is_dropped_when_the_work_has_ended() {
    let registry = Registry::<u8, Nothing>::with_shards_and_hasher(retention(), 1, std::hash::RandomState::new());
    registry.begin(1, 0).unwrap().finish(Outcome::Ready(Nothing), 0).unwrap();
    let ticket = registry.begin(2, 0).unwrap();
    let id = ticket.id();
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let mut wait = registry.wait(id);
    assert!(wait.poll(0, &Arc::clone(&woken).into()).is_pending());
    PANICS.set(Some("drop of a detail without a size"));
    assert!(catch_unwind(AssertUnwindSafe(|| ticket.finish(Outcome::Failed(Nothing), 1))).is_err());
    assert!(woken.0.load(Ordering::Relaxed));
    assert!(matches!(registry.read(id, 1), Status::Failed(Nothing)));
    let counts = registry.counts();
    assert_eq!((counts.processing, counts.ready, counts.failed), (0, 1, 1));
    assert!(registry.clear(id));
    assert_eq!(registry.sweep(100).expired, 1);
}

/// A success is kept for long, an error for 10 ns; the error is over, the success is older and is not.
fn an_old_success_and_an_error_that_is_over() -> (Ready, [stillready::registry::UploadId; 2]) {
    let mut retention = retention().capacity(Capacity::EvictOldest(2));
    retention.time_to_live.failed_ns = Some(10);
    let registry = Ready::new(retention);
    let success = ready(&registry, "success", 0, 1);
    let ticket = begin(&registry, "error", 1);
    let error = ticket.id();
    ticket.finish(Outcome::Failed(1), 20).expect("it is running");
    (registry, [success, error])
}

#[test]
fn what_is_over_is_evicted_before_what_is_not_whether_or_not_a_sweep_ran() {
    for sweeps in [false, true] {
        let (registry, [success, error]) = an_old_success_and_an_error_that_is_over();
        if sweeps {
            assert_eq!(registry.sweep(40).expired, 1);
        }
        let ticket = begin(&registry, "next", 40);
        assert_eq!(registry.read(success, 40), Status::Ready(7), "swept: {sweeps}");
        assert_eq!(registry.read(error, 40), Status::Unknown, "swept: {sweeps}");
        drop(ticket);
    }
}

#[test]
fn a_running_upload_that_is_over_makes_room_whether_or_not_a_sweep_ran() {
    for sweeps in [false, true] {
        let mut retention = retention().capacity(Capacity::EvictOldest(1));
        retention.time_to_live.processing_ns = Some(10);
        let registry = Ready::new(retention);
        let stuck = begin(&registry, "stuck", 0);
        assert!(registry.begin("early", 9).is_err(), "it may still be running");
        if sweeps {
            registry.sweep(10);
        }
        let next = registry.begin("next", 10);
        assert!(next.is_ok(), "swept: {sweeps}");
        assert_eq!(registry.read(stuck.id(), 10), Status::Unknown);
        assert!(stuck.finish(Outcome::Ready(1), 10).is_err());
        assert_eq!(registry.read_key("next", 10), Status::Processing);
    }
}

#[test]
fn the_oldest_memory_goes_first_whether_or_not_a_sweep_ran() {
    // The error fell due at 30, the success, which is older, at 101.
    for sweeps in [None, Some(50), Some(105)] {
        let (registry, [success, error]) = an_old_success_and_an_error_that_is_over();
        if let Some(now) = sweeps {
            registry.sweep(now);
        }
        let ticket = begin(&registry, "next", 105);
        assert_eq!(registry.read(error, 105), Status::Unknown, "swept: {sweeps:?}");
        assert_eq!(registry.read(success, 105), Status::Expired(State::Ready), "swept: {sweeps:?}");
        drop(ticket);
    }
}

#[test]
fn what_never_falls_due_is_announced_for_no_moment() {
    for (life, ended, expected) in
        [(u64::MAX, 0, None), (u64::MAX, 1, None), (u64::MAX - 10, 10, None), (u64::MAX - 11, 10, Some(u64::MAX - 1))]
    {
        let registry = Ready::new(Retention::finished(Duration::from_nanos(life)).tombstone(None));
        ready(&registry, "a", 0, ended);
        assert_eq!(registry.next_due(), expected, "{life} from {ended}");
        assert_eq!(registry.sweep(u64::MAX).expired, usize::from(expected.is_some()), "{life} from {ended}");
    }
}

#[test]
fn a_sweep_that_finds_nothing_due_costs_nothing_however_much_is_held() {
    for age in [AgeBasis::Created, AgeBasis::Finished, AgeBasis::LastAccess, AgeBasis::Acknowledged] {
        let registry = Registry::<u32, ()>::new(Retention::finished(Duration::from_secs(1)).age(age));
        for key in 0..100_000 {
            registry.begin(key, 0).unwrap().finish(Outcome::Ready(()), 0).unwrap();
        }
        let start = Instant::now();
        for now in 0..20_000 {
            assert_eq!(registry.sweep_some(now, 10).taken(), 0);
        }
        // Some 20 ms. A scan of all records would look at 2,000,000,000 and take seconds on any machine.
        assert!(start.elapsed() < Duration::from_secs(1), "{age:?}: {:?}", start.elapsed());
    }
}
