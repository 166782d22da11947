//! The status registry under shuttle: more threads and longer programs than loom can search, on random schedules and on those
//! of PCT (S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010). These
//! are samples, not proofs; the seeds are fixed, so a run repeats.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod programs;

#[path = "../../src/registry/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the programs use a part of the registry's public interface"
)]
mod registry;

#[path = "../own_copy/mod.rs"]
mod own_copy;

mod sync {
    //! The registry's door, leading to shuttle.

    pub(crate) use super::own_copy::OwnCopy;
    pub(crate) use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::atomic::AtomicU32 as LockedU32;
    pub(crate) use std::sync::{Arc, OnceLock, PoisonError};

    /// Whether the named fault is switched on in this thread.
    macro_rules! mutant {
        ($name:ident) => {
            crate::is_on(stringify!($name))
        };
    }
    pub(crate) use mutant;
}

use std::cell::Cell;
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use programs::PROGRAMS;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, Runner};

const SCHEDULES: usize = 4000;

thread_local! {
    /// The fault that is switched on. Shuttle runs all threads of a program on one thread of the system.
    static ON: Cell<Option<&'static str>> = const { Cell::new(None) };
    /// Whether a search runs on this thread of the system, and its panics are findings and not to be printed.
    static SEARCHING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a fault is switched on. A program that fails is left alone: its tickets are dropped while its panic unwinds, and a
/// second panic, from a lock of a schedule that is over, would abort the process.
fn is_on(name: &str) -> bool {
    ON.get() == Some(name) || (name == "silent_drop" && std::thread::panicking())
}

/// How the next thread is chosen.
#[derive(Clone, Copy, Debug)]
enum Chosen {
    AtRandom,
    ByPct,
}

/// Runs a program on many schedules, and returns how many ran, or the number of the first that failed and its message.
fn run(program: fn(), chosen: Chosen) -> Result<usize, (usize, String)> {
    keep_panics_of_programs_quiet();
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let program = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        program();
    };
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    SEARCHING.set(true);
    let search = catch_unwind(AssertUnwindSafe(|| match chosen {
        Chosen::AtRandom => Runner::new(RandomScheduler::new_from_seed(1, SCHEDULES), config).run(program),
        Chosen::ByPct => Runner::new(PctScheduler::new_from_seed(1, 3, SCHEDULES), config).run(program),
    }));
    SEARCHING.set(false);
    let ran = ran.load(Ordering::Relaxed);
    match search {
        Ok(_) => Ok(ran),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err((ran, text.unwrap_or("a panic").to_owned()))
        }
    }
}

/// Lets the panics of programs pass in silence, and those of everything else, in other threads of the test runner, be printed.
fn keep_panics_of_programs_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !SEARCHING.get() {
                print(panic);
            }
        }));
    });
}

/// Prints a report past the test runner, which swallows what passing tests print, in one piece.
fn report(lines: &[String]) {
    let _ = std::io::stderr().write_all(format!("\n{}\n", lines.join("\n")).as_bytes());
}

#[test]
fn every_program_holds_on_thousands_of_schedules() {
    let mut lines = Vec::new();
    for (name, program) in PROGRAMS {
        for chosen in [Chosen::AtRandom, Chosen::ByPct] {
            let schedules = run(*program, chosen).unwrap_or_else(|(ran, why)| {
                panic!("{name}, {chosen:?}, schedule {ran}: {why}\n  again: cargo test --test shuttle every_program")
            });
            assert_eq!(schedules, SCHEDULES, "{name} ran on all its schedules");
            let scheduler = match chosen {
                Chosen::AtRandom => "at random",
                Chosen::ByPct => "by PCT of depth 3",
            };
            lines.push(format!("program {name}: {schedules} schedules {scheduler}, sampled"));
        }
    }
    report(&lines);
}

#[test]
fn the_programs_catch_mutants_too() {
    let mutants = [
        ("status_before_timestamp", "answers_never_go_back"),
        ("id_without_generation", "capacity_tickets_and_clears"),
        ("silent_drop", "capacity_tickets_and_clears"),
        ("due_a_moment_early", "sweeps_and_uploads_of_one_name"),
        ("sweep_acts_on_what_it_saw", "sweeps_and_uploads_of_one_name"),
        ("clock_runs_backwards", "answers_never_go_back"),
        ("running_uploads_are_evicted", "room_is_never_exceeded_and_what_runs_is_pinned"),
        ("room_is_let_go_before_it_is_taken", "room_is_never_exceeded_and_what_runs_is_pinned"),
        ("every_acknowledgement_counts", "one_acknowledgement_counts_and_starts_the_time"),
        ("old_generation_takes_the_key", "sweeps_and_uploads_of_one_name"),
        ("wait_looks_before_it_enters", "who_waits_is_woken_however_it_ends"),
        ("clear_wakes_nobody", "who_waits_is_woken_however_it_ends"),
    ];
    let (mut lines, mut survivors) = (Vec::new(), Vec::new());
    for (mutant, by) in mutants {
        let (_, program) = PROGRAMS.iter().find(|(name, _)| *name == by).expect("the program is in the table");
        for chosen in [Chosen::AtRandom, Chosen::ByPct] {
            ON.set(Some(mutant));
            let result = run(*program, chosen);
            ON.set(None);
            match result {
                Err((ran, why)) => {
                    let why = why.lines().next().unwrap_or_default();
                    lines.push(format!("mutant {mutant}: caught by {by}, {chosen:?}, in schedule {ran}: {why}"));
                }
                Ok(ran) => survivors.push(format!("{mutant} survived {ran} schedules of {by}, {chosen:?}")),
            }
        }
    }
    report(&lines);
    assert!(survivors.is_empty(), "{survivors:#?}");
}
