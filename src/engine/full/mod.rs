//! A run with everything that the model has: several workers and stores, steps that take time, fetches that fail, faults.

mod faults;
mod handlers;
mod lives;
mod recorded;
mod server;
mod stores;

use super::client::Client;
use super::events::EventList;
use super::{Place, Redraw};
use crate::registry::AgeBasis;
use crate::scenario::{Address, Background, Distribution, Order, Policy, Recycle, Scenario, Trigger};
use crate::store::{Answer, StatusStore};
use crate::time::SimTime;
use crate::trace::{Ending, Event, FetchFailure, Observer};
use crate::workload::Workload;
use faults::Faults;
use handlers::Stage;
use lives::{Fate, Lives};
use server::{Request, Serial, Server};
use stores::Stores;

/// What is going to happen, and in whose life. Where a life may be over by then, the upload's number tells.
#[derive(Clone, Copy, Debug)]
enum Pending {
    /// A work ends.
    Processed { life: Place, upload: u32, work: u8 },
    /// A work's end is published, early.
    Published { life: Place, upload: u32, work: u8 },
    /// A client polls.
    Poll(Place),
    /// A client sends its upload once more.
    Post { life: Place, upload: u32 },
    /// A client has waited long enough for the response to its upload.
    Abort { life: Place, upload: u32, post: u8 },
    /// A handler goes on with its next step.
    Step { worker: u16, serial: Serial, stage: Stage },
    /// A request has lasted as long as it may.
    Limit { worker: u16, serial: Serial },
    /// A worker that was replaced is there.
    Welcome { worker: u16 },
    /// A store's timer goes off.
    Timer { store: u16 },
    /// A fault happens.
    Fault { fault: u16 },
}

impl From<Place> for Pending {
    fn from(life: Place) -> Self {
        Pending::Poll(life)
    }
}

/// Whether no step of a handler takes time, and nothing can go wrong between two of them.
pub(super) fn is_instant(scenario: &Scenario, policy: &Policy) -> bool {
    let service = &scenario.server.service;
    let takes_no_time =
        service.upload == Distribution::Constant { value_ns: 0 } && service.sweep_ns == 0 && service.read_ns == 0;
    takes_no_time && scenario.faults.is_empty() && policy.defects.is_empty()
}

/// In whose place an upload's client draws at some moment: its own, unless that was changed.
#[inline(always)]
fn draws_as(redraws: &[Redraw], upload: u32, at: SimTime) -> u32 {
    if redraws.is_empty() { upload } else { redrawn(redraws, upload, at) }
}

#[cold]
fn redrawn(redraws: &[Redraw], upload: u32, at: SimTime) -> u32 {
    let latest = redraws.iter().rev().find(|redraw| redraw.upload == upload && redraw.after < at);
    latest.map_or(upload, |redraw| redraw.as_upload)
}

/// One replication of one policy.
pub(super) struct Full<S: StatusStore, O> {
    /// Whether no step of a handler takes time, and nothing can go wrong between two of them, so that each request is over at
    /// the instant at which it comes.
    instant: bool,
    sweep_ns: u64,
    read_ns: u64,
    request_limit_ns: Option<u64>,
    restart_ns: u64,
    background: Background,
    /// Whether workers are ever replaced.
    replaces: bool,
    published_early: f64,
    order: Order,
    address: Address,
    trigger: Trigger,
    /// Whether clients acknowledge the answer that ends their polling.
    acknowledges: bool,
    workload: Workload,
    pending: EventList<Place, Pending>,
    lives: Lives<S>,
    client: Client,
    server: Server,
    stores: Stores<S>,
    faults: Faults,
    /// Until when all stores are down.
    down_until: SimTime,
    /// Per worker, the works that advance only while it serves; some may have ended.
    works_of: Vec<Vec<(Place, u32, u8)>>,
    /// Of what is pending, timers, faults and workers that come back: they are nobody's, and may never stop.
    bystanders: usize,
    /// The time of the latest event, where a run can stall.
    now: SimTime,
    observer: O,
    uploads: u32,
    arrived: u32,
    redraws: Vec<Redraw>,
}

impl<S: StatusStore, O: Observer> Full<S, O> {
    /// See [`Engine::new`](super::Engine::new).
    pub(super) fn new(
        scenario: &Scenario,
        policy: &Policy,
        seed: u64,
        new_store: impl Fn(u32) -> S + Send + 'static,
        observer: O,
    ) -> Self {
        let server = &scenario.server;
        let service = &server.service;
        let mut engine = Full {
            instant: is_instant(scenario, policy),
            sweep_ns: service.sweep_ns,
            read_ns: service.read_ns,
            request_limit_ns: server.request_limit_ns,
            restart_ns: server.restart_ns,
            background: server.background,
            replaces: server.recycle != Recycle::default() || !scenario.faults.is_empty(),
            published_early: policy.published_early,
            order: policy.order,
            address: policy.address,
            trigger: policy.trigger,
            acknowledges: policy.retention.age == AgeBasis::Acknowledged,
            workload: Workload::new(scenario, seed),
            pending: EventList::new(),
            lives: Lives::new(),
            client: Client::new(scenario, seed),
            server: Server::new(server, seed),
            stores: Stores::new(server, policy, seed, new_store),
            faults: Faults::new(&scenario.faults, seed),
            down_until: SimTime::ZERO,
            works_of: Vec::new(),
            bystanders: 0,
            now: SimTime::ZERO,
            observer,
            uploads: scenario.uploads,
            arrived: 0,
            redraws: Vec::new(),
        };
        engine.schedule_arrival();
        for (store, at) in engine.stores.first_timers() {
            engine.schedule_timer(at, store);
        }
        for fault in 0..engine.faults.count() {
            engine.schedule_fault(fault, SimTime::ZERO);
        }
        engine
    }

    /// See [`Engine::redrawn`](super::Engine::redrawn).
    pub(super) fn redraw(&mut self, redraws: Vec<Redraw>) {
        self.redraws = redraws;
    }

    /// See [`Engine::advance`](super::Engine::advance).
    pub(super) fn advance(&mut self, arrivals: u32) -> bool {
        loop {
            while let Some((at, life)) = self.pending.pop_poll() {
                self.now = at;
                self.poll(at, life);
            }
            let all_arrived = self.arrived == self.uploads;
            if all_arrived && self.lives.is_empty() {
                return true;
            }
            if !all_arrived && self.arrived >= arrivals {
                return false;
            }
            if all_arrived && self.is_stalled() {
                self.end_stalled();
                return true;
            }
            if self.pending.pop_arrival() {
                self.arrive();
                continue;
            }
            let (at, next) = self.pending.pop().expect("while a life goes on, something of it is pending");
            self.now = at;
            self.step(at, next);
        }
    }

    /// The observer.
    pub(super) fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// The observer, the engine being done.
    pub(super) fn into_observer(self) -> O {
        self.observer
    }

    fn step(&mut self, at: SimTime, next: Pending) {
        match next {
            Pending::Poll(life) => self.poll(at, life),
            Pending::Processed { life, upload, work } => self.finish(at, life, upload, work),
            Pending::Step { worker, serial, stage } => self.resume(at, worker, serial, stage),
            Pending::Timer { store } => self.timer(at, store),
            rare => self.step_rarely(at, rare),
        }
    }

    #[cold]
    fn step_rarely(&mut self, at: SimTime, next: Pending) {
        match next {
            Pending::Published { life, upload, work } => self.publish(at, life, upload, work),
            Pending::Post { life, upload } => self.post_again(at, life, upload),
            Pending::Abort { life, upload, post } => self.abort_post(at, life, upload, post),
            Pending::Limit { worker, serial } => self.request_limit(at, worker, serial),
            Pending::Welcome { worker } => self.welcome(at, worker),
            Pending::Fault { fault } => self.fault(at, fault),
            _ => unreachable!("the others are no rare ones"),
        }
    }

    fn schedule_arrival(&mut self) {
        if let Some(upload) = self.workload.peek() {
            self.pending.schedule_arrival(upload.at);
        }
    }

    /// The next upload arrives.
    fn arrive(&mut self) {
        let upload = self.workload.next().expect("an arrival is scheduled only for an upload to come");
        self.arrived += 1;
        self.now = upload.at;
        self.schedule_arrival();
        self.faults.note_arrival(upload.number, upload.key);
        let life = self.lives.begin(upload, self.stores.dice_of(upload.number));
        self.observer.observe(upload.at, Event::Arrived(&upload));
        self.post(upload.at, life, upload.number, 0);
        if self.arrived == self.uploads {
            let overdue = self.stores.overdue(upload.at);
            self.observer.observe(upload.at, Event::SpanEnded { overdue });
        }
    }

    // ---- the client

    /// The client sends its upload.
    fn post(&mut self, at: SimTime, life: Place, upload: u32, post: u8) {
        if let Some(timeout_ns) = self.client.spec.post_timeout_ns {
            self.pending.schedule(at.after(timeout_ns), Pending::Abort { life, upload, post });
        }
        self.request(at, Request::Upload(life, post));
    }

    fn post_again(&mut self, at: SimTime, place: Place, upload: u32) {
        if self.lives.is_of(place, upload) {
            let post = self.lives.get(place).post;
            self.post(at, place, upload, post);
        }
    }

    /// The client has waited for the response to its upload long enough.
    fn abort_post(&mut self, at: SimTime, place: Place, upload: u32, post: u8) {
        if !self.lives.is_of(place, upload) || self.lives.poller(place).client_over {
            return;
        }
        let life = self.lives.get(place);
        if life.post == post && life.answered_at.is_none() {
            self.observer.observe(at, Event::FetchFailed { upload, why: FetchFailure::Aborted });
            self.post_failed(at, place);
        }
    }

    /// The upload failed: the client sends it once more, or gives up.
    fn post_failed(&mut self, at: SimTime, place: Place) {
        let life = self.lives.get(place);
        let upload = life.upload.number;
        if u32::from(life.post) >= self.client.spec.post_retries {
            return self.end_client(at, place, Ending::Refused);
        }
        life.post += 1;
        let again = at.after(self.client.spec.post_pause_ns);
        self.pending.schedule(again, Pending::Post { life: place, upload });
    }

    /// A fetch of a client failed.
    #[cold]
    fn fetch_failed(&mut self, at: SimTime, request: Request, why: FetchFailure) {
        let place = request.place();
        if self.lives.poller(place).client_over {
            return;
        }
        let upload = self.lives.poller(place).upload;
        match request {
            Request::Upload(_, post) => {
                let life = self.lives.get(place);
                // A response that nobody waits for may fail.
                if life.post == post && life.answered_at.is_none() {
                    self.observer.observe(at, Event::FetchFailed { upload, why });
                    self.post_failed(at, place);
                }
            }
            Request::Poll(_) => {
                self.observer.observe(at, Event::FetchFailed { upload, why });
                let poller = self.lives.poller(place);
                // It is no attempt.
                poller.polls -= 1;
                poller.errors += 1;
                if poller.errors >= self.client.spec.max_fetch_errors {
                    return self.end_client(at, place, Ending::Refused);
                }
                if self.client.recorded.is_some() {
                    return self.poll_as_recorded(at, place);
                }
                let next = at.after(self.client.spec.fetch_retry_ns);
                self.schedule_poll(place, next);
            }
        }
    }

    /// The response to an upload has come, which a client that has aborted the request, or ended, does not hear.
    fn upload_answered(&mut self, at: SimTime, place: Place, post: u8) {
        let life = self.lives.get(place);
        if life.post != post || life.answered_at.is_some() || self.lives.poller(place).client_over {
            return;
        }
        let id = self.lives.get(place).works().find(|(_, work)| work.post == post).map(|(_, work)| work.id);
        self.hear_of_upload(at, place, id);
    }

    /// The client has the response to its upload: an id to poll with, unless it was refused.
    #[inline(always)]
    fn hear_of_upload(&mut self, at: SimTime, place: Place, id: Option<S::Id>) {
        if id.is_none() {
            return self.end_client(at, place, Ending::Refused);
        }
        self.lives.poller(place).id = id;
        let life = self.lives.get(place);
        life.answered_at = Some(at);
        if self.client.recorded.is_some() {
            return self.poll_as_recorded(at, place);
        }
        let away_ns = life.upload.away_ns;
        let first = at.after(self.client.first_delay_ns(away_ns));
        match away_ns {
            None if !self.client.hides() => {
                self.pending.schedule_poll(first, place);
            }
            // Absences differ: in the polls' lane they would stand in the way of all others.
            _ => {
                let first = self.timer_of(place, first);
                self.pending.schedule(first, Pending::Poll(place));
            }
        }
    }

    /// When a client's timer goes off.
    fn timer_of(&mut self, place: Place, at: SimTime) -> SimTime {
        let life = self.lives.get(place);
        let (upload, since) = (life.upload.number, life.answered_at.unwrap_or(at));
        self.client.timer(upload, since, at)
    }

    #[inline(always)]
    fn schedule_poll(&mut self, place: Place, at: SimTime) {
        let at = if self.client.hides() { self.timer_of(place, at) } else { at };
        self.pending.schedule_poll(at, place);
    }

    /// The client has the response to its latest poll.
    #[inline(always)]
    fn poll_answered(&mut self, at: SimTime, place: Place, answer: Answer) {
        let upload = self.lives.poller(place).upload;
        let upload = draws_as(&self.redraws, upload, at);
        let poller = self.lives.poller(place);
        poller.errors = 0;
        match self.client.ending(answer, poller.attempts()) {
            Some(ending) => self.end_client(at, place, ending),
            None if self.client.recorded.is_some() => self.poll_as_recorded(at, place),
            None => {
                let next = at.after(self.client.delay_ns(upload, poller.attempts()));
                self.schedule_poll(place, next);
            }
        }
    }

    /// The client ends, unless the page is opened again later.
    #[inline(never)]
    fn end_client(&mut self, at: SimTime, place: Place, ending: Ending) {
        let upload = self.lives.poller(place).upload;
        if self.client.recorded.is_some() {
            return self.end_as_recorded(at, place, ending);
        }
        if !self.lives.get(place).is_reopened
            && self.lives.get(place).answered_at.is_some()
            && let Some(after_ns) = self.client.reopens_after_ns(upload)
        {
            self.observer.observe(at, Event::Reopens { upload, ending, after_ns });
            self.lives.get(place).is_reopened = true;
            let poller = self.lives.poller(place);
            poller.earlier_polls = poller.polls;
            poller.errors = 0;
            return self.pending.schedule(at.after(after_ns), Pending::Poll(place));
        }
        self.finish_client(at, place, ending);
        self.close(at, place);
    }

    fn finish_client(&mut self, at: SimTime, place: Place, ending: Ending) {
        let upload = self.lives.poller(place).upload;
        self.lives.end_client(place, at, ending);
        let after_ns = at.since(self.lives.get(place).upload.at);
        self.observer.observe(at, Event::ClientEnded { upload, ending, after_ns });
    }

    /// Lets go of a life if it is over.
    fn close(&mut self, at: SimTime, place: Place) {
        if let Some(Fate { upload, facts, polls, ready_to_seen_ns }) = self.lives.close(place) {
            self.observer.observe(at, Event::Over { upload: &upload, facts, polls, ready_to_seen_ns });
        }
    }
}
