//! Rust and Python on one file at the same time.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use serde::Deserialize;
use stillready::backend::Backend;
use stillready::backend::sqlite::Sqlite;
use stillready::registry::{Outcome, Retention, Status};

use crate::{here, python};

/// How many uploads each of the four makes, and more until `AT_LEAST` is over, so that no one is done before another begins.
const UPLOADS: usize = 300;
const AT_LEAST: Duration = Duration::from_secs(2);
/// After so long each stops, if it could not make that many.
const AT_MOST: Duration = Duration::from_secs(10);
/// Fewer uploads would say nothing about what happens at the same time.
const FEWEST: usize = 50;
/// How many keys all share.
const KEYS: usize = 4;

/// The id of an upload, the state and the detail of its end.
type End = (u64, String, String);

/// What one of the four was told.
#[derive(Default, Deserialize)]
struct Hammered {
    begun: Vec<u64>,
    taken: Vec<End>,
}

/// A Python process, which waits for a line to begin.
struct Waiting {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Waiting {
    fn start(python: &Path, file: &Path, name: &str) -> Waiting {
        let mut child = Command::new(python)
            .arg(here("tests/flask/hammer.py"))
            .arg(file)
            .args([name, &UPLOADS.to_string(), &AT_LEAST.as_secs().to_string(), &AT_MOST.as_secs().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Waiting { child, stdout }
    }

    fn go(mut self) -> Hammered {
        self.child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        let ended = self.child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        serde_json::from_str(&said).unwrap()
    }
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// The same as `hammer.py`.
fn hammer(file: &Path, name: &str) -> Hammered {
    let hour = Duration::from_secs(3600);
    let uploads = Sqlite::open(file, Retention::finished(hour).tombstone(Some(hour))).unwrap();
    let (mut hammered, since) = (Hammered::default(), Instant::now());
    for number in 0.. {
        let elapsed = since.elapsed();
        if (number >= UPLOADS && elapsed > AT_LEAST) || elapsed > AT_MOST {
            break;
        }
        let key = format!("key {}", number % KEYS);
        let id = uploads.begin(&key, now_ns()).unwrap();
        hammered.begun.push(id);
        for id in [id - 1, id] {
            let detail = format!("{name}, its {number}: é");
            let (state, outcome, status) = if number % 3 == 0 {
                ("failed", Outcome::Failed(detail.clone()), Status::Failed(detail.clone()))
            } else {
                ("ready", Outcome::Ready(detail.clone()), Status::Ready(detail.clone()))
            };
            if uploads.finish(id, outcome, now_ns()).unwrap() {
                assert_eq!(uploads.read(id, now_ns()).unwrap(), status, "what was taken is read back");
                hammered.taken.push((id, state.to_owned(), detail));
            }
        }
        let ended = |status: &Status<String>| matches!(status, Status::Ready(_) | Status::Failed(_));
        let status = uploads.read(id, now_ns()).unwrap();
        assert!(ended(&status), "somebody has ended {id}: {status:?}");
        let status = uploads.read_key(&key, now_ns()).unwrap();
        assert!(ended(&status) || status == Status::Processing, "{key} names an upload: {status:?}");
        // Lets the others get in between.
        thread::sleep(Duration::from_millis(1));
    }
    hammered
}

/// The rows of a query, read by SQLite itself.
fn rows<T>(file: &Connection, sql: &str, row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    file.prepare(sql).unwrap().query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Two Python processes and two Rust threads, each with a connection of its own, open one file that is not there yet, and make
/// uploads under keys that all share, at the same time; each also tries to end what others began. An error of any, such as
/// "database is locked", fails.
#[test]
fn python_processes_and_rust_threads_hammer_one_file_and_lose_nothing() {
    let Some((python, _alone)) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("uploads.sqlite3");
    let waiting = ["Python 1", "Python 2"].map(|name| Waiting::start(&python, &file, name));
    let start = Barrier::new(4);
    let hammered: Vec<Hammered> = thread::scope(|scope| {
        let (start, file) = (&start, &file);
        let go = |waiting: Waiting| scope.spawn(move || (start.wait(), waiting.go()).1);
        let rust = |name| scope.spawn(move || (start.wait(), hammer(file, name)).1);
        let all: Vec<_> = waiting.into_iter().map(go).chain(["Rust 1", "Rust 2"].map(rust)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });

    // All four were at it at the same time, and each ended uploads of others.
    let made: Vec<_> = hammered.iter().map(|one| one.begun.len()).collect();
    assert!(made.iter().all(|&made| made >= FEWEST), "at least {FEWEST} uploads each: {made:?}");
    let first = hammered.iter().map(|one| one.begun[0]).max();
    let last = hammered.iter().map(|one| one.begun[one.begun.len() - 1]).min();
    assert!(
        first < last,
        "the four at the same time: the last one began with {first:?}, the first one ended with {last:?}"
    );
    for one in &hammered {
        let of_others = one.taken.iter().filter(|(id, ..)| one.begun.binary_search(id).is_err()).count();
        assert!(of_others > 0, "each ends an upload of another");
    }

    let file = Connection::open(&file).unwrap();
    let mut begun: Vec<u64> = hammered.iter().flat_map(|one| one.begun.iter().copied()).collect();
    begun.sort_unstable();
    assert_eq!(
        begun,
        rows(&file, "SELECT id FROM uploads ORDER BY id", |row| row.get::<_, u64>(0)),
        "an id is given out once"
    );
    // One end each, with the detail of whoever was told that it was taken.
    let told: Vec<&End> = hammered.iter().flat_map(|one| &one.taken).collect();
    let ends: BTreeMap<u64, &End> = told.iter().map(|end| (end.0, *end)).collect();
    assert_eq!((told.len(), ends.len()), (begun.len(), begun.len()), "an end is taken once");
    let ends: Vec<&End> = ends.into_values().collect();
    let kept: Vec<End> = rows(&file, "SELECT id, state, detail FROM uploads ORDER BY id", |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    });
    assert_eq!(ends, kept.iter().collect::<Vec<_>>());
    let keys: Vec<(u64, u64, u64)> =
        rows(&file, "SELECT sum(latest), max(id), max(id) FILTER (WHERE latest) FROM uploads GROUP BY key", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        });
    assert_eq!(keys.len(), KEYS);
    assert!(keys.iter().all(|&(latest, highest, named)| latest == 1 && named == highest), "{keys:?}");
    assert_eq!(rows(&file, "PRAGMA integrity_check", |row| row.get::<_, String>(0)), ["ok"]);
}
