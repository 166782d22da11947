//! A sweep: every cell of a grid, or of a part of it, over the same uploads. Cells run side by side, and are handed on in their order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::{ExperimentError, Options, Results, run};
use crate::scenario::{Cell, Grid};

/// What a sweep does besides measuring.
pub struct SweepOptions<'a> {
    /// Cells that run at a time, at least 1.
    pub jobs: usize,
    /// The place among the cells of the first that is run; those before it are there.
    pub from: usize,
    /// Told how many uploads have arrived since it was told last; may be called from any thread.
    pub on_progress: &'a (dyn Fn(u64) + Sync),
    /// Set by somebody else to stop the sweep.
    pub stop: &'a AtomicBool,
}

/// Runs the cells of a grid. What `summarize` makes of a cell's results, in any thread, is given to `on_cell` in the order of the
/// cells with its place among them, each as soon as all before it are done.
///
/// # Errors
/// [`ExperimentError::Interrupted`] if it was stopped, and what `on_cell` returns; the cells that were handed on are complete.
pub fn sweep<T: Send, E: From<ExperimentError>>(
    grid: &Grid,
    options: &SweepOptions<'_>,
    summarize: impl Fn(&Cell, &Results) -> T + Sync,
    mut on_cell: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let &SweepOptions { jobs, from, on_progress, stop } = options;
    let next = AtomicUsize::new(from);
    // Set where the sweep itself gives up; what is under way then ends early.
    let given_up = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(grid.cells.len() - from) {
            let (sender, next, given_up, summarize) = (sender.clone(), &next, &given_up, &summarize);
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = grid.cells.get(place) else { return };
                    if given_up.load(Ordering::Relaxed) {
                        return;
                    }
                    let options = Options { jobs: 1, upload_rows: false, on_progress, stop };
                    let done = run(&cell.scenario, &options).map(|results| summarize(cell, &results));
                    // The other end is gone only if it has given up.
                    if sender.send((place, done)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut due = from;
        let mut early = BTreeMap::new();
        for (place, done) in receiver {
            let handed_on = done.map_err(E::from).and_then(|done| {
                early.insert(place, done);
                while let Some(done) = early.remove(&due) {
                    on_cell(due, done)?;
                    due += 1;
                }
                Ok(())
            });
            if let Err(error) = handed_on {
                given_up.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    })
}
