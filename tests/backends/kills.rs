//! Several processes hammer one file and are killed with SIGKILL at moments of chance: no end that was answered is lost.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stillready::backend::sqlite::Sqlite;
use stillready::backend::{Backend, wall_clock_ns};
use stillready::registry::{Outcome, Retention, Status};

use crate::minutes;

const WORKERS: u64 = 4;
const ROUNDS: u64 = 6;

/// Under how many names uploads come.
const NAMES: u64 = 5;

/// Tells a process of the test that it is a worker: on which file, and which one.
const FILE: &str = "STILLREADY_TEST_FILE";
const WORKER: &str = "STILLREADY_TEST_WORKER";

/// What a line of a worker's log begins with, beside those of the test's own.
const ENDED: &str = "ended ";

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, Retention::finished(minutes(60))).unwrap()
}

/// SplitMix64, for moments and choices of chance that a seed repeats as far as processes repeat anything.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// A process of the test below, and nothing by itself: begins and ends uploads until it is killed, and writes a line for each
/// end that was answered.
#[test]
#[ignore = "a process of the test of kills, which starts it"]
fn a_worker_on_a_file() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells a process of its own what to do")]
    let (Ok(file), Ok(worker)) = (std::env::var(FILE), std::env::var(WORKER)) else { return };
    let store = open(Path::new(&file));
    let mut chance = Chance(worker.bytes().map(u64::from).sum());
    for number in 0.. {
        let id = store.begin(&format!("name {}", chance.below(NAMES)), wall_clock_ns()).unwrap();
        let detail = format!("{worker}-{number}");
        let outcome = match chance.below(5) {
            // It goes on running for ever.
            0 => continue,
            1 => Outcome::Failed(detail.clone()),
            _ => Outcome::Ready(detail.clone()),
        };
        let word = if matches!(outcome, Outcome::Ready(_)) { "ready" } else { "failed" };
        assert!(store.finish(id, outcome, wall_clock_ns()).unwrap());
        // One write, past the capture of tests: what is killed after it has told, and before it has told nothing.
        std::io::stdout().write_all(format!("\n{ENDED}{id} {word} {detail}\n").as_bytes()).unwrap();
    }
}

fn start(file: &Path, log: &Path, worker: &str) -> Child {
    let log: File = OpenOptions::new().create(true).append(true).open(log).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::a_worker_on_a_file", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FILE, file)
        .env(WORKER, worker)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// The ends that were answered, by id.
fn answered(log: &Path) -> BTreeMap<u64, Status<String>> {
    let text = std::fs::read_to_string(log).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    let mut all = BTreeMap::new();
    // A line that was cut short has told nothing.
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let Some(line) = line.strip_prefix(ENDED) else { continue };
        let (id, rest) = line.split_once(' ').unwrap();
        let (word, detail) = rest.split_once(' ').unwrap();
        let status = if word == "ready" { Status::Ready } else { Status::Failed };
        let twice = all.insert(id.parse().unwrap(), status(detail.to_owned()));
        assert_eq!(twice, None, "two ends of upload {id}");
    }
    all
}

#[test]
fn processes_killed_at_any_moment_lose_no_end_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("uploads.db"), folder.path().join("log"));
    let mut chance = Chance(1);
    for round in 0..ROUNDS {
        let workers: Vec<Child> = (0..WORKERS).map(|worker| start(&file, &log, &format!("{round}.{worker}"))).collect();
        // The first is killed while the last one may not have opened the file yet.
        for mut worker in workers {
            std::thread::sleep(Duration::from_millis(20 + chance.below(80)));
            assert!(worker.try_wait().unwrap().is_none(), "it ends by nothing but the kill");
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        // Between the rounds, too, with what the killed have left beside the file.
        assert_nothing_is_lost(&file, &log);
    }
    let ended = answered(&log).len();
    assert!(ended > 50, "only {ended} ends were answered: the kills met nobody at work");
}

fn assert_nothing_is_lost(file: &Path, log: &Path) {
    let by_hand = rusqlite::Connection::open(file).unwrap();
    let verdict: String = by_hand.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let store = open(file);
    for (id, status) in answered(log) {
        assert_eq!(store.read(id, wall_clock_ns()).unwrap(), status, "upload {id}");
    }
    // Each name names one upload, its last.
    let mut names =
        by_hand.prepare("SELECT count(*), max(id), sum(latest), max(id * latest) FROM uploads GROUP BY key").unwrap();
    let mut rows = names.query([]).unwrap();
    let mut seen = 0;
    while let Some(row) = rows.next().unwrap() {
        let [count, last, latest, named] = [0, 1, 2, 3].map(|column| row.get::<_, i64>(column).unwrap());
        assert_eq!((latest, named), (1, last), "of {count} uploads under one name");
        seen += 1;
    }
    assert!(seen <= NAMES);
}
