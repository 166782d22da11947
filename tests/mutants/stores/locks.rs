//! Locks that are taken in the wrong order or twice, and wake-ups that are missed.

use std::task::{Poll, Waker};

use stillready::registry::{Retention, State, Status};

use super::sync::{Mutex, PoisonError};
use super::variant::{Plain, Variant, variant};

/// Two locks: the end of the work takes the entries' first and then the statistics', the sweep the other way round. Each waits
/// for the other for ever.
pub(crate) struct LockOrder {
    plain: Plain,
    ended: Mutex<u64>,
}

impl Variant for LockOrder {
    fn new(retention: Retention) -> Self {
        LockOrder { plain: Plain::new(retention), ended: Mutex::new(0) }
    }

    fn plain(&self) -> &Plain {
        &self.plain
    }

    fn end(&self, number: u32, state: State, now: u64) -> bool {
        let mut book = self.plain.lock();
        let now = book.advance(now);
        let ended = book.end(number, state, now);
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) += u64::from(ended);
        ended
    }

    fn sweep(&self, now: u64) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let mut book = self.plain.lock();
        let now = book.advance(now);
        *ended -= (book.due(now).len() as u64).min(*ended);
        book.sweep(now);
    }
}

variant! {
    /// An error is logged by a function that takes the lock again, which is not re-entrant: the call waits for itself.
    Reentry {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let ended = book.end(number, state, now);
            if ended && state == State::Failed {
                let _log = self.0.lock().entries.len();
            }
            ended
        }
    }
}

variant! {
    /// A long poll looks at the status under one hold of the lock and is put on the list under the next: an end in between wakes
    /// nobody.
    ForgottenWakeUp {
        fn wait(&self, number: u32, now: u64, waker: &Waker) -> Poll<Status<u32>> {
            let mut book = self.0.lock();
            let now = book.advance(now);
            match book.read(number, now) {
                Status::Processing => {
                    drop(book);
                    self.0.lock().waiting.entry(number).or_default().push(waker.clone());
                    Poll::Pending
                }
                status => Poll::Ready(status),
            }
        }
    }
}

variant! {
    /// An end takes the long polls off the list and wakes none of them.
    FinishWakesNobody {
        fn end(&self, number: u32, state: State, now: u64) -> bool {
            let mut book = self.0.lock();
            let now = book.advance(now);
            let waiting = book.waiting.remove(&number);
            let ended = book.end(number, state, now);
            if let Some(waiting) = waiting.filter(|_| !ended) {
                book.waiting.insert(number, waiting);
            }
            ended
        }
    }
}

variant! {
    /// A clear wakes nobody: the long poll of a cleared upload goes on for ever.
    ClearWakesNobody {
        fn clear(&self, number: u32, now: u64) -> bool {
            let mut book = self.0.lock();
            book.advance(now);
            book.waiting.remove(&number);
            book.remove(number)
        }
    }
}

variant! {
    /// The guard of a worker that dies does not wait for the lock, lest it block: where somebody holds it, the loss is not noted.
    InterruptedLost {
        fn interrupt(&self, number: u32, now: u64) {
            if let Some(mut book) = self.0.try_lock() {
                let now = book.advance(now);
                book.end(number, State::Interrupted, now);
            }
        }
    }
}
