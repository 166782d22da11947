//! The status registry for a service on tokio (feature `tokio`): a clock, long polls that are futures, a janitor.
//!
//! It is the same [registry](crate::registry), model-checked as it stands; here is only what needs a runtime. `begin`, `finish`
//! and `status` take a lock for a moment and never wait, so they are no futures.
//!
//! ```
//! use std::time::Duration;
//! use stillready::async_registry::{AsyncRegistry, Rounds};
//! use stillready::registry::{Outcome, Retention, Status};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), stillready::registry::Full> {
//! let registry = AsyncRegistry::<String, String>::new(Retention::finished(Duration::from_secs(30 * 60)));
//! let janitor = registry.janitor(Rounds::every(Duration::from_secs(60)));
//!
//! // POST /upload: begin, hand the ticket to the work, answer with the id.
//! let ticket = registry.begin("menu.xlsx".to_owned())?;
//! let id = ticket.id();
//! tokio::spawn(async move {
//!     tokio::time::sleep(Duration::from_secs(20)).await;
//!     ticket.finish(Outcome::Ready("/results/7".to_owned()))
//! });
//!
//! // GET /status/{id}: at once. GET /wait/{id}: as soon as there is something to say.
//! assert_eq!(registry.status(id), Status::Processing);
//! let status = registry.wait(id, Duration::from_secs(30)).await;
//! assert_eq!(status, Status::Ready("/results/7".to_owned()));
//! janitor.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Cancellation
//! Every future here may be dropped at any await: a client that goes away takes its long poll along, and leaves nothing behind. A
//! ticket that is dropped, because its task was cancelled or panicked, leaves its upload `Interrupted`, and whoever waits is told.

mod janitor;

pub use janitor::{Janitor, Rounds};

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hash, RandomState};
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::registry::{Full, Outcome, Registry, Retention, Span, StaleTicket, Status, Ticket, UploadId};

/// The longest that a timer is set for: tokio's own limit is a little above two years.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A handle to a status registry with tokio's clock; clones share one. See the [module](self) for an example.
pub struct AsyncRegistry<K, V = (), S = RandomState> {
    registry: Registry<K, V, S>,
    clock: Clock,
}

/// Nanoseconds since the registry was made.
#[derive(Clone, Copy, Debug)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> u64 {
        self.0.elapsed().as_ns()
    }

    /// When a moment of this clock comes.
    fn instant(self, ns: u64) -> Instant {
        self.0 + Duration::from_nanos(ns).min(self.0.elapsed() + FAR)
    }
}

impl<K: Hash + Eq, V> AsyncRegistry<K, V> {
    /// An empty registry.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        AsyncRegistry::over(Registry::new(retention))
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> AsyncRegistry<K, V, S> {
    /// The asynchronous face of a registry, whose clock begins now: from here on it must be told no other clock's time.
    #[must_use]
    pub fn over(registry: Registry<K, V, S>) -> Self {
        AsyncRegistry { registry, clock: Clock(Instant::now()) }
    }

    /// The registry behind it, for all that has no name here: keys, acknowledgements, clears, counts. Their `now` is
    /// [`now`](Self::now).
    #[must_use]
    pub fn registry(&self) -> &Registry<K, V, S> {
        &self.registry
    }

    /// The time: nanoseconds since the registry was made, by tokio's clock.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Begins an upload under a key. See [`Registry::begin`].
    ///
    /// # Errors
    /// [`Full`] if the retention has a capacity, it is reached, and nothing may be evicted.
    pub fn begin(&self, key: K) -> Result<AsyncTicket<K, V>, Full> {
        let ticket = self.registry.begin(key, self.now())?;
        Ok(AsyncTicket { id: ticket.id(), ticket: Some(ticket), clock: self.clock })
    }

    /// Ends the work of an upload. The same as [`AsyncTicket::finish`].
    ///
    /// # Errors
    /// [`StaleTicket`] if there is no running upload to end any more. Nothing was changed then.
    pub fn finish(&self, ticket: AsyncTicket<K, V>, outcome: Outcome<V>) -> Result<(), StaleTicket> {
        ticket.finish(outcome)
    }

    /// The status of one upload, at once.
    #[must_use]
    pub fn status(&self, id: UploadId) -> Status<V>
    where
        V: Clone,
    {
        self.registry.read(id, self.now())
    }

    /// The status of one upload as soon as it is not running, or `Processing` when the time is up: a long poll. It sleeps until
    /// the change comes, and does not ask again and again; no change is missed (R16). With a time of zero, the status at once.
    ///
    /// Cancel-safe: dropping the future ends the wait, and nothing of it stays.
    ///
    /// # Panics
    /// If there is something to wait for, outside of a runtime of tokio's with its timer enabled.
    pub async fn wait(&self, id: UploadId, timeout: Duration) -> Status<V>
    where
        V: Clone,
    {
        let mut wait = self.registry.wait(id);
        let first = poll_fn(|context| Poll::Ready(wait.poll(self.now(), context.waker()))).await;
        match first {
            Poll::Ready(status) => return status,
            Poll::Pending if timeout.is_zero() => return Status::Processing,
            Poll::Pending => {}
        }
        let until = Instant::now() + timeout.min(FAR);
        let mut timer = pin!(sleep_until(until));
        poll_fn(|context| {
            loop {
                if let Poll::Ready(status) = wait.poll(self.now(), context.waker()) {
                    return Poll::Ready(status);
                }
                // Where running uploads are given up after a time, that changes the status, too.
                let next = wait.due_ns().map_or(until, |due_ns| self.clock.instant(due_ns).min(until));
                if timer.deadline() != next {
                    timer.as_mut().reset(next);
                }
                ready!(timer.as_mut().poll(context));
                if next == until {
                    return Poll::Ready(Status::Processing);
                }
            }
        })
        .await
    }

    /// Starts a task that sweeps the registry in rounds, until it is [shut down](Janitor::shutdown) or dropped.
    ///
    /// # Panics
    /// Outside of a runtime of tokio's.
    pub fn janitor(&self, rounds: Rounds) -> Janitor
    where
        K: Send + 'static,
        V: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        Janitor::start(self.clone(), rounds)
    }
}

impl<K, V, S> Clone for AsyncRegistry<K, V, S> {
    fn clone(&self) -> Self {
        AsyncRegistry { registry: self.registry.clone(), clock: self.clock }
    }
}

impl<K, V, S> fmt::Debug for AsyncRegistry<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncRegistry").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// The right to end one upload's work, once, with a clock of its own: it goes to whoever does the work. Dropped without a word,
/// by a task that was cancelled or panicked, it leaves the upload `Interrupted`, as of that moment. See [`Ticket`].
#[must_use = "dropping the ticket leaves the upload interrupted"]
pub struct AsyncTicket<K, V> {
    /// There until the work was ended.
    ticket: Option<Ticket<K, V>>,
    id: UploadId,
    clock: Clock,
}

impl<K, V> AsyncTicket<K, V> {
    /// The upload that this ticket belongs to: what the client gets to poll with.
    #[must_use]
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// Ends the work.
    ///
    /// # Errors
    /// [`StaleTicket`] if there is no running upload to end any more: it was cleared, or the retention gives running uploads a
    /// time to live and it is over. Nothing was changed then.
    pub fn finish(mut self, outcome: Outcome<V>) -> Result<(), StaleTicket> {
        let ticket = self.ticket.take().expect("a ticket is used up once");
        ticket.finish(outcome, self.clock.now())
    }
}

impl<K, V> Drop for AsyncTicket<K, V> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            // A stale ticket has lost nothing.
            let _: Result<(), StaleTicket> = ticket.interrupt(self.clock.now());
        }
    }
}

impl<K, V> fmt::Debug for AsyncTicket<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTicket").field("id", &self.id).finish_non_exhaustive()
    }
}
