//! How far a check goes, and that it says where it stopped.

use std::sync::Mutex;
use std::time::Duration;

use stillready::harness::{Budget, Extent, Fault, Level, Program, Store, check};
use stillready::registry::{Full, Outcome, Status};
use stillready::scenario::Property;

use crate::stores::{Small, retention};

#[test]
fn a_budget_that_is_used_up_is_said() {
    let budget = Budget { max_executions: 100, ..Budget::default() };
    let report = check("small", Small::new).promise(retention()).levels(&[Level::Steps]).budget(budget).report();
    assert_eq!(report.rows[0].executions, 100);
    assert_eq!(report.rows[0].extent, Extent::Bounded("its budget of executions, after 100".to_owned()));
    let none = Budget { max_time: Duration::ZERO, ..Budget::default() };
    let report = check("small", Small::new).promise(retention()).levels(&[Level::Steps]).budget(none).report();
    assert_eq!(report.rows[0].extent, Extent::Bounded("its budget of time, after 0".to_owned()));
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

/// A store with something in the way of its polls.
struct Spoilt {
    store: Small,
    poll: fn(&Spoilt, Status<u32>),
    polls: Mutex<u32>,
}

impl Spoilt {
    fn new(poll: fn(&Spoilt, Status<u32>)) -> Spoilt {
        Spoilt { store: Small::new(), poll, polls: Mutex::new(0) }
    }
}

impl Store for Spoilt {
    type Ticket = (u32, u32);

    fn begin(&self, key: u32, upload: u32, now_ns: u64) -> Result<(u32, u32), Full> {
        self.store.begin(key, upload, now_ns)
    }

    fn finish(&self, ticket: &(u32, u32), outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        self.store.finish(ticket, outcome, now_ns)
    }

    fn read(&self, ticket: &(u32, u32), now_ns: u64) -> Status<u32> {
        let status = self.store.read(ticket, now_ns);
        (self.poll)(self, status);
        status
    }

    fn sweep(&self, now_ns: u64) {
        self.store.sweep(now_ns);
    }
}

/// The second poll asks for the lock that it has.
fn waits_for_itself(store: &Spoilt, _: Status<u32>) {
    let mut polls = store.polls.lock().expect("nobody panics");
    *polls += 1;
    if *polls > 1 {
        let _again = store.polls.lock();
    }
}

fn panics(_: &Spoilt, status: Status<u32>) {
    assert_ne!(status, Status::Unknown, "every upload is there");
}

#[test]
fn a_call_that_never_returns_is_named_and_so_is_its_replay() {
    let budget = Budget { max_call: Duration::from_millis(300), ..Budget::default() };
    let program: Program = "b0.0/f0,r0/r0/-".parse().expect("a program");
    let check = || {
        let check = check("stuck", || Spoilt::new(waits_for_itself)).promise(retention()).levels(&[Level::Steps]);
        check.budget(budget).programs([("two polls".to_owned(), program.clone())])
    };
    let failure = check().report().failure.expect("it waits for itself");
    assert_eq!(failure.fault.property(), Some(Property::S9));
    assert!(failure.to_string().contains("never returned"), "{failure}");
    assert!(failure.token.starts_with("steps:b0.0/f0,r0/r0/-:0"), "{}", failure.token);
    let again = check().replay(&failure.token).failure.expect("it waits for itself again");
    assert_eq!(again.fault, failure.fault);
}

#[test]
fn a_panic_in_a_call_is_a_finding() {
    for level in [Level::Conformance, Level::Steps, Level::Threads] {
        let check = check("panics", || Spoilt::new(panics)).promise(retention());
        let failure = check.levels(&[level]).report().failure.expect("it panics");
        assert!(matches!(&failure.fault, Fault::Panic(what) if what.contains("every upload is there")), "{failure}");
    }
}

#[test]
fn a_store_that_breaks_in_the_last_execution_of_its_budget_is_still_told() {
    let budget = Budget { max_executions: 1, ..Budget::default() };
    let program: Program = "b0.0,f0,+60000000000/r0/s/r0".parse().expect("a program");
    let check = check("the incident's", Small::valid_until_swept).promise(retention()).levels(&[Level::Steps]);
    let report = check.budget(budget).programs([("a late poll".to_owned(), program)]).report();
    assert_eq!(report.failure.expect("it breaks").fault.property(), Some(Property::S11));
}
