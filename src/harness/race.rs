//! A program whose actors are threads: of the system, of loom, of shuttle. What they were answered is a history.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::failure::{Fault, Finding};
use super::history::{self, Call};
use super::model::Answer;
use super::monitor::{Monitor, Occasions};
use super::order::{self, Clock};
use super::program::{Program, Step, UPLOADS};
use super::promise::Promise;
use super::session::Session;
use super::store::Store;

/// A counter that threads share.
pub(super) trait Counter: Send + Sync + 'static {
    fn new(value: u64) -> Self;

    /// Adds, and returns the sum. It is a moment that all threads agree on: whoever counts later knows what happened before.
    fn add(&self, value: u64) -> u64;

    fn get(&self) -> u64;
}

/// Makes an atomic of 64 bits a counter; std, loom and shuttle each have one of the same interface.
macro_rules! counter {
    ($atomic:ty) => {
        impl Counter for $atomic {
            fn new(value: u64) -> Self {
                <$atomic>::new(value)
            }

            fn add(&self, value: u64) -> u64 {
                self.fetch_add(value, Ordering::AcqRel) + value
            }

            fn get(&self) -> u64 {
                self.load(Ordering::Acquire)
            }
        }
    };
}
counter!(std::sync::atomic::AtomicU64);
counter!(::loom::sync::atomic::AtomicU64);
counter!(::shuttle::sync::atomic::AtomicU64);

/// Whose threads and whose counters.
pub(super) trait World: 'static {
    type Counter: Counter;

    /// Whether it costs nothing to note when each call began and returned. Where it does, only the moments between two calls of
    /// one actor are noted.
    const IS_PRECISE: bool;

    /// Runs all at once, to their end.
    fn together(actors: Vec<Box<dyn FnOnce() + Send>>);
}

/// The events of the race lie between these; those of the setup before, those after it behind.
const RACE: u64 = 1 << 20;
const END: u64 = 1 << 40;

/// The calls of an execution so far.
pub(super) type Trail = Arc<Mutex<Vec<Call>>>;

fn push(trail: &Trail, call: Call) {
    trail.lock().unwrap_or_else(PoisonError::into_inner).push(call);
}

/// What the actors share.
struct Shared<W: World, S: Store> {
    session: Session<S>,
    /// Goes up between two calls of an actor.
    moments: W::Counter,
    clock: W::Counter,
    /// Whether time passes while they race.
    passes: bool,
    /// Who begins each upload in the race, and whether somebody else has to do with it.
    owner: [Option<usize>; UPLOADS],
    is_shared: [bool; UPLOADS],
    trail: Trail,
}

/// Runs a program once, and returns what is wrong with it.
pub(super) fn run<W: World, S: Store>(
    promise: Promise,
    store: S,
    program: &Program,
    trail: &Trail,
    occasions: &mut Occasions,
) -> Option<Finding> {
    trail.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let mut clock = Clock::new(promise);
    let session = Session::new(store);
    alone(&session, &mut clock, &program.setup, 0, trail);
    let shared = Arc::new(Shared::<W, S> {
        session,
        moments: W::Counter::new(0),
        clock: W::Counter::new(clock.now_ns()),
        passes: program.actors.iter().flatten().any(|step| matches!(step, Step::Pass(_))),
        owner: owners(program),
        is_shared: shared_uploads(program),
        trail: Arc::clone(trail),
    });
    let actor = |(index, steps): (usize, &Vec<Step>)| {
        let (shared, steps) = (Arc::clone(&shared), steps.clone());
        let now_ns = clock.now_ns();
        Box::new(move || shared.act(index + 1, &steps, now_ns)) as Box<dyn FnOnce() + Send>
    };
    W::together(program.actors.iter().enumerate().map(actor).collect());
    if shared.passes {
        clock.set(shared.clock.get());
    }
    alone(&shared.session, &mut clock, &program.after, END, trail);
    let calls = trail.lock().unwrap_or_else(PoisonError::into_inner).clone();
    judge(promise, &calls, &shared.session, occasions)
}

/// Steps that nobody disturbs.
fn alone<S: Store>(session: &Session<S>, clock: &mut Clock, steps: &[Step], from: u64, trail: &Trail) {
    for (place, &step) in (from + 1..).step_by(2).zip(steps) {
        let now_ns = clock.at(step);
        let call = |answer| Call { actor: 0, step, now_ns, answer, began: place, returned: place + 1 };
        push(trail, call(session.perform(step, now_ns, true)));
    }
}

fn owners(program: &Program) -> [Option<usize>; UPLOADS] {
    let mut owner = [None; UPLOADS];
    for (actor, steps) in program.actors.iter().enumerate() {
        for step in steps {
            if let Step::Begin { upload, .. } = step {
                owner[usize::from(*upload)] = Some(actor + 1);
            }
        }
    }
    owner
}

fn shared_uploads(program: &Program) -> [bool; UPLOADS] {
    let owner = owners(program);
    let mut shared = [false; UPLOADS];
    for (actor, steps) in program.actors.iter().enumerate() {
        for upload in steps.iter().filter_map(|step| step.of()).map(usize::from) {
            shared[upload] |= owner[upload].is_some_and(|owner| owner != actor + 1);
        }
    }
    shared
}

impl<W: World, S: Store> Shared<W, S> {
    /// What an actor does.
    fn act(&self, actor: usize, steps: &[Step], now_ns: u64) {
        // The latest moment, and whether it is since the call before.
        let (mut moment, mut is_new) = (0, true);
        for (place, &step) in steps.iter().enumerate() {
            let is_foreign = step.of().and_then(|upload| self.owner[usize::from(upload)]).is_some_and(|of| of != actor);
            if W::IS_PRECISE || !is_new || (moment == 0 && is_foreign) {
                moment = self.moments.add(1);
            }
            let began = RACE + 2 * moment + 1;
            is_new = false;
            let now_ns = match step {
                Step::Pass(ns) => self.clock.add(ns),
                _ if self.passes => self.clock.get(),
                _ => now_ns,
            };
            let (answer, ticket) = match step {
                Step::Begin { upload, key } => match self.session.begin(upload, key, now_ns) {
                    Ok(ticket) => (Answer::Begun, Some((upload, ticket))),
                    Err(_) => (Answer::Full, None),
                },
                _ => (self.session.perform(step, now_ns, false), None),
            };
            let has_news = ticket.as_ref().is_some_and(|(upload, _)| self.is_shared[usize::from(*upload)]);
            let is_last = place + 1 == steps.len();
            let mut returned = END;
            if W::IS_PRECISE || has_news || !is_last {
                moment = self.moments.add(1);
                is_new = true;
                returned = RACE + 2 * moment;
            }
            if let Some((upload, ticket)) = ticket {
                self.session.keep(upload, ticket);
            }
            push(&self.trail, Call { actor, step, now_ns, answer, began, returned });
        }
    }
}

/// What is wrong with a history, and the calls to look at: by the properties, which name it, and by the reference.
fn judge<S: Store>(
    promise: Promise,
    calls: &[Call],
    session: &Session<S>,
    occasions: &mut Occasions,
) -> Option<Finding> {
    let found = |fault, marked| Some(Finding { fault, calls: calls.to_vec(), marked });
    let mut monitor = Monitor::new(promise);
    let begins = calls.iter().enumerate().map(|(call, of)| (of.began, false, call));
    let returns = calls.iter().enumerate().map(|(call, of)| (of.returned, true, call));
    let mut events: Vec<_> = begins.chain(returns).collect();
    events.sort_unstable();
    let mut before: Vec<Option<_>> = calls.iter().map(|_| None).collect();
    for (_, is_return, place) in events {
        let Call { step, now_ns, answer, .. } = calls[place];
        if !is_return {
            before[place] = Some(monitor.invoked(step, now_ns));
        } else if let Some(before) = &before[place]
            && let Some(breach) = monitor.returned(before, step, now_ns, answer, occasions)
        {
            return found(Fault::Property(breach.property, breach.what), vec![place]);
        }
    }
    if let Some(fault) = order::asleep(&monitor, session) {
        return found(fault, Vec::new());
    }
    let window = history::unexplained(promise, calls)?;
    found(Fault::Answer("no order of the calls that overlap explains these answers".to_owned()), window)
}
