//! Scenario files that are wrong: what `stillready check` says of each kind of fault; and those that come with the program.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod faults;
mod fingerprint;
mod shipped;
mod size;
mod traces;

use std::path::Path;

use assert_cmd::Command;

/// A valid scenario.
const VALID: &str = r#"schema_version = 1
title = "a valid one"
seed = 7
uploads = 10
replications = 2

[workload]
arrivals = { kind = "poisson", rate = "3600/h" }
processing = { kind = "lognormal", median = "8s", sigma = 0.8 }
failure = 0.01
distinct_keys = 5

[server]
workers = 2
threads = 2
dispatch = "uniform"
service = { upload = "1ms", sweep = "2ms", read = "3ms" }

[client]
first_poll = "1s"
interval = "3s"
backoff = 1.5
max_interval = "10s"
jitter = 0.1
max_attempts = 100
tolerate_not_found = 5
away = { chance = 0.2, time = "35m" }

[[policy]]
name = "a"
store = "registry"
scope = "process"
poll_by = "id"
time_to_live = { ready = "30m", error = "15m", interrupted = "15m", processing = "never" }
age = "finished"
expiry = "logical"
tombstone = "24h"
order = "read-first"
sweep = { trigger = "chance", chance = 0.1 }

[[gate]]
policy = "a"
metric = "false_not_found_rate"
max = 0.5
"#;

/// The valid scenario with one text in it replaced by another.
fn with(from: &str, to: &str) -> String {
    assert!(VALID.contains(from), "{from}");
    VALID.replacen(from, to, 1)
}

/// What `stillready check my.toml` says of a file, after its exit code.
fn check(contents: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), contents).unwrap();
    check_in(folder.path(), "my.toml")
}

fn check_in(folder: &Path, file: &str) -> String {
    let run = Command::cargo_bin("stillready").unwrap().args(["check", file]).current_dir(folder).assert();
    let output = run.get_output();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("exit {}\n{stdout}{stderr}", output.status.code().unwrap_or(-1))
}
