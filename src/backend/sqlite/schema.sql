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
