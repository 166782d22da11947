//! The interface that a store implements to be checked.

use std::task::{Poll, Waker};

use crate::registry::{Full, Outcome, Status};

/// A store of upload statuses, as a web service calls it. Four calls are required; a call that a store does not have keeps its
/// default, answers `None`, and is then left out of the check and listed in the report as not checked.
///
/// Every upload has a number of its own, which is also what the store hands to readers with `Ready` and `Failed`: so that a
/// reader who gets the result of another upload is found out. Times are nanoseconds of one clock that does not run backwards;
/// calls of several threads may arrive in another order than they read it.
pub trait Store: Send + Sync + 'static {
    /// What `begin` hands out, for the worker and for the client: whatever the store needs to find the upload again. A store
    /// that goes by the key hands out the key.
    type Ticket: Send + Sync + 'static;

    /// An upload begins under a key.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    fn begin(&self, key: u32, upload: u32, now_ns: u64) -> Result<Self::Ticket, Full>;

    /// The work ends. Whether the store took it: not if the upload has ended, expired, been cleared or been replaced; `None` if
    /// the store does not say.
    fn finish(&self, ticket: &Self::Ticket, outcome: Outcome<u32>, now_ns: u64) -> Option<bool>;

    /// A poll of the upload.
    fn read(&self, ticket: &Self::Ticket, now_ns: u64) -> Status<u32>;

    /// Gives back what is due.
    fn sweep(&self, now_ns: u64);

    /// A poll of the latest upload under a key.
    fn read_key(&self, key: u32, now_ns: u64) -> Option<Status<u32>> {
        let _ = (key, now_ns);
        None
    }

    /// The work is lost, as when its thread panics. `None` if the store does not notice.
    fn interrupt(&self, ticket: &Self::Ticket, now_ns: u64) -> Option<()> {
        let _ = (ticket, now_ns);
        None
    }

    /// The client has its answer. Whether that counted: the first time, after the end.
    fn acknowledge(&self, ticket: &Self::Ticket, now_ns: u64) -> Option<bool> {
        let _ = (ticket, now_ns);
        None
    }

    /// Removes the upload, without a tombstone. Whether it was there.
    fn clear(&self, ticket: &Self::Ticket, now_ns: u64) -> Option<bool> {
        let _ = (ticket, now_ns);
        None
    }

    /// A long poll: the status, if the upload is not running; else `Pending`, and the waker is called when that changes.
    fn wait(&self, ticket: &Self::Ticket, now_ns: u64, waker: &Waker) -> Option<Poll<Status<u32>>> {
        let _ = (ticket, now_ns, waker);
        None
    }

    /// How many entries are in memory, tombstones included.
    fn held(&self) -> Option<usize> {
        None
    }

    /// A hash of everything that decides what the store will ever answer. With it, the search through orders of steps looks at
    /// each state once.
    fn fingerprint(&self) -> Option<u64> {
        None
    }
}

/// The calls that a store has beyond the four that are required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// [`Store::read_key`]
    pub read_key: bool,
    /// [`Store::interrupt`]
    pub interrupt: bool,
    /// [`Store::acknowledge`]
    pub acknowledge: bool,
    /// [`Store::clear`]
    pub clear: bool,
    /// [`Store::wait`]
    pub wait: bool,
    /// [`Store::held`]
    pub held: bool,
    /// [`Store::fingerprint`]
    pub fingerprint: bool,
}

impl Calls {
    /// Tries which calls a store has.
    pub(super) fn of<S: Store>(store: &S, now_ns: u64) -> Result<Calls, Full> {
        let ticket = store.begin(0, 0, now_ns)?;
        Ok(Calls {
            read_key: store.read_key(0, now_ns).is_some(),
            wait: store.wait(&ticket, now_ns, Waker::noop()).is_some(),
            acknowledge: store.acknowledge(&ticket, now_ns).is_some(),
            held: store.held().is_some(),
            fingerprint: store.fingerprint().is_some(),
            interrupt: store.interrupt(&ticket, now_ns).is_some(),
            clear: store.clear(&ticket, now_ns).is_some(),
        })
    }

    /// The names of the calls that are missing.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("read_key", self.read_key),
            ("interrupt", self.interrupt),
            ("acknowledge", self.acknowledge),
            ("clear", self.clear),
            ("wait", self.wait),
            ("held", self.held),
            ("fingerprint", self.fingerprint),
        ];
        all.into_iter().filter(|(_, there)| !there).map(|(name, _)| name)
    }
}
