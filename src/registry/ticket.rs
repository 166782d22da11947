//! The right to end one upload's work.

use super::id::UploadId;
use super::status::Outcome;
use super::sync::{Arc, mutant};
use super::{Part, StaleTicket};

/// The right to end the work of one upload, once (R2). [`Registry::begin`](super::Registry::begin) hands it out; it goes
/// to whoever does the work, on another thread if need be.
///
/// A ticket that is dropped without a word leaves its upload `Interrupted` (R4), so a worker that panics or returns early
/// cannot leave a client waiting for ever:
///
/// ```
/// use stillready::registry::{Registry, Retention, Status};
///
/// let registry = Registry::<&str, ()>::new(Retention::default());
/// let ticket = registry.begin("report.xlsx", 0)?;
/// let id = ticket.id();
/// let worker = std::thread::spawn(move || {
///     let _ticket = ticket;
///     panic!("the file is broken");
/// });
/// assert!(worker.join().is_err());
/// assert_eq!(registry.read(id, 1), Status::Interrupted);
/// # Ok::<(), stillready::registry::Full>(())
/// ```
#[must_use = "dropping the ticket leaves the upload interrupted"]
pub struct Ticket<K, V> {
    /// Where the upload is; nothing once its work was ended.
    part: Option<Arc<Part<K, V>>>,
    id: UploadId,
}

impl<K, V> Ticket<K, V> {
    pub(super) fn new(part: Arc<Part<K, V>>, id: UploadId) -> Self {
        Ticket { part: Some(part), id }
    }

    /// The upload that this ticket belongs to: what the client gets to poll with.
    #[must_use]
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// Ends the work at `now` (nanoseconds).
    ///
    /// A later beginning under the same key changes nothing about this: the ticket ends its own generation, which readers
    /// by id see, and readers by key do not.
    ///
    /// # Errors
    /// [`StaleTicket`] if there is no running upload to end any more: it was cleared, or the retention gives running
    /// uploads a time to live and it is over. Nothing was changed then.
    pub fn finish(mut self, outcome: Outcome<V>, now: u64) -> Result<(), StaleTicket> {
        let part = self.part.take().expect("a ticket that was not used up has its part of the registry");
        let id = self.id;
        // It is used up: there is nothing left to drop.
        std::mem::forget(self);
        part.finish(id, outcome, now)
    }

    /// Says at `now` (nanoseconds) that the work is lost, which leaves the upload `Interrupted`. As dropping the ticket, which has
    /// no clock and counts the age from the latest time that the upload's part of the registry was told.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn interrupt(mut self, now: u64) -> Result<(), StaleTicket> {
        let part = self.part.take().expect("a ticket that was not used up has its part of the registry");
        part.interrupt(self.id, Some(now))
    }
}

impl<K, V> Drop for Ticket<K, V> {
    fn drop(&mut self) {
        if let Some(part) = self.part.take()
            && !mutant!(silent_drop)
        {
            // A stale ticket that is dropped has nothing to say, and nobody to say it to.
            let _: Result<(), StaleTicket> = part.interrupt(self.id, None);
        }
    }
}

impl<K, V> std::fmt::Debug for Ticket<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("id", &self.id).finish_non_exhaustive()
    }
}
