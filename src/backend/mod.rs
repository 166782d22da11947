//! Stores of upload statuses for services that are more than one process, and for those that have moka or dashmap already: each
//! behind a cargo feature, all behind one trait, [`Backend`], under the [`Retention`] of the registry.
//!
//! * `sqlite`: a file that the workers of one machine share, programs in other languages among them.
//! * `redis`: a server that the workers of several machines share.
//! * `moka`, `dashmap`: maps of one process.
//!
//! ```
//! # #[cfg(feature = "dashmap")] {
//! use std::time::Duration;
//! use stillready::backend::{Backend, dashmap::Dashmap, wall_clock_ns};
//! use stillready::registry::{Outcome, Retention, Status};
//!
//! let uploads = Dashmap::new(Retention::finished(Duration::from_secs(30 * 60)))?;
//! let id = uploads.begin("menu.xlsx", wall_clock_ns())?;
//! uploads.finish(id, Outcome::Ready("/results/7".to_owned()), wall_clock_ns())?;
//! assert_eq!(uploads.read(id, wall_clock_ns())?, Status::Ready("/results/7".to_owned()));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a store must never do, whichever it is: lose a running upload that has no time to live, take an end twice, or answer an
//! id with another upload. What is answered is decided by the record and the caller's `now`; the clock of a server, and when it
//! gives memory back, decides nothing. There are no tickets that notice when they are dropped: of a process that was killed
//! nobody would notice it, so give running uploads a time to live where processes die.
//!
//! A [`Reaper`] sweeps one of them from a thread. With the feature `harness` a [`Checked`] goes through the
//! [harness](crate::harness), with `simulator` a [`Driven`](crate::store::Driven) through the engine.

#[cfg(feature = "harness")]
mod checked;
#[cfg(feature = "dashmap")]
pub mod dashmap;
#[cfg(feature = "moka")]
pub mod moka;
mod reaper;
#[cfg(any(feature = "dashmap", feature = "moka", feature = "redis"))]
mod record;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

#[cfg(feature = "harness")]
pub use checked::Checked;
pub use reaper::Reaper;

use crate::registry::{Capacity, Outcome, Retention, State, Status};

/// A store of upload statuses. Moments are nanoseconds since 1970 by the caller's clock, `now_ns` always an argument; details
/// are what readers get with `Ready` and `Failed`.
///
/// An error of a call that changes something does not say that nothing was changed: a connection may break after the change.
pub trait Backend: Send + Sync + 'static {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// What is kept for how long.
    fn retention(&self) -> &Retention;

    /// An upload begins under a key, which names it from now on and none that began before. Returns its id, which is never
    /// given out again.
    ///
    /// # Errors
    /// If the store cannot be reached or fails; the same holds for all calls.
    fn begin(&self, key: &str, now_ns: u64) -> Result<u64, Self::Error>;

    /// The work of an upload ends. Whether that was taken: not if it had ended before, is over, or is not there.
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn finish(&self, id: u64, outcome: Outcome<String>, now_ns: u64) -> Result<bool, Self::Error>;

    /// The work of an upload is lost. Whether that was taken, as in [`finish`](Backend::finish).
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn interrupt(&self, id: u64, now_ns: u64) -> Result<bool, Self::Error>;

    /// A poll of an upload.
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn read(&self, id: u64, now_ns: u64) -> Result<Status<String>, Self::Error>;

    /// A poll of the latest upload under a key. Where that one is gone it is unknown, though earlier ones may be there.
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn read_key(&self, key: &str, now_ns: u64) -> Result<Status<String>, Self::Error>;

    /// The client has its answer. Whether that counted: the first time, for an upload that has ended and is not over.
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn acknowledge(&self, id: u64, now_ns: u64) -> Result<bool, Self::Error>;

    /// Removes one upload, whatever its state, without a tombstone. Whether it was there.
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn clear(&self, id: u64) -> Result<bool, Self::Error>;

    /// Gives back what is forgotten, in bounded steps, and calls back for each entry that it took.
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn sweep(&self, now_ns: u64, on_taken: &mut dyn FnMut(Entry)) -> Result<(), Self::Error>;

    /// Calls back for each entry that is there, with its id, in no order. Calls of others may come in between; `visit` itself
    /// must not call the store.
    ///
    /// # Errors
    /// As [`begin`](Backend::begin).
    fn entries(&self, visit: &mut dyn FnMut(u64, Entry)) -> Result<(), Self::Error>;
}

/// A store that several share.
impl<B: Backend> Backend for Arc<B> {
    type Error = B::Error;

    fn retention(&self) -> &Retention {
        (**self).retention()
    }

    fn begin(&self, key: &str, now_ns: u64) -> Result<u64, B::Error> {
        (**self).begin(key, now_ns)
    }

    fn finish(&self, id: u64, outcome: Outcome<String>, now_ns: u64) -> Result<bool, B::Error> {
        (**self).finish(id, outcome, now_ns)
    }

    fn interrupt(&self, id: u64, now_ns: u64) -> Result<bool, B::Error> {
        (**self).interrupt(id, now_ns)
    }

    fn read(&self, id: u64, now_ns: u64) -> Result<Status<String>, B::Error> {
        (**self).read(id, now_ns)
    }

    fn read_key(&self, key: &str, now_ns: u64) -> Result<Status<String>, B::Error> {
        (**self).read_key(key, now_ns)
    }

    fn acknowledge(&self, id: u64, now_ns: u64) -> Result<bool, B::Error> {
        (**self).acknowledge(id, now_ns)
    }

    fn clear(&self, id: u64) -> Result<bool, B::Error> {
        (**self).clear(id)
    }

    fn sweep(&self, now_ns: u64, on_taken: &mut dyn FnMut(Entry)) -> Result<(), B::Error> {
        (**self).sweep(now_ns, on_taken)
    }

    fn entries(&self, visit: &mut dyn FnMut(u64, Entry)) -> Result<(), B::Error> {
        (**self).entries(visit)
    }
}

/// An entry of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key that it came under.
    pub key: String,
    /// Its state, or its last one.
    pub state: State,
    /// When it began.
    pub begun_ns: u64,
    /// From when it is over; `None`: never, or not yet known.
    pub deadline_ns: Option<u64>,
}

/// A retention that a store cannot keep.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UnfitRetention {
    /// It bounds the number of uploads.
    #[error("{store} keeps any number of uploads, and the retention has {capacity:?}; use Capacity::Unbounded")]
    Capacity {
        /// Which store.
        store: &'static str,
        /// What the retention says.
        capacity: Capacity,
    },
    /// What is there would be valid, however old.
    #[error("{store} compares deadlines itself, and the retention has Expiry::Physical; use Expiry::Logical")]
    Physical {
        /// Which store.
        store: &'static str,
    },
    /// Under physical expiry nothing is left of what is swept.
    #[error(
        "{store} keeps no tombstones under Expiry::Physical, and the retention has some; use tombstone(None) or Expiry::Logical"
    )]
    Tombstones {
        /// Which store.
        store: &'static str,
    },
}

impl UnfitRetention {
    /// Whether a store that compares deadlines itself can keep a retention.
    #[cfg(any(feature = "moka", feature = "redis", feature = "sqlite"))]
    pub(crate) fn unless_logical(store: &'static str, retention: &Retention) -> Result<(), UnfitRetention> {
        use crate::registry::Expiry;

        UnfitRetention::unless_unbounded(store, retention)?;
        match retention.expiry {
            Expiry::Logical => Ok(()),
            Expiry::Physical => Err(UnfitRetention::Physical { store }),
        }
    }

    /// Whether a store without a bound can keep a retention.
    pub(crate) fn unless_unbounded(store: &'static str, retention: &Retention) -> Result<(), UnfitRetention> {
        match retention.capacity {
            Capacity::Unbounded => Ok(()),
            capacity => Err(UnfitRetention::Capacity { store, capacity }),
        }
    }
}

/// Times of so many nanoseconds or more, 73 years, count as for ever: so that no sum with a moment leaves 64 bits with a sign.
pub(crate) const FOREVER_NS: u64 = i64::MAX as u64 / 4;

/// A time to live, where it is no eternity.
pub(crate) fn finite(ns: Option<u64>) -> Option<u64> {
    ns.filter(|&ns| ns < FOREVER_NS)
}

/// For how long moka and Redis, by clocks of their own, keep what is forgotten by the clock of who wrote it: so that it is not
/// their clock that decides what a caller is answered whose clock is late by less.
#[cfg(any(feature = "moka", feature = "redis"))]
pub(crate) const MARGIN: Duration = Duration::from_secs(5);

/// What this machine's clock says, in nanoseconds since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "for services, which have no other clock")]
pub fn wall_clock_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.as_ref().map_or(0, |since| Duration::as_nanos(since) as u64)
}
