//! Files: whole or not at all, and none that is not of this run.

use std::fs;

use crate::{files_below, run_in};

#[test]
fn what_an_earlier_run_left_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["run", "smoke", "--uploads-csv"]);
    assert_eq!(files_below(folder.path()).len(), 10);
    run_in(folder.path(), &["run", "smoke", "--policy", "logical"]);
    let expected = ["absences", "entries", "properties", "replications", "run", "summary", "told"];
    let ending = |name| if name == "run" { "json" } else { "csv" };
    let expected = expected.map(|name| format!("reports/smoke/{name}.{}", ending(name)));
    assert_eq!(files_below(folder.path()), expected);
}

#[test]
fn an_output_folder_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("out"), "mine").unwrap();
    let ended = run_in(folder.path(), &["run", "smoke", "-o", "out"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (6, ""));
    insta::assert_snapshot!("output_is_a_file", ended.stderr);
    assert_eq!(files_below(folder.path()), ["out"]);
    assert_eq!(fs::read_to_string(folder.path().join("out")).unwrap(), "mine");
}

#[test]
fn a_file_that_cannot_be_replaced_is_an_error_and_leaves_no_temporary_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("reports/smoke/summary.csv/in the way")).unwrap();
    let ended = run_in(folder.path(), &["run", "smoke"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (6, ""));
    assert!(ended.stderr.contains("cannot write reports/smoke/summary.csv"), "{}", ended.stderr);
    assert!(files_below(folder.path()).is_empty());
}

#[test]
fn run_json_tells_what_was_run_and_the_hash_of_each_file() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["run", "smoke", "--seed", "5", "--uploads-csv"]);
    let report = folder.path().join("reports/smoke");
    let run: serde_json::Value = serde_json::from_str(&fs::read_to_string(report.join("run.json")).unwrap()).unwrap();
    assert_eq!((&run["scenario"], &run["seed"], &run["replications"]), (&"smoke".into(), &5.into(), &4.into()));
    let files = run["files"].as_array().unwrap();
    assert_eq!(files.len(), 9);
    for file in files {
        let bytes = fs::read(report.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["sha256"], stillready::provenance::sha256_hex(&bytes));
    }
}

#[test]
fn the_csv_files_are_as_promised() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["run", "smoke", "--uploads-csv"]);
    for name in ["summary", "comparison", "replications", "told", "absences", "entries", "witnesses", "uploads"] {
        let text = fs::read_to_string(folder.path().join(format!("reports/smoke/{name}.csv"))).unwrap();
        assert!(
            text.starts_with("schema_version,scenario,policy,seed,") && text.ends_with('\n') && !text.contains('\r')
        );
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        let header = csv.headers().unwrap().clone();
        let snake = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(header.iter().all(snake), "{header:?}");
        assert!(csv.records().all(|row| row.unwrap().iter().all(|cell| cell != "NaN" && cell != "inf")));
        if name != "uploads" {
            insta::assert_snapshot!(format!("columns_{name}"), header.iter().collect::<Vec<_>>().join("\n"));
        }
    }
}
