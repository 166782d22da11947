//! The handlers of the web service, step by step, and the work behind them.

use super::stores::Change;
use super::{Engine, Pending};
use crate::engine::events::{Delay, Heap};
use crate::engine::lives::{Place, Poller};
use crate::engine::server::{Request, UPLOAD_ATTEMPT};
use crate::measure::Fact;
use crate::scenario::{Address, Order, Trigger};
use crate::store::{Answer, End, StatusStore};
use crate::time::SimTime;
use crate::trace::{Event, Observer};
use crate::workload::Upload;

/// Where a handler stands: the step that it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Begin the upload.
    Begin,
    /// Respond to the upload.
    UploadDone,
    /// Roll the die and perhaps sweep.
    Sweep,
    /// Read the status.
    Read,
    /// Respond to the poll.
    PollDone,
}

impl<S: StatusStore, O: Observer> Engine<S, O> {
    /// A client polls.
    #[inline(always)]
    pub(super) fn poll(&mut self, at: SimTime, place: Place) {
        self.lives.poller(place).polls += 1;
        self.request(at, Request::Poll(place));
    }

    /// A request reaches the server.
    #[inline(always)]
    pub(super) fn request(&mut self, at: SimTime, request: Request) {
        let draw = || match request {
            Request::Upload(life) => (self.lives.poller(life).upload, UPLOAD_ATTEMPT),
            Request::Poll(life) => {
                let poller = self.lives.poller(life);
                (poller.upload, u64::from(poller.polls - 1))
            }
        };
        if let Some(worker) = self.server.admit(request, draw) {
            self.serve(at, worker, request);
        }
    }

    /// A worker takes a request.
    #[inline(always)]
    fn serve(&mut self, at: SimTime, worker: u16, request: Request) {
        if self.instant {
            return self.serve_at_once(at, worker, request);
        }
        let (life, first) = match (request, self.order) {
            (Request::Upload(life), _) => (life, Stage::Begin),
            (Request::Poll(life), Order::SweepFirst) => (life, Stage::Sweep),
            (Request::Poll(life), Order::ReadFirst) => (life, Stage::Read),
        };
        if let Some(wait) = self.steps(at, life, worker, first) {
            self.server.occupy(worker);
            self.wait(at, life, worker, wait);
        }
    }

    /// The same steps where none of them takes time.
    #[inline(always)]
    fn serve_at_once(&mut self, at: SimTime, worker: u16, request: Request) {
        match request {
            Request::Upload(life) => {
                self.begin(at, life, worker);
                self.upload_answered(at, life);
            }
            Request::Poll(life) if self.order == Order::SweepFirst => {
                self.perhaps_sweep(at, life, worker);
                let answer = self.read(at, life, worker);
                self.poll_answered(at, life, answer);
            }
            Request::Poll(life) => {
                let answer = self.read(at, life, worker);
                self.perhaps_sweep(at, life, worker);
                self.poll_answered(at, life, answer);
            }
        }
    }

    /// A handler goes on after a step that took time.
    pub(super) fn resume(&mut self, at: SimTime, life: Place, worker: u16, stage: Stage) {
        match self.steps(at, life, worker, stage) {
            Some(wait) => self.wait(at, life, worker, wait),
            None => {
                self.server.release(worker);
                // Several may go on at once: a request that takes no time leaves its worker idle.
                while let Some((worker, request)) = self.server.next_waiting() {
                    self.serve(at, worker, request);
                }
            }
        }
    }

    fn wait(&mut self, at: SimTime, life: Place, worker: u16, (delay_ns, stage): (u64, Stage)) {
        self.pending.schedule_in(Delay::Step, at.after(delay_ns), Pending::Step { life, worker, stage });
    }

    /// Takes steps until one takes time, and returns that time and the step after it; `None` when the handler is through.
    #[inline(never)]
    fn steps(&mut self, at: SimTime, life: Place, worker: u16, first: Stage) -> Option<(u64, Stage)> {
        let mut stage = first;
        loop {
            let (delay_ns, next) = match stage {
                Stage::Begin => {
                    self.begin(at, life, worker);
                    (self.service.upload_ns, Stage::UploadDone)
                }
                Stage::Sweep => {
                    let swept = self.perhaps_sweep(at, life, worker);
                    let delay_ns = if swept { self.service.sweep_ns } else { 0 };
                    (delay_ns, if self.order == Order::SweepFirst { Stage::Read } else { Stage::PollDone })
                }
                Stage::Read => {
                    self.lives.get(life).answer = self.read(at, life, worker);
                    (self.service.read_ns, if self.order == Order::ReadFirst { Stage::Sweep } else { Stage::PollDone })
                }
                Stage::UploadDone => {
                    self.upload_answered(at, life);
                    return None;
                }
                Stage::PollDone => {
                    let answer = self.lives.get(life).answer;
                    self.poll_answered(at, life, answer);
                    return None;
                }
            };
            if delay_ns > 0 {
                return Some((delay_ns, next));
            }
            stage = next;
        }
    }

    #[inline(never)]
    fn begin(&mut self, at: SimTime, place: Place, worker: u16) {
        let life = self.lives.get(place);
        let Upload { number: upload, key, processing_ns, .. } = life.upload;
        let store = self.stores.number(worker);
        let (begun, Change { held, gone, overdue_elsewhere, .. }) = self.stores.begin(store, key, upload, at);
        self.observer.observe(at, Event::Began { upload, worker, store, held, gone, overdue_elsewhere });
        life.worker = worker;
        match begun {
            Some((ticket, id)) => {
                life.ticket = Some(ticket);
                self.lives.poller(place).id = Some(id);
                self.pending.schedule(Heap::Near, at.after(processing_ns), Pending::Processed(place));
            }
            None => self.lives.end_work(place, at, Fact::Interrupted),
        }
        self.store_changed(at, store);
    }

    #[inline(always)]
    fn perhaps_sweep(&mut self, at: SimTime, life: Place, worker: u16) -> bool {
        let store = self.stores.number(worker);
        let &mut Poller { upload, dice, polls, .. } = self.lives.poller(life);
        let attempt = polls - 1;
        let sweeps = self.stores.poll_sweeps(store, dice, attempt);
        if sweeps {
            self.sweep(at, store, Some(upload));
        }
        sweeps
    }

    #[inline(never)]
    fn sweep(&mut self, at: SimTime, store: u16, poll_of: Option<u32>) {
        let Change { held_before, held, gone, overdue_elsewhere } = self.stores.sweep(store, at);
        let event = Event::Swept { store, poll_of, held_before, held, gone, overdue_elsewhere };
        self.observer.observe(at, event);
    }

    #[inline(always)]
    fn read(&mut self, at: SimTime, life: Place, worker: u16) -> Answer {
        let store = self.stores.get(self.stores.number(worker));
        let poller = self.lives.poller(life);
        let &mut Poller { upload, key, .. } = poller;
        let by_id = if self.address == Address::Id { poller.id } else { None };
        let answer = match by_id {
            Some(id) => store.read(id, at),
            None => store.read_key(key, at),
        };
        let told = matches!(answer, Answer::Ready { .. } | Answer::Error | Answer::Interrupted);
        if told && self.acknowledges {
            match by_id {
                Some(id) => store.acknowledge(id, at),
                None => store.acknowledge_key(key, at),
            }
        }
        poller.note_answer(answer);
        let attempt = poller.polls - 1;
        self.observer.observe(at, Event::Read { upload, attempt, worker, answer });
        if told {
            // An answer may have begun or renewed the entry's age.
            self.store_changed(at, self.stores.number(worker));
        }
        answer
    }

    /// An upload's processing ends.
    pub(super) fn finish(&mut self, at: SimTime, place: Place) {
        let life = self.lives.get(place);
        let upload = life.upload.number;
        let ticket = life.ticket.take().expect("processing ends once, and it was begun");
        let worker = life.worker;
        let (end, fact) = if life.upload.fails { (End::Error, Fact::Failed) } else { (End::Ready, Fact::Succeeded) };
        let store = self.stores.number(worker);
        let accepted = self.stores.get(store).finish(ticket, end, at);
        let held = self.stores.recount(store);
        self.lives.end_work(place, at, fact);
        self.observer.observe(at, Event::Finished { upload, worker, store, end, accepted, held });
        self.store_changed(at, store);
        self.close(at, place);
    }

    /// A store's timer goes off.
    pub(super) fn timer(&mut self, at: SimTime, store: u16) {
        self.sweep(at, store, None);
        if let Some(next) = self.stores.timer_after_timer(store, at) {
            self.pending.schedule(Heap::Far, next, Pending::Timer { store });
        }
    }

    /// Sets the timer of a store whose entries changed, where the policy has one per entry.
    #[inline(always)]
    fn store_changed(&mut self, at: SimTime, store: u16) {
        if self.trigger == Trigger::Exact {
            self.set_timer(at, store);
        }
    }

    #[cold]
    fn set_timer(&mut self, at: SimTime, store: u16) {
        if let Some(next) = self.stores.timer_after_change(store, at) {
            self.pending.schedule(Heap::Far, next, Pending::Timer { store });
        }
    }
}
