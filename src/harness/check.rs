//! A check of a store: what is told of it, and the watch over its run.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::budget::{Budget, Progress};
use super::failure::{Failure, Fault, Finding, Level};
use super::history::Call;
use super::inside::{self, Explore, Make};
use super::program::Program;
use super::programs::Named;
use super::promise::{Address, Promise};
use super::report::Report;
use super::run::Run;
use super::store::Store;
use super::{budget, quiet, steps};
use crate::registry::Retention;

/// A check of a store, to be told what the store promises and then [`run`](Check::run).
#[must_use = "a check does nothing until it is run"]
pub struct Check<S: Store> {
    pub(super) name: String,
    pub(super) make: Make<S>,
    pub(super) promise: Promise,
    pub(super) budget: Budget,
    pub(super) clocks_agree: bool,
    pub(super) pruning: bool,
    pub(super) levels: Vec<Level>,
    pub(super) programs: Option<Vec<Named>>,
    pub(super) programs_of: Option<Level>,
    pub(super) loom: Option<Explore>,
    pub(super) shuttle: Option<Explore>,
}

/// A check of the stores that `make` makes, each of them empty. The promise is that of [`Retention::default`] until
/// [`promise`](Check::promise) says another.
pub fn check<S: Store>(name: impl Into<String>, make: impl Fn() -> S + Send + Sync + 'static) -> Check<S> {
    Check {
        name: name.into(),
        make: Arc::new(make),
        promise: Promise::default(),
        budget: Budget::default(),
        clocks_agree: false,
        pruning: true,
        levels: Level::ALL.to_vec(),
        programs: None,
        programs_of: None,
        loom: None,
        shuttle: None,
    }
}

impl<S: Store> Check<S> {
    /// What the store promises to keep, and what it answers afterwards.
    pub fn promise(mut self, retention: Retention) -> Self {
        self.promise.retention = retention;
        self
    }

    /// What a client finds its upload by; an id of the upload's own, unless this says otherwise.
    pub fn address(mut self, address: Address) -> Self {
        self.promise.address = address;
        self
    }

    /// The callers' clocks never disagree: no call passes a time that is earlier than that of a call before.
    pub fn clocks_agree(self) -> Self {
        Check { clocks_agree: true, ..self }
    }

    /// How much is looked at in each level.
    pub fn budget(self, budget: Budget) -> Self {
        Check { budget, ..self }
    }

    /// Looks at orders that differ only in the order of polls, too. For a store whose polls change what others are answered.
    pub fn without_pruning(self) -> Self {
        Check { pruning: false, ..self }
    }

    /// Runs these levels only.
    pub fn levels(self, levels: &[Level]) -> Self {
        Check { levels: levels.to_vec(), ..self }
    }

    /// Runs these programs only, in place of those that every store goes through.
    pub fn programs(self, programs: impl IntoIterator<Item = (String, Program)>) -> Self {
        Check { programs: Some(programs.into_iter().collect()), ..self }
    }

    /// Runs at every level the programs that this one has, so that levels can be compared. Conformance has none.
    pub fn programs_of(self, level: Level) -> Self {
        Check { programs_of: Some(level), ..self }
    }

    /// The same store, compiled over loom's primitives ([`door`](super::door)): the programs run inside its calls, too.
    pub fn loom<L: Store>(self, make: impl Fn() -> L + Send + Sync + 'static) -> Self {
        Check { loom: Some(inside::under_loom(Arc::new(make))), ..self }
    }

    /// The same store, compiled over shuttle's primitives.
    pub fn shuttle<L: Store>(self, make: impl Fn() -> L + Send + Sync + 'static) -> Self {
        Check { shuttle: Some(inside::under_shuttle(Arc::new(make))), ..self }
    }

    /// Runs the check, or with `STILLREADY_REPLAY=token` in the environment the one execution that the token names.
    ///
    /// # Panics
    /// If the store breaks, with a report that ends in how to replay it.
    pub fn run(self) -> Report {
        #[expect(clippy::disallowed_methods, reason = "the replay is asked for by who runs the test")]
        let token = std::env::var("STILLREADY_REPLAY");
        let report = match token {
            Ok(token) => self.replay(&token),
            Err(_) => self.report(),
        };
        if let Some(failure) = &report.failure {
            panic!("\n{failure}\n");
        }
        report
    }

    /// Runs the check, and returns what came of it.
    #[must_use]
    pub fn report(self) -> Report {
        let start = budget::now();
        let report = self.watched(|run| Some(run.report())).expect("a check has a report");
        Report { time: start.elapsed(), ..report }
    }

    /// Runs on a thread of its own: a call that never returns is a finding, and must not keep this one.
    fn watched(self, what: impl FnOnce(Run<'_, S>) -> Option<Report> + Send + 'static) -> Option<Report> {
        let (sender, receiver) = channel();
        let progress = Arc::new(Progress::default());
        let (name, promise, max_call) = (self.name.clone(), self.promise, self.budget.max_call);
        let watched = Arc::clone(&progress);
        thread::spawn(move || {
            let report = quiet::quietly(|| what(Run::new(&self, watched)));
            // If nobody waits any more, a call took longer than it may.
            let _ = sender.send(report);
        });
        let mut before = progress.executions();
        loop {
            match receiver.recv_timeout(max_call) {
                Ok(report) => return report,
                Err(RecvTimeoutError::Disconnected) => panic!("the check of {name} ended by a panic of its own"),
                Err(RecvTimeoutError::Timeout) if progress.executions() == before => {
                    return Some(Report::failed(&name, stuck(&name, promise, &progress)));
                }
                Err(RecvTimeoutError::Timeout) => before = progress.executions(),
            }
        }
    }

    /// Runs the execution that a token names; of loom, the search of its program up to it, since loom has no other way to come
    /// to an execution; of threads, its program again and again.
    ///
    /// # Panics
    /// If the token is none.
    #[must_use]
    pub fn replay(self, token: &str) -> Report {
        let copy = token.to_owned();
        self.watched(move |run| run.replay(&copy)).unwrap_or_else(|| {
            let fault = fault_of(token);
            panic!("STILLREADY_REPLAY={token} is no token of this version: {fault}; copy the whole of what a failure printed")
        })
    }
}

/// What is wrong with a text that is no token.
fn fault_of(token: &str) -> String {
    let mut parts = token.splitn(3, ':');
    let (Some(level), Some(program), Some(last)) = (parts.next(), parts.next(), parts.next()) else {
        return "it has not three parts, LEVEL:PROGRAM:TURNS".to_owned();
    };
    if !Level::ALL.iter().any(|known| known.name() == level) {
        let levels = Level::ALL.map(Level::name).join(", ");
        return format!("`{level}` is no level (allowed: {levels})");
    }
    match program.parse::<Program>() {
        Err(error) => error.to_string(),
        Ok(_) => format!("`{last}` is no order of its steps, or this check has no level {level}"),
    }
}

/// A call did not return.
fn stuck(name: &str, promise: Promise, progress: &Progress) -> Failure {
    let (level, named, program) = progress.program().unwrap_or((Level::Conformance, String::new(), Program::default()));
    // Of threads it is not known who waits where: their token repeats the search of the program.
    let is_ordered = matches!(level, Level::Conformance | Level::Steps);
    let steps = if is_ordered { program.actors.iter().map(Vec::len).sum() } else { 0 };
    let turns = progress.turns(steps);
    let order = steps::by_turns(promise, &program, &turns).filter(|_| is_ordered).unwrap_or_default();
    let calls =
        (0..).zip(&order).take(progress.place() + 1).map(|(place, expected)| expected.call(expected.answer, place));
    let calls: Vec<Call> = calls.collect();
    let Finding { fault, calls, marked } =
        Finding::at_the_end(Fault::Deadlock("a call never returned".to_owned()), calls);
    let (store, execution) = (name.to_owned(), progress.executions());
    let token = format!("{}:{program}:{turns}", level.name());
    Failure { store, level, fault, program, named, execution, token, calls, marked }
}
