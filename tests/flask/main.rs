//! The incident's endpoint in the language of its people: `examples/flask_app` under gunicorn, with real concurrent HTTP clients.
//!
//! Needs Python with flask and gunicorn: `STILLREADY_PYTHON`, or the virtual environment `target/flask-venv`. Where there is
//! neither, these tests say that they were skipped, and fail where `CI` is set.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "real servers run in real time")]

mod before_and_after;
mod format;
mod hammer;
mod server;
mod told;
mod workers_end;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

const HOW_TO: &str =
    "python3 -m venv target/flask-venv && target/flask-venv/bin/pip install -r examples/flask_app/requirements.txt";

/// A path in this repository.
fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Held by each test that starts processes: they measure, and do not share the machine with one another.
static MACHINE: Mutex<()> = Mutex::new(());

/// A Python with flask and gunicorn, and the machine for as long as the guard lives; `None`, and a loud line, where there is none.
fn python() -> Option<(PathBuf, MutexGuard<'static, ()>)> {
    let alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let named = std::env::var_os("STILLREADY_PYTHON").map(PathBuf::from);
    let python = named.clone().unwrap_or_else(|| here("target/flask-venv/bin/python"));
    let imports = Command::new(&python).args(["-c", "import flask, gunicorn"]).stderr(Stdio::null()).status();
    if imports.is_ok_and(|status| status.success()) {
        return Some((python, alone));
    }
    let missing = format!("{} is no Python with flask and gunicorn; how to make one: {HOW_TO}", python.display());
    assert!(named.is_none() && std::env::var_os("CI").is_none(), "{missing}");
    report(&[format!("SKIPPED: {missing}")]);
    None
}

/// Prints past the test runner, which swallows what passing tests print, in one piece and from the start of a line.
fn report(lines: &[String]) {
    let _ = std::io::stderr().write_all(format!("\n{}\n", lines.join("\n")).as_bytes());
}
