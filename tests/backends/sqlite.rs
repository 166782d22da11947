//! The file: how it is opened, whose it is, and what statements do that are written otherwise.

use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, named_params};
use stillready::backend::sqlite::{Sqlite, SqliteError, VERSION};
use stillready::backend::{Backend, Checked, Entry};
use stillready::harness::{Budget, Check, Level, Store, check};
use stillready::registry::{Expiry, Full, Outcome, Retention, State, Status};
use stillready::scenario::Property;

use crate::subjects::{Several, files};
use crate::{MINUTE_NS, minutes};

fn retention() -> Retention {
    Retention::finished(minutes(30)).tombstone(Some(minutes(10)))
}

fn open(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(folder.path().join("uploads.db"), retention()).unwrap()
}

fn by_hand(folder: &tempfile::TempDir) -> Connection {
    let connection = Connection::open(folder.path().join("uploads.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
}

#[test]
fn what_one_process_wrote_another_reads_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let id = open(&folder).begin("menu.xlsx", 0).unwrap();
    assert!(open(&folder).finish(id, Outcome::Ready("/results/7".to_owned()), 1).unwrap());
    let other = open(&folder).synced().unwrap();
    assert_eq!(other.read_key("menu.xlsx", 2).unwrap(), Status::Ready("/results/7".to_owned()));
    assert_eq!(other.read(id, 30 * MINUTE_NS + 1).unwrap(), Status::Expired(State::Ready));
    assert!(!other.finish(id, Outcome::Failed(String::new()), 2).unwrap());
}

#[test]
fn many_that_open_an_empty_file_at_once_all_succeed() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let start = Barrier::new(6);
        let ids: Vec<u64> = std::thread::scope(|scope| {
            let one = || {
                start.wait();
                open(&folder).begin("menu.xlsx", 0).unwrap()
            };
            let all: Vec<_> = (0..6).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 6, "{ids:?}");
        let mode: String = by_hand(&folder).query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}

/// The bytes of a file.
fn bytes(folder: &tempfile::TempDir) -> Vec<u8> {
    std::fs::read(folder.path().join("uploads.db")).unwrap()
}

#[test]
fn files_of_others_are_refused_and_left_as_they_are() {
    let refused = |folder: &tempfile::TempDir| {
        let before = bytes(folder);
        let error = Sqlite::open(folder.path().join("uploads.db"), retention()).unwrap_err();
        assert_eq!(bytes(folder), before, "{error}");
        error
    };
    let newer = tempfile::tempdir().unwrap();
    drop(open(&newer));
    by_hand(&newer).pragma_update(None, "user_version", VERSION + 1).unwrap();
    let error = refused(&newer);
    assert_eq!(
        error.to_string(),
        "the file's user_version is 2, and this version of stillready knows 1; update stillready"
    );

    for foreign in [
        "CREATE TABLE books (title TEXT)",
        "CREATE TABLE books (title TEXT); PRAGMA user_version = 1",
        "CREATE TABLE uploads (id INTEGER PRIMARY KEY, name TEXT); PRAGMA user_version = 1",
        "PRAGMA user_version = 1; CREATE TABLE t (c); DROP TABLE t",
    ] {
        let folder = tempfile::tempdir().unwrap();
        by_hand(&folder).execute_batch(foreign).unwrap();
        assert!(matches!(refused(&folder), SqliteError::Foreign), "{foreign}");
    }

    let text = tempfile::tempdir().unwrap();
    std::fs::write(text.path().join("uploads.db"), "no database at all, but a text of some length\n".repeat(20))
        .unwrap();
    assert_eq!(refused(&text).to_string(), "SQLite: file is not a database");
}

#[test]
fn what_processes_cannot_share_is_refused() {
    for (path, mode) in [(":memory:", "memory"), ("file::memory:?cache=shared", "memory"), ("", "delete")] {
        let error = Sqlite::open(path, retention()).unwrap_err();
        assert!(matches!(&error, SqliteError::Mode { found } if found == mode), "{path:?}: {error}");
    }
    assert_eq!(
        Sqlite::open(":memory:", retention()).unwrap_err().to_string(),
        "SQLite keeps its journal in mode `memory` where it must be `wal`, so that others read while one writes; name a file \
         on a disk of this machine: no `:memory:`, no empty name, no network file system"
    );
}

#[test]
fn a_retention_that_it_does_not_keep_is_refused_before_the_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uploads.db");
    let error = Sqlite::open(&path, retention().expiry(Expiry::Physical)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SQLite compares deadlines itself, and the retention has Expiry::Physical; use Expiry::Logical"
    );
    assert!(!path.exists());
}

#[test]
fn a_sweep_takes_in_several_steps_all_that_is_forgotten_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for number in 0..700 {
        let id = store.begin(&format!("{number}"), number).unwrap();
        if number % 100 != 0 {
            assert!(store.finish(id, Outcome::Ready(String::new()), number).unwrap());
        }
    }
    let mut taken: Vec<Entry> = Vec::new();
    store.sweep(40 * MINUTE_NS + 600, &mut |entry| taken.push(entry)).unwrap();
    // Of the first 601, seven are running still.
    assert_eq!(taken.len(), 601 - 7);
    assert!(taken.iter().all(|entry| entry.state == State::Ready && entry.begun_ns <= 600));
    let mut left = 0;
    store.entries(&mut |_, _| left += 1).unwrap();
    assert_eq!(left, 700 - 594);
}

/// A file whose users end a work otherwise than the committed statement does.
struct Faulty {
    right: Checked<Arc<Several<Sqlite>>>,
    by_hand: Arc<Mutex<Connection>>,
    /// Whether the state is looked at before, by a statement of its own.
    looks: bool,
}

/// A check of it.
fn faulty(looks: bool) -> Check<Faulty> {
    let retention = retention().tombstone(None);
    let make = files(retention);
    let by_hand = Arc::new(Mutex::new(Connection::open(make().path.as_ref().unwrap()).unwrap()));
    by_hand.lock().unwrap().busy_timeout(Duration::from_secs(10)).unwrap();
    let make = move || Faulty { right: Checked(make()), by_hand: Arc::clone(&by_hand), looks };
    check("a faulty one", make).promise(retention).clocks_agree()
}

const LOOK: &str = "SELECT state = 'processing' FROM uploads WHERE id = :id";

/// Without `state = 'processing'` and without the deadline.
const UNFENCED: &str = "UPDATE uploads SET state = :state, detail = :detail, deadline_ns = :now + :live,
    forget_ns = :now + :live WHERE id = :id";

impl Store for Faulty {
    type Ticket = u64;

    fn begin(&self, key: u32, upload: u32, now_ns: u64) -> Result<u64, Full> {
        self.right.begin(key, upload, now_ns)
    }

    fn finish(&self, id: &u64, outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        let (state, detail) = match outcome {
            Outcome::Ready(upload) => ("ready", upload.to_string()),
            Outcome::Failed(upload) => ("failed", upload.to_string()),
        };
        if self.looks {
            let look = |row: &rusqlite::Row<'_>| row.get(0);
            let running = self.by_hand.lock().unwrap().query_row(LOOK, named_params! { ":id": id }, look).optional();
            if running.unwrap() != Some(true) {
                return Some(false);
            }
            // Another process gets in between.
            std::thread::sleep(Duration::from_micros(50));
        }
        let ended = self.by_hand.lock().unwrap().execute(
            UNFENCED,
            named_params! { ":id": id, ":state": state, ":detail": detail, ":now": now_ns, ":live": 30 * MINUTE_NS },
        );
        Some(ended.unwrap() == 1)
    }

    fn read(&self, id: &u64, now_ns: u64) -> Status<u32> {
        self.right.read(id, now_ns)
    }

    fn sweep(&self, now_ns: u64) {
        self.right.sweep(now_ns);
    }
}

#[test]
fn an_end_without_a_fence_is_caught_one_call_after_the_other() {
    let failure = faulty(false).report().failure.expect("an end after the end");
    assert_eq!(failure.level, Level::Conformance, "{failure}");
}

#[test]
fn an_end_that_looks_first_is_caught_where_calls_overlap() {
    let budget = Budget { max_executions: 600, ..Budget::default() };
    let failure =
        faulty(true).levels(&[Level::Threads]).budget(budget).report().failure.expect("two ends of one upload");
    assert_eq!(failure.fault.property().map(Property::name), Some("S4"), "{failure}");
}

/// Why every transaction that writes begins as a writer: one that read first cannot write once another has, and no time to wait
/// helps, since what it read is out of date.
#[test]
fn a_transaction_that_reads_before_it_writes_fails_where_another_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let id = store.begin("menu.xlsx", 0).unwrap();
    let mut late = by_hand(&folder);
    let transaction = late.transaction_with_behavior(TransactionBehavior::Deferred).unwrap();
    let running: bool = transaction.query_row(LOOK, named_params! { ":id": id }, |row| row.get(0)).unwrap();
    assert!(running);
    assert!(store.finish(id, Outcome::Ready("7".to_owned()), 1).unwrap());
    let update = transaction.execute("UPDATE uploads SET state = 'failed' WHERE id = ?1", [id]);
    assert_eq!(update.unwrap_err().sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    drop(transaction);
    assert_eq!(store.read(id, 2).unwrap(), Status::Ready("7".to_owned()));
}
