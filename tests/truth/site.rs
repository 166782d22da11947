//! A server of several workers for real tokio tasks: threads, one queue, dispatch to any idle worker, and reloads.

use std::cell::RefCell;
use std::collections::VecDeque;

use stillready::rng::below;
use tokio::sync::oneshot;

/// The workers of a site, and who waits for one.
pub(crate) struct Site {
    threads: u32,
    state: RefCell<State>,
}

struct State {
    workers: Vec<Worker>,
    /// Requests by their draws; they are told a worker, or that they are dropped.
    queue: VecDeque<(u64, oneshot::Sender<Option<u32>>)>,
}

#[derive(Clone, Default)]
struct Worker {
    serving: u32,
    /// Whether it takes nothing new, and goes when it is through with what it has.
    leaves: bool,
}

impl State {
    /// An idle worker, each equally likely; it gets the request.
    fn choose(&mut self, threads: u32, draw: u64) -> Option<u32> {
        let is_idle = |worker: &&mut Worker| worker.serving < threads && !worker.leaves;
        let idle = self.workers.iter_mut().filter(|worker| is_idle(worker)).count() as u32;
        let nth = idle.checked_sub(1).map(|_| below(draw, idle) as usize)?;
        let mut of_idle = (0..).zip(&mut self.workers).filter(|(_, worker)| is_idle(worker));
        let (number, worker) = of_idle.nth(nth)?;
        worker.serving += 1;
        Some(number)
    }
}

impl Site {
    pub(crate) fn new(workers: u32, threads: u32) -> Self {
        let state = State { workers: vec![Worker::default(); workers as usize], queue: VecDeque::new() };
        Site { threads, state: RefCell::new(state) }
    }

    /// Waits for a worker. `None`: the site was reloaded meanwhile.
    pub(crate) async fn enter(&self, draw: u64) -> Option<u32> {
        let called = {
            let mut state = self.state.borrow_mut();
            if let Some(worker) = state.choose(self.threads, draw) {
                return Some(worker);
            }
            let (call, called) = oneshot::channel();
            state.queue.push_back((draw, call));
            called
        };
        called.await.unwrap()
    }

    /// A worker is through with a request. Returns whether it leaves; then a new one takes its place.
    pub(crate) fn leave(&self, worker: u32) -> bool {
        let mut state = self.state.borrow_mut();
        let left = &mut state.workers[worker as usize];
        left.serving -= 1;
        let leaves = left.leaves && left.serving == 0;
        if leaves {
            left.leaves = false;
        }
        leaves
    }

    /// Lets those who wait go on, the first first, as long as a worker is idle.
    pub(crate) fn call_next(&self) {
        let mut state = self.state.borrow_mut();
        while let Some(&(draw, _)) = state.queue.front() {
            let Some(worker) = state.choose(self.threads, draw) else { return };
            let (_, call) = state.queue.pop_front().unwrap();
            call.send(Some(worker)).unwrap();
        }
    }

    /// Drops what waits, and lets each worker leave when it is through. Returns how many requests were dropped, and those workers
    /// that serve nothing and are replaced at once.
    pub(crate) fn reload(&self) -> (usize, Vec<u32>) {
        let mut state = self.state.borrow_mut();
        let dropped: Vec<_> = state.queue.drain(..).collect();
        let count = dropped.len();
        for (_, call) in dropped {
            call.send(None).unwrap();
        }
        for worker in &mut state.workers {
            worker.leaves = worker.serving > 0;
        }
        let idle = (0..).zip(&state.workers).filter(|(_, worker)| worker.serving == 0);
        (count, idle.map(|(number, _)| number).collect())
    }
}
