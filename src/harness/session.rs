//! One execution of a program on a fresh store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Wake, Waker};

use super::model::Answer;
use super::program::{Step, UPLOADS};
use super::store::Store;
use crate::registry::{Full, Outcome};

/// The time at which every execution begins: none that a store could mistake for no time at all.
pub(super) const START_NS: u64 = 1_000_000_000_000_000;

/// A long poll that notes whether it was woken.
#[derive(Default)]
pub(super) struct Waiter(AtomicBool);

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Waiter {
    pub(super) fn is_woken(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A store, and what its callers hold.
pub(super) struct Session<S: Store> {
    /// There until the end.
    kept: Option<Kept<S>>,
    waiters: [OnceLock<Arc<Waiter>>; UPLOADS],
}

struct Kept<S: Store> {
    store: S,
    tickets: [OnceLock<S::Ticket>; UPLOADS],
}

impl<S: Store> Session<S> {
    pub(super) fn new(store: S) -> Session<S> {
        let kept = Kept { store, tickets: [const { OnceLock::new() }; UPLOADS] };
        Session { kept: Some(kept), waiters: [const { OnceLock::new() }; UPLOADS] }
    }

    #[inline]
    fn kept(&self) -> &Kept<S> {
        self.kept.as_ref().expect("it is there until the end")
    }

    /// Begins an upload, and leaves it to the caller to [`keep`](Self::keep) the ticket.
    pub(super) fn begin(&self, upload: u8, key: u8, now_ns: u64) -> Result<S::Ticket, Full> {
        self.kept().store.begin(u32::from(key), u32::from(upload), now_ns)
    }

    /// From here on, others know of the upload.
    pub(super) fn keep(&self, upload: u8, ticket: S::Ticket) {
        let kept = self.kept().tickets[usize::from(upload)].set(ticket);
        assert!(kept.is_ok(), "an upload begins once");
    }

    /// Does a step. With `counting`, a sweep also says how many entries are left, which is of no use while others call.
    #[inline]
    pub(super) fn perform(&self, step: Step, now_ns: u64, counting: bool) -> Answer {
        let Kept { store, tickets } = self.kept();
        let ticket = step.of().map(|upload| (tickets[usize::from(upload)].get(), u32::from(upload)));
        let (ticket, upload) = match ticket {
            Some((None, _)) => return Answer::Skipped,
            Some((Some(ticket), upload)) => (Some(ticket), upload),
            None => (None, 0),
        };
        let answer = match (step, ticket) {
            (Step::Begin { upload, key }, _) => match self.begin(upload, key, now_ns) {
                Ok(ticket) => {
                    self.keep(upload, ticket);
                    Some(Answer::Begun)
                }
                Err(Full) => Some(Answer::Full),
            },
            (Step::Finish(_), Some(ticket)) => {
                Some(Answer::Ended(store.finish(ticket, Outcome::Ready(upload), now_ns)))
            }
            (Step::Fail(_), Some(ticket)) => Some(Answer::Ended(store.finish(ticket, Outcome::Failed(upload), now_ns))),
            (Step::Interrupt(_), Some(ticket)) => store.interrupt(ticket, now_ns).map(|()| Answer::Interrupted),
            (Step::Read(_), Some(ticket)) => Some(Answer::Status(store.read(ticket, now_ns))),
            (Step::ReadKey(key), _) => store.read_key(u32::from(key), now_ns).map(Answer::Status),
            (Step::Acknowledge(_), Some(ticket)) => store.acknowledge(ticket, now_ns).map(Answer::Acknowledged),
            (Step::Clear(_), Some(ticket)) => store.clear(ticket, now_ns).map(Answer::Cleared),
            (Step::Wait(upload), Some(ticket)) => self.wait(upload, ticket, now_ns),
            (Step::Sweep, _) => {
                store.sweep(now_ns);
                Some(Answer::Swept(if counting { store.held() } else { None }))
            }
            (Step::Pass(_) | Step::Back(_), _) => Some(Answer::Passed),
            (_, None) => unreachable!("a step of an upload has a ticket"),
        };
        answer.unwrap_or(Answer::Skipped)
    }

    fn wait(&self, upload: u8, ticket: &S::Ticket, now_ns: u64) -> Option<Answer> {
        let waiter = Arc::clone(self.waiters[usize::from(upload)].get_or_init(Arc::default));
        Some(match self.kept().store.wait(ticket, now_ns, &Waker::from(waiter))? {
            Poll::Ready(status) => Answer::Status(status),
            Poll::Pending => Answer::Pending,
        })
    }

    /// Whether the long poll of an upload was woken; not if there was none.
    pub(super) fn is_woken(&self, upload: u8) -> bool {
        self.waiters[usize::from(upload)].get().is_some_and(|waiter| waiter.is_woken())
    }

    pub(super) fn fingerprint(&self) -> Option<u64> {
        self.kept().store.fingerprint()
    }
}

impl<S: Store> Drop for Session<S> {
    /// Where an execution panics, the store and the tickets are left alone: what they do when dropped may wait for a lock that
    /// nobody will let go, or panic again.
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::mem::forget(self.kept.take());
        }
    }
}
