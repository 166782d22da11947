//! Puts a store through the levels, one after the other, until one breaks it.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::budget::{Budget, Extent, Meter, Progress};
use super::failure::{Failure, Fault, Level};
use super::history::Call;
use super::inside::{self, Explore, Explored, Make, Request};
use super::monitor::Occasions;
use super::order::{self, Expected};
use super::program::{Program, Step};
use super::programs::{self, Named};
use super::promise::{Address, Promise};
use super::report::{Report, Row};
use super::steps::{self, Broken, Search};
use super::store::{Calls, Store};
use super::{budget, conformance, quiet, session};
use crate::registry::Retention;
use crate::scenario::{Kind, Property};

/// How many programs are generated for the search through steps, and of how many actors.
const GENERATED: u64 = 120;

/// How often each program runs on real threads, and on schedules of shuttle.
const THREAD_RUNS: u64 = 40;
const SCHEDULES: u64 = 1000;

/// The most executions of one program under loom before it is given up to its bound on preemptions.
const LOOM_EXECUTIONS: u64 = 4000;

/// The preemptions up to which loom looks first.
const PREEMPTIONS: usize = 2;

/// A check of a store, to be told what the store promises and then [`run`](Check::run).
#[must_use = "a check does nothing until it is run"]
pub struct Check<S: Store> {
    name: String,
    make: Make<S>,
    promise: Promise,
    budget: Budget,
    clocks_agree: bool,
    pruning: bool,
    levels: Vec<Level>,
    programs: Option<Vec<Named>>,
    loom: Option<Explore>,
    shuttle: Option<Explore>,
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

    /// Runs the execution that a token names; of loom and shuttle, the search up to it.
    ///
    /// # Panics
    /// If the token is none.
    #[must_use]
    pub fn replay(self, token: &str) -> Report {
        let copy = token.to_owned();
        self.watched(move |run| run.replay(&copy)).unwrap_or_else(|| {
            panic!("STILLREADY_REPLAY={token} is no token of this version; copy the whole of what a failure printed")
        })
    }
}

/// A call did not return.
fn stuck(name: &str, promise: Promise, progress: &Progress) -> Failure {
    let (level, named, program) = progress.program().unwrap_or((Level::Conformance, String::new(), Program::default()));
    let turns = progress.turns(program.actors.iter().map(Vec::len).sum());
    let order = steps::by_turns(promise, &program, &turns).unwrap_or_default();
    let place = progress.place().min(order.len().saturating_sub(1));
    // Of threads it is not known who waits where.
    let order = if matches!(level, Level::Conformance | Level::Steps) { order } else { Vec::new() };
    let calls: Vec<Call> =
        (0u64..).zip(order.iter().take(place + 1)).map(|(at, expected)| call(expected, at)).collect();
    let marked = calls.len().checked_sub(1).into_iter().collect();
    let fault = Fault::Deadlock("a call never returned".to_owned());
    let token = format!("{}:{program}:{turns}", level.name());
    let execution = progress.executions();
    Failure { store: name.to_owned(), level, fault, program, named, execution, token, calls, marked }
}

fn call(expected: &Expected, at: u64) -> Call {
    let &Expected { actor, step, now_ns, answer } = expected;
    Call { actor, step, now_ns, answer, began: 2 * at, returned: 2 * at + 1 }
}

/// A check that runs.
struct Run<'a, S: Store> {
    check: &'a Check<S>,
    progress: Arc<Progress>,
    occasions: Occasions,
    rows: Vec<Row>,
}

impl<'a, S: Store> Run<'a, S> {
    fn new(check: &'a Check<S>, progress: Arc<Progress>) -> Self {
        Run { check, progress, occasions: Occasions::default(), rows: Vec::new() }
    }

    fn report(mut self) -> Report {
        let calls = match Calls::of(&(self.check.make)(), session::START_NS) {
            Ok(calls) => calls,
            Err(full) => panic!("{}: an empty store refuses the first upload: {full}", self.check.name),
        };
        let failure = Level::ALL.into_iter().filter(|level| self.check.levels.contains(level)).find_map(|level| {
            let mut meter = Meter::new(self.check.budget, Arc::clone(&self.progress));
            let (failure, row) = match level {
                Level::Conformance => self.conformance(calls, &mut meter),
                Level::Steps => self.steps(calls, &mut meter),
                Level::Threads => {
                    let explore = inside::threads(Arc::clone(&self.check.make));
                    self.race(level, calls, &mut meter, &explore)
                }
                Level::Loom => self.race(level, calls, &mut meter, self.check.loom.as_ref()?),
                Level::ShuttleRandom | Level::ShuttlePct => {
                    self.race(level, calls, &mut meter, self.check.shuttle.as_ref()?)
                }
            };
            self.rows.push(row);
            failure
        });
        let failure = failure.or_else(|| self.nothing_ran()).or_else(|| self.never());
        let fills = programs::can_fill(self.check.promise.retention.capacity);
        Report::new(&self.check.name, self.rows, self.occasions, calls, fills, failure)
    }

    /// A level that came to no execution, or that there was none.
    fn nothing_ran(&self) -> Option<Failure> {
        let empty = self.rows.iter().find(|row| row.executions == 0).map(|row| row.level);
        let level = if self.rows.is_empty() { Some(Level::Conformance) } else { empty }?;
        let none = (Program::default(), "none".to_owned(), Vec::new(), Vec::new());
        Some(self.failure(level, Fault::NothingRan, none.0, none.1, 0, none.2, none.3))
    }

    /// What should have come to pass in some execution, and did not: then that nothing broke says little.
    fn never(&self) -> Option<Failure> {
        if self.check.programs.is_some() || !self.check.levels.contains(&Level::Steps) {
            return None;
        }
        let is_finite = !self.check.promise.times().is_empty();
        let expected =
            |property: &Property| property.kind() == Kind::Sometimes && (is_finite || *property == Property::ReadySeen);
        let never =
            Property::ALL.into_iter().filter(expected).find(|&property| self.occasions[property as usize] == 0)?;
        let fault = Fault::Never(never);
        Some(self.failure(Level::Steps, fault, Program::default(), "none".to_owned(), 0, Vec::new(), Vec::new()))
    }

    #[expect(clippy::too_many_arguments, reason = "what a failure is made of")]
    fn failure(
        &self,
        level: Level,
        fault: Fault,
        program: Program,
        named: String,
        execution: u64,
        calls: Vec<Call>,
        marked: Vec<usize>,
    ) -> Failure {
        let actors = calls.iter().map(|call| call.actor).filter(|&actor| actor > 0);
        let turns = match level {
            Level::Steps => actors.map(|actor| char::from(b'0' + (actor - 1) as u8)).collect(),
            _ => execution.to_string(),
        };
        let token = format!("{}:{program}:{turns}", level.name());
        Failure { store: self.check.name.clone(), level, fault, program, named, execution, token, calls, marked }
    }

    fn conformance(&mut self, calls: Calls, meter: &mut Meter) -> (Option<Failure>, Row) {
        let Check { promise, make, .. } = self.check;
        let found = conformance::search(*promise, &**make, calls, meter, &mut self.occasions);
        let row = Row::new(Level::Conformance, 0, meter, Extent::Sampled);
        let failure = found.map(|program| {
            let program = self.smallest(program, meter);
            let order = order::predict(*promise, program.setup.iter().map(|&step| (0, step)));
            self.recorded(Level::Conformance, &program, "generated", &order, meter)
        });
        (failure, row)
    }

    /// The sequence without the calls that it breaks without, too; proptest, whose uploads go by how long ago they began, leaves
    /// some.
    fn smallest(&mut self, mut program: Program, meter: &Meter) -> Program {
        let Check { promise, make, .. } = self.check;
        let breaks = |program: &Program| {
            let order = order::predict(*promise, program.setup.iter().map(|&step| (0, step)));
            let mut unused = Occasions::default();
            order::record(*promise, &**make, &order, true, meter.place(), &mut unused).fault.is_some()
        };
        while let Some(smaller) = program.smaller().into_iter().find(&breaks) {
            program = smaller;
        }
        program
    }

    /// The failure that running an order once more comes to.
    fn recorded(&mut self, level: Level, program: &Program, named: &str, order: &[Expected], meter: &Meter) -> Failure {
        let Check { promise, make, .. } = self.check;
        let by_reference = !program.has_skewed_clocks();
        let recorded = order::record(*promise, &**make, order, by_reference, meter.place(), &mut self.occasions);
        let unlike =
            || Fault::Property(Property::S12, "the same calls were answered otherwise when made again".to_owned());
        let fault = recorded.fault.unwrap_or_else(unlike);
        let marked = recorded.calls.len().checked_sub(1).into_iter().collect();
        let named = named.to_owned();
        self.failure(level, fault, program.clone(), named, meter.executions(), recorded.calls, marked)
    }

    /// The programs of a level.
    fn programs(
        &self,
        calls: Calls,
        generated: u64,
        actors: std::ops::RangeInclusive<usize>,
        steps: usize,
    ) -> Vec<Named> {
        let promise = self.check.promise;
        let mut programs = match &self.check.programs {
            Some(programs) => {
                let own = programs.iter().map(|(name, program)| (name.clone(), program.clone().only(calls)));
                return own.filter(|(_, program)| program.is_sound()).collect();
            }
            None => programs::picked(promise, calls),
        };
        let spread = (actors.end() - actors.start() + 1) as u64;
        programs.extend((0..generated).map(|seed| {
            let actors = actors.start() + (seed % spread) as usize;
            programs::generated(promise, calls, seed, actors, steps)
        }));
        programs.retain(|(_, program)| {
            program.actors.len() > 1 && program.is_sound() && !(self.check.clocks_agree && program.has_skewed_clocks())
        });
        programs
    }

    fn steps(&mut self, calls: Calls, meter: &mut Meter) -> (Option<Failure>, Row) {
        let programs = self.programs(calls, GENERATED, 2..=4, 3);
        let Check { promise, make, pruning, .. } = self.check;
        let mut failure = None;
        for (name, program) in &programs {
            meter.note_program(Level::Steps, name, program);
            let search = Search::new(*promise, &**make, meter, &mut self.occasions, program);
            let search = if calls.fingerprint { search.by_fingerprints() } else { search };
            let search = if *pruning { search } else { search.without_pruning() };
            if let Some(broken) = search.first() {
                failure = Some(self.shortest(program, broken, name, meter));
            }
            if failure.is_some() || meter.used_up().is_some() {
                break;
            }
        }
        let extent = match meter.used_up() {
            Some(what) => Extent::Bounded(format!("its budget of {what}")),
            None => Extent::Exhaustive,
        };
        (failure, Row::new(Level::Steps, programs.len(), meter, extent))
    }

    /// The failure that the shortest order of the smallest program shows, beginning with an order that breaks.
    fn shortest(&mut self, program: &Program, broken: Broken, name: &str, found: &Meter) -> Failure {
        let Check { promise, make, budget, .. } = self.check;
        let mut meter = Meter::new(*budget, Arc::clone(&self.progress));
        let mut unused = Occasions::default();
        let (mut program, mut broken) = (program.clone(), broken);
        let breaks = |program: Program, meter: &mut Meter, unused: &mut Occasions| {
            meter.note_program(Level::Steps, name, &program);
            let search = Search::new(*promise, &**make, meter, unused, &program).without_pruning();
            search.first().map(|broken| (program.clone(), broken))
        };
        while let Some(smaller) =
            program.smaller().into_iter().find_map(|smaller| breaks(smaller, &mut meter, &mut unused))
        {
            (program, broken) = smaller;
        }
        // Where the budget is used up, what there is has to do.
        let search = Search::new(*promise, &**make, &mut meter, &mut unused, &program).without_pruning();
        let broken = search.shortest().unwrap_or(broken);
        let failure = self.recorded(Level::Steps, &program, name, &broken.order, found);
        Failure { token: format!("{}:{program}:{}", Level::Steps.name(), broken.turns()), ..failure }
    }

    fn race(&mut self, level: Level, calls: Calls, meter: &mut Meter, explore: &Explore) -> (Option<Failure>, Row) {
        let mut programs = match level {
            Level::Loom => self.programs(calls, 10, 2..=2, 2),
            Level::Threads => self.programs(calls, 20, 2..=3, 3),
            _ => self.programs(calls, 30, 2..=4, 3),
        };
        // Actors that read a clock which goes on come late with what they read.
        let passes = |program: &Program| program.actors.iter().flatten().any(|step| matches!(step, Step::Pass(_)));
        programs.retain(|(_, program)| !(program.has_skewed_clocks() || (self.check.clocks_agree && passes(program))));
        let (mut failure, mut ended) = (None, 0);
        for (name, program) in &programs {
            meter.note_program(level, name, program);
            let explored = self.explore(level, program, meter, explore);
            ended += usize::from(explored.is_exhaustive);
            if let Some(inside::Broken { fault, calls, marked }) = explored.broken {
                let execution = explored.executions;
                let found = self.failure(level, fault, program.clone(), name.clone(), execution, calls, marked);
                failure = Some(Failure { execution: meter.executions(), ..found });
                break;
            }
            if meter.used_up().is_some() {
                break;
            }
        }
        let extent = match level {
            Level::Loom if ended == programs.len() => Extent::Exhaustive,
            Level::Loom => {
                let others = programs.len() - ended;
                Extent::Bounded(format!(
                    "{ended} to the end, {others} to {PREEMPTIONS} preemptions or {LOOM_EXECUTIONS} executions"
                ))
            }
            _ => Extent::Sampled,
        };
        (failure, Row::new(level, programs.len(), meter, extent))
    }

    /// Explores a program; under loom with few preemptions first, which finds most, and then with any number.
    fn explore(&mut self, level: Level, program: &Program, meter: &mut Meter, explore: &Explore) -> Explored {
        let promise = self.check.promise;
        let mut of = |max: u64, preemptions, meter: &mut Meter| {
            let progress = &self.progress;
            let request = Request { promise, program, max: max.min(meter.left()), preemptions, level, progress };
            let explored = explore(request, &mut self.occasions);
            meter.count(explored.executions);
            explored
        };
        match level {
            Level::Threads => of(THREAD_RUNS, None, meter),
            Level::ShuttleRandom | Level::ShuttlePct => of(SCHEDULES, None, meter),
            _ => {
                let bounded = of(LOOM_EXECUTIONS, Some(PREEMPTIONS), meter);
                if bounded.broken.is_some() {
                    return bounded;
                }
                of(LOOM_EXECUTIONS, None, meter)
            }
        }
    }

    /// Runs what a token names.
    fn replay(mut self, token: &str) -> Option<Report> {
        let mut parts = token.splitn(3, ':');
        let (level, program, last) = (parts.next()?, parts.next()?, parts.next()?);
        let level = Level::ALL.into_iter().find(|known| known.name() == level)?;
        let program: Program = program.parse().ok()?;
        let promise = self.check.promise;
        let mut meter = Meter::new(self.check.budget, Arc::clone(&self.progress));
        meter.note_program(level, "replayed", &program);
        let calls = Calls::of(&(self.check.make)(), session::START_NS).ok()?;
        let failure = match level {
            Level::Conformance | Level::Steps => {
                let turns = if level == Level::Steps { last } else { "" };
                let order = steps::by_turns(promise, &program, turns)?;
                let by_reference = !program.has_skewed_clocks();
                let make = &*self.check.make;
                let recorded = order::record(promise, make, &order, by_reference, meter.place(), &mut self.occasions);
                meter.count(1);
                recorded.fault.map(|fault| {
                    let marked = recorded.calls.len().checked_sub(1).into_iter().collect();
                    self.failure(level, fault, program.clone(), "replayed".to_owned(), 1, recorded.calls, marked)
                })
            }
            _ => {
                let explore = match level {
                    Level::Threads => inside::threads(Arc::clone(&self.check.make)),
                    Level::Loom => Arc::clone(self.check.loom.as_ref()?),
                    _ => Arc::clone(self.check.shuttle.as_ref()?),
                };
                let explored = self.explore(level, &program, &mut meter, &explore);
                explored.broken.map(|inside::Broken { fault, calls, marked }| {
                    self.failure(
                        level,
                        fault,
                        program.clone(),
                        "replayed".to_owned(),
                        explored.executions,
                        calls,
                        marked,
                    )
                })
            }
        };
        let failure = failure.map(|failure| Failure { token: token.to_owned(), ..failure });
        self.rows.push(Row::new(level, 1, &meter, Extent::Bounded("a replay".to_owned())));
        Some(Report::new(&self.check.name, self.rows, self.occasions, calls, true, failure))
    }
}
