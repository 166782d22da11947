//! The engine against scenarios small enough to be calculated by hand. Each test says what must happen, and when.

mod clients;
mod curves;
mod defects;
mod dispatch;
mod faults;
mod names;
mod paths;
mod properties;
mod recorded;
mod sequences;
mod server;
mod stores;
mod sweeps;

use std::sync::atomic::AtomicBool;

use stillready::experiment::{self, Options, Results};
use stillready::measure::{Fact, Tally};
use stillready::scenario::Scenario;

/// One second, in nanoseconds.
const S: u64 = 1_000_000_000;

/// A scenario of one policy, each part given as the lines of its table.
#[derive(Clone, Copy)]
struct Parts<'a> {
    uploads: u32,
    workload: &'a str,
    server: &'a str,
    client: &'a str,
    policy: &'a str,
}

/// One upload an hour that takes 10 s, polled every 3 s, kept for 30 min in the registry; nothing is ever swept.
const PLAIN: Parts<'_> = Parts {
    uploads: 1,
    workload: r#"arrivals = { kind = "fixed", every = "1h" }
                 processing = "10s""#,
    server: "workers = 1",
    client: r#"interval = "3s""#,
    policy: r#"time_to_live = "30m"
               expiry = "physical"
               sweep = { trigger = "never" }"#,
};

impl Parts<'_> {
    fn scenario(&self) -> Scenario {
        let Parts { uploads, workload, server, client, policy } = self;
        let text = format!(
            "schema_version = 1\nuploads = {uploads}\n[workload]\n{workload}\n[server]\n{server}\n[client]\n{client}\n\
             [[policy]]\nname = \"p\"\n{policy}\n"
        );
        Scenario::parse("test", "test.toml", &text).unwrap_or_else(|error| panic!("{:?}", error.problems()))
    }

    fn run(&self) -> Tally {
        run(&self.scenario()).tallies().remove(0)
    }
}

fn run(scenario: &Scenario) -> Results {
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 1, upload_rows: false, on_progress: &|_| (), stop: &stop };
    experiment::run(scenario, &options).expect("nobody stops it")
}

/// The facts that are true of at least one upload, with their counts.
fn facts(tally: &Tally) -> Vec<(&'static str, u64)> {
    let counts = Fact::COLUMNS.map(|fact| (fact.name(), tally.count(fact)));
    counts.into_iter().filter(|&(_, count)| count > 0).collect()
}
