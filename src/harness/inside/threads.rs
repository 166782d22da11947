//! On threads of the system, again and again: for stores of which nothing but the calls is known. Samples, which no seed repeats.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::sync::atomic::AtomicU64;
use std::thread;

use super::{Explored, Make, Request};
use crate::harness::monitor::Occasions;
use crate::harness::quiet::{message, quietly};
use crate::harness::race::{self, Trail, World};
use crate::harness::store::Store;

struct Threads;

impl World for Threads {
    type Counter = AtomicU64;

    const IS_PRECISE: bool = true;

    fn together(actors: Vec<Box<dyn FnOnce() + Send>>) {
        let start = Barrier::new(actors.len());
        let panics: Vec<_> = thread::scope(|scope| {
            let start = &start;
            let run = |actor: Box<dyn FnOnce() + Send>| {
                scope.spawn(move || {
                    start.wait();
                    quietly(|| catch_unwind(AssertUnwindSafe(actor)))
                })
            };
            let threads: Vec<_> = actors.into_iter().map(run).collect();
            threads.into_iter().filter_map(|thread| thread.join().and_then(|ran| ran).err()).collect()
        });
        if let Some(panic) = panics.into_iter().next() {
            resume_unwind(panic);
        }
    }
}

pub(super) fn explore<S: Store>(make: &Make<S>, request: Request<'_>, occasions: &mut Occasions) -> Explored {
    let trail = Trail::default();
    let mut explored = Explored::default();
    while explored.broken.is_none() && explored.executions < request.max {
        explored.executions += 1;
        request.progress.another();
        let run = || race::run::<Threads, S>(request.promise, make(), request.program, &trail, occasions);
        explored.broken = match quietly(|| catch_unwind(AssertUnwindSafe(run))) {
            Ok(found) => found,
            Err(panic) => Some(super::panicked(&trail, &message(&*panic))),
        };
    }
    explored
}
