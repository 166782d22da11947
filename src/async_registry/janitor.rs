//! The janitor: a task that sweeps in rounds, so that no request pays for it.

use std::any::Any;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::sleep;

use super::{AsyncRegistry, FAR};
use crate::registry::Swept;

/// When a janitor comes by, and how much it takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// From the end of one round to the beginning of the next.
    pub period: Duration,
    /// By how much, at most, a round comes earlier or later, drawn anew for each: so that the janitors of many processes do not
    /// go in step. Counts up to the period.
    pub jitter: Duration,
    /// How many records it takes under one hold of a lock; between two holds other tasks run.
    pub step: usize,
}

impl Rounds {
    /// Every so often, a tenth earlier or later, 64 records at a time.
    #[must_use]
    pub fn every(period: Duration) -> Self {
        Rounds { period, jitter: period / 10, step: 64 }
    }

    /// The same with another jitter; zero for none.
    #[must_use]
    pub fn jitter(self, jitter: Duration) -> Self {
        Rounds { jitter, ..self }
    }

    /// The same with another step.
    #[must_use]
    pub fn step(self, step: usize) -> Self {
        Rounds { step, ..self }
    }

    /// How long to wait for the next round.
    fn pause(&self) -> Duration {
        let period = self.period.min(FAR);
        let jitter = self.jitter.min(period);
        // Each of std's random states is another one.
        let share = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
        let pause = period - jitter + jitter.mul_f64(2.0 * share);
        // A janitor that never pauses would never let anybody else run.
        pause.clamp(Duration::from_millis(1), FAR)
    }
}

/// A task that sweeps a registry. Dropping it stops it, too, without waiting.
#[must_use = "a janitor that is dropped stops"]
#[derive(Debug)]
pub struct Janitor {
    stop: oneshot::Sender<()>,
    task: JoinHandle<(Swept, Option<Panic>)>,
}

/// The first panic of a sweep.
type Panic = Box<dyn Any + Send>;

impl Janitor {
    pub(super) fn start<K, V, S>(registry: AsyncRegistry<K, V, S>, rounds: Rounds) -> Self
    where
        K: Hash + Eq + Send + 'static,
        V: Send + Sync + 'static,
        S: BuildHasher + Send + Sync + 'static,
    {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let (mut total, mut panicked) = (Swept::default(), None);
            loop {
                tokio::select! {
                    biased;
                    _ = &mut stopped => return (total, panicked),
                    () = sleep(rounds.pause()) => {}
                }
                let mut more = true;
                while more {
                    let step = || registry.registry().sweep_some(registry.now(), rounds.step.max(1));
                    // A detail whose own code panics must not be the end of all sweeps. What it was in is gone by then, and the
                    // next round goes on behind it.
                    match catch_unwind(AssertUnwindSafe(step)) {
                        Ok(swept) => {
                            more = swept.more;
                            total.add(Swept { more: false, ..swept });
                        }
                        Err(panic) => {
                            more = false;
                            panicked.get_or_insert(panic);
                        }
                    }
                    if more {
                        yield_now().await;
                    }
                    if !matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
                        return (total, panicked);
                    }
                }
            }
        });
        Janitor { stop, task }
    }

    /// Stops the janitor and waits until it has: after the step that it is at, not after the whole round. Returns what it took
    /// in all its rounds. Cancel-safe: once called, it stops, whether or not somebody waits for it.
    ///
    /// # Panics
    /// If one of its sweeps did, in a key's or a detail's own code: with the first of those panics. The sweeps after it ran.
    pub async fn shutdown(self) -> Swept {
        // If nobody listens any more, it has stopped.
        let _ = self.stop.send(());
        match self.task.await {
            Ok((swept, None)) => swept,
            Ok((_, Some(panic))) => resume_unwind(panic),
            // The runtime is going down, and has taken it along.
            Err(_) => Swept::default(),
        }
    }
}
