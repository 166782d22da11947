//! The server: workers with their threads, one queue of requests, dispatch.

use std::collections::VecDeque;

use crate::rng::{PerAttempt, Source, below};
use crate::scenario::{Dispatch, ServerSpec};

/// A request, of one upload's client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The upload itself.
    Upload(u32),
    /// A poll, with its number from 0.
    Poll { upload: u32, attempt: u32 },
}

/// The attempt that an upload's own request counts as where it draws by attempt: no poll has it.
const UPLOAD_ATTEMPT: u64 = u64::MAX;

pub(super) struct Server {
    dispatch: Dispatch,
    threads: u32,
    /// Busy threads of each worker.
    busy: Vec<u32>,
    /// Workers with a thread to spare.
    idle: u32,
    queue: VecDeque<Request>,
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
    pub(super) fn admit(&mut self, request: Request) -> Option<u16> {
        let worker = self.choose(request);
        if worker.is_none() {
            self.queue.push_back(request);
        }
        worker
    }

    /// A worker begins to spend time on a request.
    pub(super) fn occupy(&mut self, worker: u16) {
        let busy = &mut self.busy[usize::from(worker)];
        *busy += 1;
        self.idle -= u32::from(*busy == self.threads);
    }

    /// A worker is through with a request on which it spent time. Returns the request that waited longest, and its worker.
    pub(super) fn release(&mut self, worker: u16) -> Option<(u16, Request)> {
        let busy = &mut self.busy[usize::from(worker)];
        self.idle += u32::from(*busy == self.threads);
        *busy -= 1;
        let request = *self.queue.front()?;
        let worker = self.choose(request)?;
        self.queue.pop_front();
        Some((worker, request))
    }

    fn choose(&self, request: Request) -> Option<u16> {
        let Dispatch::Uniform = self.dispatch;
        match (self.idle, self.busy.len()) {
            (0, _) => return None,
            (1, 1) => return Some(0),
            _ => {}
        }
        let (upload, attempt) = match request {
            Request::Upload(upload) => (upload, UPLOAD_ATTEMPT),
            Request::Poll { upload, attempt } => (upload, u64::from(attempt)),
        };
        let nth = below(self.draws.draw(u64::from(upload), attempt), self.idle);
        let idle = self.busy.iter().enumerate().filter(|&(_, &busy)| busy < self.threads);
        idle.map(|(worker, _)| worker as u16).nth(nth as usize)
    }
}
