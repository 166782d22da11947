//! A thread that sweeps a store now and then. It must never panic, nor keep its owner waiting for a period when
//! it is dropped; for a sweep that runs it does, so that none runs afterwards.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Backend;

/// A thread that sweeps a store each period, until it is dropped. Dropping it waits for the sweep that runs, if one does, however
/// long that takes, and for no period. Only where its own thread drops it, in the clock or in `on_error`, it waits for nothing: that
/// sweep is the last.
///
/// ```
/// # #[cfg(feature = "dashmap")] {
/// use std::{sync::Arc, time::Duration};
/// use stillready::backend::{Reaper, dashmap::Dashmap, wall_clock_ns};
/// use stillready::registry::Retention;
///
/// let uploads = Arc::new(Dashmap::new(Retention::default())?);
/// let reaper = Reaper::start(Arc::clone(&uploads), Duration::from_secs(60), wall_clock_ns, |error| eprintln!("sweep: {error}"))?;
/// # drop(reaper);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the sweeps end when it is dropped"]
pub struct Reaper {
    counts: Arc<Counts>,
    /// Nothing is ever sent: that it is gone is the message.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The shortest period: a thread that never rests would keep others from the store.
const SHORTEST: Duration = Duration::from_millis(1);

/// Counters that are read alone, so that no access pairs with another.
#[derive(Default)]
struct Counts {
    sweeps: AtomicU64,
    taken: AtomicU64,
    failed: AtomicU64,
}

impl Reaper {
    /// Starts sweeping, the first time after one period, which is at least a millisecond. `clock` says what time it is, and `on_error` is told of each sweep that
    /// failed; the next one tries again.
    ///
    /// # Errors
    /// If the operating system starts no thread.
    pub fn start<B: Backend>(
        store: Arc<B>,
        period: Duration,
        clock: impl Fn() -> u64 + Send + 'static,
        mut on_error: impl FnMut(&B::Error) + Send + 'static,
    ) -> std::io::Result<Reaper> {
        let period = period.max(SHORTEST);
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = channel::<()>();
        let counted = Arc::clone(&counts);
        let mut sweep = move || {
            let swept = store.sweep(clock(), &mut |_| {
                counted.taken.fetch_add(1, Ordering::Relaxed);
            });
            if let Err(error) = &swept {
                on_error(error);
            }
            swept.is_ok()
        };
        let counted = Arc::clone(&counts);
        let reap = move || {
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                // A clock or a callback of the caller's that panics must not end the sweeps.
                let is_done = catch_unwind(AssertUnwindSafe(&mut sweep)).unwrap_or(false);
                counted.failed.fetch_add(u64::from(!is_done), Ordering::Relaxed);
                counted.sweeps.fetch_add(1, Ordering::Relaxed);
            }
        };
        let thread = thread::Builder::new().name("stillready-reaper".to_owned()).spawn(reap)?;
        Ok(Reaper { counts, stop: Some(stop), thread: Some(thread) })
    }

    /// How many sweeps there were, those that failed included.
    #[must_use]
    pub fn sweeps(&self) -> u64 {
        self.counts.sweeps.load(Ordering::Relaxed)
    }

    /// How many entries they took.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.counts.taken.load(Ordering::Relaxed)
    }

    /// How many sweeps failed, or panicked.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.counts.failed.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Reaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Reaper");
        fields.field("sweeps", &self.sweeps()).field("taken", &self.taken()).field("failed", &self.failed());
        fields.finish_non_exhaustive()
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.stop.take());
        #[expect(clippy::disallowed_methods, reason = "a thread that waits for its own end waits for ever")]
        let own = thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != own) {
            // A panic of its own cannot be, and would be no news to who drops it.
            let _ = thread.join();
        }
    }
}
