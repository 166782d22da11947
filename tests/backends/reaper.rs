//! The thread that sweeps.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stillready::backend::dashmap::Dashmap;
use stillready::backend::sqlite::Sqlite;
use stillready::backend::{Backend, Reaper, wall_clock_ns};
use stillready::registry::{Outcome, Retention, Status};

use crate::{MINUTE_NS, minutes, until};

fn held<B: Backend>(store: &B) -> usize {
    let mut held = 0;
    store.entries(&mut |_, _| held += 1).unwrap();
    held
}

#[test]
fn a_reaper_takes_what_is_over_and_leaves_the_rest() {
    let store = Arc::new(Dashmap::new(Retention::finished(minutes(30)).tombstone(None)).unwrap());
    let ended = store.begin("menu.xlsx", 0).unwrap();
    let running = store.begin("wines.xlsx", 0).unwrap();
    assert!(store.finish(ended, Outcome::Ready(String::new()), 0).unwrap());
    let clock = Arc::new(AtomicU64::new(30 * MINUTE_NS - 1));
    let read = Arc::clone(&clock);
    let reaper =
        Reaper::start(Arc::clone(&store), Duration::from_millis(1), move || read.load(Ordering::Relaxed), |_| ());
    let reaper = reaper.unwrap();
    until("three sweeps", || reaper.sweeps() > 3);
    assert_eq!((held(&*store), reaper.taken()), (2, 0));
    clock.store(30 * MINUTE_NS, Ordering::Relaxed);
    until("the one that is due goes", || reaper.taken() == 1);
    assert_eq!(held(&*store), 1);
    assert_eq!(store.read(running, 60 * MINUTE_NS).unwrap(), Status::Processing);
}

#[test]
fn a_reaper_that_is_dropped_waits_for_no_period() {
    let store = Arc::new(Dashmap::new(Retention::default()).unwrap());
    let reaper = Reaper::start(Arc::clone(&store), Duration::from_secs(3600), || 0, |_| ()).unwrap();
    // If it waited for an hour, so would the test.
    drop(reaper);
    assert_eq!(Arc::strong_count(&store), 1, "its thread has ended");
}

#[test]
fn a_sweep_that_fails_or_panics_is_counted_and_the_next_one_tries_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uploads.db");
    let store = Arc::new(Sqlite::open(&path, Retention::default()).unwrap());
    // Later than 64 bits with a sign can say, for a while; and a clock that panics once.
    let told = Arc::new(AtomicU64::new(0));
    let (tell, asked) = (Arc::clone(&told), AtomicU64::new(0));
    let clock = move || match asked.fetch_add(1, Ordering::Relaxed) {
        0..3 => u64::MAX,
        3 => panic!("a clock that panics, as it is meant to"),
        _ => MINUTE_NS,
    };
    let on_error = move |_: &_| {
        tell.fetch_add(1, Ordering::Relaxed);
    };
    let reaper = Reaper::start(store, Duration::from_millis(1), clock, on_error).unwrap();
    until("eight sweeps", || reaper.sweeps() > 8);
    assert_eq!((reaper.failed(), told.load(Ordering::Relaxed)), (4, 3));
}

#[test]
fn a_reaper_may_be_dropped_by_its_own_thread_and_that_sweep_is_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(folder.path().join("uploads.db"), Retention::default()).unwrap());
    let own: Arc<Mutex<Option<Reaper>>> = Arc::default();
    let is_dropped = Arc::new(AtomicBool::new(false));
    let (held, tell) = (Arc::clone(&own), Arc::clone(&is_dropped));
    let on_error = move |_: &_| {
        // Its owner may not have put it there yet: then by the next sweep.
        if let Some(reaper) = held.lock().unwrap().take() {
            drop(reaper);
            tell.store(true, Ordering::Relaxed);
        }
    };
    let clock = || u64::MAX;
    let reaper = Reaper::start(Arc::clone(&store), Duration::from_millis(1), clock, on_error).unwrap();
    *own.lock().unwrap() = Some(reaper);
    until("it is dropped", || is_dropped.load(Ordering::Relaxed));
    until("its thread has ended", || Arc::strong_count(&store) == 1);
}

#[test]
fn a_reaper_without_a_period_rests_between_two_sweeps_nevertheless() {
    let store = Arc::new(Dashmap::new(Retention::default()).unwrap());
    let start_ns = wall_clock_ns();
    let reaper = Reaper::start(store, Duration::ZERO, || 0, |_| ()).unwrap();
    until("fifty sweeps", || reaper.sweeps() >= 50);
    let sweeps = reaper.sweeps();
    let passed = Duration::from_nanos(wall_clock_ns() - start_ns);
    assert!(passed >= Duration::from_millis(1) * sweeps as u32, "{sweeps} sweeps in {passed:?}");
}
