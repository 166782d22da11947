//! How far a check goes, and that it says where it stopped.

use std::time::Duration;

use stillready::harness::{Budget, Extent, Fault, Level, Program, Store, check};
use stillready::registry::{Full, Outcome, Retention, Status};
use stillready::scenario::Property;

use crate::stores::{Small, retention};

#[test]
fn a_budget_that_is_used_up_is_said() {
    let budget = Budget { max_executions: 100, ..Budget::default() };
    let report = check("small", Small::new).promise(retention()).levels(&[Level::Steps]).budget(budget).report();
    assert_eq!(report.rows[0].executions, 100);
    assert_eq!(report.rows[0].extent, Extent::Bounded("its budget of executions".to_owned()));
    let none = Budget { max_time: Duration::ZERO, ..Budget::default() };
    let report = check("small", Small::new).promise(retention()).levels(&[Level::Steps]).budget(none).report();
    assert_eq!(report.rows[0].extent, Extent::Bounded("its budget of time".to_owned()));
}

#[test]
fn a_check_that_ran_nothing_does_not_pass() {
    let nothing = Budget { max_executions: 0, ..Budget::default() };
    let check = check("small", Small::new).promise(retention());
    for level in [Level::Conformance, Level::Steps, Level::Threads] {
        let failure = check_of(&[level], nothing).failure.expect("nothing ran");
        assert_eq!(failure.fault, Fault::NothingRan, "{failure}");
    }
    assert_eq!(check.levels(&[]).report().failure.expect("nothing ran").fault, Fault::NothingRan);
    // Levels that need the store under loom or shuttle, where it is not.
    assert_eq!(check_of(&[Level::Loom], Budget::default()).failure.expect("nothing ran").fault, Fault::NothingRan);
}

fn check_of(levels: &[Level], budget: Budget) -> stillready::harness::Report {
    check("small", Small::new).promise(retention()).levels(levels).budget(budget).report()
}

#[test]
fn what_never_came_to_pass_is_no_pass() {
    // In the one order nobody is told ready.
    let budget = Budget { max_executions: 1, ..Budget::default() };
    let report = check("small", Small::new).promise(retention()).levels(&[Level::Steps]).budget(budget).report();
    let failure = report.failure.expect("it saw nothing");
    assert!(matches!(failure.fault, Fault::Never(_)), "{failure}");
}

/// A store whose calls never return, from the second poll on.
struct Stuck(Small, std::sync::Mutex<u32>);

impl Store for Stuck {
    type Ticket = (u32, u32);

    fn begin(&self, key: u32, upload: u32, now_ns: u64) -> Result<(u32, u32), Full> {
        self.0.begin(key, upload, now_ns)
    }

    fn finish(&self, ticket: &(u32, u32), outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        self.0.finish(ticket, outcome, now_ns)
    }

    fn read(&self, ticket: &(u32, u32), now_ns: u64) -> Status<u32> {
        let mut polls = self.1.lock().expect("nobody panics");
        *polls += 1;
        if *polls > 1 {
            // It asks for the lock that it has.
            let _again = self.1.lock();
        }
        self.0.read(ticket, now_ns)
    }

    fn sweep(&self, now_ns: u64) {
        self.0.sweep(now_ns);
    }
}

#[test]
fn a_call_that_never_returns_is_named() {
    let budget = Budget { max_call: Duration::from_millis(300), ..Budget::default() };
    let program: Program = "b0.0/f0,r0/r0/-".parse().expect("a program");
    let stuck = || Stuck(Small::new(), std::sync::Mutex::new(0));
    let check = check("stuck", stuck).promise(retention()).levels(&[Level::Steps]).budget(budget);
    let failure = check.programs([("two polls".to_owned(), program)]).report().failure.expect("it waits for itself");
    assert_eq!(failure.fault.property().map(Property::name), Some("S9"));
    assert!(failure.to_string().contains("never returned"), "{failure}");
    assert!(failure.token.starts_with("steps:b0.0/f0,r0/r0/-:0"), "{}", failure.token);
}

#[test]
fn a_panic_in_a_call_is_a_finding() {
    struct Panics(Small);
    impl Store for Panics {
        type Ticket = (u32, u32);
        fn begin(&self, key: u32, upload: u32, now_ns: u64) -> Result<(u32, u32), Full> {
            self.0.begin(key, upload, now_ns)
        }
        fn finish(&self, ticket: &(u32, u32), outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
            self.0.finish(ticket, outcome, now_ns)
        }
        fn read(&self, ticket: &(u32, u32), now_ns: u64) -> Status<u32> {
            let status = self.0.read(ticket, now_ns);
            assert_ne!(status, Status::Unknown, "every upload is there");
            status
        }
        fn sweep(&self, now_ns: u64) {
            self.0.sweep(now_ns);
        }
    }
    for level in [Level::Conformance, Level::Steps, Level::Threads] {
        let check = check("panics", || Panics(Small::new())).promise(Retention { ..retention() });
        let failure = check.levels(&[level]).report().failure.expect("it panics");
        assert!(matches!(&failure.fault, Fault::Panic(what) if what.contains("every upload is there")), "{failure}");
    }
}
