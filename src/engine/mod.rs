//! The engine: one replication of one policy, in virtual time, one atomic step after the other.
//!
//! It drives a [`StatusStore`] through the calls that a web handler would make, and tells an [`Observer`] what happens; it
//! knows nothing of reports. The order of events is that of time and, at one instant, of insertion. Steps of one handler
//! that take no time run one after the other at once; where a step takes time, others run in between.

mod client;
mod events;
mod faults;
mod handlers;
mod lane;
mod lives;
mod near;
mod server;
mod stores;

use crate::registry::AgeBasis;
use crate::scenario::{Address, Background, Distribution, Order, Policy, Probability, Recycle, Scenario, Trigger};
use crate::store::{Answer, StatusStore};
use crate::time::SimTime;
use crate::trace::{Ending, Event, FetchFailure, Observer};
use crate::workload::Workload;
use client::Client;
use events::EventList;
use faults::Faults;
use handlers::Stage;
use lives::{Fate, Lives, Place};
use server::{Request, Serial, Server};
use stores::Stores;

/// What is going to happen, and in whose life. Where a life may be over by then, the upload's number tells.
#[derive(Clone, Copy, Debug, Default)]
enum Pending {
    /// The workload's next upload arrives.
    #[default]
    Arrival,
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

/// Whether a run is plain: one worker that is never replaced, clients whose fetches all succeed and whose timers are exact,
/// polls that sweep by chance, work in a thread that is published when it ends.
fn is_plain(scenario: &Scenario, policy: &Policy) -> bool {
    let Scenario { server, client, .. } = scenario;
    let server_is = server.workers == 1
        && server.background == Background::Thread
        && server.recycle == Recycle::default()
        && server.clock_skew_ns.is_empty()
        && server.replica.is_none();
    let client_is = client.fetch_failure == Probability::NEVER
        && client.hidden_chance == Probability::NEVER
        && client.reopen_chance == Probability::NEVER
        && client.post_timeout_ns.is_none();
    let policy_is = matches!(policy.trigger, Trigger::Chance(_))
        && policy.retention.age != AgeBasis::Acknowledged
        && policy.published_early == 0.0;
    server_is && client_is && policy_is
}

/// One replication of one policy.
pub struct Engine<S: StatusStore, O> {
    /// Whether no step of a handler takes time, and nothing can go wrong between two of them, so that each request is over at
    /// the instant at which it comes.
    instant: bool,
    /// Whether, besides, nothing of the model is used that most scenarios do without: see [`is_plain`].
    plain: bool,
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
}

impl<S: StatusStore, O: Observer> Engine<S, O> {
    /// A replication at its start. `new_store` makes the stores, as many as the policy's scope asks for and one more whenever
    /// a worker loses its own, from their numbers.
    pub fn new(
        scenario: &Scenario,
        policy: &Policy,
        seed: u64,
        new_store: impl Fn(u32) -> S + Send + 'static,
        observer: O,
    ) -> Self {
        let server = &scenario.server;
        let service = &server.service;
        let takes_no_time =
            service.upload == Distribution::Constant { value_ns: 0 } && service.sweep_ns == 0 && service.read_ns == 0;
        let instant = takes_no_time && scenario.faults.is_empty() && policy.defects.is_empty();
        let mut engine = Engine {
            instant,
            plain: instant && is_plain(scenario, policy),
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
            client: Client::new(&scenario.client, seed),
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

    /// Runs until so many uploads have arrived or, if there are not so many, until nothing more happens to any of them.
    /// Returns whether that is so.
    pub fn advance(&mut self, arrivals: u32) -> bool {
        if self.plain { self.advance_as::<true>(arrivals) } else { self.advance_as::<false>(arrivals) }
    }

    /// Advances. Here and in all parts of a request's path, `PLAIN` says at compile time that the run is [plain](is_plain), so
    /// that each question about what it does not use is answered there, once, and not at each poll.
    fn advance_as<const PLAIN: bool>(&mut self, arrivals: u32) -> bool {
        loop {
            while let Some((at, life)) = self.pending.pop_poll() {
                if !PLAIN {
                    self.now = at;
                }
                self.poll::<PLAIN>(at, life);
            }
            let all_arrived = self.arrived == self.uploads;
            if all_arrived && self.lives.is_empty() {
                return true;
            }
            if !all_arrived && self.arrived >= arrivals {
                return false;
            }
            if !PLAIN && all_arrived && self.is_stalled() {
                self.end_stalled();
                return true;
            }
            let (at, next) = self.pending.pop().expect("while a life goes on, something of it is pending");
            self.now = at;
            self.step::<PLAIN>(at, next);
        }
    }

    /// Runs to the end.
    pub fn run(&mut self) {
        while !self.advance(u32::MAX) {}
    }

    /// The observer.
    pub fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// The observer, the engine being done.
    pub fn into_observer(self) -> O {
        self.observer
    }

    #[inline(always)]
    fn step<const PLAIN: bool>(&mut self, at: SimTime, next: Pending) {
        match next {
            Pending::Poll(life) => self.poll::<PLAIN>(at, life),
            Pending::Processed { life, upload, work } => self.finish(at, life, upload, work),
            Pending::Arrival => self.arrive::<PLAIN>(),
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
            self.pending.schedule_soon(upload.at, Pending::Arrival);
        }
    }

    /// The next upload arrives.
    #[inline(never)]
    fn arrive<const PLAIN: bool>(&mut self) {
        let upload = self.workload.next().expect("an arrival is scheduled only for an upload to come");
        self.arrived += 1;
        self.schedule_arrival();
        self.faults.note_arrival(upload.number, upload.key);
        let life = self.lives.begin(upload, self.stores.dice_of(upload.number));
        self.observer.observe(upload.at, Event::Arrived(&upload));
        if PLAIN {
            let id = self.begin::<PLAIN>(upload.at, life, 0, 0);
            self.hear_of_upload::<PLAIN>(upload.at, life, id);
        } else {
            self.post(upload.at, life, upload.number, 0);
        }
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
                let next = at.after(self.client.spec.fetch_retry_ns);
                self.schedule_poll::<false>(place, next);
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
        self.hear_of_upload::<false>(at, place, id);
    }

    /// The client has the response to its upload: an id to poll with, unless it was refused.
    #[inline(always)]
    fn hear_of_upload<const PLAIN: bool>(&mut self, at: SimTime, place: Place, id: Option<S::Id>) {
        if id.is_none() {
            return self.end_client(at, place, Ending::Refused);
        }
        self.lives.poller(place).id = id;
        let life = self.lives.get(place);
        life.answered_at = Some(at);
        let away_ns = life.upload.away_ns;
        let first = at.after(self.client.first_delay_ns(away_ns));
        match away_ns {
            None if PLAIN || !self.client.hides() => {
                self.pending.schedule_poll(first, place);
            }
            // Absences differ: in the polls' lane they would stand in the way of all others.
            _ => {
                let first = if PLAIN { first } else { self.timer_of(place, first) };
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
    fn schedule_poll<const PLAIN: bool>(&mut self, place: Place, at: SimTime) {
        let at = if !PLAIN && self.client.hides() { self.timer_of(place, at) } else { at };
        self.pending.schedule_poll(at, place);
    }

    /// The client has the response to its latest poll.
    #[inline(always)]
    fn poll_answered<const PLAIN: bool>(&mut self, at: SimTime, place: Place, answer: Answer) {
        let poller = self.lives.poller(place);
        if !PLAIN {
            poller.errors = 0;
        }
        match self.client.ending(answer, poller.attempts()) {
            Some(ending) => self.end_client(at, place, ending),
            None => {
                let next = at.after(self.client.delay_ns(poller.upload, poller.attempts()));
                self.schedule_poll::<PLAIN>(place, next);
            }
        }
    }

    /// The client ends, unless the page is opened again later.
    #[inline(never)]
    fn end_client(&mut self, at: SimTime, place: Place, ending: Ending) {
        let upload = self.lives.poller(place).upload;
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
        self.observer.observe(at, Event::ClientEnded { upload, ending });
    }

    /// Lets go of a life if it is over.
    fn close(&mut self, at: SimTime, place: Place) {
        if let Some(Fate { upload, facts, polls, ready_to_seen_ns }) = self.lives.close(place) {
            self.observer.observe(at, Event::Over { upload: &upload, facts, polls, ready_to_seen_ns });
        }
    }
}
