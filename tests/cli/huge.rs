//! Runs that would take days or fill the memory are refused before they begin, with what makes them so.

use std::fs;

use crate::{files_below, run, run_in};

/// What is said of a scenario that is too large, here `smoke` with some texts replaced, and that nothing was written.
fn refusal(changes: &[(&str, &str)], arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init", "-q"]);
    let smoke = folder.path().join("sims/smoke.toml");
    let mut text = fs::read_to_string(&smoke).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} in {text}");
        text = text.replacen(from, to, 1);
    }
    fs::remove_dir_all(folder.path().join("sims")).unwrap();
    fs::write(folder.path().join("my.toml"), text).unwrap();
    let ended = run_in(folder.path(), &[arguments, &["-j", "1"]].concat());
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{}", ended.stderr);
    assert_eq!(files_below(folder.path()), ["my.toml"]);
    ended.stderr
}

const RUN: &[&str] = &["run", "my.toml"];
const UPLOADS: &str = "uploads = 2_000";
const SWEEP: &str = "{ trigger = \"chance\", chance = 0.10 }";
const INTERVAL: &str = "interval = \"3s\"";

#[test]
fn a_run_that_is_too_large_is_refused_with_what_makes_it_so() {
    let of_days = "{ trigger = \"period\", period = \"1ns\" }";
    let lists = format!("{{ kind = \"trace\", at = [{}] }}", vec!["\"1s\""; 2000].join(", "));
    let fault = "[[fault]]\nkind = \"clear\"\nwhat = \"all\"\nevery = \"1ns\"\n\n[[policy]]";
    let refusals = [
        ("a sweep every nanosecond", refusal(&[(SWEEP, of_days)], RUN)),
        ("four billion uploads", refusal(&[(UPLOADS, "uploads = 4000000000")], RUN)),
        ("four billion replications", refusal(&[("replications = 4", "replications = 4_000_000_000")], RUN)),
        (
            "polls every millisecond for a year",
            refusal(
                &[
                    (INTERVAL, "interval = \"1ms\""),
                    ("max_attempts = 120", "max_attempts = 4_000_000_000"),
                    ("max_interval = \"10s\"", ""),
                    ("backoff = 1.1", ""),
                    ("processing = ", "processing = \"1y\" # "),
                ],
                RUN,
            ),
        ),
        (
            "fetches that fail for ever",
            refusal(&[(INTERVAL, "interval = \"3s\"\nfetch_failure = 1\nmax_fetch_errors = 4_000_000_000")], RUN),
        ),
        ("a fault every nanosecond", refusal(&[("[[policy]]", fault)], RUN)),
        (
            "a hundred million uploads that are never forgotten",
            refusal(
                &[
                    (UPLOADS, "uploads = 50_000_000"),
                    ("replications = 4", "replications = 1"),
                    ("time_to_live = \"30m\"", "time_to_live = \"never\""),
                ],
                RUN,
            ),
        ),
        (
            "a list of arrivals and a client that is away for years, swept on time",
            refusal(
                &[
                    ("arrivals = ", &format!("arrivals = {lists} # ")),
                    (INTERVAL, "interval = \"3s\"\nreopen = { chance = 1, time = \"9y\" }"),
                    (SWEEP, "{ trigger = \"period\", period = \"10ms\" }"),
                ],
                RUN,
            ),
        ),
    ];
    let all: Vec<_> = refusals.iter().map(|(what, said)| format!("{what}:\n{said}")).collect();
    insta::assert_snapshot!("too_large", all.join("\n"));
}

#[test]
fn every_command_that_runs_a_scenario_refuses_a_huge_one() {
    let sweep = [(SWEEP, "{ trigger = \"period\", period = \"1ns\" }")];
    for arguments in [&["run", "my.toml", "--check-determinism"][..], &["gate", "my.toml"], &["properties", "my.toml"]]
    {
        assert!(refusal(&sweep, arguments).contains("--allow-huge"), "{arguments:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["replay", "reference", "--upload", "1"][..],
        &["replay", "reference", "--property", "S1", "--shrink", "x.toml"],
        &["diagnose", "late-client", "--uploads", "4000000000"],
        &["run", "reference", "--uploads", "4000000000"],
        &["properties", "reference", "--uploads", "4000000000"],
    ] {
        fs::create_dir_all(folder.path().join("sims")).unwrap();
        let huge = include_str!("../../sims/reference.toml").replace("uploads = 1_000_000", "uploads = 4_000_000_000");
        fs::write(folder.path().join("sims/reference.toml"), huge).unwrap();
        let ended = run_in(folder.path(), arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("--allow-huge"), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(files_below(folder.path()), ["sims/reference.toml"]);
}

#[test]
fn what_was_refused_runs_if_it_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../sims/smoke.toml").replace("replications = 4", "replications = 30_000");
    fs::write(folder.path().join("my.toml"), text).unwrap();
    let refused = run_in(folder.path(), &["run", "my.toml", "-q"]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    let ended = run_in(folder.path(), &["run", "my.toml", "--uploads", "2", "-q"]);
    assert_eq!(ended.code, 3, "fewer uploads are not fewer results: {}", ended.stderr);
    let ended = run_in(folder.path(), &["run", "my.toml", "--replications", "2", "-q"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // Requests might be refused behind a lock that nobody lets go of, but no work fails here, and it is over soon.
    let text = include_str!("../../sims/smoke.toml")
        .replace("failure = 0.02", "failure = 0")
        .replace("threads = 2", "threads = 2\nqueue_limit = 100")
        .replace("first_poll", "max_fetch_errors = 4_000_000_000\nfirst_poll")
        .replacen("store = \"dict\"", "store = \"dict\"\ndefects = [\"lock-taken-twice\"]", 1);
    fs::write(folder.path().join("my.toml"), text).unwrap();
    let refused = run_in(folder.path(), &["run", "my.toml", "-q"]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    let ended = run_in(folder.path(), &["run", "my.toml", "-q", "--allow-huge"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_file_without_an_end_is_no_scenario() {
    if !std::path::Path::new("/dev/zero").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("endless.toml")).unwrap();
    let ended = run_in(folder.path(), &["check", "endless.toml"]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!("endless", ended.stderr);
    assert_eq!(run(&["diagnose", "--like", "/dev/zero"]).code, 3);
}
