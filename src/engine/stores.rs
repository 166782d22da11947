//! The stores of one run: which worker uses which, and when one is swept.

use crate::rng::{Die, OfUpload, PerAttempt, Source};
use crate::scenario::{Policy, Scope, Trigger};
use crate::store::{Gone, StatusStore};
use crate::time::SimTime;

pub(super) struct Stores<S> {
    stores: Vec<Shelf<S>>,
    trigger: Trigger,
    die: Die,
    draws: PerAttempt,
    /// What the latest call took away or found; kept for its memory.
    gone: Vec<Gone>,
}

/// A store, and what the engine keeps about it.
struct Shelf<S> {
    store: S,
    held: u64,
    polls: u64,
    /// The moment for which a timer is pending.
    timer: Option<SimTime>,
}

/// The two halves of a begun upload: for the background work, and for the client.
type Begun<S> = (<S as StatusStore>::Ticket, <S as StatusStore>::Id);

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

impl<S: StatusStore> Stores<S> {
    pub(super) fn new(workers: u32, policy: &Policy, seed: u64, new_store: impl Fn(u32) -> S) -> Self {
        let stores = match policy.scope {
            Scope::Process => workers,
            Scope::Shared => 1,
        };
        let chance = match policy.trigger {
            Trigger::Chance(chance) => chance.get(),
            _ => 0.0,
        };
        Stores {
            stores: (0..stores)
                .map(|number| Shelf { store: new_store(number), held: 0, polls: 0, timer: None })
                .collect(),
            trigger: policy.trigger,
            die: Die::new(chance),
            draws: PerAttempt::new(seed, Source::Sweep),
            gone: Vec::new(),
        }
    }

    /// The number of a worker's store.
    #[inline(always)]
    pub(super) fn number(&self, worker: u16) -> u16 {
        // A shared store is the first and the last.
        worker.min(self.stores.len() as u16 - 1)
    }

    #[inline(always)]
    pub(super) fn get(&self, store: u16) -> &S {
        &self.stores[usize::from(store)].store
    }

    /// Begins an upload in a store; nothing if that is full.
    #[inline(always)]
    pub(super) fn begin(&mut self, store: u16, key: u32, upload: u32, now: SimTime) -> (Option<Begun<S>>, Change<'_>) {
        self.gone.clear();
        let begun = self.stores[usize::from(store)].store.begin(key, upload, now, &mut self.gone).ok();
        (begun, self.changed(store, now))
    }

    /// Counts what a store holds, after a call that may have changed it.
    #[inline(always)]
    pub(super) fn recount(&mut self, store: u16) -> u64 {
        let shelf = &mut self.stores[usize::from(store)];
        shelf.held = shelf.store.held();
        shelf.held
    }

    /// What an upload's polls draw their dice from.
    pub(super) fn dice_of(&self, upload: u32) -> OfUpload {
        self.draws.of(u64::from(upload))
    }

    /// Whether a poll sweeps its store. Asked once for each poll.
    #[inline(always)]
    pub(super) fn poll_sweeps(&mut self, store: u16, dice: OfUpload, attempt: u32) -> bool {
        match self.trigger {
            Trigger::Chance(_) => self.die.says_yes(dice.draw(u64::from(attempt))),
            Trigger::EveryRequest => true,
            Trigger::EveryNth(nth) => {
                let polls = &mut self.stores[usize::from(store)].polls;
                *polls += 1;
                polls.is_multiple_of(u64::from(nth))
            }
            Trigger::Never | Trigger::Period(_) | Trigger::Exact => false,
        }
    }

    pub(super) fn sweep(&mut self, store: u16, now: SimTime) -> Change<'_> {
        self.gone.clear();
        self.stores[usize::from(store)].store.sweep(now, &mut self.gone);
        self.changed(store, now)
    }

    /// What the call that has just been made changed.
    #[inline(always)]
    fn changed(&mut self, store: u16, now: SimTime) -> Change<'_> {
        let held_before = self.stores[usize::from(store)].held;
        let held = self.recount(store);
        let overdue_elsewhere = if self.gone.is_empty() { 0 } else { self.overdue_elsewhere(store, now) };
        Change { held_before, held, gone: &self.gone, overdue_elsewhere }
    }

    /// Entries that are due and still there in all stores but one.
    fn overdue_elsewhere(&self, store: u16, now: SimTime) -> u64 {
        let mut found = Vec::new();
        for (number, shelf) in self.stores.iter().enumerate() {
            if number != usize::from(store) {
                shelf.store.due(now, &mut found);
            }
        }
        found.len() as u64
    }

    /// Entries that are due and still there, in all stores.
    pub(super) fn overdue(&mut self, now: SimTime) -> &[Gone] {
        self.gone.clear();
        for shelf in &self.stores {
            shelf.store.due(now, &mut self.gone);
        }
        &self.gone
    }

    /// The timers that run from the start.
    pub(super) fn first_timers(&self) -> Vec<(u16, SimTime)> {
        match self.trigger {
            Trigger::Period(period_ns) => {
                (0..self.stores.len() as u16).map(|store| (store, SimTime::from_ns(period_ns))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The timer to set after a store's entries changed at `now`, if there is one to set.
    pub(super) fn timer_after_change(&mut self, store: u16, now: SimTime) -> Option<SimTime> {
        if self.trigger != Trigger::Exact {
            return None;
        }
        let shelf = &mut self.stores[usize::from(store)];
        let due = shelf.store.next_due()?.max(now);
        if shelf.timer.is_some_and(|set| set <= due) {
            return None;
        }
        shelf.timer = Some(due);
        shelf.timer
    }

    /// A store's timer has gone off and its sweep is done: the next timer to set.
    pub(super) fn timer_after_timer(&mut self, store: u16, now: SimTime) -> Option<SimTime> {
        match self.trigger {
            Trigger::Period(period_ns) => Some(now.after(period_ns)),
            _ => {
                self.stores[usize::from(store)].timer = None;
                self.timer_after_change(store, now)
            }
        }
    }
}
