//! The stores of one run: which worker uses which, by which clock, and when one is swept.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::Place;
use crate::rng::{Die, OfUpload, PerAttempt, Source, below};
use crate::scenario::{Clear, Policy, Replica, Scope, ServerSpec, Trigger};
use crate::store::{Answer, End, Gone, PlainStore, StatusStore};
use crate::time::{SECOND_NS, SimTime};

/// Redis' active expiry: how often, of how many entries a sample consists, and of how many due ones it takes another.
const REDIS_PERIOD_NS: u64 = SECOND_NS / 10;
const REDIS_SAMPLE: u32 = 20;
const REDIS_AGAIN_ABOVE: u32 = REDIS_SAMPLE / 4;

type NewStore<S> = Box<dyn Fn(u32) -> S + Send>;

pub(super) struct Stores<S: StatusStore> {
    stores: Vec<Shelf<S>>,
    scope: Scope,
    trigger: Trigger,
    die: Die,
    draws: PerAttempt,
    samples: PerAttempt,
    sampled: u64,
    replica: Option<(Die, PerAttempt, u64)>,
    /// By how much each worker's clock is ahead; empty while all are right.
    clocks_ns: Vec<i64>,
    new_store: NewStore<S>,
    /// Stores made so far: each has a number of its own.
    made: u32,
    /// What the latest call took away or found; kept for its memory.
    gone: Vec<Gone>,
}

/// A store, and what the engine keeps about it.
struct Shelf<S: StatusStore> {
    store: S,
    held: u64,
    polls: u64,
    /// The moment for which a timer is pending.
    timer: Option<SimTime>,
    behind: Option<Box<Behind<S>>>,
}

/// A copy of a store that is behind it: the same calls, made later.
struct Behind<S: StatusStore> {
    store: S,
    calls: VecDeque<(SimTime, Call)>,
    tickets: BTreeMap<(Place, u8), S::Ticket>,
}

/// A call that changes a store, with the store's own time.
enum Call {
    Begin { key: u32, upload: u32, work: (Place, u8), now: SimTime },
    Finish { work: (Place, u8), end: End, now: SimTime },
    Publish { work: (Place, u8), now: SimTime },
    Acknowledge { key: u32, now: SimTime },
    Sweep { now: SimTime },
    Clear { clear: Clear, key: u32, now: SimTime },
}

/// The two halves of a begun upload: for the background work, and for the client.
type Begun<S> = (<S as PlainStore>::Ticket, <S as PlainStore>::Id);

/// What a call changed in a store.
pub(super) struct Change<'a> {
    /// Entries held before it.
    pub(super) held_before: u64,
    /// Entries held after it.
    pub(super) held: u64,
    /// What it took away.
    pub(super) gone: &'a [Gone],
    /// Entries due and still there in all other stores.
    pub(super) overdue_elsewhere: u64,
}

/// A moment by a clock that is so much ahead.
fn ahead(at: SimTime, by_ns: i64) -> SimTime {
    SimTime::from_ns(at.as_ns().saturating_add_signed(by_ns))
}

impl<S: StatusStore> Stores<S> {
    pub(super) fn new(
        server: &ServerSpec,
        policy: &Policy,
        seed: u64,
        new_store: impl Fn(u32) -> S + Send + 'static,
    ) -> Self {
        let count = match policy.scope {
            Scope::Process => server.workers,
            Scope::Shared => 1,
        };
        let chance = match policy.trigger {
            Trigger::Chance(chance) => chance.get(),
            _ => 0.0,
        };
        let mut stores = Stores {
            stores: Vec::new(),
            scope: policy.scope,
            trigger: policy.trigger,
            die: Die::new(chance),
            draws: PerAttempt::new(seed, Source::Sweep),
            samples: PerAttempt::new(seed, Source::Sample),
            sampled: 0,
            replica: server.replica.map(|Replica { chance, lag_ns }| {
                (Die::new(chance.get()), PerAttempt::new(seed, Source::Replica), lag_ns)
            }),
            clocks_ns: server.clock_skew_ns.clone(),
            new_store: Box::new(new_store),
            made: 0,
            gone: Vec::new(),
        };
        stores.stores = (0..count).map(|_| stores.new_shelf()).collect();
        stores
    }

    /// A store at its start.
    fn new_shelf(&mut self) -> Shelf<S> {
        let number = self.made;
        self.made += 1;
        let behind = self.replica.map(|_| {
            // The same number, so that both know the same ids.
            let store = (self.new_store)(number);
            Box::new(Behind { store, calls: VecDeque::new(), tickets: BTreeMap::new() })
        });
        Shelf { store: (self.new_store)(number), held: 0, polls: 0, timer: None, behind }
    }

    /// The number of a worker's store.
    #[inline(always)]
    pub(super) fn number(&self, worker: u16) -> u16 {
        // A shared store is the first and the last.
        worker.min(self.stores.len() as u16 - 1)
    }

    /// Whether all calls of a store would wait for ever.
    #[inline(always)]
    pub(super) fn is_stuck(&self, store: u16) -> bool {
        self.stores[usize::from(store)].store.is_stuck()
    }

    /// What a store holds.
    pub(super) fn held(&self, store: u16) -> u64 {
        self.stores[usize::from(store)].store.held()
    }

    // ---- clocks

    /// The time by a worker's clock.
    #[inline(always)]
    fn clock(&self, worker: u16, at: SimTime) -> SimTime {
        if self.clocks_ns.is_empty() { at } else { ahead(at, self.clocks_ns[usize::from(worker)]) }
    }

    /// A worker's clock jumps.
    pub(super) fn step_clock(&mut self, worker: u16, workers: u16, step_ns: i64) {
        self.clocks_ns.resize(usize::from(workers), 0);
        self.clocks_ns[usize::from(worker)] += step_ns;
    }

    /// Turns what a worker's clock says of entries that are gone into true time.
    fn correct(&mut self, worker: u16) {
        if let Some(&ahead_ns) = self.clocks_ns.get(usize::from(worker)) {
            for entry in &mut self.gone {
                entry.due = entry.due.map(|due| ahead(due, -ahead_ns));
            }
        }
    }

    // ---- calls

    fn shelf(&mut self, worker: u16) -> &mut Shelf<S> {
        let store = self.number(worker);
        &mut self.stores[usize::from(store)]
    }

    /// Notes a call for the replica.
    #[inline(always)]
    fn repeat_later(&mut self, worker: u16, at: SimTime, call: impl FnOnce() -> Call) {
        if self.replica.is_some()
            && let Some(behind) = &mut self.shelf(worker).behind
        {
            behind.calls.push_back((at, call()));
        }
    }

    /// Begins an upload; nothing if the store is full.
    #[inline(always)]
    pub(super) fn begin(
        &mut self,
        worker: u16,
        key: u32,
        upload: u32,
        work: (Place, u8),
        at: SimTime,
    ) -> (Option<Begun<S>>, Change<'_>) {
        let now = self.clock(worker, at);
        self.repeat_later(worker, at, || Call::Begin { key, upload, work, now });
        self.gone.clear();
        let store = usize::from(self.number(worker));
        let begun = self.stores[store].store.begin(key, upload, now, &mut self.gone).ok();
        (begun, self.changed(worker, at))
    }

    /// An upload's end; whether the store took it, and what it holds now.
    #[inline(always)]
    pub(super) fn finish(
        &mut self,
        worker: u16,
        ticket: S::Ticket,
        work: (Place, u8),
        end: End,
        at: SimTime,
    ) -> (bool, u64) {
        let now = self.clock(worker, at);
        self.repeat_later(worker, at, || Call::Finish { work, end, now });
        let store = usize::from(self.number(worker));
        let shelf = &mut self.stores[store];
        let accepted = shelf.store.finish(ticket, end, now);
        shelf.held = shelf.store.held();
        (accepted, shelf.held)
    }

    /// An upload's end is published before it comes. Returns the ticket, if more can be said with it, and what the store holds.
    pub(super) fn publish(
        &mut self,
        worker: u16,
        ticket: S::Ticket,
        work: (Place, u8),
        at: SimTime,
    ) -> (Option<S::Ticket>, u64) {
        let now = self.clock(worker, at);
        self.repeat_later(worker, at, || Call::Publish { work, now });
        let shelf = self.shelf(worker);
        let ticket = shelf.store.publish(ticket, now);
        shelf.held = shelf.store.held();
        (ticket, shelf.held)
    }

    /// What a poll is answered.
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        worker: u16,
        key: u32,
        by_id: Option<S::Id>,
        poll: (u32, u32),
        at: SimTime,
    ) -> Answer {
        let now = self.clock(worker, at);
        let store = match self.replica {
            None => &self.stores[usize::from(self.number(worker))].store,
            Some(replica) => self.store_or_replica(replica, worker, poll, at),
        };
        match by_id {
            Some(id) => store.read(id, now),
            None => store.read_key(key, now),
        }
    }

    /// The store that a poll reads from.
    fn store_or_replica(
        &mut self,
        (die, draws, lag_ns): (Die, PerAttempt, u64),
        worker: u16,
        (upload, attempt): (u32, u32),
        at: SimTime,
    ) -> &S {
        let shelf = self.shelf(worker);
        match &mut shelf.behind {
            Some(behind) if die.says_yes(draws.draw(u64::from(upload), u64::from(attempt))) => {
                behind.catch_up(SimTime::from_ns(at.as_ns().saturating_sub(lag_ns)));
                &behind.store
            }
            _ => &shelf.store,
        }
    }

    /// The client of an upload has its answer.
    pub(super) fn acknowledge(&mut self, worker: u16, key: u32, by_id: Option<S::Id>, at: SimTime) {
        let now = self.clock(worker, at);
        self.repeat_later(worker, at, || Call::Acknowledge { key, now });
        let store = &self.shelf(worker).store;
        match by_id {
            Some(id) => store.acknowledge(id, now),
            None => store.acknowledge_key(key, now),
        }
    }

    pub(super) fn sweep(&mut self, worker: u16, at: SimTime) -> Change<'_> {
        let now = self.clock(worker, at);
        self.repeat_later(worker, at, || Call::Sweep { now });
        self.gone.clear();
        let store = usize::from(self.number(worker));
        self.stores[store].store.sweep(now, &mut self.gone);
        self.changed(worker, at)
    }

    /// One round of Redis' active expiry.
    pub(super) fn sweep_samples(&mut self, worker: u16, at: SimTime) -> Change<'_> {
        let now = self.clock(worker, at);
        self.gone.clear();
        let store = usize::from(self.number(worker));
        loop {
            let before = self.gone.len();
            let Stores { samples, sampled, gone, .. } = self;
            let mut pick = |held| {
                *sampled += 1;
                below(samples.draw(store as u64, *sampled), held)
            };
            let drawn = self.stores[store].store.sweep_sample(now, &mut pick, REDIS_SAMPLE, gone);
            let due = (self.gone.len() - before) as u32;
            if drawn < REDIS_SAMPLE || due <= REDIS_AGAIN_ABOVE {
                break;
            }
        }
        // A replica draws nothing: it is told which keys went.
        for entry in 0..self.gone.len() {
            let key = self.gone[entry].key;
            self.repeat_later(worker, at, || Call::Clear { clear: Clear::One, key, now });
        }
        self.changed(worker, at)
    }

    pub(super) fn clear(&mut self, worker: u16, clear: Clear, key: u32, at: SimTime) -> Change<'_> {
        let now = self.clock(worker, at);
        self.repeat_later(worker, at, || Call::Clear { clear, key, now });
        self.gone.clear();
        let store = usize::from(self.number(worker));
        clear_store(&self.stores[store].store, clear, key, now, &mut self.gone);
        self.changed(worker, at)
    }

    /// A worker's memory goes, and with it its store, if that is its own.
    pub(super) fn restart(&mut self, worker: u16, at: SimTime) -> Option<Change<'_>> {
        if self.scope == Scope::Shared {
            return None;
        }
        let now = self.clock(worker, at);
        self.gone.clear();
        self.stores[usize::from(worker)].store.due(now, &mut self.gone);
        let held_before = self.stores[usize::from(worker)].held;
        let timer = self.stores[usize::from(worker)].timer;
        self.stores[usize::from(worker)] = Shelf { timer, ..self.new_shelf() };
        Some(Change { held_before, ..self.changed(worker, at) })
    }

    // ---- sweeping

    /// What an upload's polls draw their dice from.
    pub(super) fn dice_of(&self, upload: u32) -> OfUpload {
        self.draws.of(u64::from(upload))
    }

    /// Whether a poll sweeps its store. Asked once for each poll.
    #[inline(always)]
    pub(super) fn poll_sweeps(&mut self, worker: u16, dice: OfUpload, attempt: u32) -> bool {
        match self.trigger {
            Trigger::Chance(_) => self.die.says_yes(dice.draw(u64::from(attempt))),
            Trigger::EveryRequest => true,
            Trigger::EveryNth(nth) => {
                let polls = &mut self.shelf(worker).polls;
                *polls += 1;
                polls.is_multiple_of(u64::from(nth))
            }
            Trigger::Never | Trigger::Period(_) | Trigger::Exact | Trigger::OnFinish | Trigger::Redis => false,
        }
    }

    /// What the call that has just been made changed.
    #[inline(always)]
    fn changed(&mut self, worker: u16, at: SimTime) -> Change<'_> {
        if !self.clocks_ns.is_empty() {
            self.correct(worker);
        }
        let store = self.number(worker);
        let shelf = &mut self.stores[usize::from(store)];
        let held_before = shelf.held;
        shelf.held = shelf.store.held();
        let held = shelf.held;
        let overdue_elsewhere = if self.gone.is_empty() { 0 } else { self.overdue_elsewhere(store, at) };
        Change { held_before, held, gone: &self.gone, overdue_elsewhere }
    }

    /// Entries that are due and still there in all stores but one.
    fn overdue_elsewhere(&self, store: u16, at: SimTime) -> u64 {
        let mut found = Vec::new();
        for (number, shelf) in self.stores.iter().enumerate() {
            if number != usize::from(store) {
                shelf.store.due(self.clock(number as u16, at), &mut found);
            }
        }
        found.len() as u64
    }

    /// Entries that are due and still there, in all stores.
    pub(super) fn overdue(&mut self, at: SimTime) -> &[Gone] {
        let mut all = Vec::new();
        for number in 0..self.stores.len() as u16 {
            self.gone.clear();
            self.stores[usize::from(number)].store.due(self.clock(number, at), &mut self.gone);
            self.correct(number);
            all.append(&mut self.gone);
        }
        self.gone = all;
        &self.gone
    }

    /// The timers that run from the start.
    pub(super) fn first_timers(&self) -> Vec<(u16, SimTime)> {
        let first = match self.trigger {
            Trigger::Period(period_ns) => SimTime::from_ns(period_ns),
            Trigger::Redis => SimTime::from_ns(REDIS_PERIOD_NS),
            _ => return Vec::new(),
        };
        (0..self.stores.len() as u16).map(|store| (store, first)).collect()
    }

    /// The timer to set after a store's entries changed, if there is one to set.
    pub(super) fn timer_after_change(&mut self, worker: u16, at: SimTime) -> Option<SimTime> {
        let ahead_ns = self.clocks_ns.get(usize::from(worker)).copied().unwrap_or(0);
        let shelf = self.shelf(worker);
        let due = ahead(shelf.store.next_due()?, -ahead_ns).max(at);
        if shelf.timer.is_some_and(|set| set <= due) {
            return None;
        }
        shelf.timer = Some(due);
        shelf.timer
    }

    /// A store's timer has gone off, and no other one is to be set for now.
    pub(super) fn forget_timer(&mut self, store: u16) {
        self.stores[usize::from(store)].timer = None;
    }

    /// A store's timer has gone off and its sweep is done: the next timer to set.
    pub(super) fn timer_after_timer(&mut self, store: u16, at: SimTime) -> Option<SimTime> {
        match self.trigger {
            Trigger::Period(period_ns) => Some(at.after(period_ns)),
            Trigger::Redis => Some(at.after(REDIS_PERIOD_NS)),
            _ => {
                self.forget_timer(store);
                self.timer_after_change(store, at)
            }
        }
    }
}

fn clear_store<S: StatusStore>(store: &S, clear: Clear, key: u32, now: SimTime, gone: &mut Vec<Gone>) {
    match clear {
        Clear::One => store.clear(key, now, gone),
        Clear::All => store.clear_all(now, gone),
        Clear::Stuck { after_ns } => store.clear_stuck(after_ns, now, gone),
    }
}

impl<S: StatusStore> Behind<S> {
    /// Makes the calls that were made up to a moment.
    fn catch_up(&mut self, until: SimTime) {
        let mut gone = Vec::new();
        while let Some((_, call)) = self.calls.pop_front_if(|(at, _)| *at <= until) {
            gone.clear();
            match call {
                Call::Begin { key, upload, work, now } => {
                    if let Ok((ticket, _)) = self.store.begin(key, upload, now, &mut gone) {
                        self.tickets.insert(work, ticket);
                    }
                }
                Call::Finish { work, end, now } => {
                    if let Some(ticket) = self.tickets.remove(&work) {
                        self.store.finish(ticket, end, now);
                    }
                }
                Call::Publish { work, now } => {
                    let ticket = self.tickets.remove(&work);
                    if let Some(ticket) = ticket.and_then(|ticket| self.store.publish(ticket, now)) {
                        self.tickets.insert(work, ticket);
                    }
                }
                Call::Acknowledge { key, now } => self.store.acknowledge_key(key, now),
                Call::Sweep { now } => self.store.sweep(now, &mut gone),
                Call::Clear { clear, key, now } => clear_store(&self.store, clear, key, now, &mut gone),
            }
        }
    }
}
