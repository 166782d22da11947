//! `stillready import` as its users meet it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{line, poll, stillready, upload};

fn fixture() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/feed-readers.log").display().to_string()
}

const READERS: [&str; 2] = ["--status", "GET /blog/tags/puppet?flav=rss20"];

#[test]
fn an_import_prints_what_it_found_and_writes_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = fixture();
    let (code, stdout, stderr) =
        stillready(folder.path(), &["import", &log, READERS[0], READERS[1], "--name", "readers"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!("import_readers", stdout);
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
    let read = |name: &str| fs::read_to_string(folder.path().join("imports/readers").join(name)).unwrap();
    insta::assert_snapshot!("scenario", read("readers.toml"));
    insta::assert_snapshot!("fits", read("fits.csv"));
    insta::assert_snapshot!("import_json", read("import.json"));
    let page = read("import.html");
    assert!(page.contains("<svg") && page.contains("Content-Security-Policy") && !page.contains("<script"));
    // Again, to the same bytes, and from stdin.
    let before = read("readers.trace.csv") + &read("import.html") + &read("import.json");
    let again = assert_cmd::Command::cargo_bin("stillready")
        .unwrap()
        .args(["import", "-", READERS[0], READERS[1], "--name", "readers", "-q"])
        .write_stdin(fs::read(&log).unwrap())
        .current_dir(&folder)
        .assert()
        .success();
    assert!(again.get_output().stdout.is_empty());
    assert!(before == read("readers.trace.csv") + &read("import.html") + &read("import.json"));
    // What it wrote can be run, from the command that it printed.
    let command: Vec<_> = stdout.lines().last().unwrap().split(' ').skip(1).collect();
    let (code, stdout, stderr) =
        stillready(folder.path(), &[&command[..], &["--check-determinism", "--format", "html"]].concat());
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("30m/10%") && stdout.contains("60m/5%") && stdout.contains("registry"));
    let (code, stdout, _) = stillready(folder.path(), &[&command[..], &["--precision", "0.5"]].concat());
    assert_eq!(code, 0);
    assert!(
        stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains("repeats the recorded uploads"),
        "{stdout}"
    );
}

/// Names, addresses and agents stay in the log.
#[test]
fn nothing_of_a_client_or_a_key_is_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = [
        upload(0, "confidential-report.pdf"),
        poll(3, "confidential-report.pdf"),
        line(4, "203.0.113.77", "GET /private/path-of-somebody", 200),
        "203.0.113.99 sent something else\n".to_owned(),
        poll(9, "confidential-report.pdf"),
    ];
    fs::write(folder.path().join("secret-host.log"), log.concat()).unwrap();
    let patterns = ["--upload", crate::UPLOAD, "--status", crate::STATUS];
    let (code, ..) = stillready(folder.path(), &[&["import", "secret-host.log"], &patterns[..]].concat());
    assert_eq!(code, 0);
    for file in fs::read_dir(folder.path().join("imports/traffic")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for secret in ["confidential", "192.0.2", "203.0.113", "agent\"", "somebody", "secret-host", "something"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn what_cannot_be_imported_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = upload(0, "a") + "nonsense\n";
    for id in 0..9 {
        log += &line(id, "h", &format!("GET /jobs/{id}/state?since=7"), 200);
    }
    fs::write(folder.path().join("a.log"), log).unwrap();
    fs::write(folder.path().join("empty.log"), "").unwrap();
    fs::write(folder.path().join("far.log"), poll(0, "a") + &poll(1, "a").replace("2015", "1999")).unwrap();
    let mut all = String::new();
    // What would colour a terminal is told, and does not.
    let escapes = r#"{"time":1,"method":"\u001b[31mGET\u0007AND MUCH MORE THAN A METHOD","uri":"/x","status":200}"#;
    fs::write(folder.path().join("escapes.log"), escapes).unwrap();
    let cases: [(&[&str], i32); 11] = [
        (&["escapes.log", "--status", "GET /a"], 4),
        (&["a.log"], 2),
        (&["a.log", "--status", "status"], 2),
        (&["a.log", "--status", "GET /jobs/{key}/status"], 4),
        (&["empty.log", "--status", "GET /jobs/{key}/status"], 4),
        (&["a.log", "--upload", "POST /{key}", "--status", "GET /status"], 2),
        (&["none.log", "--status", "GET /a"], 3),
        (&["far.log", "--status", crate::STATUS], 3),
        (&["a.log", "--status", "GET /a", "--name", "a/b"], 3),
        (&["a.log", "--status", "GET /a", "--session-gap", "5"], 2),
        (&["a.log", "--status", "GET /a", "--json-field", "url=x"], 2),
    ];
    for (arguments, expected) in cases {
        let (code, stdout, stderr) = stillready(folder.path(), &[&["import"], arguments].concat());
        assert_eq!((code, stdout.as_str()), (expected, ""), "{arguments:?}: {stderr}");
        writeln!(all, "$ stillready import {}\n{stderr}", arguments.join(" ")).unwrap();
    }
    insta::assert_snapshot!("import_failures", all);
    assert!(!folder.path().join("imports").exists(), "nothing is written");
}

/// A log larger than the memory that the program may have, with more requests than are sorted at once.
#[test]
#[cfg(target_os = "linux")]
fn a_log_larger_than_the_memory_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::io::BufWriter::new(fs::File::create(folder.path().join("large.log")).unwrap());
    let padding = "x".repeat(200);
    for number in 0..1_100_000_u32 {
        use std::io::Write as _;
        let (second, name) = (number / 20 % 86_400, number / 2000);
        let request = if number % 2000 == 0 { "POST /upload" } else { "GET /api/upload-status" };
        writeln!(file, "h - - [17/May/2015:{:02}:{:02}:{:02} +0000] \"{request}?filename={name} HTTP/1.1\" 200 1 \"-\" \"{padding}\"", second / 3600, second / 60 % 60, second % 60).unwrap();
    }
    drop(file);
    let program = assert_cmd::cargo::cargo_bin("stillready");
    let script = format!(
        "ulimit -v 220000; exec {} import large.log --upload '{}' --status '{}' -q",
        program.display(),
        crate::UPLOAD,
        crate::STATUS
    );
    assert_cmd::Command::new("sh").args(["-c", &script]).current_dir(&folder).assert().success();
    let trace = fs::read_to_string(folder.path().join("imports/traffic/traffic.trace.csv")).unwrap();
    assert_eq!(trace.lines().count(), 1_100_001);
    assert!(fs::metadata(folder.path().join("large.log")).unwrap().len() > 220_000 * 1024);
}
