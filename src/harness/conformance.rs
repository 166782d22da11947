//! Conformance: generated sequences of calls and times against the reference, shrunk where they differ.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use super::budget::Meter;
use super::failure::Level;
use super::monitor::Occasions;
use super::order;
use super::program::{Program, Step, UPLOADS};
use super::promise::Promise;
use super::store::{Calls, Store};
use crate::scenario::Property;

/// A step of a sequence, before it is known which uploads there are: they go by how long ago they began.
#[derive(Clone, Copy, Debug)]
enum Raw {
    Begin(u8),
    Of(fn(u8) -> Step, usize),
    Other(Step),
}

/// The steps of a sequence.
fn steps(raw: &[Raw]) -> Vec<Step> {
    let mut begun = 0;
    let step = |raw: &Raw| match *raw {
        Raw::Begin(_) if begun == UPLOADS => None,
        Raw::Begin(key) => {
            begun += 1;
            Some(Step::Begin { upload: begun as u8 - 1, key })
        }
        Raw::Of(step, ago) => begun.checked_sub(1 + ago).map(|upload| step(upload as u8)),
        Raw::Other(step) => Some(step),
    };
    raw.iter().filter_map(step).collect()
}

fn sequences(promise: Promise, calls: Calls) -> impl Strategy<Value = Vec<Raw>> {
    let of = |step: fn(u8) -> Step| (0usize..4).prop_map(move |ago| Raw::Of(step, ago)).boxed();
    let mut times = vec![1];
    for time in promise.times() {
        times.extend([time.saturating_sub(1), time, time.saturating_add(1), time / 2]);
    }
    let times = prop::sample::select(times).prop_map(|ns| Raw::Other(Step::Pass(ns)));
    let mut choices = vec![
        (6, (0u8..3).prop_map(Raw::Begin).boxed()),
        (4, of(Step::Finish)),
        (2, of(Step::Fail)),
        (5, of(Step::Read)),
        (3, Just(Raw::Other(Step::Sweep)).boxed()),
        (4, times.boxed()),
    ];
    let optional = [
        (calls.interrupt, 1, of(Step::Interrupt)),
        (calls.read_key, 2, (0u8..3).prop_map(|key| Raw::Other(Step::ReadKey(key))).boxed()),
        (calls.acknowledge, 2, of(Step::Acknowledge)),
        (calls.clear, 1, of(Step::Clear)),
        (calls.wait, 1, of(Step::Wait)),
    ];
    choices.extend(optional.into_iter().filter(|(has, ..)| *has).map(|(_, weight, steps)| (weight, steps)));
    prop::collection::vec(prop::strategy::Union::new_weighted(choices), 1..40)
}

/// How many sequences are generated.
const CASES: u32 = 2000;

/// One sequence of so many is run twice, and must be answered the same (S12).
const REPLAYED: u64 = 8;

/// The smallest sequence, found by shrinking, that a store answers otherwise than the reference.
pub(super) fn search<S: Store>(
    promise: Promise,
    make: &dyn Fn() -> S,
    calls: Calls,
    meter: &mut Meter,
    occasions: &mut Occasions,
) -> Option<Program> {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        verbose: 0,
        ..Config::default()
    };
    let state = RefCell::new((meter, occasions, false));
    let ran = TestRunner::new(config).run(&sequences(promise, calls), |raw| {
        let mut state = state.borrow_mut();
        let (meter, occasions, is_shrinking) = &mut *state;
        // What shrinks a sequence that broke is not counted.
        if !*is_shrinking && !meter.another() {
            return Ok(());
        }
        let program = Program { setup: steps(&raw), ..Program::default() };
        meter.note_program(Level::Conformance, "generated", &program);
        let order = order::predict(promise, program.setup.iter().map(|&step| (0, step)));
        let recorded = order::record(promise, make, &order, true, meter.place(), occasions);
        match recorded.fault {
            None if meter.executions().is_multiple_of(REPLAYED) => {
                occasions[Property::S12 as usize] += 1;
                let again = order::record(promise, make, &order, true, meter.place(), &mut Occasions::default());
                prop_assert_eq!(again.calls, recorded.calls, "the same calls, made again");
                Ok(())
            }
            None => Ok(()),
            Some(fault) => {
                *is_shrinking = true;
                Err(TestCaseError::fail(fault.to_string()))
            }
        }
    });
    match ran {
        Ok(()) => None,
        Err(TestError::Fail(_, raw)) => Some(Program { setup: steps(&raw), ..Program::default() }),
        Err(TestError::Abort(why)) => unreachable!("no sequence is rejected: {why}"),
    }
}
