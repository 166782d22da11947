//! The server: workers with their threads, one queue of requests, dispatch.

use std::collections::VecDeque;

use super::lives::Place;
use crate::rng::{PerAttempt, Source, below};
use crate::scenario::{Dispatch, ServerSpec};

/// A request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The upload itself.
    Upload(Place),
    /// A poll.
    Poll(Place),
}

/// What dispatch draws by: an upload and an attempt.
pub(super) type Draw = (u32, u64);

/// The attempt that an upload's own request counts as: no poll has it.
pub(super) const UPLOAD_ATTEMPT: u64 = u64::MAX;

pub(super) struct Server {
    dispatch: Dispatch,
    threads: u32,
    /// Busy threads of each worker.
    busy: Vec<u32>,
    /// Workers with a thread to spare.
    idle: u32,
    queue: VecDeque<(Request, Draw)>,
    draws: PerAttempt,
}

impl Server {
    pub(super) fn new(spec: &ServerSpec, seed: u64) -> Self {
        Server {
            dispatch: spec.dispatch,
            threads: spec.threads,
            busy: vec![0; spec.workers as usize],
            idle: spec.workers,
            queue: VecDeque::new(),
            draws: PerAttempt::new(seed, Source::Dispatch),
        }
    }

    /// The worker that gets a request now, or `None` if all are busy and it has to wait.
    #[inline(always)]
    pub(super) fn admit(&mut self, request: Request, draw: impl FnOnce() -> Draw) -> Option<u16> {
        if self.idle == 1 && self.busy.len() == 1 {
            return Some(0);
        }
        let draw = draw();
        let worker = self.choose(draw);
        if worker.is_none() {
            self.queue.push_back((request, draw));
        }
        worker
    }

    /// A worker begins to spend time on a request.
    pub(super) fn occupy(&mut self, worker: u16) {
        let busy = &mut self.busy[usize::from(worker)];
        *busy += 1;
        self.idle -= u32::from(*busy == self.threads);
    }

    /// A worker is through with a request on which it spent time.
    pub(super) fn release(&mut self, worker: u16) {
        let busy = &mut self.busy[usize::from(worker)];
        self.idle += u32::from(*busy == self.threads);
        *busy -= 1;
    }

    /// The request that has waited longest and the worker that gets it now, if one is idle.
    pub(super) fn next_waiting(&mut self) -> Option<(u16, Request)> {
        let (request, draw) = *self.queue.front()?;
        let worker = self.choose(draw)?;
        self.queue.pop_front();
        Some((worker, request))
    }

    fn choose(&self, (upload, attempt): Draw) -> Option<u16> {
        let Dispatch::Uniform = self.dispatch;
        if self.idle == 0 {
            return None;
        }
        let nth = below(self.draws.draw(u64::from(upload), attempt), self.idle);
        let idle = self.busy.iter().enumerate().filter(|&(_, &busy)| busy < self.threads);
        idle.map(|(worker, _)| worker as u16).nth(nth as usize)
    }
}
