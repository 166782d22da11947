//! Access logs as workloads: what is found in them, what a policy would have answered, and that no bytes make a panic.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod files;
mod formats;
mod fuzz;
mod sessions;
mod told;

use std::path::Path;

use assert_cmd::Command;
use stillready::import::{Import, ImportError, Imported, Options, Pattern, Reader, source};

/// One second, in nanoseconds.
const S: u64 = 1_000_000_000;

const UPLOAD: &str = "POST /upload?filename={key}";
const STATUS: &str = "GET /api/upload-status?filename={key}";

fn pattern(text: &str) -> Option<Pattern> {
    (!text.is_empty()).then(|| Pattern::parse(text).unwrap())
}

/// Reads a log with patterns, of which an empty one is none.
fn import_as(upload: &str, status: &str, log: &[u8]) -> Result<Import, ImportError> {
    let options = Options::new(pattern(upload), pattern(status));
    let mut reader = Reader::new(&options);
    reader.read("log", source::unpacked(log).unwrap())?;
    reader.finish()
}

/// Reads a log of uploads and polls by file name.
fn import(log: &str) -> Import {
    import_as(UPLOAD, STATUS, log.as_bytes()).unwrap()
}

/// The rows of its trace, without the header.
fn rows(import: &Import) -> Vec<String> {
    let mut trace = Vec::new();
    import.write_trace(&mut trace).unwrap();
    String::from_utf8(trace).unwrap().lines().skip(1).map(str::to_owned).collect()
}

/// A line of a Combined log: seconds of a day in May 2015, method and target, status.
fn line(second: u64, client: &str, request: &str, status: u16) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{client} - - [17/May/2015:{hour:02}:{minute:02}:{second:02} +0000] \"{request} HTTP/1.1\" {status} 12 \"-\" \"agent\"\n"
    )
}

fn upload(second: u64, name: &str) -> String {
    line(second, "192.0.2.1", &format!("POST /upload?filename={name}"), 200)
}

fn poll(second: u64, name: &str) -> String {
    line(second, "192.0.2.1", &format!("GET /api/upload-status?filename={name}"), 200)
}

/// The program, in a folder.
fn stillready(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let run = Command::cargo_bin("stillready").unwrap().args(arguments).current_dir(folder).assert();
    let output = run.get_output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// What was measured of a name: how many, and the median in nanoseconds.
fn measured(found: &Imported, name: &str) -> Option<(u64, u64)> {
    found.measurement(name).map(|measured| (measured.count, measured.samples.quantile(0.5).unwrap()))
}
