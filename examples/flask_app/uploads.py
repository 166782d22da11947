"""The table of uploads in SQLite, version 1: what Rust and Python share.

The statements are those of `src/backend/sqlite/*.sql` in stillready, byte by byte; a test compares them. Moments are nanoseconds
since 1970. Any number of processes of one machine may open one file at once: each change is one transaction, and each answer is
worked out from one row and the present moment, so it does not matter who swept what and when. The file must not lie on a network
file system: SQLite's write-ahead log does not work there.

Needs SQLite 3.37 (strict tables) and nothing else beyond Python.
"""

import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import NamedTuple, Optional

VERSION = 1

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
    """How long what is kept, in seconds. None is for ever."""

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
        self._live_ns = {name.removesuffix("_s"): _ns(seconds) for name, seconds in retention._asdict().items()}
        self._of_thread = threading.local()
        self._connection()

    def begin(self, key, now_ns=None):
        """An upload begins under a key, which from now on names this one. Returns its id."""
        with self._change() as connection:
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

    def read(self, upload, now_ns=None):
        """The status of the upload with this id."""
        if abs(upload) >= 2**63:
            return UNKNOWN  # more than SQLite can give out, or be asked for
        row = self._connection().execute(READ, {"id": upload, "now": _now_ns(now_ns)}).fetchone()
        return UNKNOWN if row is None or row[0] == "unknown" else Status(*row)

    def read_key(self, key, now_ns=None):
        """The status of the upload that a key names."""
        upload = self.latest(key)
        return UNKNOWN if upload is None else self.read(upload, now_ns)

    def latest(self, key):
        """The id of the upload that a key names, or None."""
        row = self._connection().execute(LATEST, {"key": key}).fetchone()
        return row and row[0]

    def acknowledge(self, upload, now_ns=None):
        """The client has its answer. Returns whether that was news."""
        return self._connection().execute(ACKNOWLEDGE, {"id": upload, "now": _now_ns(now_ns)}).rowcount == 1

    def renew(self, upload, now_ns=None):
        """The age of an upload that has ended counts from now. Returns whether there was such a one."""
        return self._connection().execute(RENEW, self._times(_now_ns(now_ns), id=upload)).rowcount == 1

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
            if _version(connection) == 0:
                self._write_ahead(connection)
                _make(connection)
            if _version(connection) != VERSION:
                raise RuntimeError(f"{self._path} has version {_version(connection)}; this program knows {VERSION}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _write_ahead(self, connection):
        # This one change does not wait for other processes that make it at the same time, whatever the busy_timeout.
        give_up = time.monotonic() + self._busy_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _change(self):
        connection = self._connection()
        # Immediate: a transaction that reads first and then finds another one writing could not wait for it.
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise


def _version(connection):
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _make(connection):
    """Makes the table in a file that has none, unless another process did so meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) == 0:
            for statement in _statements(SCHEMA):
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection):
    # Some errors, a full disk among them, have done so already.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


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


def _ns(seconds):
    return None if seconds is None else round(seconds * 1_000_000_000)
