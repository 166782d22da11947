//! What is printed when a store breaks, and that it can be seen again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stillready::harness::{Level, Program, check};

use crate::stores::{Small, retention};

fn breaks(level: Level) -> String {
    let programs: Program = "b0.0,f0/+60000000000/r0/s/r0".parse().expect("a program");
    let check = check("the incident's", Small::valid_until_swept).promise(retention()).levels(&[level]);
    let check = check.programs([("a poll at the deadline, and a sweep".to_owned(), programs)]);
    check.report().failure.expect("its answers depend on the sweep").to_string()
}

#[test]
fn a_failing_order_is_printed_by_actor() {
    insta::assert_snapshot!(breaks(Level::Steps));
}

#[test]
fn a_failing_sequence_is_printed_call_by_call() {
    insta::assert_snapshot!(breaks(Level::Conformance));
}

#[test]
fn a_token_runs_exactly_what_failed() {
    for level in [Level::Conformance, Level::Steps] {
        let check = || check("the incident's", Small::valid_until_swept).promise(retention()).levels(&[level]);
        let failure = check().report().failure.expect("its answers depend on the sweep");
        let replayed = check().replay(&failure.token);
        assert_eq!(replayed.executions(), 1);
        let replayed = replayed.failure.expect("it breaks again");
        assert_eq!(replayed.fault, failure.fault);
        assert_eq!(replayed.token, failure.token);
        // A store that is right holds in the same order.
        let right = stillready::harness::check("small", Small::new).promise(retention());
        assert!(right.replay(&failure.token).failure.is_none());
    }
}

#[test]
fn a_token_of_nothing_says_so() {
    let (two, endless) = ("steps:b0.0,b0.1/-:", "steps:+18446744073709551615/s/-:0");
    let mut said = String::new();
    let texts = ["", "steps", "nowhere:b0.0/-:", "steps:b0.0:", "steps:b0.0,x9/r0/-:0", "steps:b0/r0/-:0"];
    for token in
        texts.into_iter().chain([two, endless, "steps:b0.0/r0/-:1", "loom:b0.0/r0/-:1", "shuttle-pct:b0.0/r0/-:9"])
    {
        let check = check("small", Small::new).promise(retention());
        let panic = catch_unwind(AssertUnwindSafe(|| check.replay(token))).expect_err(token);
        said += &format!("{}\n", panic.downcast_ref::<String>().expect("a message"));
    }
    insta::assert_snapshot!(said);
    // A program without actors has one order, of no turns.
    let check = check("small", Small::new).promise(retention());
    assert!(catch_unwind(AssertUnwindSafe(|| check.replay("steps:b0.0/-:"))).is_ok());
}

#[test]
fn a_test_panics_with_the_report() {
    let check = check("the incident's", Small::valid_until_swept).promise(retention());
    let panic = catch_unwind(AssertUnwindSafe(|| check.run())).expect_err("it breaks");
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(text.contains("S11"), "{text}");
    let last = text.trim_end().lines().last().expect("a line");
    assert!(
        last.starts_with("replay: STILLREADY_REPLAY=") && last.ends_with("a_test_panics_with_the_report"),
        "{last}"
    );
}
