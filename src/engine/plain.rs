//! A plain run: one worker, one store, handlers that take no time, fetches that succeed, nothing that goes wrong.
//!
//! Most scenarios are of this kind, and every figure of speed is about them. What the model says of the rest is not asked
//! here, not even whether it is used, and an upload takes no more memory than its life in such a run needs.

use super::Place;
use super::client::Client;
use super::course::Course;
use super::events::EventList;
use super::full::is_instant;
use crate::measure::Fact;
use crate::registry::{AgeBasis, Capacity};
use crate::rng::{Die, OfUpload, PerAttempt, Source};
use crate::scenario::{Address, Background, Order, Policy, Probability, Recycle, Scenario, Trigger};
use crate::store::{Answer, End, Gone, ODD_NAME, PlainStore};
use crate::time::SimTime;
use crate::trace::{Ending, Event, Observer};
use crate::workload::{Upload, Workload};

/// Whether a run is plain: one worker that is never replaced, clients whose fetches all succeed and whose timers are exact,
/// polls that sweep by chance, a store that takes every upload, work in a thread that is published when it ends.
pub(super) fn is_plain(scenario: &Scenario, policy: &Policy) -> bool {
    let Scenario { server, client, .. } = scenario;
    let server_is = server.workers == 1
        && server.background == Background::Thread
        && server.recycle == Recycle::default()
        && server.clock_skew_ns.is_empty()
        && server.replica.is_none();
    let client_is = client.fetch_failure == Probability::NEVER
        && client.hidden_chance == Probability::NEVER
        && client.reopen_chance == Probability::NEVER
        && client.post_timeout_ns.is_none()
        && scenario.workload.arrivals.recorded_polls().is_none();
    let policy_is = matches!(policy.trigger, Trigger::Chance(_))
        && policy.retention.age != AgeBasis::Acknowledged
        && policy.retention.capacity == Capacity::Unbounded
        && policy.published_early == 0.0;
    is_instant(scenario, policy) && server_is && client_is && policy_is
}

/// What is going to happen, and in whose life.
#[derive(Clone, Copy)]
enum Pending {
    /// A work ends.
    Processed(Place),
    /// A client polls.
    Poll(Place),
}

impl From<Place> for Pending {
    fn from(life: Place) -> Self {
        Pending::Poll(life)
    }
}

/// What the run knows of an upload from its arrival until nothing more can happen to it. In this order, and so aligned, all
/// that a poll needs lies in one line of the processor's cache.
#[repr(C, align(64))]
struct Life<I> {
    /// What the client polls with.
    id: I,
    /// What its polls draw their dice from.
    dice: OfUpload,
    /// Polls made.
    polls: u32,
    /// The upload's number.
    number: u32,
    course: Course,
    /// Whether its work goes on.
    is_running: bool,
    client_over: bool,
    /// When its work ended, once it has.
    ended_at: SimTime,
    /// How long after its success the client was told of it, if it was.
    ready_to_seen_ns: Option<u64>,
    upload: Upload,
}

impl<I> Life<I> {
    fn new(id: I, dice: OfUpload, course: Course, upload: Upload) -> Self {
        let (polls, number, is_running, client_over) = (0, upload.number, true, false);
        let (ended_at, ready_to_seen_ns) = (upload.at, None);
        Life { id, dice, polls, number, course, is_running, client_over, ended_at, ready_to_seen_ns, upload }
    }
}

impl<I: Copy> Life<I> {
    /// The latest poll reads the upload's status.
    #[inline(always)]
    fn read(
        &self,
        store: &impl PlainStore<Id = I>,
        address: Address,
        at: SimTime,
        observer: &mut impl Observer,
    ) -> Answer {
        let answer = match address {
            Address::Id => store.read(self.id, at),
            Address::Key => store.read_key(self.upload.key, at),
        };
        let (upload, attempt, worker) = (self.number, self.polls - 1, 0);
        observer.observe(at, Event::Read { upload, attempt, worker, answer });
        answer
    }

    /// The client makes something of the answer to its latest poll: when it polls again, if it does.
    #[inline(always)]
    fn next_poll(&mut self, client: &Client, answer: Answer, at: SimTime) -> Option<SimTime> {
        let is_not_found = matches!(answer, Answer::NotFound);
        // Asked for in this way since "either of two" makes two branches, one of them on what nobody can guess.
        let says_more =
            matches!(answer, Answer::Ready { .. } | Answer::Error | Answer::Interrupted | Answer::Expired(_));
        if says_more || !client.goes_on(is_not_found, self.polls) {
            return None;
        }
        self.course.note_not_found(is_not_found, self.is_running);
        Some(at.after(client.delay_ns(self.number, self.polls)))
    }
}

/// One replication of one policy.
pub(super) struct Plain<S: PlainStore, O> {
    store: S,
    /// What the latest call of the store took away; kept for its memory.
    gone: Vec<Gone>,
    order: Order,
    address: Address,
    die: Die,
    draws: PerAttempt,
    client: Client,
    workload: Workload,
    pending: EventList<Place, Pending>,
    /// The lives that go on. The place of one that is over is given to the next.
    lives: Vec<Life<S::Id>>,
    /// The tickets of those whose work goes on.
    tickets: Vec<Option<S::Ticket>>,
    free: Vec<Place>,
    observer: O,
    uploads: u32,
    arrived: u32,
}

impl<S: PlainStore, O: Observer> Plain<S, O> {
    pub(super) fn new(scenario: &Scenario, policy: &Policy, seed: u64, store: S, observer: O) -> Self {
        let Trigger::Chance(chance) = policy.trigger else { unreachable!("polls of a plain run sweep by chance") };
        let mut run = Plain {
            store,
            gone: Vec::new(),
            order: policy.order,
            address: policy.address,
            die: Die::new(chance.get()),
            draws: PerAttempt::new(seed, Source::Sweep),
            client: Client::new(scenario, seed),
            workload: Workload::new(scenario, seed),
            pending: EventList::new(),
            lives: Vec::new(),
            tickets: Vec::new(),
            free: Vec::new(),
            observer,
            uploads: scenario.uploads,
            arrived: 0,
        };
        run.schedule_arrival();
        run
    }

    pub(super) fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    pub(super) fn into_observer(self) -> O {
        self.observer
    }

    /// See [`Engine::advance`](super::Engine::advance).
    pub(super) fn advance(&mut self, arrivals: u32) -> bool {
        loop {
            while let Some((at, place)) = self.pending.pop_poll() {
                self.poll(at, place);
            }
            let all_arrived = self.arrived == self.uploads;
            if all_arrived && self.free.len() == self.lives.len() {
                return true;
            }
            if !all_arrived && self.arrived >= arrivals {
                return false;
            }
            if self.pending.pop_arrival() {
                self.arrive(arrivals);
                continue;
            }
            match self.pending.pop().expect("while a life goes on, something of it is pending") {
                (at, Pending::Processed(place)) => self.finish(at, place),
                (at, Pending::Poll(place)) => self.poll_rarely(at, place),
            }
        }
    }

    fn schedule_arrival(&mut self) {
        if let Some(upload) = self.workload.peek() {
            self.pending.schedule_arrival(upload.at);
        }
    }

    /// The next upload arrives, of which so many are asked for.
    fn arrive(&mut self, arrivals: u32) {
        let upload = self.workload.next().expect("an arrival is scheduled only for an upload to come");
        self.arrived += 1;
        self.schedule_arrival();
        let Upload { at, processing_ns, away_ns, .. } = upload;
        self.observer.observe(at, Event::Arrived(&upload));
        let place = self.begin(&upload);
        self.pending.schedule_soon(at.after(processing_ns), Pending::Processed(place));
        let first = at.after(self.client.first_delay_ns(away_ns));
        let is_next = self.pending.would_be_next(first) && self.arrived < arrivals;
        match away_ns {
            _ if is_next => {}
            None => self.pending.schedule_poll(first, place),
            // Absences differ: in the polls' lane they would stand in the way of all others.
            Some(_) => self.pending.schedule(first, Pending::Poll(place)),
        }
        if self.arrived == self.uploads {
            self.gone.clear();
            self.store.due(at, &mut self.gone);
            self.observer.observe(at, Event::SpanEnded { overdue: &self.gone });
        }
        if is_next {
            self.poll_rarely(first, place);
        }
    }

    /// An upload's life begins, and its handler begins the upload in the store.
    #[inline(always)]
    fn begin(&mut self, upload: &Upload) -> Place {
        let &Upload { number, at, key, odd_name, .. } = upload;
        let key = if odd_name { key | ODD_NAME } else { key };
        self.gone.clear();
        let Ok((ticket, id)) = self.store.begin(key, number, at, &mut self.gone) else {
            unreachable!("a store without a capacity takes every upload")
        };
        let (held, gone) = (self.store.held(), &self.gone[..]);
        let (worker, store, overdue_elsewhere) = (0, 0, 0);
        self.observer.observe(at, Event::Began { upload: number, worker, store, held, gone, overdue_elsewhere });
        let dice = self.draws.of(u64::from(number));
        let course = Course::new(upload);
        let Some(place) = self.free.pop() else { return self.push(Life::new(id, dice, course, *upload), ticket) };
        // Field by field: a life put together elsewhere first is copied in larger pieces than it was written in, and for that a
        // processor waits until all is written.
        let life = &mut self.lives[place as usize];
        life.id = id;
        life.dice = dice;
        life.polls = 0;
        life.number = number;
        life.course = course;
        life.is_running = true;
        life.client_over = false;
        life.ready_to_seen_ns = None;
        life.upload = *upload;
        let its_ticket = &mut self.tickets[place as usize];
        assert!(its_ticket.is_none(), "a life that is over has no ticket");
        *its_ticket = Some(ticket);
        place
    }

    #[cold]
    fn push(&mut self, life: Life<S::Id>, ticket: S::Ticket) -> Place {
        self.lives.push(life);
        self.tickets.push(Some(ticket));
        u32::try_from(self.lives.len() - 1).expect("there are fewer than 2^32 uploads")
    }

    /// A poll that comes where others than polls are expected.
    fn poll_rarely(&mut self, at: SimTime, place: Place) {
        self.poll(at, place);
    }

    /// A client polls, and its handler answers.
    #[inline(always)]
    fn poll(&mut self, at: SimTime, place: Place) {
        let life = &mut self.lives[place as usize];
        let attempt = life.polls;
        life.polls += 1;
        if self.die.says_yes(life.dice.draw(u64::from(attempt))) {
            return self.poll_and_sweep(at, place);
        }
        let answer = life.read(&self.store, self.address, at, &mut self.observer);
        if let Some(next) = life.next_poll(&self.client, answer, at) {
            return self.pending.schedule_poll(next, place);
        }
        self.end_on(at, place, answer);
    }

    /// The handler of a poll answers, and sweeps before or after. Apart, since most polls do not sweep and are not to go around it.
    #[inline(never)]
    fn poll_and_sweep(&mut self, at: SimTime, place: Place) {
        if self.order == Order::SweepFirst {
            self.sweep(at, place);
        }
        let answer = self.lives[place as usize].read(&self.store, self.address, at, &mut self.observer);
        if self.order == Order::ReadFirst {
            self.sweep(at, place);
        }
        match self.lives[place as usize].next_poll(&self.client, answer, at) {
            Some(next) => self.pending.schedule_poll(next, place),
            None => self.end_on(at, place, answer),
        }
    }

    /// A poll of an upload sweeps the store.
    fn sweep(&mut self, at: SimTime, place: Place) {
        self.gone.clear();
        let held_before = self.store.held();
        self.store.sweep(at, &mut self.gone);
        let (by, held, gone) = (Some(self.lives[place as usize].number), self.store.held(), &self.gone[..]);
        let (store, overdue_elsewhere) = (0, 0);
        self.observer.observe(at, Event::Swept { store, by, held_before, held, gone, overdue_elsewhere });
    }

    /// A client ends on an answer.
    fn end_on(&mut self, at: SimTime, place: Place, answer: Answer) {
        let life = &mut self.lives[place as usize];
        life.course.note_answer(answer, life.number, life.is_running);
        let ending = self.client.ending(answer, life.polls).expect("a client that does not go on ends");
        self.end_client(at, place, ending);
    }

    /// An upload's processing ends.
    fn finish(&mut self, at: SimTime, place: Place) {
        let life = &mut self.lives[place as usize];
        let ticket = self.tickets[place as usize].take().expect("a work that goes on has its ticket");
        let (end, fact) = if life.upload.fails { (End::Error, Fact::Failed) } else { (End::Ready, Fact::Succeeded) };
        let accepted = self.store.finish(ticket, end, at);
        life.is_running = false;
        life.ended_at = at;
        life.course.end_work(Some(fact), true);
        let (upload, worker, store, held) = (life.upload.number, 0, 0, self.store.held());
        self.observer.observe(at, Event::Finished { upload, worker, store, end, accepted, held });
        if self.lives[place as usize].client_over {
            self.close(at, place);
        }
    }

    fn end_client(&mut self, at: SimTime, place: Place, ending: Ending) {
        let life = &mut self.lives[place as usize];
        life.client_over = true;
        life.ready_to_seen_ns = life.course.end_client(ending).then(|| at.since(life.ended_at));
        let (upload, after_ns) = (life.upload.number, at.since(life.upload.at));
        self.observer.observe(at, Event::ClientEnded { upload, ending, after_ns });
        if !life.is_running {
            self.close(at, place);
        }
    }

    /// A life is over.
    #[inline(always)]
    fn close(&mut self, at: SimTime, place: Place) {
        self.free.push(place);
        let Life { ref upload, course, polls, ready_to_seen_ns, .. } = self.lives[place as usize];
        let facts = course.facts_in_the_end();
        self.observer.observe(at, Event::Over { upload, facts, polls, ready_to_seen_ns });
    }
}
