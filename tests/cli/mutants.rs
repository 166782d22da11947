//! `mutants`: faulty stores under the harness.

use std::fs;

use crate::{run, run_in};

#[test]
fn a_mutant_is_caught_and_its_level_told() {
    let ended = run(&["mutants", "double-finish", "stale-replica", "lock-order"]);
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    for (store, level, property) in
        [("double-finish", "conformance", "S4"), ("stale-replica", "conformance", "S3"), ("lock-order", "loom", "S9")]
    {
        let line = ended.stdout.lines().find(|line| line.contains(store)).expect("a line per store");
        assert!(line.contains("caught") && line.contains(level) && line.contains(property), "{line}");
    }
    assert!(ended.stdout.contains("3 of 3 mutants caught, 0 of 0 right stores held"), "{}", ended.stdout);
}

#[test]
fn a_mutant_that_survives_fails() {
    let ended = run(&["mutants", "torn-finish", "--max-executions", "2"]);
    assert_eq!(ended.code, 10, "{}", ended.stdout);
    assert!(ended.stdout.contains("0 of 1 mutants caught"), "{}", ended.stdout);
}

#[test]
fn an_unknown_store_is_a_usage_error() {
    let ended = run(&["mutants", "double-finnish"]);
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!("mutants_unknown", ended.stderr);
}

/// The whole list takes a while, so one run shows that equal passes, that another byte fails, and that no baseline is no pass.
#[test]
#[ignore = "the whole list three times: minutes without optimisation; .ci/run runs it by a release build"]
fn the_gate_holds_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let gate = || run_in(folder.path(), &["gate", "mutants", "--progress", "never"]);
    assert_eq!(gate().code, 4, "there is no baseline");
    assert_eq!(run_in(folder.path(), &["gate", "mutants", "--accept"]).code, 0);
    let file = folder.path().join("reports/baseline/mutants.csv");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, fs::read_to_string(folder.path().join("reports/mutants.csv")).unwrap());
    fs::write(&file, text.replacen("conformance", "steps", 1)).unwrap();
    assert_eq!(gate().code, 10, "another level caught one");
}
