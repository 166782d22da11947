//! Every order of the steps of a program: a depth-first search that runs each order on a fresh store.
//!
//! Where two polls can come in either order without a difference, one of the orders is enough: sleep sets (P. Godefroid,
//! "Partial-order methods for the verification of concurrent systems", 1996). Nothing else is taken to commute, not even calls
//! under different keys: that they do is what is to be found out. A store that offers a [fingerprint](Store::fingerprint) is
//! looked at once in each state.

use std::hash::{BuildHasher, Hasher};

use rustc_hash::{FxBuildHasher, FxHashSet};

use super::budget::Meter;
use super::model::{Answer, Model};
use super::monitor::{Monitor, Occasions};
use super::order::{self, Clock, Expected, Left};
use super::program::{ACTORS, Program, Step};
use super::promise::Promise;
use super::session::Session;
use super::store::{Calls, Store};
use crate::scenario::Property;

/// An order that breaks, and at which step.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) order: Vec<Expected>,
    pub(super) at: usize,
}

impl Broken {
    /// How long the order is to where it breaks, and how often it goes from one actor to another.
    fn length(&self) -> (usize, usize) {
        let switches = self.order[..=self.at].windows(2).filter(|pair| pair[0].actor != pair[1].actor).count();
        (self.at, switches)
    }
}

/// How a search goes on.
enum Flow {
    On,
    /// Back to the step so deep: what comes after the state there has been looked at.
    Back(usize),
    /// It is over: something broke, or the budget is used up.
    Over,
}

/// A search through the orders of one program.
pub(super) struct Search<'a, S: Store> {
    promise: Promise,
    make: &'a dyn Fn() -> S,
    meter: &'a mut Meter,
    occasions: &'a mut Occasions,
    program: &'a Program,
    /// Whether orders that make no difference are left out.
    pruning: bool,
    /// Whether each state is looked at once, where the store says in which it is.
    fingerprints: bool,
    /// Whether the store says how many entries it holds.
    counts: bool,
    /// Whether every order is to be looked at although one broke.
    to_the_end: bool,
    order: Vec<Expected>,
    /// Of each step of the order behind the setup: a hash of the place of the search before it.
    places: Vec<u64>,
    /// From which step on the order has not run before.
    fresh_from: usize,
    seen: FxHashSet<(u64, u64)>,
    broken: Option<Broken>,
    /// Whether callers' clocks disagree, so that the properties alone judge.
    skewed: bool,
    /// The occasions on the way to the next order, which count when it has run.
    ahead: Occasions,
}

/// Where a search is.
struct Place {
    model: Model,
    monitor: Monitor,
    clock: Clock,
    /// How many steps each actor has done.
    done: [u8; ACTORS],
    /// The uploads whose begin was called.
    called: u8,
    /// The actors whose next step has been looked at in another order that makes no difference.
    asleep: u8,
}

impl Clone for Place {
    fn clone(&self) -> Place {
        Place { model: self.model.clone(), monitor: self.monitor.clone(), ..*self }
    }

    fn clone_from(&mut self, of: &Place) {
        let Place { model, monitor, clock, done, called, asleep } = of;
        self.model.clone_from(model);
        self.monitor.clone_from(monitor);
        (self.clock, self.done, self.called, self.asleep) = (*clock, *done, *called, *asleep);
    }
}

impl<'a, S: Store> Search<'a, S> {
    pub(super) fn new(
        promise: Promise,
        make: &'a dyn Fn() -> S,
        meter: &'a mut Meter,
        occasions: &'a mut Occasions,
        program: &'a Program,
        calls: Calls,
    ) -> Self {
        Search {
            promise,
            make,
            meter,
            occasions,
            program,
            pruning: true,
            fingerprints: calls.fingerprint,
            counts: calls.held,
            to_the_end: false,
            order: Vec::with_capacity(program.len()),
            places: Vec::new(),
            fresh_from: 0,
            seen: FxHashSet::default(),
            broken: None,
            skewed: program.has_skewed_clocks(),
            ahead: Occasions::default(),
        }
    }

    /// Leaves no order out.
    pub(super) fn without_pruning(self) -> Self {
        Search { pruning: false, fingerprints: false, ..self }
    }

    /// The first order that breaks.
    pub(super) fn first(mut self) -> Option<Broken> {
        self.search();
        self.broken
    }

    /// Of the orders that break one of the shortest.
    pub(super) fn shortest(mut self) -> Option<Broken> {
        self.to_the_end = true;
        self.search();
        self.broken
    }

    fn search(&mut self) {
        let mut place = Place {
            model: Model::new(self.promise),
            monitor: Monitor::new(self.promise),
            clock: Clock::new(self.promise),
            done: [0; ACTORS],
            called: 0,
            asleep: 0,
        };
        for &step in &self.program.setup {
            self.take(&mut place, 0, step);
        }
        // A copy for each step at which the way forks.
        self.go_on(&mut vec![place; self.program.len() + 1]);
    }

    /// Appends a step to the order.
    fn take(&mut self, place: &mut Place, actor: usize, step: Step) {
        let now_ns = place.clock.at(step);
        let takes = step == Step::Sweep && place.model.is_something_due();
        let before = place.monitor.invoked(step, now_ns);
        let answer = match place.model.apply(step, now_ns, 0) {
            Answer::Swept(_) if !self.counts => Answer::Swept(None),
            answer => answer,
        };
        if let Step::Begin { upload, .. } = step {
            place.called |= 1 << upload;
        }
        if !self.skewed {
            let breach = place.monitor.returned(&before, step, now_ns, answer, &mut self.ahead);
            debug_assert_eq!(breach, None, "the reference keeps the properties");
            self.ahead[Property::EntrySwept as usize] += u64::from(takes);
        }
        self.order.push(Expected { actor, step, now_ns, answer });
    }

    /// Goes on from the first of these places; the others are free.
    fn go_on(&mut self, places: &mut [Place]) -> Flow {
        let place = &mut places[0];
        let program = self.program;
        let next = |actor: usize| program.actors.get(actor)?.get(usize::from(place.done[actor]));
        let next: [Option<&Step>; ACTORS] = std::array::from_fn(next);
        if next.iter().all(Option::is_none) {
            return self.leaf(place);
        }
        // A step waits for its upload, unless everybody waits.
        let can = |step: &Step| step.of().is_none_or(|upload| place.called & 1 << upload != 0);
        let stuck = !next.iter().flatten().any(|step| can(step));
        let mut asleep = place.asleep;
        let goes = |&actor: &usize| asleep & 1 << actor == 0 && next[actor].is_some_and(|step| stuck || can(step));
        let last = (0..ACTORS).rev().find(goes);
        let going: [bool; ACTORS] = std::array::from_fn(|actor| goes(&actor));
        for actor in (0..ACTORS).filter(|&actor| going[actor]) {
            let Some(&step) = next[actor] else { continue };
            // The last to go needs no copy: most of the way there is but one.
            let places = if Some(actor) == last {
                &mut *places
            } else {
                let (place, free) = places.split_at_mut(1);
                free[0].clone_from(&place[0]);
                free
            };
            let after = &mut places[0];
            let depth = self.order.len();
            self.take(after, actor + 1, step);
            after.done[actor] += 1;
            after.asleep = 0;
            for (other, its_step) in next.iter().enumerate() {
                let sleeps = asleep & 1 << other != 0 && its_step.is_some_and(|&other| self.commute(other, step));
                after.asleep |= u8::from(sleeps) << other;
            }
            self.note_place(after);
            let flow = self.go_on(places);
            self.order.truncate(depth);
            self.places.truncate(depth - self.program.setup.len());
            self.fresh_from = self.fresh_from.min(depth);
            match flow {
                Flow::Back(to) if to <= depth => return Flow::Back(to),
                Flow::On | Flow::Back(_) => {}
                Flow::Over => return Flow::Over,
            }
            asleep |= 1 << actor;
        }
        Flow::On
    }

    fn commute(&self, one: Step, other: Step) -> bool {
        self.pruning && one.is_poll() && other.is_poll() && self.promise.polls_commute()
    }

    /// Notes where the search is, for stores that say in which state they are.
    fn note_place(&mut self, place: &Place) {
        let mut hasher = FxBuildHasher.build_hasher();
        if self.fingerprints {
            hasher.write_u64(FxBuildHasher.hash_one(&place.model));
            hasher.write(&place.done);
            hasher.write_u8(place.asleep);
            hasher.write_u8(place.monitor.waits());
        }
        self.places.push(hasher.finish());
    }

    /// All actors have done their steps: the order runs.
    fn leaf(&mut self, end: &mut Place) -> Flow {
        if !self.meter.another() {
            return Flow::Over;
        }
        let depth = self.order.len();
        for &step in &self.program.after {
            self.take(end, 0, step);
        }
        self.meter.note_turns(&self.order);
        let found = if self.skewed { self.record() } else { self.run(&end.monitor) };
        let found = match found {
            // What the order expects is one way of several to make room: a judge that knows all of them has the last word.
            Found::Break(_) if self.promise.is_bounded() => self.record(),
            found => found,
        };
        for (all, ahead) in self.occasions.iter_mut().zip(&mut self.ahead) {
            *all += std::mem::take(ahead);
        }
        let flow = match found {
            Found::Nothing => Flow::On,
            Found::Seen(depth) => Flow::Back(depth),
            Found::Break(at) => {
                let broken = Broken { order: self.order.clone(), at };
                if self.broken.as_ref().is_none_or(|best| broken.length() < best.length()) {
                    self.broken = Some(broken);
                }
                if self.to_the_end { Flow::On } else { Flow::Over }
            }
        };
        self.order.truncate(depth);
        self.fresh_from = depth;
        flow
    }

    fn run(&mut self, end: &Monitor) -> Found {
        let (setup, middle) = (self.program.setup.len(), self.program.setup.len() + self.places.len());
        let (fresh_from, places, seen) = (self.fresh_from, &self.places, &mut self.seen);
        let fingerprints = self.fingerprints;
        let mut known = None;
        let at_each = |place: usize, session: &Session<S>| {
            let is_fresh = fingerprints && place > setup && place <= middle && place > fresh_from;
            if is_fresh
                && let Some(fingerprint) = session.fingerprint()
                && !seen.insert((fingerprint, places[place - setup - 1]))
            {
                known = Some(place);
                return false;
            }
            true
        };
        let awake = |session: &Session<S>| order::asleep(end, session).is_none();
        let ran = order::run((self.make)(), &self.order, self.meter.place(), at_each, awake);
        match (ran, known) {
            (Err(Left(at)), _) => Found::Break(at),
            (Ok(()), Some(depth)) => Found::Seen(depth),
            (Ok(()), None) => Found::Nothing,
        }
    }

    /// Runs the order once more, call by call.
    fn record(&mut self) -> Found {
        let by_reference = !self.skewed;
        let at = self.meter.place();
        let recorded = order::record(self.promise, self.make, &self.order, by_reference, at, self.occasions);
        match recorded.fault {
            Some(_) => Found::Break(recorded.calls.len() - 1),
            None => Found::Nothing,
        }
    }
}

enum Found {
    Nothing,
    /// The state before this step has been looked at.
    Seen(usize),
    /// It broke at this step.
    Break(usize),
}

/// An order by the actors' turns, as a token has it.
pub(super) fn by_turns(promise: Promise, program: &Program, turns: &str) -> Option<Vec<Expected>> {
    let mut done = [0; ACTORS];
    let mut steps: Vec<(usize, Step)> = program.setup.iter().map(|&step| (0, step)).collect();
    for turn in turns.bytes() {
        let actor = usize::from(turn.checked_sub(b'0')?);
        let step = *program.actors.get(actor)?.get(*done.get(actor)?)?;
        done[actor] += 1;
        steps.push((actor + 1, step));
    }
    steps.extend(program.after.iter().map(|&step| (0, step)));
    (steps.len() == program.len()).then(|| order::predict(promise, steps))
}
