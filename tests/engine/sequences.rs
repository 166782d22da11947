//! Runs step by step, as an observer is told of them: in the order of time, the same from both programs of the one model, and the same
//! as ever; and so all tables of what is measured. `INSTA_UPDATE=always cargo test --test engine sequences` accepts what a change of the
//! model or of a table is meant to move.

use std::fmt::Write;

use stillready::engine::Engine;
use stillready::provenance::sha256_hex;
use stillready::report::files;
use stillready::scenario::{Policy, Scenario, StoreKind, shipped};
use stillready::store::{Dict, Disk, RegistryStore, StatusStore};
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

/// A scenario whose `PART` goes on with the table `[client]`, and whose `POLICY` with that of its policy.
const FRAME: &str = r#"
    schema_version = 1
    uploads = 300
    [workload]
    arrivals = { kind = "poisson", rate = "600/h" }
    processing = { kind = "lognormal", median = "8s", sigma = 0.8 }
    failure = 0.1
    distinct_keys = 60
    [client]
    interval = "3s"
    tolerate_not_found = 2
    max_attempts = 40
    away = { chance = 0.3, time = { kind = "lognormal", median = "6m", sigma = 0.7 } }
    PART
    [[policy]]
    name = "p"
    time_to_live = { ready = "5m", error = "4m", interrupted = "3m" }
    POLICY
"#;

const PARTS: [&str; 17] = [
    "",
    r#"first_poll = "2s""#,
    r#"first_poll = "2s"
       backoff = 1.5
       max_interval = "20s"
       jitter = 0.2"#,
    "load_anyway_after = 1",
    "fetch_failure = 0.1",
    "hidden = 0.5",
    r#"reopen = { chance = 0.4, time = "4m" }"#,
    r#"post = { timeout = "20ms", retries = 1, pause = "1s" }
       [server]
       service = { upload = { kind = "exponential", mean = "10ms" }, read = "5ms" }"#,
    r#"[server]
       workers = 3"#,
    r#"[server]
       workers = 2
       threads = 2
       dispatch = "lowest-idle"
       queue_limit = 3
       service = { read = "200ms", sweep = "1s" }
       request_limit = "3s""#,
    r#"[server]
       workers = 2
       threads = 2
       dispatch = "round-robin"
       background = "while-serving"
       service = { read = "800ms" }"#,
    r#"[server]
       workers = 2
       dispatch = "sticky"
       background = "external"
       recycle = { requests = 50, jitter = 10, lifetime = "20m" }
       restart = "2s""#,
    r#"[server]
       workers = 2
       clock_skew = ["0s", "-30s"]
       [[fault]]
       kind = "clock-step"
       step = "1m"
       at = ["10m"]"#,
    r#"[server]
       replica = { chance = 0.5, lag = "2s" }"#,
    r#"[server]
       workers = 2
       [[fault]]
       kind = "reload"
       every = "9m"
       window = "5s"
       [[fault]]
       kind = "kill"
       rate = "6/h""#,
    r#"[[fault]]
       kind = "store-down"
       at = ["7m", "20m"]
       for = "1m""#,
    r#"[[fault]]
       kind = "clear"
       what = "one"
       every = "2m"
       [[fault]]
       kind = "clear"
       what = "stuck"
       after = "20s"
       every = "5m"
       [[fault]]
       kind = "clear"
       what = "all"
       at = ["15m"]"#,
];

const POLICIES: [&str; 14] = [
    r#"expiry = "physical"
       sweep = { trigger = "chance", chance = 0.1 }"#,
    r#"expiry = "physical"
       poll_by = "key"
       age = "created"
       sweep = { trigger = "chance", chance = 0.004 }"#,
    r#"expiry = "logical"
       poll_by = "key"
       age = "last-access"
       tombstone = "1m"
       sweep = { trigger = "chance", chance = 0.1 }"#,
    r#"expiry = "logical"
       tombstone = "3m"
       order = "read-first"
       sweep = { trigger = "chance", chance = 0.01 }"#,
    r#"expiry = "physical"
       poll_by = "key"
       scope = "shared"
       sweep = { trigger = "every-request" }"#,
    r#"expiry = "physical"
       sweep = { trigger = "every-nth", nth = 7 }"#,
    r#"expiry = "physical"
       sweep = { trigger = "period", period = "1m" }"#,
    r#"expiry = "physical"
       sweep = { trigger = "exact" }"#,
    r#"expiry = "physical"
       age = "created"
       sweep = { trigger = "on-finish" }"#,
    r#"expiry = "logical"
       age = "acknowledged"
       sweep = { trigger = "period", period = "1m" }"#,
    r#"expiry = "physical"
       capacity = { max_entries = 20, when_full = "evict-oldest" }
       published_early = 0.2
       sweep = { trigger = "chance", chance = 0.1 }"#,
    r#"store = "dict"
       expiry = "physical"
       sweep = { trigger = "redis" }"#,
    r#"store = "dict"
       expiry = "physical"
       defects = ["file-means-ready", "raw-names"]
       sweep = { trigger = "chance", chance = 0.1 }"#,
    r#"store = "dict"
       expiry = "physical"
       defects = ["lock-taken-twice"]
       sweep = { trigger = "chance", chance = 0.1 }"#,
];

/// All that an observer is told, a line for each event.
#[derive(Default)]
struct Lines {
    text: String,
    now: SimTime,
}

impl Observer for Lines {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        assert!(at >= self.now, "{event:?} at {at:?} comes after {:?}", self.now);
        self.now = at;
        writeln!(self.text, "{} {event:?}", at.as_ns()).expect("a text takes all that is written");
    }
}

/// The program that the engine chooses, or else the one that knows all of the model.
#[derive(Clone, Copy, PartialEq)]
enum Program {
    Chosen,
    Full,
}

fn lines(scenario: &Scenario, policy: &Policy, program: Program) -> String {
    fn run<S: StatusStore>(
        scenario: &Scenario,
        policy: &Policy,
        program: Program,
        new_store: impl Fn(u32) -> S + Send + 'static,
    ) -> String {
        let mut engine = match program {
            Program::Chosen => Engine::new(scenario, policy, 1, new_store, Lines::default()),
            Program::Full => Engine::redrawn(scenario, policy, 1, new_store, Lines::default(), Vec::new()),
        };
        engine.run();
        engine.into_observer().text
    }

    let (retention, defects, disk) = (policy.retention, policy.defects, Disk::default());
    match policy.store {
        StoreKind::Registry => run(scenario, policy, program, move |number| RegistryStore::new(retention, number)),
        StoreKind::Dict => run(scenario, policy, program, move |_| Dict::new(retention, defects, disk.clone())),
    }
}

fn digest(bytes: &[u8]) -> String {
    sha256_hex(bytes)[..16].to_owned()
}

/// How many events there were, and a digest of all that was told of them.
fn events(lines: &str) -> String {
    format!("{:>6} events {}", lines.lines().count(), digest(lines.as_bytes()))
}

/// A digest of all tables, of two replications.
fn tables(scenario: &Scenario) -> String {
    let results = crate::run(&Scenario { replications: 2, ..scenario.clone() });
    let tables: Vec<u8> = files::tables(&results).into_iter().flat_map(|(_, bytes)| bytes).collect();
    format!("tables {}", digest(&tables))
}

fn parse(name: &str, text: &str) -> Scenario {
    Scenario::parse(name, "test.toml", text).unwrap_or_else(|error| panic!("{name}: {:?}", error.problems()))
}

#[test]
fn each_part_of_the_model_under_each_policy_does_what_it_always_did() {
    let mut digests = String::new();
    for (number, part) in PARTS.iter().enumerate() {
        for (policy, its) in POLICIES.iter().enumerate() {
            let name = format!("part {number}, policy {policy}");
            let scenario = parse(&name, &FRAME.replace("PART", part).replace("POLICY", its));
            let chosen = lines(&scenario, &scenario.policies[0], Program::Chosen);
            assert!(chosen == lines(&scenario, &scenario.policies[0], Program::Full), "{name}");
            writeln!(digests, "{name:<18} {} {}", events(&chosen), tables(&scenario)).unwrap();
        }
    }
    insta::assert_snapshot!("parts", digests);
}

#[test]
fn each_shipped_scenario_does_what_it_always_did() {
    let mut digests = String::new();
    for one in shipped::SHIPPED {
        let mut scenario = parse(one.name, one.text);
        scenario.uploads = scenario.uploads.min(500);
        for policy in &scenario.policies {
            let chosen = lines(&scenario, policy, Program::Chosen);
            assert!(chosen == lines(&scenario, policy, Program::Full), "{}, {}", one.name, policy.name);
            writeln!(digests, "{:<24} {:<24} {}", one.name, policy.name, events(&chosen)).unwrap();
        }
        writeln!(digests, "{:<24} {}", one.name, tables(&scenario)).unwrap();
    }
    insta::assert_snapshot!("shipped", digests);
}
