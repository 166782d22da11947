//! Runs a model: counts its executions, collects its outcomes, and tells an unexpected one from an expected one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write as _;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};

/// A race between two to four threads.
pub struct Model {
    /// The fact that it checks.
    pub name: &'static str,
    /// The rules that it is about.
    pub rules: &'static [&'static str],
    pub bound: Bound,
    /// One execution; returns what came of it.
    pub program: fn() -> String,
    /// Everything that may come of it, and must in some execution.
    pub outcomes: &'static [&'static str],
}

/// How far the search goes.
#[derive(Clone, Copy)]
pub enum Bound {
    /// Every interleaving.
    Exhaustive,
    /// Every interleaving with at most so many preemptions.
    Preemptions(usize),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Exhaustive => f.write_str("exhaustive"),
            Bound::Preemptions(bound) => write!(f, "bounded({bound})"),
        }
    }
}

/// Why a model does not hold, and after how many executions that was known.
#[derive(Debug)]
pub struct Broken {
    pub executions: usize,
    pub why: Why,
    /// What the threads of the last execution did, as far as they noted it.
    pub steps: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { executions, why, steps } = self;
        write!(f, "{why}, known in execution {executions}, whose steps were: {steps}")
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Why {
    /// An execution came to something that the model does not declare.
    Unexpected(String),
    /// No execution came to this, which the model declares.
    Never(Vec<&'static str>),
    /// An execution panicked or came to a deadlock.
    Panic(String),
    /// There was no race: one execution is all there is.
    NoRace,
    /// The search was stopped: it had not ended at the cap.
    NoEnd,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Unexpected(outcome) => write!(f, "it came to `{outcome}`"),
            Why::Never(outcomes) => write!(f, "it never came to `{}`", outcomes.join("`, `")),
            Why::Panic(message) => write!(f, "it panicked: {message}"),
            Why::NoRace => f.write_str("it is no race: there is one execution"),
            Why::NoEnd => f.write_str("its search was stopped before its end"),
        }
    }
}

/// The executions after which a search is given up. The models need a seventh; it is there for a fault that makes a search
/// endless, so that the fault fails the tests and does not hang them.
const CAP: usize = 200_000;

thread_local! {
    /// What the threads of the present execution did, in order; loom runs them all on one thread of the system.
    static STEPS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Whether a search runs on this thread of the system, and its panics are findings and not to be printed.
    static SEARCHING: Cell<bool> = const { Cell::new(false) };
}

/// Notes a step of the present execution, for the case that it fails.
pub fn step(text: impl Into<String>) {
    STEPS.with_borrow_mut(|steps| steps.push(text.into()));
}

/// Runs a model to its end or to the first execution that does not hold, and returns the number of executions.
pub fn run(model: &Model) -> Result<usize, Broken> {
    run_up_to(model, CAP)
}

/// As [`run`], with another cap on the number of executions.
pub fn run_up_to(model: &Model, cap: usize) -> Result<usize, Broken> {
    keep_panics_of_models_quiet();
    let executions = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let (counter, outcomes) = (Arc::clone(&executions), Arc::clone(&seen));
    let (program, expected) = (model.program, model.outcomes);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = match model.bound {
        Bound::Exhaustive => None,
        Bound::Preemptions(bound) => Some(bound),
    };
    // The environment must not make a search end early, or start late.
    (builder.max_permutations, builder.max_duration, builder.checkpoint_file) = (None, None, None);
    SEARCHING.set(true);
    let search = catch_unwind(AssertUnwindSafe(|| {
        builder.check(move || {
            assert!(counter.fetch_add(1, Ordering::Relaxed) < cap, "the cap");
            STEPS.with_borrow_mut(Vec::clear);
            let outcome = program();
            let is_expected = expected.contains(&outcome.as_str());
            outcomes.lock().unwrap().insert(outcome);
            assert!(is_expected, "an unexpected outcome");
        });
    }));
    SEARCHING.set(false);
    let executions = executions.load(Ordering::Relaxed);
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    let never: Vec<_> = expected.iter().copied().filter(|outcome| !seen.remove(*outcome)).collect();
    let why = match (search, seen.pop_first()) {
        (_, Some(unexpected)) => Why::Unexpected(unexpected),
        (Err(_), None) if executions > cap => Why::NoEnd,
        (Err(panic), None) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Why::Panic(text.unwrap_or("without a message").to_owned())
        }
        (Ok(()), None) if !never.is_empty() => Why::Never(never),
        (Ok(()), None) if executions < 2 => Why::NoRace,
        (Ok(()), None) => return Ok(executions),
    };
    Err(Broken { executions, why, steps: STEPS.with_borrow(|steps| steps.join("; ")) })
}

/// Lets the panics of models pass in silence, and those of everything else, in other threads of the test runner, be printed.
fn keep_panics_of_models_quiet() {
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

/// Prints a report past the test runner, which swallows what passing tests print. In one piece, and from the start of a line:
/// the runner may have begun one of its own, and `.ci/run` counts ours.
pub fn report(lines: &[String]) {
    let _ = std::io::stderr().write_all(format!("\n{}\n", lines.join("\n")).as_bytes());
}
