//! Real threads: not a proof, but the code as it ships, on the real primitives.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
