//! Room that is exceeded or made in the wrong place, and memory that is read too early or too late.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use stillready::registry::{Capacity, Full, Retention, State, Status};

use super::sync::{AtomicU64, Mutex, Ordering, PoisonError};
use super::variant::{Plain, Variant, variant};

variant! {
    /// Right: of several that are equally old, the promise does not say which makes room, and here it is the last to begin.
    LastMakesRoom {
        fn begin(&self, key: u32, upload: u32, now: u64) -> Result<u32, Full> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            if book.make_room_by(now, Reverse) { Ok(book.begin(key, upload, now)) } else { Err(Full) }
        }
    }
}

variant! {
    /// The oldest entry makes room, whatever it is: a running upload goes.
    EvictsRunning {
        fn begin(&self, key: u32, upload: u32, now: u64) -> Result<u32, Full> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            if let Capacity::EvictOldest(max) = book.retention.capacity
                && book.entries.len() >= max
                && let Some(oldest) = book.entries.keys().next().copied()
            {
                book.remove(oldest);
            }
            Ok(book.begin(key, upload, now))
        }
    }
}

variant! {
    /// Room is made under one hold of the lock and taken under the next: two uploads share the room for one.
    RoomLetGo {
        fn begin(&self, key: u32, upload: u32, now: u64) -> Result<u32, Full> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            if !book.make_room(now) {
                return Err(Full);
            }
            drop(book);
            Ok(self.0.lock().begin(key, upload, now))
        }
    }
}

/// Polls go to a replica, to which what was written is copied with the next write: a poll after the end is still told
/// `processing`.
pub(crate) struct StaleReplica {
    plain: Plain,
    replica: Mutex<BTreeMap<u32, Status<u32>>>,
}

impl Variant for StaleReplica {
    fn new(retention: Retention) -> Self {
        StaleReplica { plain: Plain::new(retention), replica: Mutex::default() }
    }

    fn plain(&self) -> &Plain {
        &self.plain
    }

    fn end(&self, number: u32, state: State, now: u64) -> bool {
        let mut book = self.plain.lock();
        let now = book.advance(now);
        let numbers: Vec<u32> = book.entries.keys().copied().collect();
        let copies = numbers.into_iter().map(|number| (number, book.status(number, now))).collect();
        let ended = book.end(number, state, now);
        drop(book);
        *self.replica.lock().unwrap_or_else(PoisonError::into_inner) = copies;
        ended
    }

    fn read(&self, number: u32, now: u64) -> Status<u32> {
        let replica = self.replica.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = replica.get(&number).copied();
        drop(replica);
        copy.unwrap_or_else(|| self.plain.lock().read(number, now))
    }
}

/// A fast path for polls without the lock: a word says which upload was the last to end well. It is written before the entry is,
/// so that a poll, told `ready`, finds nothing where the result should be.
pub(crate) struct PublishedEarly {
    plain: Plain,
    ready: AtomicU64,
}

impl Variant for PublishedEarly {
    fn new(retention: Retention) -> Self {
        PublishedEarly { plain: Plain::new(retention), ready: AtomicU64::new(u64::MAX) }
    }

    fn plain(&self) -> &Plain {
        &self.plain
    }

    fn end(&self, number: u32, state: State, now: u64) -> bool {
        if state == State::Ready {
            self.ready.store(u64::from(number), Ordering::Release);
        }
        let mut book = self.plain.lock();
        let now = book.advance(now);
        book.end(number, state, now)
    }

    fn read(&self, number: u32, now: u64) -> Status<u32> {
        let says_ready = self.ready.load(Ordering::Acquire) == u64::from(number);
        let mut book = self.plain.lock();
        let now = book.advance(now);
        match book.read(number, now) {
            Status::Processing if says_ready => Status::Unknown,
            status => status,
        }
    }
}

/// The status is a word beside the result, and both are written without an order: a poll that sees the word may not see the
/// result. No schedule shows it, only the memory model.
pub(crate) struct RelaxedPublish {
    plain: Plain,
    results: [AtomicU64; 8],
    ready: [AtomicU64; 8],
}

impl Variant for RelaxedPublish {
    fn new(retention: Retention) -> Self {
        let words = || std::array::from_fn(|_| AtomicU64::new(0));
        RelaxedPublish { plain: Plain::new(retention), results: words(), ready: words() }
    }

    fn plain(&self) -> &Plain {
        &self.plain
    }

    fn end(&self, number: u32, state: State, now: u64) -> bool {
        let mut book = self.plain.lock();
        let now = book.advance(now);
        let upload = book.entries.get(&number).map(|entry| entry.upload);
        let ended = book.end(number, state, now);
        drop(book);
        if let (Some(upload), true, State::Ready) = (upload, ended, state) {
            let place = number as usize % self.results.len();
            self.results[place].store(u64::from(upload) + 1, Ordering::Relaxed);
            self.ready[place].store(1, Ordering::Relaxed);
        }
        ended
    }

    fn read(&self, number: u32, now: u64) -> Status<u32> {
        let place = number as usize % self.results.len();
        let is_ready = self.ready[place].load(Ordering::Relaxed) == 1;
        let result = if is_ready { self.results[place].load(Ordering::Relaxed) } else { 0 };
        let mut book = self.plain.lock();
        let now = book.advance(now);
        match book.read(number, now) {
            Status::Ready(_) if is_ready => Status::Ready((result as u32).wrapping_sub(1)),
            status => status,
        }
    }
}
