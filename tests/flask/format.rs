//! The SQLite format that Rust and Python share.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stillready::backend::Backend;
use stillready::backend::sqlite::Sqlite;
use stillready::registry::{Outcome, Retention, State, Status};

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
    let Some((python, _alone)) = python() else { return };
    let run = assert_cmd::Command::new(python)
        .arg(here("tests/flask/test_uploads.py"))
        .timeout(Duration::from_secs(120))
        .assert()
        .success();
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    let ran = said.split("Ran ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse::<u32>().unwrap();
    assert!(ran >= 27 && !said.contains("skipped"), "{said}");
}

/// A Python process does one operation on the file.
fn sees(python: &Path, file: &Path, arguments: &[&str]) -> Value {
    let mut command = assert_cmd::Command::new(python);
    command.arg(here("tests/flask/sees.py")).arg(file).args(arguments).timeout(Duration::from_secs(60));
    serde_json::from_slice(&command.assert().success().get_output().stdout).unwrap()
}

/// Rust and Python on one file, each in a process of its own: what one begins, the other ends; what one ends, the other reads; who is
/// late is refused by either; a name's latest upload is the same to both; what one sweeps is gone for the other.
#[test]
fn a_python_process_and_a_rust_process_see_each_others_uploads() {
    let Some((python, _alone)) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    for rust_first in [true, false] {
        let file = folder.path().join(format!("{rust_first}.sqlite3"));
        let python = |arguments: &[&str]| sees(&python, &file, arguments);
        if !rust_first {
            python(&["latest", "nothing"]);
        }
        let hour = Duration::from_secs(3600);
        let rust = Sqlite::open(&file, Retention::finished(hour).tombstone(Some(hour))).unwrap();
        let times = [
            "--ready",
            "3600",
            "--failed",
            "3600",
            "--interrupted",
            "3600",
            "--running",
            "ever",
            "--tombstone",
            "3600",
        ];
        let python = |arguments: &[&str]| python(&[arguments, &times].concat());

        // Rust begins, Python ends; Rust is late with another end.
        let id = rust.begin("menu.xlsx", 1000).unwrap();
        let text = id.to_string();
        assert_eq!(python(&["read", &text, "--now", "1001"])["status"], "processing");
        assert_eq!(python(&["finish", &text, "ready", "from Python", "--now", "2000"]), json!({"taken": true}));
        assert_eq!(rust.read(id, 2001).unwrap(), Status::Ready("from Python".to_owned()));
        assert!(!rust.finish(id, Outcome::Failed("late".to_owned()), 2002).unwrap());

        // Python begins under the same name, Rust ends; Python is late.
        let next = python(&["begin", "menu.xlsx", "--now", "3000"])["id"].as_u64().unwrap();
        assert!(next > id);
        assert_eq!(rust.read_key("menu.xlsx", 3001).unwrap(), Status::Processing);
        assert!(rust.finish(next, Outcome::Failed("from Rust: é, 'quoted'".to_owned()), 4000).unwrap());
        let text = next.to_string();
        assert_eq!(python(&["finish", &text, "ready", "late", "--now", "4001"]), json!({"taken": false}));
        let read = python(&["read-key", "menu.xlsx", "--now", "4002"]);
        assert_eq!((&read["status"], &read["detail"]), (&json!("failed"), &json!("from Rust: é, 'quoted'")));
        // The first one's reader still sees its own.
        assert_eq!(rust.read(id, 4003).unwrap(), Status::Ready("from Python".to_owned()));

        // Each is over at its nanosecond, for both, and forgotten an hour later; either's sweep takes it.
        let over = 2000 + 3_600_000_000_000;
        for (now, status, expected) in [
            (over - 1, Status::Ready("from Python".to_owned()), "ready"),
            (over, Status::Expired(State::Ready), "expired"),
            (2 * over - 2001, Status::Expired(State::Ready), "expired"),
            (2 * over - 2000, Status::Unknown, "unknown"),
        ] {
            assert_eq!(rust.read(id, now).unwrap(), status, "{now}");
            let read = python(&["read", &id.to_string(), "--now", &now.to_string()]);
            assert_eq!(read["status"], *expected, "{now}: {read}");
        }
        let late = 2 * over;
        if rust_first {
            assert_eq!(python(&["sweep", "10", "--now", &late.to_string()])["swept"].as_array().unwrap().len(), 2);
        } else {
            let mut swept = 0;
            rust.sweep(late, &mut |_| swept += 1).unwrap();
            assert_eq!(swept, 2);
        }
        assert_eq!(python(&["latest", "menu.xlsx"]), json!({"id": null}));
        assert_eq!(rust.read_key("menu.xlsx", late).unwrap(), Status::Unknown);
        // Ids are not given out again.
        assert!(rust.begin("menu.xlsx", late).unwrap() > next);
    }
}
