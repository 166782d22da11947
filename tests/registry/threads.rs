//! Real threads: not a proof, but the code as it ships, on the real primitives; and tokio's tasks with their paused clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use stillready::registry::{Outcome, Registry, Retention, State, Status};

#[test]
fn no_upload_is_lost_or_mixed_up_among_real_threads() {
    let registry = Registry::<u64, u64>::new(Retention::finished(Duration::from_nanos(1_000_000)));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let uploaders: Vec<_> = (0..3u64)
            .map(|number| {
                let registry = registry.clone();
                scope.spawn(move || {
                    for round in 0..20_000 {
                        let now = round * 10;
                        let ticket = registry.begin(round % 7, now).expect("there is no capacity");
                        let id = ticket.id();
                        assert_eq!(registry.read(id, now), Status::Processing);
                        ticket.finish(Outcome::Ready(number), now).expect("nobody clears");
                        assert_eq!(registry.read(id, now), Status::Ready(number));
                        assert!(matches!(registry.read_key(&(round % 7), now), Status::Ready(_) | Status::Processing));
                    }
                })
            })
            .collect();
        let sweeper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                registry.sweep_some(200_000, 100);
            }
        });
        for uploader in uploaders {
            uploader.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        sweeper.join().unwrap();
    });
    assert_eq!(registry.counts().total(), 60_000, "nothing was due");
    assert_eq!(registry.sweep(3_000_000).expired, 60_000);
}

/// Tokio's clock since the start of a test, in nanoseconds.
fn nanoseconds_since(start: tokio::time::Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

#[tokio::test(start_paused = true)]
async fn tasks_on_tokios_paused_clock_poll_until_they_are_told() {
    let start = tokio::time::Instant::now();
    let registry = Registry::<&str, ()>::new(Retention::finished(Duration::from_secs(1800)));
    let ticket = registry.begin("menu.xlsx", nanoseconds_since(start)).expect("there is no capacity");
    let id = ticket.id();
    let worker = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        ticket.finish(Outcome::Ready(()), nanoseconds_since(start))
    });
    let mut polls = 1;
    while registry.read(id, nanoseconds_since(start)) == Status::Processing {
        tokio::time::sleep(Duration::from_secs(3)).await;
        polls += 1;
    }
    assert_eq!((polls, start.elapsed()), (5, Duration::from_secs(12)));
    worker.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(1798)).await;
    assert_eq!(registry.read(id, nanoseconds_since(start)), Status::Expired(State::Ready));
}

#[test]
fn a_task_that_is_dropped_half_way_leaves_interrupted() {
    let registry = Registry::<&str, ()>::new(Retention::default());
    let ticket = registry.begin("menu.xlsx", 0).expect("there is no capacity");
    let id = ticket.id();
    let mut work = tokio_test::task::spawn(async move {
        std::future::pending::<()>().await;
        ticket.finish(Outcome::Ready(()), 1)
    });
    assert!(work.poll().is_pending());
    assert_eq!(registry.read(id, 1), Status::Processing);
    drop(work);
    assert_eq!(registry.read(id, 1), Status::Interrupted);
}
