//! Under shuttle: schedules at random, or by PCT (S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of
//! finding bugs", ASPLOS 2010). Samples from a fixed seed, so a run repeats. Every load sees the latest store, whatever ordering
//! is asked for: what only the memory model allows is found under loom alone.

use ::shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId};
use ::shuttle::sync::atomic::AtomicU64;
use ::shuttle::{Config, FailurePersistence, Runner, thread};

use super::{Explored, Make, Request, Watched};
use crate::harness::failure::Level;
use crate::harness::monitor::Occasions;
use crate::harness::race::World;
use crate::harness::store::Store;

struct Shuttle;

impl World for Shuttle {
    type Counter = AtomicU64;

    const IS_PRECISE: bool = false;

    fn together(actors: Vec<Box<dyn FnOnce() + Send>>) {
        let threads: Vec<_> = actors.into_iter().map(thread::spawn).collect();
        for thread in threads {
            thread.join().expect("a panic of a thread is a panic of the program");
        }
    }
}

/// Lets shuttle put its hook for panics in place, before another takes that place.
pub(in crate::harness) fn install_hook() {
    let scheduler = Silent::new(RandomScheduler::new_from_seed(SEED, 1), &Watched::new(&Occasions::default()));
    let _schedule = Runner::new(scheduler, config()).run(|| {});
}

fn config() -> Config {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    // That it takes every ordering for sequentially consistent is said in the head.
    config.silence_warnings = true;
    config
}

/// A scheduler that ends with the first finding. It is never dropped, since some then print how to replay in shuttle's terms.
struct Silent<S> {
    scheduler: Option<S>,
    watched: Watched,
}

impl<S> Silent<S> {
    fn new(scheduler: S, watched: &Watched) -> Self {
        Silent { scheduler: Some(scheduler), watched: watched.clone() }
    }

    fn get(&mut self) -> &mut S {
        self.scheduler.as_mut().expect("it is there until the end")
    }
}

impl<S: Scheduler> Scheduler for Silent<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.watched.is_over() { None } else { self.get().new_execution() }
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        self.get().next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.get().next_u64()
    }
}

impl<S> Drop for Silent<S> {
    fn drop(&mut self) {
        std::mem::forget(self.scheduler.take());
    }
}

/// The seed of the schedules.
const SEED: u64 = 1;

/// The depth of PCT: how many scheduling decisions a bug may need.
const DEPTH: usize = 3;

pub(super) fn explore<S: Store>(make: &Make<S>, request: Request<'_>, occasions: &mut Occasions) -> Explored {
    let schedules = usize::try_from(request.max).unwrap_or(usize::MAX);
    let watched = Watched::new(occasions);
    let program = watched.program::<Shuttle, S>(make, request, false);
    let random = || Silent::new(RandomScheduler::new_from_seed(SEED, schedules), &watched);
    let pct = || Silent::new(PctScheduler::new_from_seed(SEED, DEPTH, schedules), &watched);
    watched.clone().explore(occasions, || {
        let _schedules = match request.level {
            Level::ShuttlePct => Runner::new(pct(), config()).run(program),
            _ => Runner::new(random(), config()).run(program),
        };
    })
}
