//! How many orders of steps there are, by the closed form: the multinomial coefficient of the actors' steps.

use stillready::harness::{Extent, Level, Program, Report, check};
use stillready::scenario::Property;

use crate::stores::{Small, retention};

/// Explores one program, all of its orders or as many as are needed.
fn explored(program: &str, pruning: bool) -> Report {
    let program: Program = program.parse().expect("a program");
    let check = check("small", Small::new).promise(retention()).levels(&[Level::Steps]);
    let check = check.programs([("one".to_owned(), program)]);
    if pruning { check.report() } else { check.without_pruning().report() }
}

fn executions(program: &str, pruning: bool) -> u64 {
    let report = explored(program, pruning);
    assert!(report.failure.is_none(), "{report}");
    assert_eq!(report.rows[0].extent, Extent::Exhaustive);
    report.executions()
}

/// (a + b + …)! / (a! b! …)
fn multinomial(steps: &[u64]) -> u64 {
    let factorial = |n: u64| (1..=n).product::<u64>();
    factorial(steps.iter().sum()) / steps.iter().copied().map(factorial).product::<u64>()
}

#[test]
fn every_order_runs_once() {
    assert_eq!(executions("b0.0/f0,r0/s,s/-", false), multinomial(&[2, 2]));
    assert_eq!(executions("b0.0,b1.1/f0,r0,s/f1,r1,s/r0", false), multinomial(&[3, 3]));
    assert_eq!(executions("b0.0/f0,r0/s,r0/s,s/-", false), multinomial(&[2, 2, 2]));
    let four_by_three = "b0.0,b1.1/f0,r0,s/f1,r1,s/s,s,s/r0,s,r1/-";
    assert_eq!(executions(four_by_three, false), multinomial(&[3, 3, 3, 3]));
    assert_eq!(multinomial(&[3, 3, 3, 3]), 369_600);
}

#[test]
fn a_step_waits_for_its_upload() {
    // Of f0 and r0 none can come before b0: (2 + 1)! / 2! orders, less those in which the poll of another comes first.
    assert_eq!(executions("-/b0.0,f0/r0/-", false), 2);
    assert_eq!(executions("-/b0.0/r0,r0/-", false), 1);
}

#[test]
fn orders_that_differ_in_polls_alone_run_once() {
    assert_eq!(executions("b0.0/r0,r0/r0,r0/-", false), multinomial(&[2, 2]));
    assert_eq!(executions("b0.0/r0,r0/r0,r0/-", true), 1);
    // An end among n polls of others: before, between and after them.
    assert_eq!(executions("b0.0/f0/r0,r0,r0/-", true), 4);
    assert_eq!(executions("b0.0/f0/r0/r0/-", true), 4, "each poll is before or after the end");
}

#[test]
fn two_polls_do_not_commute_where_they_renew_the_age() {
    use stillready::registry::AgeBasis::LastAccess;
    let program: Program = "b0.0/r0,r0/r0,r0/-".parse().expect("a program");
    let check = check("small", Small::new).promise(retention().age(LastAccess)).levels(&[Level::Steps]);
    assert_eq!(check.programs([("polls".to_owned(), program)]).report().executions(), multinomial(&[2, 2]));
}

#[test]
fn what_pruning_leaves_out_breaks_nothing_that_the_rest_does_not() {
    for program in ["b0.0,f0,+60000000000/r0/s,r0/r0", "b0.0,f0/+60000000000,r0/s/r0,r0/-"] {
        for pruning in [false, true] {
            let program: Program = program.parse().expect("a program");
            let check = check("the incident's", Small::valid_until_swept).promise(retention());
            let check = check.levels(&[Level::Steps]).programs([("one".to_owned(), program.clone())]);
            let report = if pruning { check.report() } else { check.without_pruning().report() };
            let failure = report.failure.expect("its answers depend on the sweep");
            assert_eq!(failure.fault.property(), Some(Property::S11), "{failure}");
        }
    }
}

#[test]
fn programs_are_read_as_they_are_written() {
    for text in ["b0.0,f0/r0/s/r0", "-/b0.1/b1.1/-", "b0.0,+5,-3,e0,i0,k7,a0,c0,w0/-"] {
        assert_eq!(text.parse::<Program>().expect("a program").to_string(), text);
    }
    for text in ["", "b0.0", "x/-", "b9.0/-", "f0/-", "b0.0,b0.1/-", "b0.0/f0/r0/s/r0/k0/-", "b0/-", "+x/-", "s3/-"] {
        assert!(text.parse::<Program>().is_err(), "{text}");
    }
}
