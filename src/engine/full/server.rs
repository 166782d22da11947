//! The server: workers with their threads, one queue of requests, dispatch, and when a worker is replaced.

use std::collections::VecDeque;

use crate::engine::Place;
use crate::rng::{PerAttempt, Source, below};
use crate::scenario::{Dispatch, Recycle, ServerSpec};
use crate::time::SimTime;

/// A request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The upload itself, for the so many-th time, from 0.
    Upload(Place, u8),
    /// A poll.
    Poll(Place),
}

impl Request {
    pub(super) fn place(self) -> Place {
        match self {
            Request::Upload(place, _) | Request::Poll(place) => place,
        }
    }
}

/// What becomes of a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// This worker takes it now.
    Served(u16),
    /// It waits.
    Queued,
    /// It fails: the site is closed, or too many wait already.
    Refused,
}

/// What dispatch draws by: an upload and an attempt.
pub(super) type Draw = (u32, u64);

/// The attempt that an upload's own request counts as; repetitions count down from it. No poll has it.
pub(super) const UPLOAD_ATTEMPT: u64 = u64::MAX;

/// The attempt by which a client is tied to a worker: it is that of the upload.
const STICKY: u64 = UPLOAD_ATTEMPT;

/// Which of its requests a worker serves.
pub(super) type Serial = u32;

struct Worker {
    /// What its threads are busy with.
    serving: Vec<(Serial, Request)>,
    /// Whether it takes no new request and is replaced when it is through with those that it has.
    draining: bool,
    /// Whether it is not there.
    away: bool,
    /// Requests served since its start, and the number of them that ends it.
    served: u32,
    limit: u32,
    born: SimTime,
    /// How often it was replaced.
    incarnation: u32,
}

pub(super) struct Server {
    dispatch: Dispatch,
    threads: usize,
    queue_limit: Option<u32>,
    recycle: Recycle,
    workers: Vec<Worker>,
    /// Workers that can take a request.
    idle: u32,
    /// Where the next round begins.
    round: usize,
    queue: VecDeque<(Request, Draw)>,
    closed_until: SimTime,
    serials: Serial,
    draws: PerAttempt,
    recycle_draws: PerAttempt,
}

impl Server {
    pub(super) fn new(spec: &ServerSpec, seed: u64) -> Self {
        let mut server = Server {
            dispatch: spec.dispatch,
            threads: spec.threads as usize,
            queue_limit: spec.queue_limit,
            recycle: spec.recycle,
            workers: Vec::new(),
            idle: spec.workers,
            round: 0,
            queue: VecDeque::new(),
            closed_until: SimTime::ZERO,
            serials: 0,
            draws: PerAttempt::new(seed, Source::Dispatch),
            recycle_draws: PerAttempt::new(seed, Source::Recycle),
        };
        server.workers = (0..spec.workers as u16).map(|worker| server.new_worker(worker, 0, SimTime::ZERO)).collect();
        server
    }

    fn new_worker(&self, worker: u16, incarnation: u32, born: SimTime) -> Worker {
        let Recycle { requests, jitter, .. } = self.recycle;
        let limit = requests.map_or(u32::MAX, |requests| {
            let draw = self.recycle_draws.draw(u64::from(worker), u64::from(incarnation));
            requests - jitter + below(draw, 2 * jitter + 1)
        });
        Worker { serving: Vec::new(), draining: false, away: false, served: 0, limit, born, incarnation }
    }

    /// How many workers there are.
    pub(super) fn workers(&self) -> u16 {
        self.workers.len() as u16
    }

    fn is_idle(&self, worker: usize) -> bool {
        let Worker { serving, draining, away, .. } = &self.workers[worker];
        serving.len() < self.threads && !draining && !away
    }

    /// What becomes of a request.
    #[inline(always)]
    pub(super) fn admit(&mut self, at: SimTime, request: Request, draw: impl FnOnce() -> Draw) -> Admission {
        if self.idle == 1 && self.workers.len() == 1 && at >= self.closed_until {
            return Admission::Served(0);
        }
        self.admit_to_some(at, request, draw())
    }

    fn admit_to_some(&mut self, at: SimTime, request: Request, draw: Draw) -> Admission {
        if at < self.closed_until {
            return Admission::Refused;
        }
        match self.choose(draw) {
            Some(worker) => Admission::Served(worker),
            None if self.queue_limit.is_some_and(|limit| self.queue.len() >= limit as usize) => Admission::Refused,
            None => {
                self.queue.push_back((request, draw));
                Admission::Queued
            }
        }
    }

    /// A worker begins to spend time on a request.
    pub(super) fn occupy(&mut self, worker: u16, request: Request) -> Serial {
        self.serials = self.serials.wrapping_add(1);
        let serial = self.serials;
        self.change(worker, |worker| worker.serving.push((serial, request)));
        serial
    }

    /// A worker is through with a request on which it spent time.
    pub(super) fn release(&mut self, worker: u16, serial: Serial) {
        self.change(worker, |worker| worker.serving.retain(|&(known, _)| known != serial));
    }

    /// The request that a worker serves under a serial number, if it still does.
    pub(super) fn serving(&self, worker: u16, serial: Serial) -> Option<Request> {
        let serving = &self.workers[usize::from(worker)].serving;
        serving.iter().find(|&&(known, _)| known == serial).map(|&(_, request)| request)
    }

    /// Changes a worker, and counts it as idle or not.
    fn change<T>(&mut self, worker: u16, change: impl FnOnce(&mut Worker) -> T) -> T {
        let number = usize::from(worker);
        let before = self.is_idle(number);
        let result = change(&mut self.workers[number]);
        match (before, self.is_idle(number)) {
            (true, false) => self.idle -= 1,
            (false, true) => self.idle += 1,
            _ => {}
        }
        result
    }

    /// A worker has served a request to its end. Returns whether it is replaced now.
    #[inline(always)]
    pub(super) fn served(&mut self, at: SimTime, worker: u16) -> bool {
        if self.recycle == Recycle::default() && !self.workers[usize::from(worker)].draining {
            return false;
        }
        let lifetime_ns = self.recycle.lifetime_ns.unwrap_or(u64::MAX);
        self.change(worker, |worker| {
            worker.served += 1;
            worker.draining |= worker.served >= worker.limit || at.since(worker.born) >= lifetime_ns;
            worker.draining && worker.serving.is_empty()
        })
    }

    /// The site closes for a while. Returns the requests that were waiting.
    pub(super) fn close(&mut self, until: SimTime) -> Vec<Request> {
        self.closed_until = self.closed_until.max(until);
        self.queue.drain(..).map(|(request, _)| request).collect()
    }

    /// A worker takes no new request. Returns whether it has none to finish, and can be replaced at once.
    pub(super) fn drain(&mut self, worker: u16) -> bool {
        self.change(worker, |worker| {
            worker.draining = !worker.away;
            worker.draining && worker.serving.is_empty()
        })
    }

    /// A new worker takes the place of one; it is there at once, or when it is [welcomed](Self::welcome). Returns what the old
    /// one was busy with.
    pub(super) fn replace(&mut self, at: SimTime, worker: u16, at_once: bool) -> Vec<Request> {
        let incarnation = self.incarnation(worker) + 1;
        let new = Worker { away: !at_once, ..self.new_worker(worker, incarnation, at) };
        let old = self.change(worker, |worker| std::mem::replace(worker, new));
        old.serving.into_iter().map(|(_, request)| request).collect()
    }

    /// A worker is there.
    pub(super) fn welcome(&mut self, worker: u16) {
        self.change(worker, |worker| worker.away = false);
    }

    /// How often a worker was replaced.
    #[inline(always)]
    pub(super) fn incarnation(&self, worker: u16) -> u32 {
        self.workers[usize::from(worker)].incarnation
    }

    /// Whether a request waits while a worker is on its way back.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.queue.is_empty() && self.workers.iter().any(|worker| worker.away)
    }

    /// Whether a worker is busy with a request.
    pub(super) fn is_serving(&self, worker: u16) -> bool {
        !self.workers[usize::from(worker)].serving.is_empty()
    }

    /// The request that has waited longest among those that a worker can take, and that worker.
    pub(super) fn next_waiting(&mut self) -> Option<(u16, Request)> {
        if self.idle == 0 {
            return None;
        }
        let reach = if self.dispatch == Dispatch::Sticky { self.queue.len() } else { 1 };
        for place in 0..reach.min(self.queue.len()) {
            let (request, draw) = self.queue[place];
            if let Some(worker) = self.choose(draw) {
                self.queue.remove(place);
                return Some((worker, request));
            }
        }
        None
    }

    fn choose(&mut self, (upload, attempt): Draw) -> Option<u16> {
        if self.idle == 0 {
            return None;
        }
        let count = self.workers.len();
        let worker = match self.dispatch {
            Dispatch::Uniform => {
                let nth = below(self.draws.draw(u64::from(upload), attempt), self.idle);
                (0..count).filter(|&worker| self.is_idle(worker)).nth(nth as usize)
            }
            Dispatch::RoundRobin => {
                let worker = (self.round..self.round + count).map(|worker| worker % count).find(|&w| self.is_idle(w));
                self.round = worker.map_or(self.round, |worker| (worker + 1) % count);
                worker
            }
            Dispatch::LowestIdle => (0..count).find(|&worker| self.is_idle(worker)),
            Dispatch::Sticky => {
                let worker = below(self.draws.draw(u64::from(upload), STICKY), count as u32) as usize;
                self.is_idle(worker).then_some(worker)
            }
        };
        worker.map(|worker| worker as u16)
    }
}
