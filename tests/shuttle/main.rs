//! The status registry under shuttle: more threads and longer programs than loom can search, on random schedules and on those
//! of PCT (S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010). These
//! are samples, not proofs; the seeds are fixed, so a run repeats.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

#[path = "../../src/registry/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the programs use a part of the registry's public interface"
)]
mod registry;

mod sync {
    //! The registry's door, leading to shuttle.

    pub(crate) use shuttle::sync::atomic::{AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::{Arc, PoisonError};

    /// Whether the named fault is switched on in this thread.
    macro_rules! mutant {
        ($name:ident) => {
            crate::ON.get() == Some(stringify!($name))
        };
    }
    pub(crate) use mutant;
}

use std::cell::Cell;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use registry::{Capacity, Outcome, Retention, Status};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

type Registry = registry::Registry<u8, u64, BuildHasherDefault<DefaultHasher>>;

thread_local! {
    /// The fault that is switched on. Shuttle runs all threads of a program on one thread of the system.
    static ON: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The time to live in the programs, in nanoseconds.
const LIFE: u64 = 100;
const SCHEDULES: usize = 3000;

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

const PROGRAMS: &[(&str, fn())] = &[
    ("uploads_are_kept_and_kept_apart", uploads_are_kept_and_kept_apart),
    ("capacity_tickets_and_clears", capacity_tickets_and_clears),
    ("sweeps_and_uploads_of_one_name", sweeps_and_uploads_of_one_name),
];

/// Runs a program on many schedules, and returns how many ran, or the message of the first that failed with their number.
fn run(program: fn(), pct: bool) -> Result<usize, (usize, String)> {
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let program = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        program();
    };
    let search = catch_unwind(AssertUnwindSafe(|| {
        if pct {
            Runner::new(PctScheduler::new_from_seed(1, 3, SCHEDULES), Config::new()).run(program)
        } else {
            Runner::new(RandomScheduler::new_from_seed(1, SCHEDULES), Config::new()).run(program)
        }
    }));
    let ran = ran.load(Ordering::Relaxed);
    match search {
        Ok(_) => Ok(ran),
        Err(panic) => Err((ran, panic.downcast_ref::<String>().cloned().unwrap_or_default())),
    }
}

#[test]
fn every_program_holds_on_thousands_of_schedules() {
    for (name, program) in PROGRAMS {
        for pct in [false, true] {
            let schedules = run(*program, pct).unwrap_or_else(|(ran, why)| panic!("{name}, schedule {ran}: {why}"));
            assert_eq!(schedules, SCHEDULES, "{name} ran on all its schedules");
            let scheduler = if pct { "PCT, depth 3" } else { "random" };
            let _ = writeln!(std::io::stderr(), "program {name}: {schedules} schedules, {scheduler}, sampled");
        }
    }
}

#[test]
fn the_programs_catch_mutants_too() {
    let mutants = [
        ("id_without_generation", 1),
        ("silent_drop", 1),
        ("old_generation_takes_the_key", 2),
        ("due_a_moment_early", 2),
    ];
    std::panic::set_hook(Box::new(|_| ()));
    let mut survivors = Vec::new();
    for (mutant, program) in mutants {
        let (name, program) = PROGRAMS[program];
        for pct in [false, true] {
            ON.set(Some(mutant));
            let result = run(program, pct);
            ON.set(None);
            match result {
                Err((ran, _)) => {
                    let line = format!("mutant {mutant}: caught by {name} in schedule {ran}");
                    let _ = writeln!(std::io::stderr(), "{line}");
                }
                Ok(ran) => survivors.push(format!("{mutant} survived {ran} schedules of {name}")),
            }
        }
    }
    drop(std::panic::take_hook());
    assert!(survivors.is_empty(), "{survivors:?}");
}
