//! The handlers of the web service, step by step, and the work behind them.

use super::lives::{Poll, Work};
use super::server::{Admission, Request, Serial, UPLOAD_ATTEMPT};
use super::stores::Change;
use super::{Full, Pending, draws_as};
use crate::engine::Place;
use crate::measure::Fact;
use crate::scenario::{Address, Background, Order, Trigger};
use crate::store::{Answer, End, ODD_NAME, StatusStore};
use crate::time::SimTime;
use crate::trace::{Event, FetchFailure, Observer};
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

/// How far a handler gets without spending time.
enum Progress {
    /// It responded.
    Done,
    /// It spends so many nanoseconds and goes on with a step.
    Waits(u64, Stage),
    /// The store is down: its request fails.
    Fails,
    /// The store's lock is held for ever.
    Hangs,
}

impl<S: StatusStore, O: Observer> Full<S, O> {
    /// A client polls.
    #[inline(always)]
    pub(super) fn poll(&mut self, at: SimTime, place: Place) {
        let poller = self.lives.poller(place);
        poller.polls += 1;
        self.request(at, Request::Poll(place));
    }

    /// A client sends a request.
    pub(super) fn request(&mut self, at: SimTime, request: Request) {
        if self.client.loses_fetches() && self.is_lost(at, request) {
            return self.fetch_failed(at, request, FetchFailure::Network);
        }
        let Full { lives, redraws, .. } = self;
        let draw = || {
            let poller = lives.poller(request.place());
            let attempt = match request {
                Request::Upload(_, post) => UPLOAD_ATTEMPT - u64::from(post),
                Request::Poll(_) => u64::from(poller.polls - 1),
            };
            (draws_as(redraws, poller.upload, at), attempt)
        };
        match self.server.admit(at, request, draw) {
            Admission::Served(worker) => self.serve(at, worker, request),
            Admission::Queued => self.lives.poller(request.place()).requests += 1,
            Admission::Refused => self.fetch_failed(at, request, FetchFailure::Refused),
        }
    }

    #[cold]
    fn is_lost(&mut self, at: SimTime, request: Request) -> bool {
        let life = self.lives.get(request.place());
        life.fetches += 1;
        let (upload, fetch) = (life.upload.number, life.fetches);
        self.client.fetch_is_lost(draws_as(&self.redraws, upload, at), fetch)
    }

    /// A worker takes a request.
    #[inline(always)]
    pub(super) fn serve(&mut self, at: SimTime, worker: u16, request: Request) {
        let is_over = if self.instant {
            self.serve_at_once(at, worker, request);
            true
        } else {
            self.serve_in_steps(at, worker, request)
        };
        if self.replaces && is_over && self.server.served(at, worker) {
            self.replace_worker(at, worker);
        }
    }

    /// The steps of a handler where none of them takes time, and nothing can go wrong.
    fn serve_at_once(&mut self, at: SimTime, worker: u16, request: Request) {
        match request {
            Request::Upload(life, post) => {
                self.begin(at, life, post, worker);
                self.upload_answered(at, life, post);
            }
            Request::Poll(life) => {
                let poll = self.lives.poller(life).latest(life);
                self.serve_poll_at_once(at, worker, poll);
            }
        }
    }

    #[inline(always)]
    fn serve_poll_at_once(&mut self, at: SimTime, worker: u16, poll: Poll<S::Id>) {
        let answer = if self.order == Order::SweepFirst {
            self.perhaps_sweep(at, worker, poll);
            self.read(at, worker, poll)
        } else {
            let answer = self.read(at, worker, poll);
            self.perhaps_sweep(at, worker, poll);
            answer
        };
        self.poll_answered(at, poll.life, answer);
    }

    /// The steps of a handler up to the first that takes time. Returns whether none did.
    fn serve_in_steps(&mut self, at: SimTime, worker: u16, request: Request) -> bool {
        let first = match (request, self.order) {
            (Request::Upload(..), _) => Stage::Begin,
            (Request::Poll(_), Order::SweepFirst) => Stage::Sweep,
            (Request::Poll(_), Order::ReadFirst) => Stage::Read,
        };
        match self.steps(at, worker, request, first) {
            Progress::Done => return true,
            Progress::Fails => {
                self.fetch_failed(at, request, FetchFailure::StoreDown);
                return true;
            }
            Progress::Waits(delay_ns, next) => {
                let serial = self.occupy(at, worker, request);
                self.wait(at, worker, serial, delay_ns, next);
            }
            Progress::Hangs => {
                self.occupy(at, worker, request);
                self.hang(at, worker, request);
            }
        }
        false
    }

    /// A worker begins to spend time on a request.
    fn occupy(&mut self, at: SimTime, worker: u16, request: Request) -> Serial {
        self.lives.poller(request.place()).requests += 1;
        if self.background == Background::WhileServing && !self.server.is_serving(worker) {
            self.advance_works(at, worker);
        }
        let serial = self.server.occupy(worker, request);
        if let Some(limit_ns) = self.request_limit_ns {
            self.pending.schedule(at.after(limit_ns), Pending::Limit { worker, serial });
        }
        serial
    }

    fn wait(&mut self, at: SimTime, worker: u16, serial: Serial, delay_ns: u64, stage: Stage) {
        self.pending.schedule_soon(at.after(delay_ns), Pending::Step { worker, serial, stage });
    }

    /// A request waits for a lock that nobody will let go.
    fn hang(&mut self, at: SimTime, worker: u16, request: Request) {
        let upload = self.lives.poller(request.place()).upload;
        self.observer.observe(at, Event::Hung { upload, worker });
    }

    /// A handler goes on after a step that took time.
    pub(super) fn resume(&mut self, at: SimTime, worker: u16, serial: Serial, stage: Stage) {
        // A worker that was killed does not go on.
        let Some(request) = self.server.serving(worker, serial) else { return };
        match self.steps(at, worker, request, stage) {
            Progress::Waits(delay_ns, next) => return self.wait(at, worker, serial, delay_ns, next),
            Progress::Hangs => return self.hang(at, worker, request),
            Progress::Fails => self.fetch_failed(at, request, FetchFailure::StoreDown),
            Progress::Done => {}
        }
        self.server.release(worker, serial);
        if self.background == Background::WhileServing && !self.server.is_serving(worker) {
            self.pause_works(at, worker);
        }
        self.let_go(at, request);
        if self.replaces && self.server.served(at, worker) {
            self.replace_worker(at, worker);
        }
        self.serve_waiting(at);
    }

    /// A request neither waits nor is served any more.
    pub(super) fn let_go(&mut self, at: SimTime, request: Request) {
        self.lives.poller(request.place()).requests -= 1;
        self.close(at, request.place());
    }

    /// Requests that wait go on. Several may at once: one that takes no time leaves its worker idle.
    pub(super) fn serve_waiting(&mut self, at: SimTime) {
        while let Some((worker, request)) = self.server.next_waiting() {
            self.serve(at, worker, request);
            self.let_go(at, request);
        }
    }

    /// Takes steps until one takes time.
    #[inline(never)]
    fn steps(&mut self, at: SimTime, worker: u16, request: Request, first: Stage) -> Progress {
        let life = request.place();
        let mut stage = first;
        loop {
            if !matches!(stage, Stage::UploadDone | Stage::PollDone) {
                if self.stores.is_stuck(self.stores.number(worker)) {
                    return Progress::Hangs;
                }
                if at < self.down_until {
                    return Progress::Fails;
                }
            }
            let (delay_ns, next) = match stage {
                Stage::Begin => {
                    let Request::Upload(_, post) = request else { unreachable!("only an upload begins one") };
                    self.begin(at, life, post, worker);
                    (self.lives.get(life).upload.transfer_ns, Stage::UploadDone)
                }
                Stage::Sweep => {
                    let poll = self.lives.poller(life).latest(life);
                    let swept = self.perhaps_sweep(at, worker, poll);
                    let delay_ns = if swept { self.sweep_ns } else { 0 };
                    (delay_ns, if self.order == Order::SweepFirst { Stage::Read } else { Stage::PollDone })
                }
                Stage::Read => {
                    let poll = self.lives.poller(life).latest(life);
                    self.lives.get(life).answer = self.read(at, worker, poll);
                    (self.read_ns, if self.order == Order::ReadFirst { Stage::Sweep } else { Stage::PollDone })
                }
                Stage::UploadDone => {
                    let Request::Upload(_, post) = request else { unreachable!("only an upload ends so") };
                    self.upload_answered(at, life, post);
                    return Progress::Done;
                }
                Stage::PollDone => {
                    let answer = self.lives.get(life).answer;
                    self.poll_answered(at, life, answer);
                    return Progress::Done;
                }
            };
            if delay_ns > 0 {
                return Progress::Waits(delay_ns, next);
            }
            stage = next;
        }
    }

    /// Begins an upload. Returns the id to poll with, unless the store refuses it.
    #[inline(never)]
    pub(super) fn begin(&mut self, at: SimTime, place: Place, post: u8, worker: u16) -> Option<S::Id> {
        let life = self.lives.get(place);
        let Upload { number: upload, key, odd_name, processing_ns, .. } = life.upload;
        let key = if odd_name { key | ODD_NAME } else { key };
        let number = if life.work.is_none() { 0 } else { life.more.len() as u8 + 1 };
        let store = self.stores.number(worker);
        let (begun, Change { held, gone, overdue_elsewhere, .. }) =
            self.stores.begin(worker, key, upload, (place, number), at);
        self.observer.observe(at, Event::Began { upload, worker, store, held, gone, overdue_elsewhere });
        let poller = self.lives.poller(place);
        let Some((ticket, id)) = begun else {
            if poller.works == 0 {
                poller.course.refuse();
            }
            self.store_changed(at, worker);
            return None;
        };
        poller.works += 1;
        let mut work = Work {
            ticket: Some(ticket),
            id,
            post,
            worker,
            is_running: true,
            is_published: false,
            due: None,
            left_ns: processing_ns,
        };
        let advances = self.background != Background::WhileServing;
        if advances {
            let due = at.after(processing_ns);
            work.due = Some(due);
            self.pending.schedule_soon(due, Pending::Processed { life: place, upload, work: number });
        }
        self.lives.get(place).add_work(work);
        if self.published_early > 0.0 {
            self.schedule_publication(at, place, upload, number);
        }
        if !advances {
            self.enlist_work(at, worker, place, number);
        }
        self.store_changed(at, worker);
        Some(id)
    }

    #[inline(always)]
    fn perhaps_sweep(&mut self, at: SimTime, worker: u16, poll: Poll<S::Id>) -> bool {
        let dice = match draws_as(&self.redraws, poll.upload, at) {
            upload if upload == poll.upload => poll.dice,
            other => self.stores.dice_of(other),
        };
        let sweeps = self.stores.poll_sweeps(worker, dice, poll.attempt);
        if sweeps {
            self.sweep(at, worker, Some(poll.upload));
        }
        sweeps
    }

    #[inline(never)]
    pub(super) fn sweep(&mut self, at: SimTime, worker: u16, by: Option<u32>) {
        let store = self.stores.number(worker);
        let change = match self.trigger {
            Trigger::Redis => self.stores.sweep_samples(worker, at),
            _ => self.stores.sweep(worker, at),
        };
        let Change { held_before, held, gone, overdue_elsewhere } = change;
        self.observer.observe(at, Event::Swept { store, by, held_before, held, gone, overdue_elsewhere });
    }

    #[inline(always)]
    fn read(&mut self, at: SimTime, worker: u16, poll: Poll<S::Id>) -> Answer {
        let Poll { life, upload, key, id, attempt, .. } = poll;
        let by_id = if self.address == Address::Id { id } else { None };
        let drawn = (draws_as(&self.redraws, upload, at), attempt);
        let answer = self.stores.read(worker, key, by_id, drawn, at);
        let told = matches!(answer, Answer::Ready { .. } | Answer::Error | Answer::Interrupted);
        if told && self.acknowledges {
            self.stores.acknowledge(worker, key, by_id, at);
        }
        self.observer.observe(at, Event::Read { upload, attempt, worker, answer });
        if told {
            // An answer may have begun or renewed the entry's age.
            self.store_changed(at, worker);
        }
        self.lives.poller(life).note_answer(answer);
        answer
    }

    // ---- background work

    /// The end of a work is published before it comes, when a share of the work is left.
    #[cold]
    pub(super) fn schedule_publication(&mut self, at: SimTime, place: Place, upload: u32, number: u8) {
        let lead_ns = self.lead_ns(place);
        let Some(work) = self.lives.get(place).work(number) else { return };
        let still_ns = work.left_ns(at).saturating_sub(lead_ns);
        if still_ns == 0 {
            self.publish(at, place, upload, number);
        } else if work.due.is_some() && !work.is_published {
            self.pending.schedule_soon(at.after(still_ns), Pending::Published { life: place, upload, work: number });
        }
    }

    /// How long before its end, in nanoseconds, the work of an upload is published.
    fn lead_ns(&mut self, place: Place) -> u64 {
        (self.lives.get(place).upload.processing_ns as f64 * self.published_early) as u64
    }

    /// A store is told `ready`, whatever will come of the work.
    pub(super) fn publish(&mut self, at: SimTime, place: Place, upload: u32, number: u8) {
        if !self.lives.is_of(place, upload) {
            return;
        }
        let lead_ns = self.lead_ns(place);
        let Some(work) = self.lives.get(place).work(number) else { return };
        // A work that stood still meanwhile is not so far yet.
        if !work.is_running || work.is_published || work.left_ns(at) > lead_ns {
            return;
        }
        work.is_published = true;
        let worker = work.worker;
        let store = self.stores.number(worker);
        if at < self.down_until || self.stores.is_stuck(store) {
            return;
        }
        let Some(ticket) = self.lives.get(place).work(number).and_then(|work| work.ticket.take()) else { return };
        let (ticket, held) = self.stores.publish(worker, ticket, (place, number), at);
        if let Some(found) = self.lives.get(place).work(number) {
            found.ticket = ticket;
        }
        self.observer.observe(at, Event::Published { upload, worker, store, held });
        self.store_changed(at, worker);
    }

    /// An upload's processing ends.
    #[inline(always)]
    pub(super) fn finish(&mut self, at: SimTime, place: Place, upload: u32, number: u8) {
        let life = self.lives.get(place);
        if life.upload.number != upload {
            return;
        }
        let fails = life.upload.fails;
        let Some(work) = life.work(number).filter(|work| work.is_running && work.due == Some(at)) else { return };
        let worker = work.worker;
        let store = self.stores.number(worker);
        let (end, fact) = if fails { (End::Error, Fact::Failed) } else { (End::Ready, Fact::Succeeded) };
        if self.stores.is_stuck(store) {
            // Its thread waits for the lock; should it ever end, then with its worker.
            work.due = None;
            return self.observer.observe(at, Event::WorkHung { upload, worker });
        }
        work.is_running = false;
        let ticket = if at < self.down_until { None } else { work.ticket.take() };
        let (accepted, held) = match ticket {
            Some(ticket) => self.stores.finish(worker, ticket, (place, number), end, at),
            // The store is down, or was told before.
            None => (self.published_early > 0.0, self.stores.held(store)),
        };
        self.lives.end_work(place, at, Some(fact));
        self.observer.observe(at, Event::Finished { upload, worker, store, end, accepted, held });
        if self.stores.is_stuck(store) {
            self.observer.observe(at, Event::Deadlocked { upload, worker, store });
        }
        match self.trigger {
            Trigger::OnFinish if at >= self.down_until => self.sweep(at, worker, Some(upload)),
            _ => self.store_changed(at, worker),
        }
        self.close(at, place);
    }

    /// A store's timer goes off.
    pub(super) fn timer(&mut self, at: SimTime, store: u16) {
        self.bystanders -= 1;
        let is_stuck = self.stores.is_stuck(store);
        if is_stuck && self.trigger == Trigger::Exact {
            // What is due stays due: only another store has a use for a timer.
            return self.stores.forget_timer(store);
        }
        if at >= self.down_until && !is_stuck {
            self.sweep(at, store, None);
        }
        if let Some(next) = self.stores.timer_after_timer(store, at) {
            let next = next.max(self.down_until);
            self.schedule_timer(next, store);
        }
    }

    pub(super) fn schedule_timer(&mut self, at: SimTime, store: u16) {
        self.bystanders += 1;
        self.pending.schedule(at, Pending::Timer { store });
    }

    /// Sets the timer of a store whose entries changed, where the policy has one per entry.
    #[inline(always)]
    pub(super) fn store_changed(&mut self, at: SimTime, worker: u16) {
        if self.trigger == Trigger::Exact {
            self.set_timer(at, worker);
        }
    }

    #[cold]
    fn set_timer(&mut self, at: SimTime, worker: u16) {
        let store = self.stores.number(worker);
        if let Some(next) = self.stores.timer_after_change(store, at) {
            self.schedule_timer(next, store);
        }
    }
}
