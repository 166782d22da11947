//! Endings that nobody plans: a reader that goes away, Ctrl-C, a name with a comma.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::{files_below, run_in};

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_stillready")
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["list"][..], &["run", "smoke"], &["completions", "bash"]] {
        let mut child = Command::new(program())
            .args(arguments)
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The pipe is closed before anything was read.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(program())
        .args(["run", "reference", "--uploads", "4000000000", "--uploads-csv", "--allow-huge"])
        .current_dir(&folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleep(Duration::from_millis(700));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("interrupted; nothing was written"), "{message}");
    assert!(files_below(folder.path()).is_empty(), "{:?}", files_below(folder.path()));
}

#[test]
fn names_with_commas_and_quotes_stay_in_their_cells() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let file = folder.path().join("sims/smoke.toml");
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("expiry = \"logical\"", "expiry = \"physical\"")
        .replace("\"logical\"\n", "'a, \"b\" <i>'\n");
    std::fs::write(&file, text).unwrap();
    assert_eq!(run_in(folder.path(), &["run", "smoke", "--uploads-csv", "-q"]).code, 0);
    for name in ["summary", "comparison", "replications", "uploads"] {
        let mut csv = csv::Reader::from_path(folder.path().join(format!("reports/smoke/{name}.csv"))).unwrap();
        assert!(csv.records().any(|row| &row.unwrap()[2] == "a, \"b\" <i>"), "{name}");
    }
}
