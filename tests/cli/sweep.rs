//! Sweeps: equal bytes however they come about, and errors that say what to do; and the choice among their cells.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::{Ended, files_below, run_in, stillready};

const SWEEP: [&str; 4] = ["sweep", "choice", "--uploads", "1500"];

fn sweep(folder: &Path, more: &[&str]) -> Ended {
    run_in(folder, &[&SWEEP[..], more].concat())
}

fn table(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("reports/choice-sweep/grid.csv")).unwrap()
}

#[test]
fn a_sweep_has_the_same_bytes_for_any_number_of_jobs_and_a_row_per_cell() {
    let folder = tempfile::tempdir().unwrap();
    let ended = sweep(folder.path(), &["-j", "1"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("sweep", ended.stdout);
    let one = table(folder.path());
    assert_eq!(sweep(folder.path(), &["-j", "3"]).code, 0);
    assert!(one == table(folder.path()), "another number of jobs, other bytes");
    let mut csv = csv::Reader::from_reader(&one[..]);
    let header = csv.headers().unwrap().clone();
    assert_eq!(
        header.iter().skip(2).take(5).collect::<Vec<_>>(),
        ["cell", "expiry", "sweep_chance", "time_to_live", "tombstone"]
    );
    let cells: Vec<_> = csv.records().map(|row| row.unwrap()[2].to_owned()).collect();
    assert_eq!(cells, (0..80).map(|cell| cell.to_string()).collect::<Vec<_>>());
    assert_eq!(files_below(folder.path()), ["grid.csv", "run.json"].map(|file| format!("reports/choice-sweep/{file}")));
}

/// A cell is what a run of the same scenario gives.
#[test]
fn a_cell_has_the_numbers_of_a_run_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    sweep(folder.path(), &[]);
    let text = include_str!("../../sims/choice.toml");
    let (scenario, _) = text.split_once("# A finished upload").unwrap();
    let scenario = scenario
        .replace("time_to_live = \"30m\"", "time_to_live = \"1h\"")
        .replace("chance = 0.10 }", "chance = 0.05 }");
    let scenario = scenario.replace("[[policy]]", "[[policy]]\ntombstone = \"none\"");
    fs::write(folder.path().join("alone.toml"), scenario).unwrap();
    run_in(folder.path(), &["run", "alone.toml", "--uploads", "1500"]);
    let numbers = |bytes: &[u8], wanted: &dyn Fn(&csv::StringRecord) -> bool, from: usize| {
        let mut csv = csv::Reader::from_reader(bytes);
        let row = csv.records().map(Result::unwrap).find(|row| wanted(row)).unwrap();
        row.iter().skip(from).map(str::to_owned).collect::<Vec<_>>()
    };
    let cell = numbers(
        &table(folder.path()),
        &|row| (&row[3], &row[4], &row[5], &row[6]) == ("physical", "0.05", "1h", "none"),
        7,
    );
    let alone = numbers(&fs::read(folder.path().join("reports/alone/summary.csv")).unwrap(), &|_| true, 4);
    assert_eq!(cell, alone);
}

#[test]
fn a_sweep_that_was_killed_goes_on_and_comes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = tempfile::tempdir().unwrap();
    let arguments = ["sweep", "choice", "--uploads", "20000", "-j", "2"];
    run_in(whole.path(), &arguments);
    let program = stillready(folder.path(), &arguments).get_program().to_owned();
    let mut command = std::process::Command::new(program);
    let mut child =
        command.current_dir(folder.path()).args(arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    // Killed in the middle: once some rows are there.
    let path = folder.path().join("reports/choice-sweep/grid.csv");
    for _ in 0..10_000 {
        if fs::read(&path).is_ok_and(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count() > 5) {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let rows = table(folder.path()).iter().filter(|byte| **byte == b'\n').count();
    assert!((6..81).contains(&rows), "{rows} rows: it was not killed in the middle");
    // As if it had been killed in the middle of a row.
    let mut bytes = table(folder.path());
    let whole_rows = bytes.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    bytes.truncate(whole_rows);
    bytes.extend(b"1,choice,99,phys");
    fs::write(&path, bytes).unwrap();
    // Nobody takes it for a report, and nothing overwrites it unasked.
    let refused = run_in(folder.path(), &["report", "reports/choice-sweep"]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    let refused = run_in(folder.path(), &arguments);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--resume goes on with it"), "{}", refused.stderr);
    let resumed = run_in(folder.path(), &[&arguments[..], &["--resume"]].concat());
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(table(folder.path()) == table(whole.path()), "other bytes after a resume");
    let again = run_in(folder.path(), &[&arguments[..], &["--resume"]].concat());
    assert_eq!((again.code, again.stdout.as_str()), (0, "the sweep in reports/choice-sweep is finished\n"));
}

#[test]
fn what_is_not_this_sweep_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(sweep(folder.path(), &["--resume"]).code, 0, "where there is none, it begins");
    // As it is while it is under way.
    let report = folder.path().join("reports/choice-sweep");
    let unfinished = |rows: usize, change: &dyn Fn(String) -> String| {
        let whole = tempfile::tempdir().unwrap();
        sweep(whole.path(), &[]);
        let text = String::from_utf8(table(whole.path())).unwrap();
        let text: String = text.split_inclusive('\n').take(rows + 1).collect();
        fs::write(report.join("grid.csv"), change(text)).unwrap();
        let record: serde_json::Value =
            serde_json::from_slice(&fs::read(whole.path().join("reports/choice-sweep/run.json")).unwrap()).unwrap();
        let state = serde_json::json!({"schema_version": 1, "model_version": 1, "cells": 80, "fingerprint": record["scenario_fingerprint"]});
        fs::write(report.join("sweep.json"), state.to_string()).unwrap();
        let _ = fs::remove_file(report.join("run.json"));
        sweep(folder.path(), &["--resume"])
    };
    assert_eq!(unfinished(10, &|text| text).code, 0, "as it should be");
    let edited = unfinished(10, &|text| text.replacen("\n1,choice,3,", "\n1,choice,4,", 1));
    let headless = unfinished(10, &|text| text.replacen("schema_version", "schema", 1));
    unfinished(10, &|text| text.replacen("schema_version", "schema", 1));
    let other = run_in(folder.path(), &["sweep", "choice", "--uploads", "1600", "--resume"]);
    let all = [edited, headless, other];
    assert!(all.iter().all(|ended| ended.code == 2), "{:?}", all.iter().map(|ended| ended.code).collect::<Vec<_>>());
    insta::assert_snapshot!("sweep_refused", all.map(|ended| ended.stderr).join("\n"));
    assert_eq!(sweep(folder.path(), &["--restart"]).code, 0);
}

#[test]
fn a_policy_is_recommended_and_the_choice_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    sweep(folder.path(), &[]);
    let recommend =
        |more: &[&str]| run_in(folder.path(), &[&["recommend", "choice", "--uploads", "1500"], more].concat());
    let ended =
        recommend(&["--objective", "false_not_found_rate<=0.3", "--objective", "live_entries_max<=1400", "--robust"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    insta::assert_snapshot!("recommend", ended.stdout);
    let none = recommend(&["--objective", "false_not_found_rate<=0.000001"]);
    assert_eq!(none.code, 5, "{}", none.stdout);
    assert!(none.stdout.contains("No cell keeps"), "{}", none.stdout);
    let other = run_in(folder.path(), &["recommend", "choice"]);
    let unknown = recommend(&["--objective", "false_rate<=1"]);
    let nowhere = run_in(folder.path(), &["recommend", "choice", "-o", "elsewhere"]);
    let no_grid = run_in(folder.path(), &["sweep", "smoke"]);
    assert_eq!([other.code, unknown.code, nowhere.code, no_grid.code], [2, 2, 3, 2]);
    insta::assert_snapshot!(
        "recommend_refused",
        [other, unknown, nowhere, no_grid].map(|ended| ended.stderr).join("\n")
    );
}

#[test]
fn a_cell_in_which_a_metric_was_not_measured_is_not_left_out_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let base = include_str!("../../sims/choice.toml").split_once("# A finished upload").unwrap().0;
    let grid =
        "[grid.axes]\n\"workload.failure\" = [0, 1]\n[[objective]]\nmetric = \"ready_to_seen_ns_p99\"\nmax = 1e15\n";
    fs::write(folder.path().join("mine.toml"), format!("{base}{grid}")).unwrap();
    assert_eq!(run_in(folder.path(), &["sweep", "mine.toml", "--uploads", "100"]).code, 0);
    let ended = run_in(folder.path(), &["recommend", "mine.toml", "--uploads", "100"]);
    let told = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("Of 2 cells 1 keep"), "{told}");
    assert!(told.contains("In 1 of 2 cells there is no ready_to_seen_ns_p99: nothing happened"), "{told}");
}

#[test]
fn a_wrong_grid_is_shown_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let base = include_str!("../../sims/choice.toml").split_once("# A finished upload").unwrap().0;
    let says = |grid: &str| {
        fs::write(folder.path().join("wrong.toml"), format!("{base}{grid}")).unwrap();
        let ended = run_in(folder.path(), &["sweep", "wrong.toml"]);
        assert_eq!(ended.code, 3, "{grid}: {}", ended.stderr);
        ended.stderr
    };
    let wrong = [
        "[grid.axes]\ntime_to_live = [\"30m\", \"soon\"]\n",
        "[grid.axes]\ntime_to_leave = [\"30m\"]\n",
        "[grid.axes]\ntime_to_live = \"30m\"\n",
        "[grid.axes]\nname = [\"a\", \"b\"]\n",
        "[grid]\npolicy = \"vary\"\n[grid.axes]\ntime_to_live = [\"30m\"]\n",
        "[grid]\nlatin_hypercube = 8\n[grid.axes]\ntime_to_live = [\"30m\"]\n",
        "[grid]\nlatin_hypercube = 8\n[grid.axes]\ntime_to_live = { from = \"2h\", to = \"1h\" }\n",
        "[grid]\n",
        "[[objective]]\nmetric = \"false_not_found\"\nmax = 1\n",
    ];
    insta::assert_snapshot!("grid_wrong", wrong.map(says).join("\n"));
}

#[test]
fn a_latin_hypercube_uses_each_part_of_each_axis_once_and_a_list_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let base = include_str!("../../sims/choice.toml").split_once("# A finished upload").unwrap().0;
    let cells = |grid: &str| {
        fs::write(folder.path().join("mine.toml"), format!("{base}{grid}")).unwrap();
        let ended = run_in(folder.path(), &["sweep", "mine.toml", "--uploads", "100"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let bytes = fs::read(folder.path().join("reports/mine-sweep/grid.csv")).unwrap();
        let mut csv = csv::Reader::from_reader(&bytes[..]);
        csv.records()
            .map(|row| row.unwrap().iter().skip(3).take(2).map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let grid = "[grid]\nlatin_hypercube = 10\n[grid.axes]\n\"server.workers\" = { from = 1, to = 101 }\n\
                \"sweep.chance\" = { from = 0.001, to = 1.0, scale = \"log\" }\n";
    let hypercube = cells(grid);
    let mut parts: Vec<_> = hypercube.iter().map(|row| (row[0].parse::<f64>().unwrap() - 1.0) / 10.0).collect();
    parts.sort_by(f64::total_cmp);
    assert!(parts.iter().enumerate().all(|(part, at)| (at - part as f64 - 0.5).abs() <= 0.55), "{parts:?}");
    let mut logs: Vec<_> =
        hypercube.iter().map(|row| (libm::log10(row[1].parse::<f64>().unwrap()) + 3.0) / 0.3).collect();
    logs.sort_by(f64::total_cmp);
    assert!(logs.iter().enumerate().all(|(part, at)| (at - part as f64 - 0.5).abs() <= 0.51), "{logs:?}");
    assert_eq!(hypercube, cells(grid), "the same cells from the same seed");
    let listed = cells(
        "[[grid.cells]]\ntime_to_live = \"30m\"\n\"sweep.chance\" = 0.1\n[[grid.cells]]\ntime_to_live = \"1h\"\n",
    );
    assert_eq!(listed, [["0.1", "30m"], ["", "1h"]]);
}
