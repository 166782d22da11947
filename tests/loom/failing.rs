//! Models that must fail, each in its own way, so that a model that holds means something. They also show that no failure takes
//! the test process along: with tickets alive, in a thread of the model's, in a deadlock.

use loom::thread;

use crate::harness::{Bound, Model, Why, run, run_up_to};
use crate::models::{LIFE, ready, registry, retention};

fn model(program: fn() -> String, outcomes: &'static [&'static str]) -> Model {
    Model { name: "failing", rules: &[], bound: Bound::Exhaustive, program, outcomes }
}

/// Why a model fails; it is an error if it does not.
fn why(program: fn() -> String, outcomes: &'static [&'static str]) -> Why {
    run(&model(program, outcomes)).expect_err("the model must fail").why
}

/// Two threads read one registry; four executions.
fn two_reads() -> String {
    let registry = registry(retention());
    let other = registry.clone();
    let other = thread::spawn(move || other.counts().total());
    let total = registry.counts().total() + other.join().expect("it does not panic");
    total.to_string()
}

#[test]
fn an_outcome_that_is_not_declared_fails() {
    assert_eq!(why(two_reads, &["1"]), Why::Unexpected("0".to_owned()));
}

#[test]
fn an_outcome_that_never_comes_fails() {
    assert_eq!(why(two_reads, &["0", "1", "2"]), Why::Never(vec!["1", "2"]));
}

#[test]
fn a_program_of_one_execution_is_no_race() {
    assert_eq!(why(|| "alone".to_owned(), &["alone"]), Why::NoRace);
}

#[test]
fn a_search_that_does_not_end_is_stopped_at_the_cap() {
    let executions = run(&model(two_reads, &["0"])).expect("it holds");
    assert!(executions > 1);
    let broken = run_up_to(&model(two_reads, &["0"]), executions - 1).expect_err("one too few");
    assert_eq!(broken.why, Why::NoEnd);
}

#[test]
fn a_panic_with_tickets_alive_is_told_and_ends_nothing_else() {
    let in_main = || {
        let registry = registry(retention());
        let (_mine, others) = (registry.begin(1, 0), registry.begin(2, 0));
        let _other = thread::spawn(move || drop(others));
        panic!("a fault in main");
    };
    let in_a_thread = || {
        let registry = registry(retention());
        let (_mine, others) = (registry.begin(1, 0), registry.begin(2, 0));
        let other = thread::spawn(move || {
            let _others = others;
            panic!("a fault in a thread");
        });
        let _ = other.join();
        String::new()
    };
    assert_eq!(why(in_main, &[]), Why::Panic("a fault in main".to_owned()));
    assert_eq!(why(in_a_thread, &[]), Why::Panic("a fault in a thread".to_owned()));
}

#[test]
fn a_deadlock_with_tickets_alive_is_told_and_ends_nothing_else() {
    let callback_into_the_registry = || {
        let registry = registry(retention());
        let _mine = registry.begin(2, 0);
        ready(&registry, 1);
        let other = registry.clone();
        let other = thread::spawn(move || {
            let _others = other.begin(3, 0);
            let _ = other.sweep_with(LIFE, |_| assert!(other.counts().total() > 0));
        });
        let _ = other.join();
        String::new()
    };
    let Why::Panic(message) = why(callback_into_the_registry, &[]) else { panic!("it must come to a deadlock") };
    assert!(message.contains("deadlock"), "{message}");
}
