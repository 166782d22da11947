//! The programs: four to six threads, main included, longer than what loom can search.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use shuttle::thread::{self, Thread};

use crate::registry::{self, AgeBasis, Capacity, Outcome, Retention, Status, UploadId};

type Registry = registry::Registry<u8, u64, BuildHasherDefault<DefaultHasher>>;

/// The time to live in the programs, in nanoseconds.
const LIFE: u64 = 100;

/// All programs, by their names.
pub(crate) const PROGRAMS: &[(&str, fn())] = &[
    ("uploads_are_kept_and_kept_apart", uploads_are_kept_and_kept_apart),
    ("capacity_tickets_and_clears", capacity_tickets_and_clears),
    ("sweeps_and_uploads_of_one_name", sweeps_and_uploads_of_one_name),
    ("answers_never_go_back", answers_never_go_back),
    ("room_is_never_exceeded_and_what_runs_is_pinned", room_is_never_exceeded_and_what_runs_is_pinned),
    ("one_acknowledgement_counts_and_starts_the_time", one_acknowledgement_counts_and_starts_the_time),
    ("who_waits_is_woken_however_it_ends", who_waits_is_woken_however_it_ends),
];

fn registry(retention: Retention, shards: usize) -> Registry {
    Registry::with_origin(retention, shards, BuildHasherDefault::default(), 1)
}

fn retention() -> Retention {
    Retention::finished(Duration::from_nanos(LIFE)).tombstone(Some(Duration::from_nanos(LIFE)))
}

/// Uploaders, each with its own name and the one that all share; each polls its own upload and must see it go forwards, with
/// its own result, while two sweepers sweep at times when nothing of it is due yet (S1, S4, S7).
fn uploads_are_kept_and_kept_apart() {
    let registry = registry(retention(), 2);
    let uploader = |registry: Registry, number: u64| {
        move || {
            for (key, now) in [(number as u8, 10), (200, 20)] {
                let ticket = registry.begin(key, now).expect("there is no capacity");
                let id = ticket.id();
                assert_eq!(registry.read(id, now), Status::Processing);
                ticket.finish(Outcome::Ready(number), now).expect("nobody clears, nothing that runs expires");
                assert_eq!(registry.read(id, now + LIFE - 30), Status::Ready(number), "inside the promised time");
            }
            let shared = registry.read_key(&200, 20);
            assert!(matches!(shared, Status::Processing | Status::Ready(_)), "{shared:?}");
        }
    };
    let sweeper = |registry: Registry| {
        move || {
            for now in [40, 80] {
                let mut more = true;
                while more {
                    more = registry.sweep_some(now, 1).more;
                }
            }
        }
    };
    let mut threads: Vec<_> = (1..=3).map(|number| thread::spawn(uploader(registry.clone(), number))).collect();
    threads.extend((0..2).map(|_| thread::spawn(sweeper(registry.clone()))));
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(registry.counts().ready, 6);
}

/// Workers that finish, panic or come late, a clearer, and a registry with room for three: the room is never exceeded, and
/// whoever began an upload finds it as it was left, unless it was cleared or had to make room (R2, R3, R4, R12).
fn capacity_tickets_and_clears() {
    let registry = registry(retention().capacity(Capacity::EvictOldest(3)), 1);
    let worker = |registry: Registry, number: u64| {
        move || {
            for round in 0..3 {
                let Ok(ticket) = registry.begin(7, round) else { continue };
                let id = ticket.id();
                assert!(registry.counts().total() <= 3, "{:?}", registry.counts());
                let (ended, status) = if number == 1 {
                    drop(ticket);
                    (true, Status::Interrupted)
                } else {
                    (ticket.finish(Outcome::Ready(number), round).is_ok(), Status::Ready(number))
                };
                let found = registry.read(id, round);
                assert!(found == Status::Unknown || (ended && found == status), "{found:?}, ended: {ended}");
            }
        }
    };
    let clearer = registry.clone();
    let clearer = thread::spawn(move || {
        for _ in 0..2 {
            clearer.clear_key(&7);
        }
    });
    let threads: Vec<_> = (1..=4).map(|number| thread::spawn(worker(registry.clone(), number))).collect();
    for thread in threads.into_iter().chain([clearer]) {
        thread.join().unwrap();
    }
    assert_eq!(registry.counts().processing, 0);
}

/// Uploads that are due, under one name again and again, three sweepers, one reader by name: after the last begin the name is
/// never lost, whatever the sweeps still take (R8, R9, R14).
fn sweeps_and_uploads_of_one_name() {
    let registry = registry(retention().tombstone(None), 1);
    let first = registry.begin(7, 0).expect("there is no capacity");
    first.finish(Outcome::Ready(0), 0).expect("nobody clears");
    let sweeper = |registry: Registry| move || registry.sweep(LIFE).taken();
    let sweepers: Vec<_> = (0..3).map(|_| thread::spawn(sweeper(registry.clone()))).collect();
    let uploader = registry.clone();
    let uploader = thread::spawn(move || {
        for number in 1..=2 {
            let ticket = uploader.begin(7, LIFE).expect("there is no capacity");
            assert_eq!(uploader.read_key(&7, LIFE), Status::Processing);
            ticket.finish(Outcome::Ready(number), LIFE).expect("nobody clears");
            assert_eq!(uploader.read_key(&7, LIFE), Status::Ready(number));
        }
    });
    let taken: usize = sweepers.into_iter().map(|sweeper| sweeper.join().unwrap()).sum();
    uploader.join().unwrap();
    assert_eq!(taken, 1, "only the first upload was due");
    assert_eq!(registry.read_key(&7, 2 * LIFE - 1), Status::Ready(2));
    assert_eq!(registry.read_key(&7, 2 * LIFE), Status::Unknown);
}

/// How far an upload has come, for one that ends well (S4).
fn progress(status: Status<u64>) -> usize {
    match status {
        Status::Processing => 0,
        Status::Ready(7) => 1,
        Status::Expired(registry::State::Ready) => 2,
        other => panic!("not an answer for this upload: {other:?}"),
    }
}

/// A worker ends an upload at 90 that began at 0; three pollers, whose clocks disagree, and a sweeper. What any of them has been
/// answered, nobody is later answered less than that: not `processing` after `ready`, not `ready` after `expired`. And inside
/// the promised time, by the latest clock of all, `ready` is what they get (S1, S4, S11; R1, R5, R7, R11).
fn answers_never_go_back() {
    let registry = registry(retention(), 1);
    let ticket = registry.begin(7, 0).expect("there is no capacity");
    let id = ticket.id();
    // Of std, so that no switch comes between an answer and its note.
    let (furthest, latest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let poller = |times: [u64; 4]| {
        let (registry, furthest, latest) = (registry.clone(), Arc::clone(&furthest), Arc::clone(&latest));
        thread::spawn(move || {
            for now in times {
                let before = furthest.load(Ordering::Relaxed);
                latest.fetch_max(now as usize, Ordering::Relaxed);
                let seen = progress(registry.read(id, now));
                assert!(seen >= before, "{seen} after {before}, at {now}");
                let over = latest.load(Ordering::Relaxed) as u64 >= 90 + LIFE;
                assert!(seen < 2 || over, "expired inside the promised time, at {now}");
                furthest.fetch_max(seen, Ordering::Relaxed);
            }
        })
    };
    let pollers = [poller([50, 95, 105, 195]), poller([60, 89, 188, 189]), poller([91, 92, 105, 110])];
    let sweeper = (registry.clone(), Arc::clone(&latest));
    let sweeper = thread::spawn(move || {
        for now in [100, 189, 195] {
            sweeper.1.fetch_max(now as usize, Ordering::Relaxed);
            let _ = sweeper.0.sweep_some(now, 1);
        }
    });
    ticket.finish(Outcome::Ready(7), 90).expect("nothing that runs expires");
    for thread in pollers.into_iter().chain([sweeper]) {
        thread.join().unwrap();
    }
    assert!(progress(registry.read(id, 95)) >= 1, "it has ended");
}

/// Room for three; four workers keep one upload running each for as long as they can, end it or die, and begin again; a sweeper
/// comes by. Whoever has a running upload finds it running, and nobody ever counts four (S5, S10; R4, R6, R12).
fn room_is_never_exceeded_and_what_runs_is_pinned() {
    let registry = registry(retention().capacity(Capacity::EvictOldest(3)), 1);
    let worker = |number: u64| {
        let registry = registry.clone();
        thread::spawn(move || {
            for now in [0, LIFE] {
                let Ok(ticket) = registry.begin(number as u8, now) else { continue };
                let id = ticket.id();
                let held = registry.counts().total();
                let while_running = registry.read(id, now);
                let finished = number == 1 || ticket.finish(Outcome::Ready(number), now).is_ok();
                assert!(held <= 3, "{held} held");
                assert_eq!(while_running, Status::Processing, "a running upload is pinned");
                assert!(finished, "and its ticket is good");
            }
        })
    };
    let workers: Vec<_> = (1..=4).map(worker).collect();
    registry.sweep(LIFE);
    for worker in workers {
        worker.join().unwrap();
    }
    let counts = registry.counts();
    assert!(counts.total() <= 3 && counts.processing == 0, "{counts:?}");
}

/// An upload has ended; its age begins with its acknowledgement. Three tabs acknowledge it at once, among two sweepers that come
/// late by any other age: one acknowledgement counts, none takes the record away, and its time runs from there (S1; R9, R13).
fn one_acknowledgement_counts_and_starts_the_time() {
    let registry = registry(retention().age(AgeBasis::Acknowledged), 2);
    let ticket = registry.begin(7, 0).expect("there is no capacity");
    let id = ticket.id();
    ticket.finish(Outcome::Ready(7), 0).expect("nobody clears");
    let by_key = Arc::new(AtomicBool::new(false));
    let tabs = [3 * LIFE, 3 * LIFE + 5, 3 * LIFE + 9].map(|now| {
        let (registry, by_key) = (registry.clone(), Arc::clone(&by_key));
        thread::spawn(move || match by_key.swap(true, Ordering::Relaxed) {
            true => registry.acknowledge(id, now),
            false => registry.acknowledge_key(&7, now),
        })
    });
    let sweepers = [2 * LIFE, 3 * LIFE + 9].map(|now| {
        let registry = registry.clone();
        thread::spawn(move || registry.sweep(now).taken())
    });
    let counted = tabs.map(|tab| tab.join().unwrap());
    assert_eq!(counted.iter().filter(|counted| **counted).count(), 1, "{counted:?}");
    assert_eq!(sweepers.map(|sweeper| sweeper.join().unwrap()), [0, 0], "nothing was due");
    assert_eq!(registry.read(id, 4 * LIFE - 1), Status::Ready(7));
    assert_eq!(registry.read(id, 4 * LIFE + 9), Status::Expired(registry::State::Ready));
}

/// Wakes a thread that has parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an upload as a thread that sleeps until it is woken.
fn wait(registry: &Registry, id: UploadId) -> Status<u64> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut wait = registry.wait(id);
    loop {
        match wait.poll(1, &waker) {
            Poll::Ready(status) => return status,
            Poll::Pending => thread::park(),
        }
    }
}

/// Three uploads: one ends, one's worker goes away, one is cleared. Clients sleep until they are woken, and one of them gives up
/// half-way. Nobody sleeps for ever, which shuttle would call a deadlock, and each is told of its own upload (R16, R4, R15, R2).
fn who_waits_is_woken_however_it_ends() {
    let registry = registry(retention(), 1);
    let tickets: Vec<_> = (0..3).map(|key| registry.begin(key, 0).expect("there is no capacity")).collect();
    let ids: Vec<_> = tickets.iter().map(registry::Ticket::id).collect();
    let expected = [Status::Ready(7), Status::Interrupted, Status::Unknown];
    let clients = ids.iter().zip(&expected).map(|(&id, expected)| {
        let (registry, expected) = (registry.clone(), *expected);
        thread::spawn(move || assert_eq!(wait(&registry, id), expected))
    });
    let mut threads: Vec<_> = clients.collect();
    let (giving_up, id) = (registry.clone(), ids[0]);
    threads.push(thread::spawn(move || {
        let mut wait = giving_up.wait(id);
        let first = wait.poll(1, Waker::noop());
        assert!(matches!(first, Poll::Pending | Poll::Ready(Status::Ready(7))), "{first:?}");
    }));
    let cleared = ids[2];
    let workers = registry.clone();
    threads.push(thread::spawn(move || {
        let mut tickets = tickets.into_iter();
        let mut next = || tickets.next().expect("there are three");
        next().finish(Outcome::Ready(7), 1).expect("nobody clears it");
        drop(next());
        assert!(workers.clear(cleared), "it is there until now");
        next().finish(Outcome::Ready(9), 1).expect_err("it was cleared");
    }));
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(registry.waiting(), 0);
}
