//! The harness is itself tested: by stores that are wrong, each of which some level must catch, and by stores that are right.
#![expect(clippy::duplicate_mod, reason = "the stores are mounted over std, loom and shuttle")]

mod catalogue;

use std::time::Duration;

use catalogue::{Narrow, SUBJECTS};
use stillready::harness::{Budget, Level, Report};

/// Runs the mutants, or the right stores, through all levels; threads of the system among them, which the program leaves out.
fn run(mutants: bool) {
    let budget = Budget { max_call: Duration::from_secs(2), ..Budget::default() };
    let mut wrong = Vec::new();
    let subjects: Vec<_> = SUBJECTS.iter().filter(|subject| subject.is_mutant == mutants).collect();
    assert!(!subjects.is_empty());
    for subject in subjects {
        let report = (subject.check)(Narrow { budget, ..Narrow::default() });
        let broke = report.failure.as_ref();
        let is_well = if mutants { broke.is_some_and(|failure| failure.fault.is_of_store()) } else { broke.is_none() };
        if !is_well {
            wrong.push(format!("{}: {report}", subject.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mutant_is_caught() {
    run(true);
}

#[test]
fn every_right_store_holds() {
    run(false);
}

/// A poll that read the clock early and came late renews from the time that the store had been told by then.
#[test]
fn a_poll_whose_clock_is_late_renews_from_the_latest_time_told() {
    let program = "b0.0,f0/r0/+5,s/+1799999999998,r0";
    for name in ["plain, from the last poll", "registry, from the last poll"] {
        let subject = SUBJECTS.iter().find(|subject| subject.name == name).expect("it is in the catalogue");
        let programs = Some(vec![(name.to_owned(), program.parse().expect("a program"))]);
        let levels = vec![Level::Loom, Level::ShuttleRandom];
        let report = (subject.check)(Narrow { levels, programs, ..Narrow::default() });
        assert!(report.failure.is_none(), "{report}");
    }
}

/// Where nothing is left out, each order of each program runs; where stores say in which state they are, each state is looked
/// at once, and polls that follow each other come in one order.
#[test]
fn what_is_left_out_hides_no_mutant() {
    let levels = || vec![Level::Steps];
    let budget = Budget { max_call: Duration::from_secs(1), ..Budget::default() };
    let mut caught = 0;
    for subject in SUBJECTS {
        let check = |pruning| (subject.check)(Narrow { levels: levels(), budget, pruning, ..Narrow::default() });
        let (pruned, whole) = (check(true), check(false));
        assert!(pruned.executions() <= whole.executions(), "{}", subject.name);
        let of_store = |report: &Report| report.failure.as_ref().is_some_and(|failure| failure.fault.is_of_store());
        assert_eq!(of_store(&pruned), of_store(&whole), "{}: {pruned}\n{whole}", subject.name);
        caught += usize::from(of_store(&whole));
    }
    assert!(caught > 15, "{caught} are caught by the order of steps alone");
}

/// Each of these breaks in some orders of a program alone. What makes two places of a search the same must tell them from others:
/// how far each actor has come, what the reference holds, which long polls go on.
#[test]
fn orders_that_something_tells_apart_are_both_looked_at() {
    let programs = [
        ("sweep-takes-running", "b0.0,+1800000000000/r0/k0,s/-"),
        ("error-masked", "b0.0/f0/e0/r0"),
        ("finish-wakes-nobody", "b0.0/f0/w0/r0"),
    ];
    for (name, program) in programs {
        let subject = SUBJECTS.iter().find(|subject| subject.name == name).expect("it is in the catalogue");
        let programs = Some(vec![(name.to_owned(), program.parse().expect("a program"))]);
        let report = (subject.check)(Narrow { levels: vec![Level::Steps], programs, ..Narrow::default() });
        assert!(report.failure.is_some(), "{name} survives {program}");
    }
}

/// A schedule of shuttle is repeated turn by turn, and alone; so is one in which all wait for each other.
#[test]
fn a_token_of_shuttle_runs_exactly_what_failed() {
    let subject = |name| SUBJECTS.iter().find(|subject| subject.name == name).expect("it is in the catalogue");
    let right = subject("plain").check;
    for name in ["torn-finish", "lock-order", "renewed-and-swept", "forgotten-wake-up"] {
        for level in [Level::ShuttleRandom, Level::ShuttlePct] {
            let check = subject(name).check;
            let failure = check(Narrow { levels: vec![level], ..Narrow::default() }).failure.expect(name);
            assert!(failure.execution > 1, "{name}: {failure}");
            let replay = || Narrow { token: Some(failure.token.clone()), ..Narrow::default() };
            let again = check(replay());
            assert_eq!(again.executions(), 1, "{name}");
            let again = again.failure.expect(name);
            assert_eq!((&again.fault, &again.token), (&failure.fault, &failure.token), "{name}");
            let calls = |text: &str| text.lines().skip(4).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(calls(&again.to_string()), calls(&failure.to_string()), "{name}");
            // A store that is right takes other turns, and holds.
            let held = right(replay());
            assert_eq!((held.executions(), held.failure.is_none()), (1, true), "{name}: {held}");
        }
    }
}

#[test]
fn a_token_of_shuttle_that_is_none_says_so() {
    let plain = SUBJECTS.iter().find(|subject| subject.name == "plain").expect("it is in the catalogue");
    for turns in ["7", "a0", "A", "a-1", "é", "a99999999999999999999", "a999999999", "a b"] {
        let token = Some(format!("shuttle-random:b0.0/r0/s/-:{turns}"));
        let replay = || (plain.check)(Narrow { token, ..Narrow::default() });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(replay)).is_err(), "{turns}");
    }
}
