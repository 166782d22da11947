//! The thread that sweeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stillready::backend::dashmap::Dashmap;
use stillready::backend::sqlite::Sqlite;
use stillready::backend::{Backend, Reaper};
use stillready::registry::{Outcome, Retention, Status};

use crate::{MINUTE_NS, minutes};

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("in ten seconds: {what}");
}

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
