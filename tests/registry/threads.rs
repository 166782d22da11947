//! Real threads: not a proof, but the code as it ships, on the real primitives.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use stillready::registry::{Capacity, Outcome, Registry, Retention, Status};

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

#[test]
fn real_threads_that_race_for_room_never_exceed_it() {
    const ROOM: usize = 5;
    let retention = Retention::finished(Duration::from_nanos(50)).tombstone(Some(Duration::from_nanos(50)));
    let registry = Registry::<u64, u64>::new(retention.capacity(Capacity::EvictOldest(ROOM)));
    let (begun, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..4u64 {
            let (registry, begun, refused) = (registry.clone(), &begun, &refused);
            scope.spawn(move || {
                // Each keeps up to two running, so four of them contend for the room.
                let mut running = Vec::new();
                for now in 0..20_000 {
                    match registry.begin(now % 3, now) {
                        Ok(ticket) => {
                            begun.fetch_add(1, Ordering::Relaxed);
                            running.push(ticket);
                        }
                        Err(_) => _ = refused.fetch_add(1, Ordering::Relaxed),
                    }
                    assert!(registry.counts().total() <= ROOM);
                    for ticket in &running {
                        assert_eq!(
                            registry.read(ticket.id(), now),
                            Status::Processing,
                            "a running upload is never evicted"
                        );
                    }
                    if running.len() == 2 {
                        running.remove(0).finish(Outcome::Ready(number), now).expect("it was running");
                        drop(running.pop());
                    }
                }
            });
        }
    });
    let (begun, refused) = (begun.into_inner(), refused.into_inner());
    assert_eq!(begun + refused, 80_000);
    assert!(begun > 1000, "{begun} uploads found room");
    assert_eq!(registry.counts().processing, 0, "every ticket was ended or dropped");
}

#[test]
fn answers_without_the_lock_never_go_back_among_real_threads() {
    /// Nanoseconds that an upload is kept: short, so that slots change hands and whole parts go at once.
    const LIFE: u64 = 20;
    let registry = Registry::<u64>::new(Retention::finished(Duration::from_nanos(LIFE)).tombstone(None));
    let (clock, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let latest = Mutex::new(registry.begin(0, 0).unwrap().id());
    let (start, reads) = (Barrier::new(3), AtomicUsize::new(0));
    thread::scope(|scope| {
        let uploader = scope.spawn(|| {
            start.wait();
            for key in 0..100_000 {
                let ticket = registry.begin(key, clock.load(Ordering::SeqCst)).expect("there is no capacity");
                *latest.lock().unwrap() = ticket.id();
                ticket.finish(Outcome::Ready(()), clock.fetch_add(1, Ordering::SeqCst)).expect("nobody clears");
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                registry.sweep(clock.load(Ordering::SeqCst));
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                while !done.load(Ordering::Relaxed) {
                    let id = *latest.lock().unwrap();
                    let mut before = 0;
                    while before < 2 && !done.load(Ordering::Relaxed) {
                        let rank = match registry.read(id, clock.load(Ordering::SeqCst)) {
                            Status::Processing => 0,
                            Status::Ready(()) => 1,
                            Status::Unknown | Status::Interrupted => 2,
                            other => panic!("{other:?}"),
                        };
                        assert!(rank >= before, "{rank} after {before}");
                        before = rank;
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let uploaded = uploader.join();
        done.store(true, Ordering::Relaxed);
        uploaded.unwrap();
    });
    assert!(reads.into_inner() > 0, "nothing was read");
}
