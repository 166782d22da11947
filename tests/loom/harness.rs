//! Runs a model: counts its executions, collects its outcomes, and tells an unexpected one from an expected one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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

/// Why a model does not hold.
#[derive(Debug)]
pub struct Broken {
    pub executions: usize,
    pub why: String,
}

thread_local! {
    /// What the threads of the present execution did, in order; loom runs them all on one thread of the system.
    static STEPS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes a step of the present execution, for the case that it fails.
pub fn step(text: impl Into<String>) {
    STEPS.with_borrow_mut(|steps| steps.push(text.into()));
}

/// Runs a model to its end or to its first unexpected outcome, and returns the number of executions.
pub fn run(model: &Model) -> Result<usize, Broken> {
    let executions = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let (counter, outcomes) = (Arc::clone(&executions), Arc::clone(&seen));
    let (program, expected) = (model.program, model.outcomes);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = match model.bound {
        Bound::Exhaustive => None,
        Bound::Preemptions(bound) => Some(bound),
    };
    // The environment must not make a search end early.
    (builder.max_permutations, builder.max_duration) = (None, None);
    let search = catch_unwind(AssertUnwindSafe(|| {
        builder.check(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            STEPS.with_borrow_mut(Vec::clear);
            let outcome = program();
            assert!(expected.contains(&outcome.as_str()), "unexpected outcome: {outcome}");
            outcomes.lock().unwrap().insert(outcome);
        });
    }));
    let executions = executions.load(Ordering::Relaxed);
    if let Err(panic) = search {
        let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let steps = STEPS.with_borrow(|steps| steps.join("; "));
        let why = format!("{} in execution {executions}, after: {steps}", message.unwrap_or("a panic"));
        return Err(Broken { executions, why });
    }
    let seen = seen.lock().unwrap();
    let missing: Vec<_> = expected.iter().filter(|outcome| !seen.contains(**outcome)).collect();
    if !missing.is_empty() {
        return Err(Broken { executions, why: format!("outcomes that never came: {missing:?}") });
    }
    if executions < 2 {
        return Err(Broken { executions, why: "there was no race: one execution".to_owned() });
    }
    Ok(executions)
}

/// Prints a line that the test runner does not swallow.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
