//! Under shuttle: schedules at random, or by PCT (S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of
//! finding bugs", ASPLOS 2010). Samples from a fixed seed, so a run repeats. Every load sees the latest store, whatever ordering
//! is asked for: what only the memory model allows is found under loom alone.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use ::shuttle::scheduler::{PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId};
use ::shuttle::sync::atomic::AtomicU64;
use ::shuttle::{Config, FailurePersistence, Runner, thread};

use super::{Explored, Make, Request, Watched, locked};
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
    let watched = Watched::new(&Occasions::default());
    let scheduler = Silent::new(RandomScheduler::new_from_seed(SEED, 1), &watched, &Arc::default());
    let _schedule = Runner::new(scheduler, config()).run(|| {});
}

fn config() -> Config {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    // That it takes every ordering for sequentially consistent is said in the head.
    config.silence_warnings = true;
    config
}

/// Which task went on at each point of an execution. As a text, a letter for the task, and a number where it goes on more than once
/// in a row: `a4b2c`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::harness) struct Turns(Vec<u8>);

/// The most points of an execution that a text may name: what shuttle itself allows.
const MAX_TURNS: usize = 1_000_000;

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chunk_by(|one, next| one == next).try_for_each(|turns| {
            match (char::from(b'a' + turns[0]), turns.len()) {
                (task, 1) => write!(f, "{task}"),
                (task, times) => write!(f, "{task}{times}"),
            }
        })
    }
}

impl FromStr for Turns {
    type Err = ();

    fn from_str(text: &str) -> Result<Turns, ()> {
        let mut turns = Vec::new();
        let mut rest = text;
        while let Some(task) = rest.bytes().next() {
            let task = Some(task).filter(u8::is_ascii_lowercase).ok_or(())?;
            let number = &rest[1..];
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            let times = if end == 0 { 1 } else { number[..end].parse::<usize>().map_err(|_| ())? };
            if turns.len().saturating_add(times) > MAX_TURNS {
                return Err(());
            }
            turns.resize(turns.len() + times, task - b'a');
            rest = &number[end..];
        }
        if turns.is_empty() { Err(()) } else { Ok(Turns(turns)) }
    }
}

/// Repeats one execution. Where a task cannot go on that did, since the store is another one by now, the first goes that can.
struct Again {
    turns: std::vec::IntoIter<u8>,
    has_run: bool,
}

impl Scheduler for Again {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!std::mem::replace(&mut self.has_run, true)).then(|| Schedule::new(SEED))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<TaskId>, _: bool) -> Option<TaskId> {
        let wanted = self.turns.next().map(|task| TaskId::from(usize::from(task)));
        let can = runnable.iter().map(|task| task.id());
        can.clone().find(|task| Some(*task) == wanted).or_else(|| can.clone().next())
    }

    /// No program draws numbers.
    fn next_u64(&mut self) -> u64 {
        SEED
    }
}

/// A scheduler that ends with the first finding, and notes the turns of each execution. It is never dropped, since some then print
/// how to replay in shuttle's terms.
struct Silent<S> {
    scheduler: Option<S>,
    watched: Watched,
    turns: Arc<Mutex<Turns>>,
}

impl<S> Silent<S> {
    fn new(scheduler: S, watched: &Watched, turns: &Arc<Mutex<Turns>>) -> Self {
        Silent { scheduler: Some(scheduler), watched: watched.clone(), turns: Arc::clone(turns) }
    }

    fn get(&mut self) -> &mut S {
        self.scheduler.as_mut().expect("it is there until the end")
    }
}

impl<S: Scheduler> Scheduler for Silent<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.watched.is_over() {
            return None;
        }
        locked(&self.turns).0.clear();
        self.get().new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        let next = self.get().next_task(runnable, current, is_yielding)?;
        locked(&self.turns).0.push(u8::try_from(usize::from(next)).expect("a program has few actors"));
        Some(next)
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
    let turns = Arc::default();
    let random = || Silent::new(RandomScheduler::new_from_seed(SEED, schedules), &watched, &turns);
    let pct = || Silent::new(PctScheduler::new_from_seed(SEED, DEPTH, schedules), &watched, &turns);
    let again = |turns: Turns| Again { turns: turns.0.into_iter(), has_run: false };
    let explored = watched.clone().explore(occasions, || {
        let _schedules = match (request.again, request.level) {
            (Some(before), _) => {
                Runner::new(Silent::new(again(before.clone()), &watched, &turns), config()).run(program)
            }
            (None, Level::ShuttlePct) => Runner::new(pct(), config()).run(program),
            (None, _) => Runner::new(random(), config()).run(program),
        };
    });
    let turns = locked(&turns).clone();
    Explored { turns: Some(turns).filter(|_| explored.broken.is_some()), ..explored }
}
