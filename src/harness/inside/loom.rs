//! Under loom: every interleaving inside the calls, and every value that the memory model lets a load see (B. Norris, B. Demsky,
//! "CDSChecker", OOPSLA 2013).
//!
//! A poll that comes after an end must see it, so the moments between calls are counted on an atomic of loom's: who counts later
//! has seen what the others did before. It is counted between two calls of one actor only, since each count multiplies the search.

use ::loom::model::Builder;
use ::loom::sync::atomic::AtomicU64;
use ::loom::thread;

use super::{Explored, Make, Request, Watched};
use crate::harness::monitor::Occasions;
use crate::harness::race::World;
use crate::harness::store::Store;

struct Loom;

impl World for Loom {
    type Counter = AtomicU64;

    const IS_PRECISE: bool = false;

    fn together(actors: Vec<Box<dyn FnOnce() + Send>>) {
        let threads: Vec<_> = actors.into_iter().map(thread::spawn).collect();
        for thread in threads {
            thread.join().expect("a panic of a thread is a panic of the model");
        }
    }
}

pub(super) fn explore<S: Store>(make: &Make<S>, request: Request<'_>, occasions: &mut Occasions) -> Explored {
    let mut builder = Builder::new();
    builder.preemption_bound = request.preemptions;
    // Only a count ends a search, not the environment; loom looks at the count when it writes a checkpoint.
    (builder.max_duration, builder.checkpoint_file, builder.log, builder.location) = (None, None, false, false);
    builder.checkpoint_interval = usize::try_from(request.max).unwrap_or(usize::MAX).saturating_add(1);
    builder.max_permutations = Some(builder.checkpoint_interval);
    let watched = Watched::new(occasions);
    let program = watched.program::<Loom, S>(make, request, true);
    let explored = watched.explore(occasions, || builder.check(program));
    let is_exhaustive = explored.broken.is_none() && request.preemptions.is_none() && explored.executions < request.max;
    Explored { is_exhaustive, ..explored }
}
