//! The SQLite format that Rust and Python share, from Python's side.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::{here, python};

/// Needs no Python: the statements must not drift apart anywhere.
#[test]
fn the_statements_of_the_example_are_the_committed_ones_byte_by_byte() {
    let mut committed = BTreeMap::new();
    for entry in fs::read_dir(here("src/backend/sqlite")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_uppercase();
            committed.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    let example = fs::read_to_string(here("examples/flask_app/uploads.py")).unwrap();
    let written: BTreeMap<_, _> = statements(&example).into_iter().collect();
    assert!(committed.len() >= 10, "{committed:?}");
    assert_eq!(committed, written);
}

/// The names and texts of what is written as `NAME = """\`, the text, `"""`.
fn statements(python: &str) -> Vec<(String, String)> {
    let parts: Vec<_> = python.split(" = \"\"\"\\\n").collect();
    let statement = |pair: &[&str]| {
        let (before, after) = (pair[0], pair[1]);
        (before.lines().last().unwrap().to_owned(), after.split("\"\"\"").next().unwrap().to_owned())
    };
    parts.windows(2).map(statement).collect()
}

#[test]
fn python_keeps_the_format_on_its_own_and_from_several_processes() {
    let Some(python) = python() else { return };
    let run = assert_cmd::Command::new(python)
        .arg(here("tests/flask/test_uploads.py"))
        .timeout(Duration::from_secs(120))
        .assert()
        .success();
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    let ran = said.split("Ran ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse::<u32>().unwrap();
    assert!(ran >= 13 && !said.contains("skipped"), "{said}");
}
