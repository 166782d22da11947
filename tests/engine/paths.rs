//! The engine takes shorter paths where a run leaves parts of the model out. They must make no difference.

use std::io::Read;
use std::sync::atomic::AtomicBool;

use stillready::experiment::{self, Options};
use stillready::report::csv;
use stillready::scenario::Scenario;

const TEXT: &str = r#"
    schema_version = 1
    uploads = 3000
    [workload]
    arrivals = { kind = "poisson", rate = "3600/h" }
    processing = { kind = "lognormal", median = "8s", sigma = 0.8 }
    failure = 0.1
    distinct_keys = 500
    [client]
    interval = "3s"
    tolerate_not_found = 4
    away = { chance = 0.3, time = { kind = "lognormal", median = "12m", sigma = 0.7 } }
    [[policy]]
    name = "registry"
    time_to_live = "5m"
    expiry = "physical"
    sweep = { trigger = "chance", chance = 0.1 }
    [[policy]]
    name = "read first, logical, with tombstones"
    time_to_live = { ready = "5m", error = "10m", processing = "20s" }
    expiry = "logical"
    tombstone = "3m"
    order = "read-first"
    sweep = { trigger = "chance", chance = 0.01 }
    [[policy]]
    name = "full"
    time_to_live = "5m"
    expiry = "physical"
    capacity = { max_entries = 40, when_full = "refuse" }
    sweep = { trigger = "chance", chance = 0.1 }
    [[policy]]
    name = "dictionary"
    store = "dict"
    time_to_live = "5m"
    expiry = "physical"
    sweep = { trigger = "chance", chance = 0.1 }
"#;

/// All that is measured: the rows of every upload, and the summary.
fn measured(text: &str) -> (String, Vec<u8>) {
    let scenario =
        Scenario::parse("paths", "paths.toml", text).unwrap_or_else(|error| panic!("{:?}", error.problems()));
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 1, upload_rows: true, on_progress: &|_| (), stop: &stop };
    let mut results = experiment::run(&scenario, &options).expect("nobody stops it");
    let mut rows = String::new();
    let file = results.replications[0].upload_rows.as_mut().expect("rows were asked for");
    file.read_to_string(&mut rows).expect("rows are UTF-8");
    (rows, csv::summary(&results))
}

#[test]
fn every_path_through_the_engine_measures_the_same() {
    let (rows, summary) = measured(TEXT);
    assert_eq!(rows.lines().count(), 4 * 3000);
    // What never happens takes the longer paths: a timeout that never runs out, and a reload after the end.
    let waits = TEXT.replace("[client]", "[client]\npost = { timeout = \"1000h\" }");
    let reloads = format!("{TEXT}\n[[fault]]\nkind = \"reload\"\nat = [\"80000h\"]");
    let two_threads = TEXT.replace("[client]", "[server]\nthreads = 2\nservice = { read = \"1ns\" }\n[client]");
    for longer in [waits, reloads] {
        let (others, other_summary) = measured(&longer);
        assert!(rows == others, "the rows of all uploads");
        assert_eq!(String::from_utf8(summary.clone()), String::from_utf8(other_summary));
    }
    // That the comparison sees a nanosecond.
    assert!(rows != measured(&two_threads).0);
}
