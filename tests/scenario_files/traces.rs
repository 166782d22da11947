//! Traces that are wrong, and scenarios that say too much beside one.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use stillready::scenario::{Scenario, TRACE_HEADER, Traces};

const ROWS: &str = "1,0,upload,0,7,,\n1,5,poll,0,,0,\n1,9,upload,1,7,,3000000000\n";

const SCENARIO: &str = r#"schema_version = 1

[workload]
trace = "t.csv"
processing = "8s"

[client]

[[policy]]
name = "a"
time_to_live = "30m"
expiry = "logical"
sweep = { trigger = "chance", chance = 0.1 }
"#;

/// What `check` says of a scenario beside a trace, in files of a folder of their own.
fn check(scenario: &str, trace: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.toml"), scenario).unwrap();
    fs::write(folder.path().join("t.csv"), trace).unwrap();
    let run = Command::cargo_bin("stillready").unwrap().args(["check", "s.toml"]).current_dir(&folder).assert();
    let output = run.get_output();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn trace(rows: &str) -> String {
    format!("{TRACE_HEADER}\n{rows}")
}

/// What is said of the first wrong line.
fn label(trace: &str) -> String {
    let said = check(SCENARIO, trace);
    let lines: Vec<_> = said.lines().skip_while(|line| !line.contains("t.csv, ")).take(2).map(str::trim).collect();
    lines.first().map_or(said.clone(), |line| line.trim_start_matches(['`', '-', '|', ' ']).to_owned())
}

#[test]
fn a_trace_is_read_and_counts_its_uploads() {
    assert_eq!(check(SCENARIO, &trace(ROWS)), "s.toml: ok (2 uploads; a)\n");
    assert_eq!(check(SCENARIO, &trace(ROWS).replace('\n', "\r\n")), "s.toml: ok (2 uploads; a)\n");
    let one = format!("uploads = 1\n{SCENARIO}");
    assert_eq!(check(&one, &trace(ROWS)), "s.toml: ok (1 upload; a)\n");
}

#[test]
fn a_wrong_trace_is_told_at_its_value_with_its_line() {
    insta::assert_snapshot!("trace_not_ascending", check(SCENARIO, &trace(&format!("{ROWS}1,8,poll,0,,0,\n"))));
    insta::assert_snapshot!("trace_missing", check(&SCENARIO.replace("t.csv", "elsewhere/t.csv"), ""));
    let all = [
        "arrivals = { kind = \"fixed\", every = \"1s\" }",
        "distinct_keys = 3",
        "[client]\ninterval = \"3s\"\naway = { chance = 0.1, time = \"1m\" }",
    ];
    let more = SCENARIO.replace("[client]", &all.join("\n"));
    insta::assert_snapshot!("trace_and_more", check(&format!("uploads = 3\n{more}"), &trace(ROWS)));
}

#[test]
fn every_wrong_row_is_told() {
    let last = |row: &str| label(&trace(&format!("{ROWS}{row}\n")));
    let said = [
        label(""),
        label("at_ns,kind\n"),
        label(&trace("")),
        last("1,9,upload,2,7"),
        last("1,9,upload,2,7,,,"),
        last("2,9,upload,2,7,,"),
        last("1,-9,upload,2,7,,"),
        last("1,9e3,upload,2,7,,"),
        last("1,18446744073709551615,upload,2,7,,"),
        last("1,9,upload,3,7,,"),
        last("1,9,upload,2,,,"),
        last("1,9,upload,2,7,0,"),
        last("1,9,poll,2,,0,"),
        last("1,9,poll,0,7,0,"),
        last("1,9,poll,0,,0,9"),
        last("1,9,poll,0,,,"),
        last("1,9,\u{1b}[31m,0,,,"),
        last("1,9,poll,0,,2,\n1,9,poll,0,,1,"),
        last(&"1".repeat(300)),
    ];
    insta::assert_snapshot!("trace_rows", said.join("\n"));
}

#[test]
fn a_trace_is_nothing_for_a_text_without_a_file() {
    let invalid = Scenario::parse("s", "s.toml", SCENARIO).unwrap_err();
    assert_eq!(invalid.problems().len(), 1);
    // A device has no end.
    let device = SCENARIO.replace("t.csv", "/dev/zero");
    assert!(Scenario::parse_with("s", "s.toml", &device, &Traces::in_folder(Path::new("."))).is_err());
}

#[test]
fn the_fingerprint_covers_what_is_in_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut fingerprints = Vec::new();
    for rows in [ROWS.to_owned(), ROWS.replace(",5,", ",6,"), ROWS.to_owned()] {
        fs::write(folder.path().join("t.csv"), trace(&rows)).unwrap();
        let scenario = Scenario::parse_with("s", "s.toml", SCENARIO, &Traces::in_folder(folder.path())).unwrap();
        fingerprints.push(scenario.fingerprint());
    }
    assert!(fingerprints[0] == fingerprints[2] && fingerprints[0] != fingerprints[1]);
}

/// Everything that takes a scenario takes one with a trace, or says why not.
#[test]
fn every_command_takes_a_scenario_with_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let grid = format!("{SCENARIO}[grid.axes]\ntime_to_live = [\"30m\", \"1s\"]\n");
    let gate = "[[gate]]\npolicy = \"a\"\nmetric = \"polls\"\nmax = 100\n";
    fs::create_dir(folder.path().join("sims")).unwrap();
    fs::write(folder.path().join("sims/s.toml"), format!("{grid}{gate}")).unwrap();
    fs::write(folder.path().join("sims/t.csv"), trace(ROWS)).unwrap();
    let run = |arguments: &[&str], code: i32| {
        let run = Command::cargo_bin("stillready").unwrap().args(arguments).current_dir(&folder).assert().code(code);
        let output = run.get_output();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    run(&["run", "s", "--check-determinism", "--uploads-csv", "--format", "html,json,markdown"], 0);
    run(&["run", "sims/s.toml", "--replications", "3", "-j", "2"], 0);
    assert!(run(&["replay", "s", "--upload", "0"], 0).contains("poll 1"));
    run(&["replay", "s", "--upload", "2"], 2);
    run(&["properties", "s"], 0);
    run(&["gate", "s", "--accept"], 0);
    run(&["gate", "s"], 0);
    run(&["sweep", "s"], 0);
    run(&["report", "reports/s"], 0);
    run(&["verify", "s"], 0);
    insta::assert_snapshot!("trace_not_shrunk", run(&["replay", "s", "--property", "S6", "--shrink", "x.toml"], 2));
    insta::assert_snapshot!("trace_too_many_uploads", run(&["run", "s", "--uploads", "3"], 2));
}
