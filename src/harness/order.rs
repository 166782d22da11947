//! One order of steps on a fresh store, one call after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::failure::{Fault, Finding, answered};
use super::history::{self, Call};
use super::model::{Answer, Model};
use super::monitor::{Monitor, Occasions};
use super::program::Step;
use super::promise::Promise;
use super::quiet;
use super::session::{START_NS, Session};
use super::store::Store;
use crate::scenario::Property;

/// The virtual clock of an execution. Where room is scarce, each call takes a nanosecond, so that no two entries are equally old.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    now_ns: u64,
    late_ns: u64,
    tick_ns: u64,
}

impl Clock {
    pub(super) fn new(promise: Promise) -> Clock {
        Clock { now_ns: START_NS, late_ns: 0, tick_ns: u64::from(promise.is_bounded()) }
    }

    pub(super) fn now_ns(self) -> u64 {
        self.now_ns
    }

    pub(super) fn set(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// The time that a step passes.
    pub(super) fn at(&mut self, step: Step) -> u64 {
        match step {
            Step::Pass(ns) => self.now_ns = self.now_ns.saturating_add(ns),
            Step::Back(ns) => self.late_ns = ns,
            _ => self.now_ns = self.now_ns.saturating_add(self.tick_ns),
        }
        self.now_ns - self.late_ns.min(self.now_ns)
    }
}

/// A step of an order: who does it, at what time, and what the reference answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) actor: usize,
    pub(super) step: Step,
    pub(super) now_ns: u64,
    pub(super) answer: Answer,
}

impl Expected {
    /// The call at a place of an order, and what it was answered.
    pub(super) fn call(&self, answer: Answer, place: u64) -> Call {
        let &Expected { actor, step, now_ns, .. } = self;
        Call { actor, step, now_ns, answer, began: 2 * place, returned: 2 * place + 1 }
    }
}

/// What the reference answers to steps in order.
pub(super) fn predict(promise: Promise, steps: impl IntoIterator<Item = (usize, Step)>) -> Vec<Expected> {
    let (mut clock, mut model) = (Clock::new(promise), Model::new(promise));
    let mut expect = |(actor, step)| {
        let now_ns = clock.at(step);
        Expected { actor, step, now_ns, answer: model.apply(step, now_ns, 0) }
    };
    steps.into_iter().map(&mut expect).collect()
}

/// Where an execution left what was expected: at which step.
pub(super) struct Left(pub(super) usize);

/// Runs an order. `at_each` is asked before each step, and may stop the execution by saying no; `at_end` after the last.
#[inline]
pub(super) fn run<S: Store>(
    store: S,
    order: &[Expected],
    place: &AtomicUsize,
    mut at_each: impl FnMut(usize, &Session<S>) -> bool,
    at_end: impl FnOnce(&Session<S>) -> bool,
) -> Result<(), Left> {
    let done = catch_unwind(AssertUnwindSafe(|| {
        let session = Session::new(store);
        for (index, expected) in order.iter().enumerate() {
            place.store(index, Ordering::Relaxed);
            if !at_each(index, &session) {
                return true;
            }
            let answer = session.perform(expected.step, expected.now_ns, true);
            if !expected.answer.allows(answer) {
                return false;
            }
        }
        at_end(&session)
    }));
    match done {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Left(place.load(Ordering::Relaxed))),
    }
}

/// The actors of an order in turn, as a token has them; what comes before and after them is nobody's turn.
pub(super) fn turns(order: &[Expected]) -> String {
    order.iter().filter_map(|expected| expected.actor.checked_sub(1)).map(letter).collect()
}

/// An actor in a token.
pub(super) fn letter(actor: usize) -> char {
    char::from(b'0' + actor as u8)
}

/// What an execution came to, call by call, and what is wrong with it.
pub(super) struct Recorded {
    pub(super) calls: Vec<Call>,
    pub(super) fault: Option<Fault>,
}

impl Recorded {
    pub(super) fn finding(self) -> Option<Finding> {
        Some(Finding::at_the_end(self.fault?, self.calls))
    }
}

/// Runs an order and judges it call by call: by the properties first, which name what is wrong, and, if the clocks agree, by the
/// reference.
pub(super) fn record<S: Store>(
    promise: Promise,
    make: &dyn Fn() -> S,
    order: &[Expected],
    by_reference: bool,
    at: &AtomicUsize,
    occasions: &mut Occasions,
) -> Recorded {
    let mut monitor = Monitor::new(promise);
    let mut calls = Vec::new();
    let mut fault = None;
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let session = Session::new(make());
        for (place, made) in (0..).zip(order) {
            let &Expected { step, now_ns, answer: expected, .. } = made;
            at.store(place as usize, Ordering::Relaxed);
            calls.push(made.call(Answer::Panicked, place));
            let before = monitor.invoked(step, now_ns);
            let answer = session.perform(step, now_ns, true);
            *calls.last_mut().expect("it was pushed above") = made.call(answer, place);
            let breach = monitor.returned(&before, step, now_ns, answer, occasions);
            // Where several records are equally old, the reference lets any of them make room; this order is of one of them.
            let differs = by_reference
                && !expected.allows(answer)
                && !(promise.is_bounded() && history::unexplained(promise, &calls).is_none());
            fault = match breach {
                Some(breach) => Some(Fault::Property(breach.property, breach.what)),
                None if differs => Some(difference(step, expected, answer)),
                None => None,
            };
            if fault.is_some() {
                return;
            }
        }
        fault = asleep(&monitor, &session);
    }));
    if let Err(panic) = ran {
        fault = Some(Fault::Panic(quiet::message(&*panic)));
    }
    Recorded { calls, fault }
}

/// Long polls that go on though their upload has ended.
pub(super) fn asleep<S: Store>(monitor: &Monitor, session: &Session<S>) -> Option<Fault> {
    let upload = monitor.waiting().find(|&upload| !session.is_woken(upload))?;
    Some(Fault::Deadlock(format!("the long poll of upload {upload} is never woken, though the upload has ended")))
}

/// An answer that is not the reference's.
fn difference(step: Step, expected: Answer, got: Answer) -> Fault {
    if let (Answer::Swept(Some(expected)), Answer::Swept(Some(held))) = (expected, got) {
        let what = format!("{held} entries are left after a sweep, where {expected} are not due");
        return Fault::Property(Property::S10, what);
    }
    let text = |answer| match answered(answer) {
        text if text.is_empty() => "taken".to_owned(),
        text => text,
    };
    let (expected, got) = (text(expected), text(got));
    Fault::Answer(format!("`{step}` was answered `{got}`, where the reference answers `{expected}`"))
}
