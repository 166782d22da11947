//! The same programs with threads for actors, so that calls overlap: on threads of the system, under loom, under shuttle.

mod loom;
mod shuttle;
mod threads;

pub(super) use shuttle::{Turns, install_hook};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::budget::Progress;
use super::failure::{Fault, Finding, Level};
use super::monitor::Occasions;
use super::program::Program;
use super::promise::Promise;
use super::quiet::{message, quietly};
use super::race::{self, Trail, World};
use super::store::Store;

/// What a program's executions came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Explored {
    pub(super) executions: u64,
    /// Whether these are all that there are.
    pub(super) is_exhaustive: bool,
    pub(super) broken: Option<Finding>,
    /// The turns of the execution that broke, where they can be told.
    pub(super) turns: Option<Turns>,
}

/// A request to explore a program.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) promise: Promise,
    pub(super) program: &'a Program,
    /// The most executions.
    pub(super) max: u64,
    /// Under loom, the most preemptions in an execution; `None` for any number.
    pub(super) preemptions: Option<usize>,
    pub(super) level: Level,
    /// Under shuttle, the one execution to repeat in place of a search.
    pub(super) again: Option<&'a Turns>,
    /// Whom to tell of each execution.
    pub(super) progress: &'a Arc<Progress>,
}

/// Explores programs on a kind of store that only this knows.
pub(super) type Explore = Arc<dyn Fn(Request<'_>, &mut Occasions) -> Explored + Send + Sync>;

/// Makes stores.
pub(super) type Make<S> = Arc<dyn Fn() -> S + Send + Sync>;

pub(super) fn threads<S: Store>(make: Make<S>) -> Explore {
    Arc::new(move |request, occasions| threads::explore(&make, request, occasions))
}

pub(super) fn under_loom<S: Store>(make: Make<S>) -> Explore {
    Arc::new(move |request, occasions| loom::explore(&make, request, occasions))
}

pub(super) fn under_shuttle<S: Store>(make: Make<S>) -> Explore {
    Arc::new(move |request, occasions| shuttle::explore(&make, request, occasions))
}

/// What a search that ends by a panic leaves behind: shared with the program that it runs again and again.
#[derive(Clone)]
struct Watched {
    executions: Arc<AtomicU64>,
    trail: Trail,
    found: Arc<Mutex<Option<Finding>>>,
    occasions: Arc<Mutex<Occasions>>,
}

impl Watched {
    fn new(occasions: &Occasions) -> Watched {
        let occasions = Arc::new(Mutex::new(*occasions));
        Watched { executions: Arc::default(), trail: Trail::default(), found: Arc::default(), occasions }
    }

    /// The program: one execution, which panics if it finds something, unless the search looks at [`is_over`](Self::is_over).
    fn program<W: World, S: Store>(
        &self,
        make: &Make<S>,
        request: Request<'_>,
        panics: bool,
    ) -> impl Fn() + Send + Sync + 'static {
        let (make, program, promise) = (Arc::clone(make), request.program.clone(), request.promise);
        let (watched, progress) = (self.clone(), Arc::clone(request.progress));
        move || {
            progress.another();
            watched.executions.fetch_add(1, Ordering::Relaxed);
            let mut occasions = *locked(&watched.occasions);
            let judged = race::run::<W, S>(promise, make(), &program, &watched.trail, &mut occasions);
            *locked(&watched.occasions) = occasions;
            if judged.is_some() {
                // The store and the tickets are gone by now: nothing of them is dropped while this unwinds.
                *locked(&watched.found) = judged;
                assert!(!panics, "found");
            }
        }
    }

    /// Whether something was found.
    fn is_over(&self) -> bool {
        locked(&self.found).is_some()
    }

    /// Runs a search, and says what it came to.
    fn explore(self, occasions: &mut Occasions, search: impl FnOnce()) -> Explored {
        let ran = quietly(|| catch_unwind(AssertUnwindSafe(search)));
        *occasions = *locked(&self.occasions);
        let found = locked(&self.found).take();
        let broken = match (found, ran) {
            (None, Err(panic)) => Some(panicked(&self.trail, &message(&*panic))),
            (found, _) => found,
        };
        Explored { executions: self.executions.load(Ordering::Relaxed), is_exhaustive: false, broken, turns: None }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An execution that ended by a panic: of a call, or of the search, because all calls wait.
fn panicked(trail: &Trail, panic: &str) -> Finding {
    let fault = match panic.to_lowercase().contains("deadlock") {
        true => Fault::Deadlock("calls wait for each other for ever".to_owned()),
        false => Fault::Panic(panic.lines().next().unwrap_or_default().to_owned()),
    };
    Finding { fault, calls: locked(trail).clone(), marked: Vec::new() }
}
