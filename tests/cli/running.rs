//! `run`, `replay`, `list`, `check`, `init`.

use std::fs;

use crate::{files_below, run, run_in};

#[test]
fn a_run_prints_its_results_and_writes_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), &["run", "smoke"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("run_smoke", ended.stdout);
    let expected = [
        "reports/smoke/absences.csv",
        "reports/smoke/comparison.csv",
        "reports/smoke/entries.csv",
        "reports/smoke/properties.csv",
        "reports/smoke/replications.csv",
        "reports/smoke/run.json",
        "reports/smoke/summary.csv",
        "reports/smoke/told.csv",
        "reports/smoke/witnesses.csv",
    ];
    assert_eq!(files_below(folder.path()), expected);
}

#[test]
fn nothing_but_the_program_runs_the_reference_scenario_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_in(folder.path(), &["init"]).code, 0);
    let file = folder.path().join("sims/reference.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("1_000_000", "2_000")).unwrap();
    let ended = run_in(folder.path(), &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("run_reference_of_the_folder", ended.stdout);
}

#[test]
fn every_line_of_a_page_fits_eighty_columns() {
    for scenario in ["smoke", "two-workers"] {
        let page = run(&["run", scenario, "--uploads", "1000"]).stdout;
        let long: Vec<_> = page.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{long:?}");
    }
}

#[test]
fn policies_can_be_chosen() {
    let ended = run(&["run", "smoke", "--policy", "logical"]);
    assert!(ended.code == 0 && !ended.stdout.contains("30m/10%"), "{}", ended.stdout);
    let ended = run(&["run", "smoke", "--policy", "logicle"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (4, ""));
    insta::assert_snapshot!("unknown_policy", ended.stderr);
}

#[test]
fn scenarios_that_cannot_be_found_are_named() {
    insta::assert_snapshot!("unknown_scenario", run(&["run", "smoek"]).stderr);
    insta::assert_snapshot!("unreadable_scenario", run(&["run", "smoek.toml"]).stderr);
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init", "a"]);
    fs::rename(folder.path().join("a/smoke.toml"), folder.path().join("a/smo ke.toml")).unwrap();
    insta::assert_snapshot!("bad_name", run_in(folder.path(), &["run", "a/smo ke.toml"]).stderr);
    let ended = run_in(folder.path(), &["run", "reference", "a/reference.toml"]);
    insta::assert_snapshot!("same_name", ended.stderr);
    assert_eq!((ended.code, files_below(folder.path()).iter().any(|file| file.starts_with("reports"))), (2, false));
}

#[test]
fn quiet_says_nothing_and_verbose_says_more_on_stderr() {
    let quiet = run(&["run", "smoke", "-q", "--check-determinism"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
    let verbose = run(&["run", "smoke", "-v", "--check-determinism"]);
    assert!(verbose.stderr.contains("both runs gave the same bytes") && verbose.stderr.contains("fingerprint"));
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    assert!(!run(&["run", "smoke"]).stdout.contains('\u{1b}'));
    assert!(run(&["run", "smoke", "--color", "always"]).stdout.contains('\u{1b}'));
    assert!(run(&["run", "smoek", "--color", "always"]).stderr.contains('\u{1b}'));
    assert!(!run(&["run", "smoek", "--color", "never"]).stderr.contains('\u{1b}'));
}

#[test]
fn upload_rows_add_up_to_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_in(folder.path(), &["run", "smoke", "--uploads-csv", "-j", "2"]).code, 0);
    let read = |name: &str| {
        let mut csv = csv::Reader::from_path(folder.path().join("reports/smoke").join(name)).unwrap();
        let header: Vec<_> = csv.headers().unwrap().iter().map(str::to_owned).collect();
        let rows: Vec<Vec<_>> = csv.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        (header, rows)
    };
    let (columns, rows) = read("uploads.csv");
    assert_eq!(rows.len(), 2_000 * 4 * 3);
    let (summary_columns, summary) = read("summary.csv");
    for row in &summary {
        let cell = |name: &str| &row[summary_columns.iter().position(|column| column == name).unwrap()];
        let mine: Vec<_> = rows.iter().filter(|upload| upload[2] == *cell("policy")).collect();
        for (index, name) in columns.iter().enumerate().filter(|(_, name)| summary_columns.contains(name)).skip(4) {
            let sum: u64 = mine.iter().map(|upload| upload[index].parse::<u64>().unwrap()).sum();
            assert_eq!(sum.to_string(), *cell(name), "{name}");
        }
    }
}

#[test]
fn a_replay_prints_a_timeline_and_writes_its_events() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), &["replay", "smoke", "--upload", "17", "-o", "out"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("replay", ended.stdout);
    insta::assert_snapshot!("events", fs::read_to_string(folder.path().join("out/smoke/events.csv")).unwrap());
    let ended = run(&["replay", "smoke", "--upload", "2000"]);
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!("replay_beyond", ended.stderr);
    assert_eq!(run(&["replay", "smoke", "--upload", "1", "--policy", "x"]).code, 4);
}

/// What a replay says of an upload is what the run counted of it.
#[test]
fn a_replay_agrees_with_the_rows_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["run", "smoke", "--uploads-csv"]);
    let mut csv = csv::Reader::from_path(folder.path().join("reports/smoke/uploads.csv")).unwrap();
    let header = csv.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    for row in rows.iter().step_by(2_411) {
        let facts: Vec<_> = (7..21).filter(|&column| &row[column] == "1").map(|column| &header[column]).collect();
        let which = ["replay", "smoke", "--seed", &row[3], "--policy", &row[2], "--upload", &row[4], "-o", "events"];
        run_in(folder.path(), &which);
        let events = fs::read_to_string(folder.path().join("events/smoke/events.csv")).unwrap();
        let counts = format!("counts as: {}", facts.join(", "));
        assert!(events.contains(&counts), "{row:?}: {events}");
    }
}

#[test]
fn init_writes_all_files_or_none() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sims")).unwrap();
    fs::write(folder.path().join("sims/smoke.toml"), "mine").unwrap();
    let ended = run_in(folder.path(), &["init"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    insta::assert_snapshot!("init_refuses", ended.stderr);
    assert_eq!(files_below(folder.path()), ["sims/smoke.toml"]);
    assert_eq!(run_in(folder.path(), &["init", "--force"]).code, 0);
    assert!(files_below(folder.path()).len() >= 5);
    assert_eq!(run_in(folder.path(), &["check", "sims/smoke.toml", "reference"]).code, 0);
}

#[test]
fn check_looks_at_all_files_and_list_marks_the_faulty_ones() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sims")).unwrap();
    fs::write(folder.path().join("sims/mine.toml"), "schema_version = 3").unwrap();
    let ended = run_in(folder.path(), &["check", "mine", "smoke", "nothing"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stdout.contains("smoke.toml (built in): ok"));
    insta::assert_snapshot!("check_several", ended.stderr);
    insta::assert_snapshot!("list", run_in(folder.path(), &["list"]).stdout);
}

/// What is printed fits a terminal of 80 columns, but for commands to copy.
#[test]
fn what_is_printed_fits_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let commands: [&[&str]; 12] = [
        &["run", "smoke"],
        &["run", "eras/v8", "--uploads", "500"],
        &["properties", "smoke"],
        &["properties", "causes/clear-endpoint", "--uploads", "2000"],
        &["replay", "causes/same-name", "--upload", "2"],
        &["replay", "causes/restarts", "--upload", "100"],
        &["diagnose", "--uploads", "200"],
        &["gate", "canary", "smoke"],
        &["gate", "--prove-armed", "canary", "smoke"],
        &["mutants", "plain", "double-finish"],
        &["list"],
        &["check", "sims/smoke.toml", "sims/reference.toml"],
    ];
    for command in commands {
        let printed = run_in(folder.path(), command).stdout;
        let is_command = |line: &str| line.trim_start().starts_with("replay: ") || line.contains("stillready ");
        let wide: Vec<_> = printed.lines().filter(|line| line.chars().count() > 80 && !is_command(line)).collect();
        assert!(wide.is_empty() && !printed.is_empty(), "{command:?}: {wide:#?}");
    }
}
