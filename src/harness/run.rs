//! A check that runs: level by level, until one breaks the store.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::budget::{Extent, Meter, Progress};
use super::check::Check;
use super::failure::{Failure, Fault, Finding, Level};
use super::inside::{self, Explore, Explored, Request, Turns};
use super::monitor::Occasions;
use super::order::{self, Expected, Recorded};
use super::program::{Program, Step};
use super::programs::{self, Named};
use super::promise::Promise;
use super::report::{Report, Row};
use super::steps::{self, Broken, Search};
use super::store::{Calls, Store};
use super::{conformance, session};
use crate::scenario::{Kind, Property};

/// How often each program runs on real threads, and on schedules of shuttle.
const THREAD_RUNS: u64 = 40;
const SCHEDULES: u64 = 1000;

/// The most executions of one program under loom before it is given up to its bound on preemptions.
const LOOM_EXECUTIONS: u64 = 4000;

/// The preemptions up to which loom looks first.
const PREEMPTIONS: usize = 2;

/// A check that runs.
pub(super) struct Run<'a, S: Store> {
    check: &'a Check<S>,
    progress: Arc<Progress>,
    occasions: Occasions,
    rows: Vec<Row>,
}

impl<'a, S: Store> Run<'a, S> {
    pub(super) fn new(check: &'a Check<S>, progress: Arc<Progress>) -> Self {
        Run { check, progress, occasions: Occasions::default(), rows: Vec::new() }
    }

    fn meter(&self) -> Meter {
        Meter::new(self.check.budget, Arc::clone(&self.progress))
    }

    /// All levels.
    pub(super) fn report(mut self) -> Report {
        let calls = match Calls::of(&(self.check.make)(), session::START_NS) {
            Ok(calls) => calls,
            Err(full) => panic!("{}: an empty store refuses the first upload: {full}", self.check.name),
        };
        let failure = Level::ALL.into_iter().filter(|level| self.check.levels.contains(level)).find_map(|level| {
            let mut meter = self.meter();
            let (failure, row) = match level {
                Level::Conformance => self.conformance(calls, &mut meter),
                Level::Steps => self.steps(calls, &mut meter),
                _ => {
                    let explore = self.explorer(level)?;
                    self.race(level, calls, &mut meter, &explore)
                }
            };
            self.rows.push(row);
            failure
        });
        let failure = failure.or_else(|| self.too_little());
        let fills = programs::can_fill(self.check.promise.retention.capacity);
        Report::new(&self.check.name, self.rows, self.occasions, calls, fills, failure)
    }

    /// What explores programs inside the calls; `None` where the store is not compiled for it.
    fn explorer(&self, level: Level) -> Option<Explore> {
        match level {
            Level::Threads => Some(inside::threads(Arc::clone(&self.check.make))),
            Level::Loom => self.check.loom.clone(),
            Level::ShuttleRandom | Level::ShuttlePct => self.check.shuttle.clone(),
            Level::Conformance | Level::Steps => None,
        }
    }

    /// Whether the check looked at too little for its silence to say much: a level came to no execution, or what should come to
    /// pass in some execution never did.
    fn too_little(&self) -> Option<Failure> {
        let failure = |level, fault| Some(Failure::of_check(&self.check.name, level, fault));
        if self.rows.is_empty() {
            return failure(Level::Conformance, Fault::NothingRan);
        }
        if let Some(empty) = self.rows.iter().find(|row| row.executions == 0) {
            return failure(empty.level, Fault::NothingRan);
        }
        if self.check.programs.is_some() || !self.check.levels.contains(&Level::Steps) {
            return None;
        }
        let is_finite = !self.check.promise.times().is_empty();
        let expected =
            |property: &Property| property.kind() == Kind::Sometimes && (is_finite || *property == Property::ReadySeen);
        let mut expected = Property::ALL.into_iter().filter(expected);
        let never = expected.find(|&property| self.occasions[property as usize] == 0)?;
        failure(Level::Steps, Fault::Never(never))
    }

    /// The failure that a finding is; `last` is what a token ends with.
    fn failure(
        &self,
        level: Level,
        (named, program): (&str, &Program),
        execution: u64,
        last: String,
        finding: Finding,
    ) -> Failure {
        let Finding { fault, calls, marked } = finding;
        let (store, named, program) = (self.check.name.clone(), named.to_owned(), program.clone());
        let token = format!("{}:{program}:{last}", level.name());
        Failure { store, level, fault, program, named, execution, token, calls, marked }
    }

    // ---- one call after the other

    fn conformance(&mut self, calls: Calls, meter: &mut Meter) -> (Option<Failure>, Row) {
        let Check { promise, make, .. } = self.check;
        let found = conformance::search(*promise, &**make, calls, meter, &mut self.occasions);
        let row = Row::new(Level::Conformance, 0, meter, sampled(meter));
        let failure = found.map(|program| {
            let program = self.smallest(program, meter);
            let order = in_order(*promise, &program);
            self.seen_again(Level::Conformance, ("generated", &program), &order, meter)
        });
        (failure, row)
    }

    /// The sequence without the calls that it breaks without, too; proptest, whose uploads go by how long ago they began, leaves
    /// some.
    fn smallest(&mut self, mut program: Program, meter: &Meter) -> Program {
        let breaks = |program: &Program| {
            let order = in_order(self.check.promise, program);
            self.record(program, &order, meter, &mut Occasions::default()).fault.is_some()
        };
        while let Some(smaller) = program.smaller().into_iter().find(&breaks) {
            program = smaller;
        }
        program
    }

    fn record(&self, program: &Program, order: &[Expected], meter: &Meter, occasions: &mut Occasions) -> Recorded {
        let Check { promise, make, .. } = self.check;
        order::record(*promise, &**make, order, !program.has_skewed_clocks(), meter.place(), occasions)
    }

    /// The failure that an order comes to which has broken, made once more.
    fn seen_again(&mut self, level: Level, named: (&str, &Program), order: &[Expected], meter: &Meter) -> Failure {
        let recorded = self.record(named.1, order, meter, &mut Occasions::default());
        let unlike = "the same calls were answered otherwise when made again";
        let calls = recorded.calls.clone();
        let finding = recorded.finding();
        let finding =
            finding.unwrap_or_else(|| Finding::at_the_end(Fault::Property(Property::S12, unlike.to_owned()), calls));
        let last = if level == Level::Steps { order::turns(order) } else { meter.executions().to_string() };
        self.failure(level, named, meter.executions(), last, finding)
    }

    fn steps(&mut self, calls: Calls, meter: &mut Meter) -> (Option<Failure>, Row) {
        let programs = self.programs(calls, Level::Steps);
        let Check { promise, make, pruning, .. } = self.check;
        let mut failure = None;
        for (name, program) in &programs {
            meter.note_program(Level::Steps, name, program);
            let search = Search::new(*promise, &**make, meter, &mut self.occasions, program, calls);
            let search = if *pruning { search } else { search.without_pruning() };
            if let Some(broken) = search.first() {
                failure = Some(self.shortest(program, broken, name, calls, meter));
            }
            if failure.is_some() || meter.used_up().is_some() {
                break;
            }
        }
        let extent = used_up(meter).unwrap_or(Extent::Exhaustive);
        (failure, Row::new(Level::Steps, programs.len(), meter, extent))
    }

    /// The failure that the shortest order of the smallest program shows, beginning with an order that breaks.
    fn shortest(&mut self, program: &Program, broken: Broken, name: &str, calls: Calls, found: &Meter) -> Failure {
        let Check { promise, make, .. } = self.check;
        let (mut meter, mut unused) = (self.meter(), Occasions::default());
        let (mut program, mut broken) = (program.clone(), broken);
        let breaks = |program: Program, meter: &mut Meter, unused: &mut Occasions| {
            meter.note_program(Level::Steps, name, &program);
            let search = Search::new(*promise, &**make, meter, unused, &program, calls).without_pruning();
            search.first().map(|broken| (program.clone(), broken))
        };
        while let Some(smaller) =
            program.smaller().into_iter().find_map(|smaller| breaks(smaller, &mut meter, &mut unused))
        {
            (program, broken) = smaller;
        }
        // Where the budget is used up, what there is has to do.
        let search = Search::new(*promise, &**make, &mut meter, &mut unused, &program, calls).without_pruning();
        let broken = search.shortest().unwrap_or(broken);
        self.seen_again(Level::Steps, (name, &program), &broken.order, found)
    }

    // ---- inside the calls

    fn race(&mut self, level: Level, calls: Calls, meter: &mut Meter, explore: &Explore) -> (Option<Failure>, Row) {
        let mut programs = self.programs(calls, level);
        // Actors that read a clock which goes on come late with what they read.
        let passes = |program: &Program| program.actors.iter().flatten().any(|step| matches!(step, Step::Pass(_)));
        programs.retain(|(_, program)| !(program.has_skewed_clocks() || (self.check.clocks_agree && passes(program))));
        let (mut failure, mut ended) = (None, 0);
        for (name, program) in &programs {
            meter.note_program(level, name, program);
            let explored = self.explore(level, program, None, meter, explore);
            let Explored { executions, is_exhaustive, broken, turns } = explored;
            ended += usize::from(is_exhaustive);
            let last = turns.map_or_else(|| executions.to_string(), |turns| turns.to_string());
            failure = broken.map(|finding| self.failure(level, (name, program), meter.executions(), last, finding));
            if failure.is_some() || meter.used_up().is_some() {
                break;
            }
        }
        let extent = match level {
            Level::Loom if ended == programs.len() => Extent::Exhaustive,
            Level::Loom => used_up(meter).unwrap_or_else(|| {
                let others = programs.len() - ended;
                let how_far = format!("{PREEMPTIONS} preemptions and {LOOM_EXECUTIONS} executions");
                Extent::Bounded(format!("{ended} to the end, {others} to {how_far}"))
            }),
            _ => sampled(meter),
        };
        (failure, Row::new(level, programs.len(), meter, extent))
    }

    /// Explores a program; under loom with few preemptions first, which finds most, and then with any number.
    fn explore(
        &mut self,
        level: Level,
        program: &Program,
        again: Option<&Turns>,
        meter: &mut Meter,
        explore: &Explore,
    ) -> Explored {
        let promise = self.check.promise;
        let mut of = |max: u64, preemptions, meter: &mut Meter| {
            let progress = &self.progress;
            let request = Request { promise, program, max: max.min(meter.left()), preemptions, level, again, progress };
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

    // ---- programs

    /// The programs of a level: those picked by hand, and so many generated ones of so many actors with up to so many steps.
    fn programs(&self, calls: Calls, level: Level) -> Vec<Named> {
        let Check { promise, programs: own, clocks_agree, .. } = self.check;
        if let Some(own) = own {
            let own = own.iter().map(|(name, program)| (name.clone(), program.clone().only(calls)));
            return own.filter(|(_, program)| program.is_sound()).collect();
        }
        let (generated, actors, steps): (u64, RangeInclusive<usize>, usize) =
            match self.check.programs_of.unwrap_or(level) {
                Level::Conformance => (0, 2..=2, 0),
                Level::Steps => (120, 2..=4, 3),
                Level::Loom => (10, 2..=2, 2),
                Level::ShuttleRandom | Level::ShuttlePct => (30, 2..=4, 3),
                Level::Threads => (20, 2..=3, 3),
            };
        let spread = (actors.end() - actors.start() + 1) as u64;
        let generated = (0..generated).map(|seed| {
            let actors = actors.start() + (seed % spread) as usize;
            programs::generated(*promise, calls, seed, actors, steps)
        });
        let mut programs = programs::picked(*promise, calls);
        programs.extend(generated);
        programs.retain(|(_, program)| {
            program.actors.len() > 1 && program.is_sound() && !(*clocks_agree && program.has_skewed_clocks())
        });
        programs
    }

    /// Runs what a token names; `None` if it is none.
    pub(super) fn replay(mut self, token: &str) -> Option<Report> {
        let mut parts = token.splitn(3, ':');
        let (level, program, last) = (parts.next()?, parts.next()?, parts.next()?);
        let level = Level::ALL.into_iter().find(|known| known.name() == level)?;
        let program: Program = program.parse().ok()?;
        let mut meter = self.meter();
        meter.note_program(level, "replayed", &program);
        let calls = Calls::of(&(self.check.make)(), session::START_NS).ok()?;
        let finding = match level {
            Level::Conformance | Level::Steps => {
                let turns = if level == Level::Steps { last } else { "" };
                let order = steps::by_turns(self.check.promise, &program, turns)?;
                let mut occasions = self.occasions;
                let recorded = self.record(&program, &order, &meter, &mut occasions);
                self.occasions = occasions;
                meter.count(1);
                recorded.finding()
            }
            _ => {
                let explore = self.explorer(level)?;
                let turns = match level {
                    Level::ShuttleRandom | Level::ShuttlePct if !last.is_empty() => Some(last.parse().ok()?),
                    _ => None,
                };
                self.explore(level, &program, turns.as_ref(), &mut meter, &explore).broken
            }
        };
        let execution = meter.executions();
        let failure =
            finding.map(|finding| self.failure(level, ("replayed", &program), execution, last.to_owned(), finding));
        self.rows.push(Row::new(level, 1, &meter, Extent::Bounded("a replay".to_owned())));
        Some(Report::new(&self.check.name, self.rows, self.occasions, calls, true, failure))
    }
}

/// What the reference answers to the calls of a sequence.
fn in_order(promise: Promise, program: &Program) -> Vec<Expected> {
    order::predict(promise, program.setup.iter().map(|&step| (0, step)))
}

/// That a budget ended a level.
fn used_up(meter: &Meter) -> Option<Extent> {
    let what = meter.used_up()?;
    Some(Extent::Bounded(format!("its budget of {what}, after {}", meter.executions())))
}

fn sampled(meter: &Meter) -> Extent {
    used_up(meter).unwrap_or(Extent::Sampled)
}
