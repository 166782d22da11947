//! The program as its users meet it: what it prints, what it writes, how it ends.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod causes;
mod ci;
mod endings;
mod files;
mod gate;
mod help;
mod huge;
mod mutants;
mod outside;
mod running;
mod shards;
mod sweep;
mod verify;

use std::path::Path;

use assert_cmd::Command;

/// The program, in a folder: that of this build, or of the one that `STILLREADY_PROGRAM` names.
fn stillready(folder: &Path, arguments: &[&str]) -> Command {
    let other_build = std::env::var_os("STILLREADY_PROGRAM").map(|path| std::path::absolute(path).unwrap());
    let mut command = other_build.map_or_else(|| Command::cargo_bin("stillready").unwrap(), Command::new);
    command.current_dir(folder).args(arguments);
    command
}

/// How a run ended, and what it printed.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run_in(folder: &Path, arguments: &[&str]) -> Ended {
    let assert = stillready(folder, arguments).assert();
    let output = assert.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program prints UTF-8");
    Ended { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs the program in an empty folder of its own.
fn run(arguments: &[&str]) -> Ended {
    run_in(tempfile::tempdir().unwrap().path(), arguments)
}

/// The names of all files below a folder, sorted, but for the lock of a sweep.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let is_lock = path.file_name().is_some_and(|name| name == ".stillready-sweep.lock");
            if path.is_dir() {
                folders.push(path);
            } else if !is_lock {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}
