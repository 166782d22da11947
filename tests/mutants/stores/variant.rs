//! The plain store: a book under one lock. A variant replaces one of its calls.

use std::task::{Poll, Waker};

use stillready::harness::Store;
use stillready::registry::{Full, Outcome, Retention, State, Status};

use super::book::Book;
use super::sync::{Mutex, MutexGuard, PoisonError};

/// The plain reference store: one lock around everything.
pub(crate) struct Plain(Mutex<Book>);

impl Plain {
    pub(crate) fn new(retention: Retention) -> Plain {
        Plain(Mutex::new(Book::new(retention)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock, if nobody has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Book>> {
        self.0.try_lock().ok()
    }
}

/// What a store does: what the plain store does, but for what it says otherwise.
pub(crate) trait Variant: Send + Sync + 'static {
    fn new(retention: Retention) -> Self
    where
        Self: Sized;

    fn plain(&self) -> &Plain;

    fn begin(&self, key: u32, upload: u32, now: u64) -> Result<u32, Full> {
        let mut book = self.plain().lock();
        let now = book.advance(now);
        if book.make_room(now) { Ok(book.begin(key, upload, now)) } else { Err(Full) }
    }

    fn end(&self, number: u32, state: State, now: u64) -> bool {
        let mut book = self.plain().lock();
        let now = book.advance(now);
        book.end(number, state, now)
    }

    fn interrupt(&self, number: u32, now: u64) {
        self.end(number, State::Interrupted, now);
    }

    fn read(&self, number: u32, now: u64) -> Status<u32> {
        let mut book = self.plain().lock();
        let now = book.advance(now);
        book.read(number, now)
    }

    fn read_key(&self, key: u32, now: u64) -> Status<u32> {
        let mut book = self.plain().lock();
        let now = book.advance(now);
        book.latest.get(&key).copied().map_or(Status::Unknown, |number| book.read(number, now))
    }

    fn acknowledge(&self, number: u32, now: u64) -> bool {
        let mut book = self.plain().lock();
        let now = book.advance(now);
        book.acknowledge(number, now)
    }

    fn clear(&self, number: u32, now: u64) -> bool {
        let mut book = self.plain().lock();
        book.advance(now);
        book.remove(number)
    }

    fn wait(&self, number: u32, now: u64, waker: &Waker) -> Poll<Status<u32>> {
        let mut book = self.plain().lock();
        let now = book.advance(now);
        match book.read(number, now) {
            Status::Processing => {
                book.waiting.entry(number).or_default().push(waker.clone());
                Poll::Pending
            }
            status => Poll::Ready(status),
        }
    }

    fn sweep(&self, now: u64) {
        let mut book = self.plain().lock();
        let now = book.advance(now);
        book.sweep(now);
    }

    fn held(&self) -> usize {
        self.plain().lock().entries.len()
    }

    /// Not that of the plain store: a variant may know more.
    fn fingerprint(&self) -> Option<u64> {
        None
    }
}

/// A variant as a store that the harness can check. They are of one type, since the harness is compiled anew for each type of
/// store.
pub(crate) struct AnyVariant(Box<dyn Variant>);

impl AnyVariant {
    pub(crate) fn new<V: Variant>(retention: Retention) -> Self {
        AnyVariant(Box::new(V::new(retention)))
    }
}

impl Store for AnyVariant {
    type Ticket = u32;

    fn begin(&self, key: u32, upload: u32, now_ns: u64) -> Result<u32, Full> {
        self.0.begin(key, upload, now_ns)
    }

    fn finish(&self, ticket: &u32, outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        let state = match outcome {
            Outcome::Ready(_) => State::Ready,
            Outcome::Failed(_) => State::Failed,
        };
        Some(self.0.end(*ticket, state, now_ns))
    }

    fn read(&self, ticket: &u32, now_ns: u64) -> Status<u32> {
        self.0.read(*ticket, now_ns)
    }

    fn sweep(&self, now_ns: u64) {
        self.0.sweep(now_ns);
    }

    fn read_key(&self, key: u32, now_ns: u64) -> Option<Status<u32>> {
        Some(self.0.read_key(key, now_ns))
    }

    fn interrupt(&self, ticket: &u32, now_ns: u64) -> Option<()> {
        self.0.interrupt(*ticket, now_ns);
        Some(())
    }

    fn acknowledge(&self, ticket: &u32, now_ns: u64) -> Option<bool> {
        Some(self.0.acknowledge(*ticket, now_ns))
    }

    fn clear(&self, ticket: &u32, now_ns: u64) -> Option<bool> {
        Some(self.0.clear(*ticket, now_ns))
    }

    fn wait(&self, ticket: &u32, now_ns: u64, waker: &Waker) -> Option<Poll<Status<u32>>> {
        Some(self.0.wait(*ticket, now_ns, waker))
    }

    fn held(&self) -> Option<usize> {
        Some(self.0.held())
    }

    fn fingerprint(&self) -> Option<u64> {
        self.0.fingerprint()
    }
}

/// The plain store itself, as it is.
impl Variant for Plain {
    fn new(retention: Retention) -> Self {
        Plain::new(retention)
    }

    fn plain(&self) -> &Plain {
        self
    }

    fn fingerprint(&self) -> Option<u64> {
        Some(self.lock().fingerprint())
    }
}

/// A variant that is a plain store with other calls.
macro_rules! variant {
    ($(#[$doc:meta])* $name:ident { $($call:item)* }) => {
        $(#[$doc])*
        pub(crate) struct $name(super::Plain);

        impl super::Variant for $name {
            fn new(retention: stillready::registry::Retention) -> Self {
                $name(super::Plain::new(retention))
            }

            fn plain(&self) -> &super::Plain {
                &self.0
            }

            /// It holds nothing beside the book.
            fn fingerprint(&self) -> Option<u64> {
                Some(self.0.lock().fingerprint())
            }

            $($call)*
        }
    };
}
pub(crate) use variant;
