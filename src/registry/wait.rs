//! Long polls: a client that is told when its upload stops running, and does not ask again and again (R16).
//!
//! Whom to wake is kept under the lock of the upload's part, so that between the look at a status and the wait for its change
//! nothing can come. Wakers are woken, and dropped, when the lock has been let go of: their own code may call the registry.

use std::collections::BTreeMap;
use std::task::{Poll, Waker};

use super::Part;
use super::shard::Place;
use super::status::Status;
use super::sync::{Arc, mutant};

/// A long poll of one upload, made by [`Registry::wait`](super::Registry::wait). Dropping it ends it.
///
/// ```
/// use std::task::{Poll, Waker};
/// use stillready::registry::{Outcome, Registry, Retention, Status};
///
/// let registry = Registry::<&str, u32>::new(Retention::default());
/// let ticket = registry.begin("report.xlsx", 0)?;
/// let mut wait = registry.wait(ticket.id());
/// assert_eq!(wait.poll(1, Waker::noop()), Poll::Pending);
/// ticket.finish(Outcome::Ready(7), 2)?;
/// assert_eq!(wait.poll(3, Waker::noop()), Poll::Ready(Status::Ready(7)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a long poll does nothing until it is polled"]
pub struct Wait<K, V> {
    /// Where the upload is; nothing if its id is of another registry.
    part: Option<Arc<Part<K, V>>>,
    place: Place,
    /// Its number among those that wait, if it does.
    number: Option<u64>,
    due_ns: Option<u64>,
}

impl<K, V> Wait<K, V> {
    pub(super) fn new(part: Option<Arc<Part<K, V>>>, place: Place) -> Self {
        Wait { part, place, number: None, due_ns: None }
    }

    /// The upload's status, if it is not running. Otherwise `Pending`, and the waker is woken, once, when that changes: its work
    /// has ended or is lost, it was cleared, a sweep took it. A waker that came with an earlier call is forgotten.
    ///
    /// An upload whose time is over while it runs is answered `Expired` from that moment on, which is
    /// [`due_ns`](Self::due_ns); there is no wake-up for it until a sweep comes.
    pub fn poll(&mut self, now: u64, waker: &Waker) -> Poll<Status<V>>
    where
        V: Clone,
    {
        let Some(part) = &self.part else { return Poll::Ready(Status::Unknown) };
        let (status, due_ns) = part.wait(self.place, now, &mut self.number, waker);
        self.due_ns = due_ns;
        if matches!(status, Status::Processing) { Poll::Pending } else { Poll::Ready(status) }
    }

    /// When the upload will be over if it goes on running, in nanoseconds, as of the last [`poll`](Self::poll). `None` if it
    /// is pinned, or if a sweep decides.
    #[must_use]
    pub fn due_ns(&self) -> Option<u64> {
        self.due_ns
    }
}

impl<K, V> Drop for Wait<K, V> {
    fn drop(&mut self) {
        if let (Some(part), Some(number)) = (&self.part, self.number) {
            part.leave(self.place, number);
        }
    }
}

impl<K, V> std::fmt::Debug for Wait<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wait").field("waits", &self.number.is_some()).finish_non_exhaustive()
    }
}

/// The long polls of one part, always used under its lock. Nothing but a null pointer until there is the first, since most services
/// have none.
#[derive(Default)]
pub(super) struct Waits(Option<Box<List>>);

#[derive(Default)]
struct List {
    /// By slot, whose record runs: who waits for it.
    waiting: BTreeMap<u32, ByNumber>,
    /// Numbers given out; none twice.
    numbers: u64,
    /// Whose wait is over: to be woken as soon as the lock is let go of.
    woken: Vec<ByNumber>,
}

/// Wakers by the number of their long poll. Moved as a whole, however many they are: the lock is held no longer for that (R10).
pub(super) type ByNumber = BTreeMap<u64, Waker>;

impl Waits {
    /// One waits for the record in a slot, or still does, with this waker from now on. Returns the waker that it had, which is
    /// not to be dropped under the lock.
    pub(super) fn enter(&mut self, slot: u32, number: &mut Option<u64>, waker: &Waker) -> Option<Waker> {
        let list = self.0.get_or_insert_default();
        let waiting = list.waiting.entry(slot).or_default();
        match number.and_then(|number| waiting.get_mut(&number)) {
            Some(entered) if entered.will_wake(waker) || mutant!(first_waker_is_kept) => None,
            Some(entered) => Some(std::mem::replace(entered, waker.clone())),
            None => {
                list.numbers += 1;
                *number = Some(list.numbers);
                waiting.insert(list.numbers, waker.clone())
            }
        }
    }

    /// One waits no more. Returns its waker, if it was not woken before; not to be dropped under the lock.
    pub(super) fn leave(&mut self, slot: u32, number: u64) -> Option<Waker> {
        let list = self.0.as_mut()?;
        let waiting = list.waiting.get_mut(&slot)?;
        let waker = waiting.remove(&number);
        if waiting.is_empty() {
            list.waiting.remove(&slot);
        }
        waker
    }

    /// The record in a slot runs no more.
    #[inline(always)]
    pub(super) fn wake(&mut self, slot: u32) {
        if let Some(list) = &mut self.0 {
            list.wake(slot);
        }
    }

    /// Whether somebody is to be woken.
    #[inline(always)]
    pub(super) fn has_woken(&self) -> bool {
        self.0.as_ref().is_some_and(|list| !list.woken.is_empty())
    }

    /// Those to wake.
    #[cold]
    pub(super) fn take_woken(&mut self) -> Vec<ByNumber> {
        self.0.as_mut().map(|list| std::mem::take(&mut list.woken)).unwrap_or_default()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.0.iter().flat_map(|list| list.waiting.values()).map(BTreeMap::len).sum()
    }
}

impl List {
    #[cold]
    fn wake(&mut self, slot: u32) {
        self.woken.extend(self.waiting.remove(&slot));
    }
}
