//! Folders of results that are not whole, or not of one run, are refused with a reason.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use stillready::provenance::sha256_hex;

/// What the program says of a folder after a change to its report.
fn after(change: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    crate::stillready(folder.path(), &["run", "smoke", "--uploads", "200", "-q"]);
    let report = folder.path().join("reports/smoke");
    change(&report);
    let mut command = Command::cargo_bin("stillready").unwrap();
    let assert = command.current_dir(folder.path()).args(["report", "reports/smoke"]).assert().code(3);
    assert!(!report.join("report.html").exists(), "a page was written all the same");
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Changes the last row of `told.csv`, and its hash in the record.
fn forge(folder: &Path, change: impl Fn(&str) -> String) {
    let path = folder.join("told.csv");
    let text = fs::read_to_string(&path).unwrap();
    let row = text.lines().last().unwrap();
    let changed = text.replacen(row, &change(row), 1);
    assert!(text != changed, "{row}");
    list(folder, text.as_bytes(), changed.as_bytes());
    fs::write(path, changed).unwrap();
}

/// Puts another hash in the place of that of some bytes into the record.
fn list(folder: &Path, before: &[u8], after: &[u8]) {
    edit(&folder.join("run.json"), &sha256_hex(before), &sha256_hex(after));
}

#[test]
fn a_folder_that_is_not_whole_is_refused_with_the_reason() {
    let refusals = [
        ("a number was edited", after(|folder| edit(&folder.join("summary.csv"), ",200,", ",201,"))),
        (
            "a row is missing",
            after(|folder| {
                let text = fs::read_to_string(folder.join("told.csv")).unwrap();
                fs::write(folder.join("told.csv"), &text[..text.len() / 2]).unwrap();
            }),
        ),
        (
            "a row was added",
            after(|folder| {
                let text = fs::read_to_string(folder.join("entries.csv")).unwrap();
                fs::write(folder.join("entries.csv"), format!("{text}\n")).unwrap();
            }),
        ),
        ("a file is missing", after(|folder| fs::remove_file(folder.join("properties.csv")).unwrap())),
        ("a file of another run", after(|folder| fs::write(folder.join("uploads.csv"), "upload\n1\n").unwrap())),
        ("the record is missing", after(|folder| fs::remove_file(folder.join("run.json")).unwrap())),
        (
            "the record is truncated",
            after(|folder| {
                let text = fs::read_to_string(folder.join("run.json")).unwrap();
                fs::write(folder.join("run.json"), &text[..text.len() / 2]).unwrap();
            }),
        ),
        (
            "another version",
            after(|folder| edit(&folder.join("run.json"), "\"schema_version\": 1", "\"schema_version\": 2")),
        ),
        ("another kind", after(|folder| edit(&folder.join("run.json"), "\"run\"", "\"race\""))),
        ("another policy", after(|folder| edit(&folder.join("run.json"), "\"30m/10%\"", "\"30m/10 %\""))),
        (
            "a file elsewhere",
            after(|folder| edit(&folder.join("run.json"), "\"summary.csv\"", "\"../../summary.csv\"")),
        ),
    ];
    let refusals = refusals.into_iter().chain([
        ("the record is no record", after(|folder| fs::write(folder.join("run.json"), "[1, 2]").unwrap())),
        (
            "the record is a folder",
            after(|folder| {
                fs::remove_file(folder.join("run.json")).unwrap();
                fs::create_dir(folder.join("run.json")).unwrap();
            }),
        ),
        (
            "a table is a folder",
            after(|folder| {
                fs::remove_file(folder.join("told.csv")).unwrap();
                fs::create_dir(folder.join("told.csv")).unwrap();
            }),
        ),
        ("a cell is no number, and listed so", after(|folder| forge(folder, |row| row.replacen(",800,", ",many,", 1)))),
        ("a cell is missing, and listed so", after(|folder| forge(folder, |row| row.replacen(",800,", ",", 1)))),
        ("a count cannot be true, and listed so", after(|folder| forge(folder, |row| row.replacen(",800,", ",1,", 1)))),
        (
            "not UTF-8, and listed so",
            after(|folder| {
                let path = folder.join("told.csv");
                let before = fs::read(&path).unwrap();
                let mut bytes = before.clone();
                let last = bytes.len() - 2;
                bytes[last] = 0xff;
                list(folder, &before, &bytes);
                fs::write(path, bytes).unwrap();
            }),
        ),
    ]);
    let all: Vec<_> = refusals.map(|(change, said)| format!("{change}:\n{said}")).collect();
    insta::assert_snapshot!("refusals", all.join("\n"));
}

#[test]
fn runs_of_several_versions_are_not_put_on_one_page() {
    let folder = tempfile::tempdir().unwrap();
    crate::stillready(folder.path(), &["run", "smoke", "two-workers", "--uploads", "200", "-q"]);
    crate::stillready(folder.path(), &["report", "reports", "-q"]);
    edit(&folder.path().join("reports/smoke/run.json"), "\"model_version\": 1", "\"model_version\": 0");
    let mut command = Command::cargo_bin("stillready").unwrap();
    let assert = command.current_dir(folder.path()).args(["report", "reports"]).assert().code(3);
    insta::assert_snapshot!("mixed_versions", String::from_utf8_lossy(&assert.get_output().stderr));
}

#[test]
fn a_folder_without_a_report_says_what_to_name() {
    let folder = tempfile::tempdir().unwrap();
    let said = |argument: &str| {
        let mut command = Command::cargo_bin("stillready").unwrap();
        let assert = command.current_dir(folder.path()).args(["report", argument]).assert().code(3);
        String::from_utf8(assert.get_output().stderr.clone()).unwrap()
    };
    fs::create_dir(folder.path().join("empty")).unwrap();
    insta::assert_snapshot!("no_report", format!("{}\n{}", said("empty"), said("missing")));
}

#[test]
fn pages_of_an_earlier_run_do_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("reports/smoke/report.html");
    crate::stillready(folder.path(), &["run", "smoke", "--uploads", "200", "--format", "html", "-q"]);
    assert!(page.exists());
    crate::stillready(folder.path(), &["run", "smoke", "--uploads", "300", "-q"]);
    assert!(!page.exists());
}

#[test]
fn a_run_whose_reports_were_deleted_leaves_nothing_behind_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    crate::stillready(folder.path(), &["run", "smoke", "--uploads", "200", "--uploads-csv", "-q"]);
    crate::stillready(folder.path(), &["run", "smoke", "--uploads", "200", "--policy", "logical", "-q"]);
    crate::stillready(folder.path(), &["report", "reports/smoke", "-q"]);
}
