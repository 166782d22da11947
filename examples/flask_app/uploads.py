"""The table of uploads in SQLite, version 1: what Rust and Python share.

The statements are those of `src/backend/sqlite/*.sql` in stillready, byte by byte; a test compares them. Moments are nanoseconds
since 1970. Any number of processes of one machine may open one file at once: each change is one transaction, and each answer is
worked out from one row and the present moment, so it does not matter who swept what and when. The file must not lie on a network
file system: SQLite's write-ahead log does not work there.

Needs SQLite 3.37 (strict tables) and nothing else beyond Python.
"""

import math
import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import NamedTuple, Optional

VERSION = 1

# The columns of the table, in order.
COLUMNS = [
    *("id", "key", "latest", "state", "detail"),
    *("begun_ns", "ended_ns", "acknowledged_ns", "deadline_ns", "forget_ns"),
]

# Times to live of so many nanoseconds or more, 73 years, are for ever: no sum with a moment leaves 64 bits with a sign.
FOREVER_NS = 2**61 - 1

SCHEMA = """\
-- Version 1 of the table of uploads, which Rust and Python share. Moments are nanoseconds since 1970.
CREATE TABLE uploads (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never given out twice: a generation of its key
    key             TEXT NOT NULL,                     -- the file's name, say
    latest          INTEGER NOT NULL DEFAULT 1,        -- whether the key names this one: 1 or 0
    state           TEXT NOT NULL DEFAULT 'processing'
                    CHECK (state IN ('processing', 'ready', 'failed', 'interrupted')),
    detail          TEXT,                              -- what readers get with ready and failed
    begun_ns        INTEGER NOT NULL,
    ended_ns        INTEGER,
    acknowledged_ns INTEGER,
    deadline_ns     INTEGER,                           -- from when it is over; NULL: never, or not yet known
    forget_ns       INTEGER                            -- from when it is forgotten, and a sweep takes it; NULL likewise
) STRICT;

-- A key names one upload.
CREATE UNIQUE INDEX uploads_latest ON uploads (key) WHERE latest;
CREATE INDEX uploads_forget ON uploads (forget_ns) WHERE forget_ns IS NOT NULL;

PRAGMA user_version = 1;
"""

SUPERSEDE = """\
-- An upload begins under a key, part one of two in one transaction: the key names no earlier one any more.
UPDATE uploads SET latest = 0 WHERE key = :key AND latest
"""

BEGIN = """\
-- An upload begins under a key, part two of two in one transaction. `:running` is the time to live of running uploads, or NULL.
INSERT INTO uploads (key, begun_ns, deadline_ns, forget_ns)
VALUES (:key, :now, :now + :running, :now + :running + :tombstone)
"""

FINISH = """\
-- The work of an upload ends, once, if it is not over. `:since` is from when its age counts, NULL for its beginning; `:live` is
-- the time to live of its new state, NULL for ever. The row that changed, if one did, says that the end was taken.
UPDATE uploads
SET state = :state, detail = :detail, ended_ns = :now,
    deadline_ns = coalesce(:since, begun_ns) + :live,
    forget_ns = coalesce(:since, begun_ns) + :live + :tombstone
WHERE id = :id AND state = 'processing' AND (deadline_ns IS NULL OR :now < deadline_ns)
"""

READ = """\
-- What a poll of an upload is answered: its status, its last state, its detail. No row: unknown.
SELECT CASE WHEN forget_ns <= :now THEN 'unknown' WHEN deadline_ns <= :now THEN 'expired' ELSE state END AS status, state, detail
FROM uploads WHERE id = :id
"""

LATEST = """\
-- The upload that a key names.
SELECT id FROM uploads WHERE key = :key AND latest
"""

ACKNOWLEDGE = """\
-- The client has its answer: counts once, for an upload that has ended and is not over.
UPDATE uploads SET acknowledged_ns = :now
WHERE id = :id AND state <> 'processing' AND acknowledged_ns IS NULL AND (deadline_ns IS NULL OR :now < deadline_ns)
"""

RENEW = """\
-- The age of an upload that has ended, and is not over, counts from now: after a read, where the retention is by last access.
-- Each state has its time to live, NULL for ever.
UPDATE uploads
SET deadline_ns = :now + CASE state WHEN 'ready' THEN :ready WHEN 'failed' THEN :failed ELSE :interrupted END,
    forget_ns = :now + CASE state WHEN 'ready' THEN :ready WHEN 'failed' THEN :failed ELSE :interrupted END + :tombstone
WHERE id = :id AND state <> 'processing' AND (deadline_ns IS NULL OR :now < deadline_ns)
"""

CLEAR = """\
-- Removes one upload, whatever its state.
DELETE FROM uploads WHERE id = :id
"""

SWEEP = """\
-- Gives back up to `:max` of the rows that are forgotten.
DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE forget_ns <= :now ORDER BY forget_ns LIMIT :max)
RETURNING key, state, begun_ns, deadline_ns
"""


class Retention(NamedTuple):
    """How long what is kept, in seconds. None is for ever, as are 73 years or more."""

    running_s: Optional[float] = 3600  # from its beginning, while it runs
    ready_s: Optional[float] = 1800  # from its end, and so the next two
    failed_s: Optional[float] = 900
    interrupted_s: Optional[float] = 900
    tombstone_s: Optional[float] = 86400  # beyond that, answered as expired


class Status(NamedTuple):
    """What a poll is answered."""

    status: str  # processing, ready, failed, interrupted, expired or unknown
    state: Optional[str] = None  # its last state; what it was before it expired
    detail: Optional[str] = None  # what came of it


UNKNOWN = Status("unknown")


class Uploads:
    """The uploads in one file, which is made if there is none.

    Threads and processes may share it; each thread gets a connection of its own. `now_ns` is the present moment unless given.
    """

    def __init__(self, path, retention=Retention(), busy_s=10):
        if sqlite3.sqlite_version_info < (3, 37):
            raise RuntimeError(f"needs SQLite 3.37 or later, and this is {sqlite3.sqlite_version}")
        self._path, self._busy_s = os.fspath(path), busy_s
        self._live_ns = {name.removesuffix("_s"): _live_ns(name, seconds) for name, seconds in retention._asdict().items()}
        self._of_thread = threading.local()
        self._connection()

    def begin(self, key, now_ns=None):
        """An upload begins under a key, which from now on names this one. Returns its id."""
        with self._transaction("IMMEDIATE") as connection:
            now_ns = _now_ns(now_ns)
            connection.execute(SUPERSEDE, {"key": key})
            return connection.execute(BEGIN, self._times(now_ns, key=key)).lastrowid

    def finish(self, upload, state, detail=None, since_ns=None, now_ns=None):
        """The work ends: `ready`, `failed` or `interrupted`. Its age counts from `since_ns`, from now unless given.

        Returns whether the end was taken: an upload ends once, and not after it has expired.
        """
        now_ns = _now_ns(now_ns)
        since_ns = now_ns if since_ns is None else since_ns
        times = self._times(now_ns, id=upload, state=state, detail=detail, since=since_ns, live=self._live_ns[state])
        return self._connection().execute(FINISH, times).rowcount == 1

    def read(self, upload, now_ns=None, renew=False):
        """The status of the upload with this id. With `renew`, the age of one that has ended counts from now."""
        if abs(upload) >= 2**63:
            return UNKNOWN  # more than SQLite can give out, or be asked for
        if not renew:
            return self._poll(self._connection(), upload, _now_ns(now_ns))
        with self._transaction("IMMEDIATE") as connection:
            return self._poll(connection, upload, _now_ns(now_ns), renew)

    def read_key(self, key, now_ns=None, renew=False):
        """The status of the upload that a key names, likewise."""
        # In one transaction: the key is not to be told the end of an upload that it no longer named then. If it changes nothing,
        # both statements see the file as it was at one moment, and wait for nobody.
        with self._transaction("IMMEDIATE" if renew else "DEFERRED") as connection:
            row = connection.execute(LATEST, {"key": key}).fetchone()
            return UNKNOWN if row is None else self._poll(connection, row[0], _now_ns(now_ns), renew)

    def latest(self, key):
        """The id of the upload that a key names, or None."""
        row = self._connection().execute(LATEST, {"key": key}).fetchone()
        return row and row[0]

    def acknowledge(self, upload, now_ns=None, renew=False):
        """The client has its answer. Returns whether that was news; if so, with `renew`, the upload's age counts from now."""
        with self._transaction("IMMEDIATE") as connection:
            now_ns = _now_ns(now_ns)
            counts = connection.execute(ACKNOWLEDGE, {"id": upload, "now": now_ns}).rowcount == 1
            if counts and renew:
                connection.execute(RENEW, self._times(now_ns, id=upload))
            return counts

    def clear(self, upload):
        """Removes one upload, whatever its state. Returns whether there was one."""
        return self._connection().execute(CLEAR, {"id": upload}).rowcount == 1

    def sweep(self, most, now_ns=None):
        """Gives back up to `most` of the rows that are forgotten: a list of key, state, begun_ns, deadline_ns."""
        return self._connection().execute(SWEEP, {"now": _now_ns(now_ns), "max": most}).fetchall()

    def close(self):
        """Closes the connection of this thread; a later call opens another one."""
        connection = getattr(self._of_thread, "connection", None)
        if connection is not None and self._of_thread.process == os.getpid():
            connection.close()
            self._of_thread.connection = None

    def _poll(self, connection, upload, now_ns, renew=False):
        row = connection.execute(READ, {"id": upload, "now": now_ns}).fetchone()
        if row is None or row[0] == "unknown":
            return UNKNOWN
        status, state, detail = row
        if renew and status in ("ready", "failed", "interrupted"):
            connection.execute(RENEW, self._times(now_ns, id=upload))
        return Status(status, state, detail or "" if status in ("ready", "failed") else detail)

    def _times(self, now_ns, **more):
        return {**self._live_ns, "now": now_ns, **more}

    def _connection(self):
        # A connection must not go through a fork, so that of a parent is left alone.
        if getattr(self._of_thread, "process", None) != os.getpid():
            self._of_thread.process, self._of_thread.connection = os.getpid(), None
        if self._of_thread.connection is None:
            self._of_thread.connection = self._open()
        return self._of_thread.connection

    def _open(self):
        # Without an isolation level the module begins no transactions behind our back. The time-out is SQLite's busy_timeout.
        connection = sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)
        try:
            # Whose file it is comes first: those of others are left as they are.
            self._set_up(connection)
            self._write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection):
        """Makes the table in a file that has none: of several processes at once one does, and the others find that."""
        with _transaction(connection, "DEFERRED"):
            if self._check(connection):
                return
        with _transaction(connection, "IMMEDIATE"):
            if not self._check(connection):
                for statement in _statements(SCHEMA):
                    connection.execute(statement)

    def _check(self, connection):
        """Whether the table is there, False for an empty file; an error if the file is another's."""
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise RuntimeError(f"{self._path} has version {found}; this program knows {VERSION}")
        if found == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,):
            return False
        columns = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info('uploads')")]
        if found != VERSION or columns != COLUMNS:
            raise RuntimeError(
                f"{self._path} is a database without stillready's table `uploads`; name a file of its own, which need not exist"
            )
        return True

    def _write_ahead(self, connection):
        # This one change does not wait for other processes that make it at the same time, whatever the busy_timeout.
        give_up = time.monotonic() + self._busy_s
        while True:
            try:
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.01)
        if mode != "wal":
            raise RuntimeError(
                f"{self._path} has no write-ahead log, without which readers wait: its journal_mode is {mode}; name a file on a disk"
            )

    def _transaction(self, mode):
        return _transaction(self._connection(), mode)


@contextmanager
def _transaction(connection, mode):
    """All or nothing. `IMMEDIATE` for what writes: one that read first and then found another writing could not wait for it."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # Some errors, a full disk among them, have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script):
    """The statements of a script, one by one: `executescript` would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _now_ns(now_ns):
    return time.time_ns() if now_ns is None else now_ns


def _live_ns(name, seconds):
    if seconds is None or seconds == math.inf:
        return None
    if not seconds >= 0:
        raise ValueError(f"{name} is {seconds}; it must be 0 or more, or None for ever")
    ns = round(seconds * 1_000_000_000)
    return ns if ns < FOREVER_NS else None
