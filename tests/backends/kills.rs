//! Several processes hammer one file and are killed with SIGKILL at moments of chance: no end that was answered is lost.

use std::collections::{BTreeMap, BTreeSet};
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

/// What lines of a worker's log begin with, beside those of the test's own: an end was answered, a clear is about to be asked for,
/// and it was answered.
const ENDED: &str = "ended ";
const CLEARING: &str = "clearing ";
const CLEARED: &str = "cleared ";

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

/// One write, past the capture of tests: what is killed after it has told, and before it has told nothing.
fn tell(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// Ends an upload, and tells if that was taken.
fn end(store: &Sqlite, id: u64, failed: bool, detail: &str) {
    let outcome = if failed { Outcome::Failed } else { Outcome::Ready };
    if store.finish(id, outcome(detail.to_owned()), wall_clock_ns()).unwrap() {
        tell(&format!("{ENDED}{id} {} {detail}", if failed { "failed" } else { "ready" }));
    }
}

/// A process of the test below, and nothing by itself: begins uploads under names that all share, ends and clears them, ends those
/// of others, and sweeps, until it is killed; it writes a line for each end and clear that was answered.
#[test]
#[ignore = "a process of the test of kills, which starts it"]
fn a_worker_on_a_file() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells a process of its own what to do")]
    let (Ok(file), Ok(worker)) = (std::env::var(FILE), std::env::var(WORKER)) else { return };
    let store = open(Path::new(&file));
    let mut chance = Chance(worker.bytes().map(u64::from).sum());
    for number in 0.. {
        let name = chance.below(NAMES);
        let id = store.begin(&format!("name {name}"), wall_clock_ns()).unwrap();
        let detail = format!("{worker}-{number}");
        match chance.below(10) {
            // It goes on running for ever, unless another ends it.
            0..2 => {}
            2 => end(&store, id.saturating_sub(1 + chance.below(6)), false, &format!("{detail}-of-another")),
            choice => end(&store, id, choice == 3, &detail),
        }
        if chance.below(5) == 0 {
            tell(&format!("{CLEARING}{id} {name}"));
            assert!(store.clear(id).unwrap(), "no other clears it");
            tell(&format!("{CLEARED}{id} {name}"));
        }
        // Long before anything is over.
        if chance.below(10) == 0 {
            store.sweep(wall_clock_ns(), &mut |entry| panic!("a sweep takes {entry:?}")).unwrap();
        }
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

/// What the processes have told.
#[derive(Default)]
struct Told {
    /// The ends that were answered, by id.
    ended: BTreeMap<u64, Status<String>>,
    /// The clears that were asked for, or were about to be, with their names.
    clearing: BTreeMap<u64, i64>,
    /// The clears that were answered.
    cleared: BTreeSet<u64>,
}

fn told(log: &Path) -> Told {
    let text = std::fs::read_to_string(log).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    let mut told = Told::default();
    // A line that was cut short has told nothing.
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        if let Some(line) = line.strip_prefix(ENDED) {
            let (id, rest) = line.split_once(' ').unwrap();
            let (word, detail) = rest.split_once(' ').unwrap();
            let status = if word == "ready" { Status::Ready } else { Status::Failed };
            let twice = told.ended.insert(id.parse().unwrap(), status(detail.to_owned()));
            assert_eq!(twice, None, "two ends of upload {id}");
        } else if let Some((id, name)) = line.strip_prefix(CLEARING).and_then(|line| line.split_once(' ')) {
            told.clearing.insert(id.parse().unwrap(), name.parse().unwrap());
        } else if let Some((id, _)) = line.strip_prefix(CLEARED).and_then(|line| line.split_once(' ')) {
            told.cleared.insert(id.parse().unwrap());
        }
    }
    told
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
    let told = told(&log);
    let others =
        told.ended.values().filter(|status| matches!(status, Status::Ready(by) if by.ends_with("another"))).count();
    let counts = [told.ended.len(), told.cleared.len(), others];
    assert!(
        counts.iter().zip([50, 10, 1]).all(|(count, least)| *count >= least),
        "ends, clears, ends by others: {counts:?}: the kills met nobody at work"
    );
}

fn assert_nothing_is_lost(file: &Path, log: &Path) {
    let by_hand = rusqlite::Connection::open(file).unwrap();
    let verdict: String = by_hand.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let store = open(file);
    let told = told(log);
    for (id, status) in &told.ended {
        let read = store.read(*id, wall_clock_ns()).unwrap();
        let is_right = match (told.clearing.contains_key(id), told.cleared.contains(id)) {
            (_, true) => read == Status::Unknown,
            // Its process was killed in the call, or right after or before it.
            (true, false) => read == Status::Unknown || read == *status,
            (false, false) => read == *status,
        };
        assert!(is_right, "upload {id}, which has ended as {status:?}, is {read:?}");
    }
    for id in &told.cleared {
        assert_eq!(store.read(*id, wall_clock_ns()).unwrap(), Status::Unknown, "upload {id} was cleared");
    }
    // Each name names one upload, its last, or none where that was cleared.
    let mut names = by_hand
        .prepare("SELECT substr(key, 6) + 0, max(id), sum(latest), max(id * latest) FROM uploads GROUP BY key")
        .unwrap();
    let mut rows = names.query([]).unwrap();
    let mut seen = 0;
    while let Some(row) = rows.next().unwrap() {
        let [name, last, latest, named] = [0, 1, 2, 3].map(|column| row.get::<_, i64>(column).unwrap());
        if latest == 0 {
            let is_cleared = told.clearing.iter().any(|(id, of)| *of == name && *id > last as u64);
            assert!(is_cleared, "name {name} names none of its uploads, the last of which is {last}");
        } else {
            assert_eq!((latest, named), (1, last), "name {name}");
        }
        seen += 1;
    }
    assert!(seen <= NAMES);
}
