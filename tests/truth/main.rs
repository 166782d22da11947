//! Numbers of the simulator against calculations that are made here and not by the engine: closed forms, a recursion, numerical
//! integration, plain programs, and real tokio tasks.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod alarms;
mod causes;
mod coverage;
mod eras;
mod late;
mod likeness;
mod parity;
mod plain;
mod precision;
mod rare;
mod rates;
mod recycling;
mod reference;
mod site;
mod smoothed;
mod splitting;
mod workers;

use std::sync::atomic::AtomicBool;

use stillready::experiment::{self, Options, Results};
use stillready::measure::{Fact, Tally, interval};
use stillready::scenario::{Scenario, shipped};

fn parse(text: &str) -> Scenario {
    Scenario::parse("test", "test.toml", text).unwrap_or_else(|error| panic!("{:?}", error.problems()))
}

fn shipped(name: &str) -> Scenario {
    parse(shipped::find(name).unwrap().text)
}

fn run(scenario: &Scenario) -> Results {
    let stop = AtomicBool::new(false);
    experiment::run(scenario, &Options { jobs: 2, upload_rows: false, on_progress: &|_| (), stop: &stop }).unwrap()
}

fn rate(tally: &Tally, fact: Fact) -> interval::Estimate {
    interval::rate(tally.count(fact), tally.uploads()).unwrap()
}
