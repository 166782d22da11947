//! The engine: one replication of one policy, in virtual time, one atomic step after the other.
//!
//! It drives a [`StatusStore`] through the calls that a web handler would make, and tells an [`Observer`] what happens; it
//! knows nothing of reports. The order of events is that of time and, at one instant, of insertion. Steps of one handler
//! that take no time run one after the other at once; where a step takes time, others run in between.

mod client;
mod events;
mod handlers;
mod lane;
mod lives;
mod server;
mod stores;

use crate::registry::AgeBasis;
use crate::scenario::{Address, Order, Policy, Scenario, ServiceTimes, Trigger};
use crate::store::{Answer, StatusStore};
use crate::time::SimTime;
use crate::trace::{Ending, Event, Observer};
use crate::workload::Workload;
use client::Client;
use events::{Delay, EventList, Heap};
use handlers::Stage;
use lives::{Fate, Lives, Place};
use server::{Request, Server};
use stores::Stores;

/// What is going to happen, and in whose life.
#[derive(Clone, Copy, Debug, Default)]
enum Pending {
    /// The workload's next upload arrives.
    #[default]
    Arrival,
    /// An upload's processing ends.
    Processed(Place),
    /// A client polls.
    Poll(Place),
    /// A handler goes on with its next step.
    Step { life: Place, worker: u16, stage: Stage },
    /// A store's timer goes off.
    Timer { store: u16 },
}

impl From<Place> for Pending {
    fn from(life: Place) -> Self {
        Pending::Poll(life)
    }
}

/// One replication of one policy.
pub struct Engine<S: StatusStore, O> {
    service: ServiceTimes,
    /// Whether no step of a handler takes time, so that each request is over at the instant at which it comes.
    instant: bool,
    order: Order,
    address: Address,
    trigger: Trigger,
    /// Whether clients acknowledge the answer that ends their polling.
    acknowledges: bool,
    workload: std::iter::Peekable<Workload>,
    pending: EventList<Place, Pending>,
    lives: Lives<S>,
    client: Client,
    server: Server,
    stores: Stores<S>,
    observer: O,
    uploads: u32,
    arrived: u32,
}

impl<S: StatusStore, O: Observer> Engine<S, O> {
    /// A replication at its start. `new_store` makes the stores, as many as the policy's scope asks for, from their numbers.
    pub fn new(scenario: &Scenario, policy: &Policy, seed: u64, new_store: impl Fn(u32) -> S, observer: O) -> Self {
        let mut engine = Engine {
            service: scenario.server.service,
            instant: scenario.server.service == ServiceTimes::default(),
            order: policy.order,
            address: policy.address,
            trigger: policy.trigger,
            acknowledges: policy.retention.age == AgeBasis::Acknowledged,
            workload: Workload::new(scenario, seed).peekable(),
            pending: EventList::new(),
            lives: Lives::new(),
            client: Client::new(&scenario.client, seed),
            server: Server::new(&scenario.server, seed),
            stores: Stores::new(scenario.server.workers, policy, seed, new_store),
            observer,
            uploads: scenario.uploads,
            arrived: 0,
        };
        engine.schedule_arrival();
        for (store, at) in engine.stores.first_timers() {
            engine.pending.schedule(Heap::Far, at, Pending::Timer { store });
        }
        engine
    }

    /// Runs until so many uploads have arrived or, if there are not so many, until nothing more happens to any of them.
    /// Returns whether that is so.
    pub fn advance(&mut self, arrivals: u32) -> bool {
        loop {
            while let Some((at, life)) = self.pending.pop_poll() {
                self.poll(at, life);
            }
            let all_arrived = self.arrived == self.uploads;
            if all_arrived && self.lives.is_empty() {
                return true;
            }
            if !all_arrived && self.arrived >= arrivals {
                return false;
            }
            let (at, next) = self.pending.pop().expect("while a life goes on, something of it is pending");
            self.step(at, next);
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
    fn step(&mut self, at: SimTime, next: Pending) {
        match next {
            Pending::Poll(life) => self.poll(at, life),
            Pending::Processed(life) => self.finish(at, life),
            Pending::Arrival => self.arrive(),
            Pending::Step { life, worker, stage } => self.resume(at, life, worker, stage),
            Pending::Timer { store } => self.timer(at, store),
        }
    }

    fn schedule_arrival(&mut self) {
        if let Some(upload) = self.workload.peek() {
            self.pending.schedule_in(Delay::Arrival, upload.at, Pending::Arrival);
        }
    }

    /// The next upload arrives.
    #[inline(never)]
    fn arrive(&mut self) {
        let upload = self.workload.next().expect("an arrival is scheduled only for an upload to come");
        self.arrived += 1;
        self.schedule_arrival();
        let life = self.lives.begin(upload, self.stores.dice_of(upload.number));
        self.observer.observe(upload.at, Event::Arrived(&upload));
        self.request(upload.at, Request::Upload(life));
        if self.arrived == self.uploads {
            let overdue = self.stores.overdue(upload.at);
            self.observer.observe(upload.at, Event::SpanEnded { overdue });
        }
    }

    /// The client has the response to its upload.
    fn upload_answered(&mut self, at: SimTime, place: Place) {
        if self.lives.poller(place).id.is_none() {
            return self.end_client(at, place, Ending::Refused);
        }
        let away_ns = self.lives.get(place).upload.away_ns;
        let first = at.after(self.client.first_delay_ns(away_ns));
        match away_ns {
            // Absences differ: in the lane they would stand in the way of all others.
            Some(_) => self.pending.schedule(Heap::Far, first, Pending::Poll(place)),
            None => self.pending.schedule_in(Delay::FirstPoll, first, Pending::Poll(place)),
        }
    }

    /// The client has the response to its latest poll.
    #[inline(always)]
    fn poll_answered(&mut self, at: SimTime, place: Place, answer: Answer) {
        let poller = self.lives.poller(place);
        match self.client.ending(answer, poller.polls) {
            Some(ending) => self.end_client(at, place, ending),
            None => {
                let next = at.after(self.client.delay_ns(poller.upload, poller.polls));
                self.pending.schedule_poll(next, place);
            }
        }
    }

    #[inline(never)]
    fn end_client(&mut self, at: SimTime, place: Place, ending: Ending) {
        let upload = self.lives.poller(place).upload;
        self.lives.end_client(place, at, ending);
        self.observer.observe(at, Event::ClientEnded { upload, ending });
        self.close(at, place);
    }

    /// Lets go of a life if it is over.
    fn close(&mut self, at: SimTime, place: Place) {
        if let Some(Fate { upload, facts, polls, ready_to_seen_ns }) = self.lives.close(place) {
            self.observer.observe(at, Event::Over { upload: &upload, facts, polls, ready_to_seen_ns });
        }
    }
}
