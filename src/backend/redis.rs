//! A server of Redis as a store for the processes of several machines.
//!
//! An upload is one value, a record as JSON, and each change is a script that compares the record with the one that was decided
//! on, and sets the new one together with its time to live: value and expiry go in one command, `SET … PX …`, so that no crash
//! leaves one without the other. `SET` and then `EXPIRE` would, as a test shows. Redis gives memory back by its own clock, five
//! seconds after a record was forgotten; what is answered goes by the record and the caller's `now`, so that it does not matter how exactly,
//! or by which replica, a value is expired.
//!
//! # Keys
//! `stillready1:{name}:id` counts ids, `stillready1:{name}:u:7` is an upload, and `stillready1:{name}:k:menu.xlsx` is the id of
//! the latest one under that key. The name in braces keeps all of them in one slot of a cluster.
//!
//! In a cluster all keys of a store are in one slot, and the URL must name the node that owns it: `MOVED` and `ASK` are errors
//! here, redirects are not followed.
//!
//! # When Redis loses its memory
//! An id is one more than the last and at least the caller's clock in microseconds. So a server that starts anew with nothing, or a
//! replica in its place that is behind, gives out none that was given out before, as long as clocks agree and there are fewer
//! than a million uploads a second: an id is never another upload's.
//!
//! What an id is answered can be older than what was answered before, since Redis replicates after it has answered. On a replica
//! that takes over without the last changes an upload that was `ready` is `processing` again (S1, S4), and stays so unless running
//! uploads have a time to live, by which it ends as `expired`; one that was cleared is there again; a key names an earlier upload;
//! one that had just begun is unknown. A server that starts from a snapshot or a log of its own that is behind does the same, and
//! an empty one knows nothing.
//!
//! # When it is full
//! Under `maxmemory` with a policy that evicts, Redis forgets running uploads, too, and the latest of a key: use `noeviction`. Then a
//! full server refuses `begin`. The other changes remove the old record before they set the new one, in one script, which Redis
//! lets pass: ends, acknowledgements and renewals are taken, and memory is given back.
//!
//! # When it is away
//! [`Redis`] says how long a call waits, and when a connection is made anew.

mod link;

use std::fmt;
use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, IntoConnectionInfo, Script, cmd};
use thiserror::Error;

use self::link::Link;
use super::record::{self, Record};
use super::{Backend, Entry, MARGIN, UnfitRetention};
use crate::registry::{Outcome, Retention, State, Status};

/// How this store is called in errors.
const NAME: &str = "Redis";

/// How many keys the server looks at, at least, in one step of a sweep.
const SCAN_STEP: usize = 256;

/// The next id, at least ARGV[1]. Numbers of Lua hold it exactly, their text does not.
const NEXT_ID: &str = "
    local id = redis.call('INCR', KEYS[1])
    if id >= tonumber(ARGV[1]) then return id end
    redis.call('SET', KEYS[1], ARGV[1])
    return tonumber(ARGV[1])";

/// The largest id that is taken from a clock, in the year 2112: numbers of Lua are exact up to twice as much.
const CLOCK_ID_MAX: u64 = 1 << 52;

/// A record and the key that names it, together; ARGV: the record, its id, its time to live in milliseconds or nothing.
const BEGIN: &str = "
    if ARGV[3] == '' then
        redis.call('SET', KEYS[1], ARGV[1])
        redis.call('SET', KEYS[2], ARGV[2])
    else
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
        redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
    end
    return 1";

/// A record in the place of ARGV[1], if that is still what is there; the others as above, from ARGV[2] on. The key lives as long
/// as the upload that it names. `DEL` is first because a full server refuses a `SET` that is a script's first write, and no later one;
/// nobody sees what is between the two.
const CHANGE: &str = "
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    local is_latest = redis.call('GET', KEYS[2]) == ARGV[3]
    redis.call('DEL', KEYS[1])
    if ARGV[4] == '' then
        redis.call('SET', KEYS[1], ARGV[2])
        if is_latest then redis.call('SET', KEYS[2], ARGV[3]) end
    else
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
        if is_latest then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
    end
    return 1";

/// Nothing in the place of ARGV[1], if that is still what is there; ARGV[2] is its id.
const REMOVE: &str = "
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('DEL', KEYS[1])
    if redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[2]) end
    return 1";

/// What can go wrong with a server.
#[derive(Debug, Error)]
pub enum RedisError {
    /// The retention is one that the store does not keep.
    #[error(transparent)]
    Unfit(#[from] UnfitRetention),
    /// A name that cannot be part of the keys.
    #[error("the name `{0}` is empty or has other characters than letters, digits, `.`, `_` and `-`; take another")]
    Name(String),
    /// What the server holds in the place of a record is none.
    #[error("the value of `{key}` is no record: {error}; give the store a name of its own")]
    Record {
        /// The key.
        key: String,
        /// Why.
        error: serde_json::Error,
    },
    /// The server was not reached a moment ago, and this call has not tried it.
    #[error("Redis was not reached a moment ago and is tried again after one second: {0}; repeat the call then")]
    Away(String),
    /// The server, or the way to it.
    #[error("Redis: {0}")]
    Redis(#[from] ::redis::RedisError),
}

type Result<T> = std::result::Result<T, RedisError>;

/// A connection to a server that others share. Threads of one process may share it and then wait for each other; or each connects
/// for itself.
///
/// A connection that breaks is made anew by the next call; the call that it broke in fails, and may have been carried out. So does
/// one whose server says that it takes no changes any more, as a master does that was made a replica; what it holds, though, is
/// answered until then.
///
/// A call waits for at most five seconds to connect and five for each answer, of which it needs one to four unless others change
/// the same upload; and before that for the calls of other threads that share the connection. Where the server was not reached
/// or did not answer in time, all calls of the next second fail at once with [`RedisError::Away`].
///
/// Time is what each caller's clock says: let the machines' clocks agree, by NTP, better than the shortest time to live.
pub struct Redis {
    retention: Retention,
    link: Link,
    /// What all keys begin with.
    prefix: String,
    next_id: Script,
    begin: Script,
    change: Script,
    remove: Script,
}

impl Redis {
    /// A store by its name on a server such as `redis://127.0.0.1/`. All who open one must use the same retention.
    ///
    /// # Errors
    /// [`RedisError::Unfit`] for a retention with a capacity or with physical expiry, [`RedisError::Name`], and
    /// [`RedisError::Redis`] if the server is not reached.
    pub fn open(server: impl IntoConnectionInfo, name: &str, retention: Retention) -> Result<Redis> {
        UnfitRetention::unless_logical(NAME, &retention)?;
        let may_be_in_keys = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(may_be_in_keys) {
            return Err(RedisError::Name(name.to_owned()));
        }
        let store = Redis {
            retention,
            link: Link::new(server)?,
            prefix: format!("stillready1:{{{name}}}:"),
            next_id: Script::new(NEXT_ID),
            begin: Script::new(BEGIN),
            change: Script::new(CHANGE),
            remove: Script::new(REMOVE),
        };
        store.query::<String>(&cmd("PING"))?;
        Ok(store)
    }

    fn id_key(&self) -> String {
        format!("{}id", self.prefix)
    }

    fn upload_key(&self, id: u64) -> String {
        format!("{}u:{id}", self.prefix)
    }

    fn name_key(&self, key: &str) -> String {
        format!("{}k:{key}", self.prefix)
    }

    fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.link.call(|connection| command.query(connection))
    }

    /// A record as it is written, and read.
    fn record(&self, id: u64) -> Result<Option<(String, Record)>> {
        let key = self.upload_key(id);
        let text: Option<String> = self.query(cmd("GET").arg(&key))?;
        text.map(|text| parse(key, text)).transpose()
    }

    /// For how many milliseconds Redis keeps a record, as a script has it: nothing for ever.
    fn life(record: &Record, now_ns: u64) -> String {
        let life = |forget: u64| Duration::from_nanos(forget.saturating_sub(now_ns)) + MARGIN;
        record.forget_ns.map_or_else(String::new, |forget| life(forget).as_nanos().div_ceil(1_000_000).to_string())
    }

    /// Puts a record in the place of another, if that is still there. Whether it was.
    fn put(&self, id: u64, old: &str, record: &Record, now_ns: u64) -> Result<bool> {
        let mut put = self.change.key(self.upload_key(id));
        put.key(self.name_key(&record.key)).arg(old).arg(text(record)).arg(id).arg(Redis::life(record, now_ns));
        self.link.call(|connection| put.invoke(connection))
    }

    /// Removes a record, if it is still there. Whether it was.
    fn take(&self, id: u64, old: &str, record: &Record) -> Result<bool> {
        let mut take = self.remove.key(self.upload_key(id));
        take.key(self.name_key(&record.key)).arg(old).arg(id);
        self.link.call(|connection| take.invoke(connection))
    }

    /// Changes a record, again where another change came in between. Whether the change was taken.
    fn change(&self, id: u64, now_ns: u64, mut change: impl FnMut(&mut Record) -> bool) -> Result<bool> {
        loop {
            let Some((old, mut record)) = self.record(id)? else { return Ok(false) };
            if !change(&mut record) {
                return Ok(false);
            }
            if self.put(id, &old, &record, now_ns)? {
                return Ok(true);
            }
        }
    }

    fn end(&self, id: u64, state: State, detail: Option<String>, now_ns: u64) -> Result<bool> {
        self.change(id, now_ns, |record| record.end(state, detail.clone(), now_ns, &self.retention))
    }

    /// What a poll is answered that found this record. `None` if another change came in between its renewal.
    fn answer(&self, id: u64, old: &str, mut record: Record, now_ns: u64) -> Result<Option<Status<String>>> {
        let status = record.status(now_ns, &self.retention);
        let before = record.clone();
        let renews = record.renew(now_ns, &self.retention) && record != before;
        let answered = !renews || self.put(id, old, &record, now_ns)?;
        Ok(answered.then_some(status))
    }

    /// Calls back with all records, step by step.
    fn for_each(&self, mut visit: impl FnMut(u64, String, Record) -> Result<()>) -> Result<()> {
        // No character of a name means anything in a pattern, and braces mean nothing either.
        let uploads = format!("{}u:", self.prefix);
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{uploads}*")).arg("COUNT").arg(SCAN_STEP);
            let (next, keys): (u64, Vec<String>) = self.query(&scan)?;
            if !keys.is_empty() {
                let texts: Vec<Option<String>> = self.query(cmd("MGET").arg(&keys))?;
                for (key, text) in keys.into_iter().zip(texts) {
                    let id = key.strip_prefix(&uploads).and_then(|id| id.parse().ok());
                    let (Some(id), Some(text)) = (id, text) else { continue };
                    let (text, record) = parse(key, text)?;
                    visit(id, text, record)?;
                }
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

fn parse(key: String, text: String) -> Result<(String, Record)> {
    match serde_json::from_str(&text) {
        Ok(record) => Ok((text, record)),
        Err(error) => Err(RedisError::Record { key, error }),
    }
}

fn text(record: &Record) -> String {
    serde_json::to_string(record).expect("texts, numbers and truth values can be written as JSON")
}

impl Backend for Redis {
    type Error = RedisError;

    fn retention(&self) -> &Retention {
        &self.retention
    }

    fn begin(&self, key: &str, now_ns: u64) -> Result<u64> {
        let mut next = self.next_id.key(self.id_key());
        next.arg((now_ns / 1000).min(CLOCK_ID_MAX));
        let id: u64 = self.link.call(|connection| next.invoke(connection))?;
        let record = Record::begin(key, now_ns, &self.retention);
        let mut begin = self.begin.key(self.upload_key(id));
        begin.key(self.name_key(key)).arg(text(&record)).arg(id).arg(Redis::life(&record, now_ns));
        self.link.call(|connection| begin.invoke::<()>(connection))?;
        Ok(id)
    }

    fn finish(&self, id: u64, outcome: Outcome<String>, now_ns: u64) -> Result<bool> {
        let (state, detail) = record::into_parts(outcome);
        self.end(id, state, detail, now_ns)
    }

    fn interrupt(&self, id: u64, now_ns: u64) -> Result<bool> {
        self.end(id, State::Interrupted, None, now_ns)
    }

    fn read(&self, id: u64, now_ns: u64) -> Result<Status<String>> {
        loop {
            let Some((old, record)) = self.record(id)? else { return Ok(Status::Unknown) };
            if let Some(status) = self.answer(id, &old, record, now_ns)? {
                return Ok(status);
            }
        }
    }

    fn read_key(&self, key: &str, now_ns: u64) -> Result<Status<String>> {
        let name = self.name_key(key);
        let mut latest: Option<u64> = self.query(cmd("GET").arg(&name))?;
        loop {
            let Some(id) = latest else { return Ok(Status::Unknown) };
            // Both at one moment: the key names that upload when its record is read.
            let upload = self.upload_key(id);
            let (names, text): (Option<u64>, Option<String>) = self.query(cmd("MGET").arg(&name).arg(&upload))?;
            if names == latest {
                let Some(text) = text else { return Ok(Status::Unknown) };
                let (old, record) = parse(upload, text)?;
                if let Some(status) = self.answer(id, &old, record, now_ns)? {
                    return Ok(status);
                }
            }
            latest = names;
        }
    }

    fn acknowledge(&self, id: u64, now_ns: u64) -> Result<bool> {
        self.change(id, now_ns, |record| record.acknowledge(now_ns, &self.retention))
    }

    fn clear(&self, id: u64) -> Result<bool> {
        loop {
            let Some((old, record)) = self.record(id)? else { return Ok(false) };
            if self.take(id, &old, &record)? {
                return Ok(true);
            }
        }
    }

    /// Looks at every key of the server's database. Without a sweep Redis gives the same back by its own clock.
    fn sweep(&self, now_ns: u64, on_taken: &mut dyn FnMut(Entry)) -> Result<()> {
        self.for_each(|id, old, record| {
            // What was renewed in between stays.
            if record.is_forgotten(now_ns) && self.take(id, &old, &record)? {
                on_taken(record.entry());
            }
            Ok(())
        })
    }

    /// A key that Redis moves meanwhile may come up twice.
    fn entries(&self, visit: &mut dyn FnMut(u64, Entry)) -> Result<()> {
        self.for_each(|id, _, record| {
            visit(id, record.entry());
            Ok(())
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.prefix)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
