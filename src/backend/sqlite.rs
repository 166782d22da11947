//! A file of SQLite as a store for all processes of one machine: the remedy where several workers each have a memory of their
//! own. The table and its statements are documented in `docs/sqlite.md`; programs in other languages share them.
//!
//! Each call is one statement or one transaction that is a writer from its beginning (`BEGIN IMMEDIATE`), so that no call acts
//! on what it read before another wrote. A process that is killed at any moment loses nothing that a call has answered.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, TransactionBehavior, named_params};
use thiserror::Error;

use super::{Backend, Entry, UnfitRetention, finite};
use crate::registry::{AgeBasis, Outcome, Retention, State, Status};

/// How this store is called in errors.
const NAME: &str = "SQLite";

/// The version of the table that this version of the crate reads and writes: `PRAGMA user_version`.
pub const VERSION: i64 = 1;

/// How long a call waits for others that write, before it fails.
const BUSY: Duration = Duration::from_secs(10);

/// How long opening waits between two attempts, while another process sets the file up, and how often it tries.
const OPEN_AGAIN: Duration = Duration::from_millis(5);
const ATTEMPTS: u32 = 2000;

/// The most rows that a sweep takes in one transaction; others get in between.
const SWEEP_STEP: i64 = 256;

/// The columns of the table, in order.
const COLUMNS: [&str; 10] =
    ["id", "key", "latest", "state", "detail", "begun_ns", "ended_ns", "acknowledged_ns", "deadline_ns", "forget_ns"];

const SCHEMA: &str = include_str!("sqlite/schema.sql");
const BEGIN: &str = include_str!("sqlite/begin.sql");
const SUPERSEDE: &str = include_str!("sqlite/supersede.sql");
const FINISH: &str = include_str!("sqlite/finish.sql");
const READ: &str = include_str!("sqlite/read.sql");
const LATEST: &str = include_str!("sqlite/latest.sql");
const RENEW: &str = include_str!("sqlite/renew.sql");
const ACKNOWLEDGE: &str = include_str!("sqlite/acknowledge.sql");
const CLEAR: &str = include_str!("sqlite/clear.sql");
const SWEEP: &str = include_str!("sqlite/sweep.sql");
const ENTRIES: &str = "SELECT key, state, begun_ns, deadline_ns, id FROM uploads ORDER BY id";

/// What can go wrong with a file.
#[derive(Debug, Error)]
pub enum SqliteError {
    /// The retention is one that the table cannot keep.
    #[error(transparent)]
    Unfit(#[from] UnfitRetention),
    /// A later version of this crate has written the file.
    #[error("the file's user_version is {found}, and this version of stillready knows {VERSION}; update stillready")]
    Newer {
        /// The version of the file.
        found: i64,
    },
    /// The file is a database of something else.
    #[error(
        "the file is a database without stillready's table `uploads`; name a file of its own, which need not exist"
    )]
    Foreign,
    /// The file cannot have a log that is written ahead.
    #[error(
        "SQLite keeps its journal in mode `{found}` where it must be `wal`, so that others read while one writes; name a file on a \
         disk of this machine: no `:memory:`, no empty name, no network file system"
    )]
    Mode {
        /// The mode that SQLite takes instead.
        found: String,
    },
    /// A row holds what no version of the table allows.
    #[error(
        "the state `{0}` in the table `uploads` is none of processing, ready, failed, interrupted, expired, unknown"
    )]
    State(String),
    /// SQLite says so.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

type Result<T> = std::result::Result<T, SqliteError>;

/// A connection to a file that others share. Threads of one process may share it and then wait for each other; or each opens the
/// file for itself.
///
/// A call that writes waits for others that write, for at most ten seconds, and fails then; before that it waits for the calls of
/// other threads that share the connection, which may wait themselves.
///
/// Time is what each caller's clock says: those of the processes of one machine agree, but for a step of that clock.
#[derive(Debug)]
pub struct Sqlite {
    retention: Retention,
    connection: Mutex<Connection>,
}

impl Sqlite {
    /// Opens a file, which is set up if it is empty or not there. All who open one must use the same retention.
    ///
    /// # Errors
    /// [`SqliteError::Unfit`] for a retention with a capacity or with physical expiry, [`SqliteError::Newer`] and
    /// [`SqliteError::Foreign`] for files of others, which are left as they are, and [`SqliteError::Mode`] for what is no file or is
    /// where processes cannot share one.
    pub fn open(path: impl AsRef<Path>, retention: Retention) -> Result<Sqlite> {
        UnfitRetention::unless_logical(NAME, &retention)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        set_up(&mut connection)?;
        write_ahead(&connection)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.set_prepared_statement_cache_capacity(16);
        Ok(Sqlite { retention, connection: Mutex::new(connection) })
    }

    /// The same, and each change is on the disk before its call returns: a loss of power loses nothing either. Without it, that
    /// may lose the last changes, though it never leaves the file broken; the end of a process loses nothing in any case.
    ///
    /// # Errors
    /// [`SqliteError::Sqlite`] if SQLite refuses.
    pub fn synced(self) -> Result<Sqlite> {
        self.connection().pragma_update(None, "synchronous", "FULL")?;
        Ok(self)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that a panic cut short was rolled back when it was dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that no other process gets in between.
    fn alone<T>(&self, act: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = act(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// The time to live of a state, as the statements have it.
    fn live(&self, state: State) -> Option<i64> {
        finite(self.retention.time_to_live.of(state)).map(|ns| ns as i64)
    }

    /// The time of tombstones: 0 for none, `NULL` for ever.
    fn tombstone(&self) -> Option<i64> {
        finite(Some(self.retention.tombstone_ns.unwrap_or(0))).map(|ns| ns as i64)
    }

    fn end(&self, id: u64, state: State, detail: Option<String>, now_ns: u64) -> Result<bool> {
        let Ok(id) = i64::try_from(id) else { return Ok(false) };
        let (since, live) = match self.retention.age {
            AgeBasis::Created => (None, self.live(state)),
            AgeBasis::Finished | AgeBasis::LastWrite | AgeBasis::LastAccess => (Some(now_ns), self.live(state)),
            AgeBasis::Acknowledged => (Some(now_ns), None),
        };
        let ended = self.connection().prepare_cached(FINISH)?.execute(named_params! {
            ":id": id, ":state": name(state), ":detail": detail, ":now": now_ns,
            ":since": since, ":live": live, ":tombstone": self.tombstone(),
        })?;
        Ok(ended == 1)
    }

    /// What a poll of an upload is answered, and its renewal where the retention says so, which is then part of a transaction.
    fn poll(&self, connection: &Connection, id: i64, now_ns: u64) -> Result<Status<String>> {
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: Option<(String, String, Option<String>)> =
            connection.prepare_cached(READ)?.query_row(named_params! { ":id": id, ":now": now_ns }, row).optional()?;
        let Some((status, state, detail)) = found else { return Ok(Status::Unknown) };
        let detail = || detail.unwrap_or_default();
        let status = match status.as_str() {
            "unknown" => Status::Unknown,
            "expired" => Status::Expired(named(&state)?),
            other => match named(other)? {
                State::Processing => Status::Processing,
                State::Ready => Status::Ready(detail()),
                State::Failed => Status::Failed(detail()),
                State::Interrupted => Status::Interrupted,
            },
        };
        let ended = matches!(status, Status::Ready(_) | Status::Failed(_) | Status::Interrupted);
        if ended && self.renews_when_read() {
            self.renew(connection, id, now_ns)?;
        }
        Ok(status)
    }

    fn renews_when_read(&self) -> bool {
        self.retention.age == AgeBasis::LastAccess
    }

    fn renew(&self, connection: &Connection, id: i64, now_ns: u64) -> Result<()> {
        connection.prepare_cached(RENEW)?.execute(named_params! {
            ":id": id, ":now": now_ns, ":tombstone": self.tombstone(), ":ready": self.live(State::Ready),
            ":failed": self.live(State::Failed), ":interrupted": self.live(State::Interrupted),
        })?;
        Ok(())
    }
}

/// Makes sure of the table, in one transaction: of two processes that open an empty file at once, one sets it up and the other
/// finds that.
fn set_up(connection: &mut Connection) -> Result<()> {
    // In a transaction, too, if only a reader's: between two statements another process may set the file up.
    let reading = connection.transaction()?;
    if check(&reading)? {
        return Ok(());
    }
    drop(reading);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !check(&transaction)? {
        transaction.execute_batch(SCHEMA)?;
    }
    Ok(transaction.commit()?)
}

/// Changes the mode of the file to a log that is written ahead. SQLite changes it alone with the file, and does not wait for that
/// by itself; where it cannot, it does not fail, but says which mode stays.
fn write_ahead(connection: &Connection) -> Result<()> {
    let mut attempts = 1;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(found) => return Err(SqliteError::Mode { found }),
            Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) || attempts == ATTEMPTS => {
                return Err(error.into());
            }
            Err(_) => attempts += 1,
        }
        std::thread::sleep(OPEN_AGAIN);
    }
}

/// Whether the table is there; an error if the file is another's.
fn check(connection: &Connection) -> Result<bool> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let found = number("PRAGMA user_version")?;
    if found > VERSION {
        return Err(SqliteError::Newer { found });
    }
    if found == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(false);
    }
    let mut columns = connection.prepare("SELECT name FROM pragma_table_info('uploads')")?;
    let columns: Vec<String> = columns.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if found == VERSION && columns == COLUMNS { Ok(true) } else { Err(SqliteError::Foreign) }
}

fn name(state: State) -> &'static str {
    match state {
        State::Processing => "processing",
        State::Ready => "ready",
        State::Failed => "failed",
        State::Interrupted => "interrupted",
    }
}

fn named(text: &str) -> Result<State> {
    let state = State::ALL.into_iter().find(|&state| name(state) == text);
    state.ok_or_else(|| SqliteError::State(text.to_owned()))
}

/// The first four columns of a row, as a sweep returns them.
fn entry(row: &Row<'_>) -> Result<Entry> {
    let state: String = row.get(1)?;
    Ok(Entry { key: row.get(0)?, state: named(&state)?, begun_ns: row.get(2)?, deadline_ns: row.get(3)? })
}

impl Backend for Sqlite {
    type Error = SqliteError;

    fn retention(&self) -> &Retention {
        &self.retention
    }

    fn begin(&self, key: &str, now_ns: u64) -> Result<u64> {
        let (running, tombstone) = (self.live(State::Processing), self.tombstone());
        self.alone(|connection| {
            connection.prepare_cached(SUPERSEDE)?.execute(named_params! { ":key": key })?;
            connection.prepare_cached(BEGIN)?.execute(named_params! {
                ":key": key, ":now": now_ns, ":running": running, ":tombstone": tombstone,
            })?;
            Ok(connection.last_insert_rowid() as u64)
        })
    }

    fn finish(&self, id: u64, outcome: Outcome<String>, now_ns: u64) -> Result<bool> {
        let (state, detail) = match outcome {
            Outcome::Ready(detail) => (State::Ready, detail),
            Outcome::Failed(detail) => (State::Failed, detail),
        };
        self.end(id, state, Some(detail), now_ns)
    }

    fn interrupt(&self, id: u64, now_ns: u64) -> Result<bool> {
        self.end(id, State::Interrupted, None, now_ns)
    }

    fn read(&self, id: u64, now_ns: u64) -> Result<Status<String>> {
        let Ok(id) = i64::try_from(id) else { return Ok(Status::Unknown) };
        if self.renews_when_read() {
            self.alone(|connection| self.poll(connection, id, now_ns))
        } else {
            self.poll(&self.connection(), id, now_ns)
        }
    }

    fn read_key(&self, key: &str, now_ns: u64) -> Result<Status<String>> {
        let poll = |connection: &Connection| {
            let mut latest = connection.prepare_cached(LATEST)?;
            let id = latest.query_row(named_params! { ":key": key }, |row| row.get(0)).optional()?;
            id.map_or(Ok(Status::Unknown), |id| self.poll(connection, id, now_ns))
        };
        if self.renews_when_read() {
            return self.alone(poll);
        }
        // Both reads see the file as it was at one moment, and wait for nobody.
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        poll(&transaction)
    }

    fn acknowledge(&self, id: u64, now_ns: u64) -> Result<bool> {
        let Ok(id) = i64::try_from(id) else { return Ok(false) };
        let renews = matches!(self.retention.age, AgeBasis::Acknowledged | AgeBasis::LastWrite);
        self.alone(|connection| {
            let mut acknowledge = connection.prepare_cached(ACKNOWLEDGE)?;
            let counts = acknowledge.execute(named_params! { ":id": id, ":now": now_ns })? == 1;
            if counts && renews {
                self.renew(connection, id, now_ns)?;
            }
            Ok(counts)
        })
    }

    fn clear(&self, id: u64) -> Result<bool> {
        let Ok(id) = i64::try_from(id) else { return Ok(false) };
        Ok(self.connection().prepare_cached(CLEAR)?.execute(named_params! { ":id": id })? == 1)
    }

    fn sweep(&self, now_ns: u64, on_taken: &mut dyn FnMut(Entry)) -> Result<()> {
        loop {
            let taken = {
                let connection = self.connection();
                let mut sweep = connection.prepare_cached(SWEEP)?;
                let rows = sweep.query_and_then(named_params! { ":now": now_ns, ":max": SWEEP_STEP }, entry)?;
                rows.collect::<Result<Vec<Entry>>>()?
            };
            let is_last = (taken.len() as i64) < SWEEP_STEP;
            taken.into_iter().for_each(&mut *on_taken);
            if is_last {
                return Ok(());
            }
        }
    }

    fn entries(&self, visit: &mut dyn FnMut(u64, Entry)) -> Result<()> {
        let connection = self.connection();
        let mut entries = connection.prepare_cached(ENTRIES)?;
        let mut rows = entries.query([])?;
        while let Some(row) = rows.next()? {
            visit(row.get(4)?, entry(row)?);
        }
        Ok(())
    }
}
