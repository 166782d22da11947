//! A [`Backend`] as a [`StatusStore`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, End, Gone, ODD_NAME, PlainStore, Refused, StatusStore};
use crate::backend::{Backend, Entry};
use crate::registry::{Outcome, State, Status};
use crate::time::SimTime;

/// A backend that the engine drives, in virtual time. Names are numbers in the engine and texts here, and so are results.
///
/// A store of the engine says of each entry once that it is over, at the first sweep that finds it so, and then keeps it as a
/// tombstone; a backend takes it when it is forgotten. So what was told is noted here. There are no tickets that notice that
/// they are dropped: of work that went with its worker nobody hears.
///
/// # Panics
/// All calls, if the backend fails.
#[derive(Debug)]
pub struct Driven<B> {
    backend: B,
    /// Entries held: kept along, since a server counts them only by visiting each.
    held: Cell<u64>,
    /// The ids of entries that a sweep found to be over.
    over: RefCell<BTreeSet<u64>>,
    /// The id of the latest upload under each name: a backend reads by it, and does no more.
    latest: RefCell<BTreeMap<u32, u64>>,
}

/// Entries with their ids.
type Entries = Vec<(u64, Entry)>;

impl<B: Backend> Driven<B> {
    /// A backend that holds nothing yet.
    #[must_use]
    pub fn new(backend: B) -> Driven<B> {
        Driven { backend, held: Cell::new(0), over: RefCell::default(), latest: RefCell::default() }
    }

    /// All entries that are no tombstones, and those that are.
    fn entries(&self) -> (Entries, Entries) {
        let mut entries = Vec::new();
        done(self.backend.entries(&mut |id, entry| entries.push((id, entry))));
        entries.sort_unstable_by_key(|(id, _)| *id);
        entries.into_iter().partition(|(id, _)| !self.over.borrow().contains(id))
    }

    /// The latest upload under a name, if there ever was one.
    fn latest(&self, key: u32) -> Option<u64> {
        self.latest.borrow().get(&(key & !ODD_NAME)).copied()
    }

    /// Removes entries, whatever their state; of tombstones nothing is told.
    fn remove(&self, entries: Entries, due_at: Option<SimTime>, gone: Option<&mut Vec<Gone>>) {
        for (id, _) in &entries {
            done(self.backend.clear(*id));
            self.over.borrow_mut().remove(id);
        }
        self.held.set(self.held.get() - entries.len() as u64);
        if let Some(gone) = gone {
            gone.extend(entries.iter().map(|(_, entry)| to_gone(entry, due_at)));
        }
    }
}

fn done<T, E: std::error::Error>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("the store behind the engine failed: {error}"))
}

/// A name as the server spells it.
fn name(key: u32) -> String {
    (key & !ODD_NAME).to_string()
}

fn number(text: &str) -> u32 {
    text.parse().expect("the engine's names and results are numbers")
}

/// An entry, and when it fell due if it has by a moment.
fn to_gone(entry: &Entry, at: Option<SimTime>) -> Gone {
    let due = entry.deadline_ns.filter(|&deadline| at.is_some_and(|at| deadline <= at.as_ns()));
    Gone { key: number(&entry.key), state: entry.state, due: due.map(SimTime::from_ns) }
}

fn answer(status: &Status<String>) -> Answer {
    match status {
        Status::Unknown => Answer::NotFound,
        Status::Processing => Answer::Processing,
        Status::Ready(upload) => Answer::Ready { upload: number(upload) },
        Status::Failed(_) => Answer::Error,
        Status::Interrupted => Answer::Interrupted,
        Status::Expired(last) => Answer::Expired(*last),
    }
}

/// The upload that a ticket ends, and what will be its result.
#[derive(Debug)]
pub struct DrivenTicket {
    id: u64,
    upload: u32,
}

impl<B: Backend> PlainStore for Driven<B> {
    type Ticket = DrivenTicket;
    type Id = u64;

    fn begin(&self, key: u32, upload: u32, now: SimTime, _: &mut Vec<Gone>) -> Result<(DrivenTicket, u64), Refused> {
        let id = done(self.backend.begin(&name(key), now.as_ns()));
        self.held.set(self.held.get() + 1);
        self.latest.borrow_mut().insert(key & !ODD_NAME, id);
        Ok((DrivenTicket { id, upload }, id))
    }

    fn finish(&self, DrivenTicket { id, upload }: DrivenTicket, end: End, now: SimTime) -> bool {
        let outcome = match end {
            End::Ready => Outcome::Ready(upload.to_string()),
            End::Error => Outcome::Failed(upload.to_string()),
        };
        done(self.backend.finish(id, outcome, now.as_ns()))
    }

    fn read(&self, id: u64, now: SimTime) -> Answer {
        answer(&done(self.backend.read(id, now.as_ns())))
    }

    fn read_key(&self, key: u32, now: SimTime) -> Answer {
        answer(&done(self.backend.read_key(&name(key), now.as_ns())))
    }

    /// What it takes comes by state and by age, in whatever order the backend has it.
    fn sweep(&self, now: SimTime, removed: &mut Vec<Gone>) {
        let before = removed.len();
        if self.backend.retention().tombstone_ns.is_some() {
            let (entries, _) = self.entries();
            for (id, entry) in entries {
                let gone = to_gone(&entry, Some(now));
                if gone.due.is_some() {
                    removed.push(gone);
                    self.over.borrow_mut().insert(id);
                }
            }
            let mut taken = 0;
            done(self.backend.sweep(now.as_ns(), &mut |_| taken += 1));
            self.held.set(self.held.get() - taken);
            if taken > 0 {
                let (_, tombstones) = self.entries();
                *self.over.borrow_mut() = tombstones.into_iter().map(|(id, _)| id).collect();
            }
        } else {
            done(self.backend.sweep(now.as_ns(), &mut |entry| removed.push(to_gone(&entry, Some(now)))));
            self.held.set(self.held.get() - (removed.len() - before) as u64);
        }
        removed[before..].sort_unstable_by_key(|gone| (gone.state, gone.due, gone.key));
    }

    fn held(&self) -> u64 {
        self.held.get()
    }

    fn due(&self, now: SimTime, found: &mut Vec<Gone>) {
        let all = self.entries().0.into_iter().map(|(_, entry)| to_gone(&entry, Some(now)));
        found.extend(all.filter(|gone| gone.due.is_some()));
    }
}

impl<B: Backend> StatusStore for Driven<B> {
    type Alone = Self;

    fn alone(self) -> Self {
        self
    }

    /// An upload ends once: what comes later has no say.
    fn publish(&self, ticket: DrivenTicket, now: SimTime) -> Option<DrivenTicket> {
        self.finish(ticket, End::Ready, now);
        None
    }

    fn acknowledge(&self, id: u64, now: SimTime) {
        done(self.backend.acknowledge(id, now.as_ns()));
    }

    fn acknowledge_key(&self, key: u32, now: SimTime) {
        if let Some(id) = self.latest(key) {
            // If that one is gone, it counts for nothing.
            self.acknowledge(id, now);
        }
    }

    /// No backend draws entries at random.
    fn sweep_sample(&self, _: SimTime, _: &mut dyn FnMut(u32) -> u32, _: u32, _: &mut Vec<Gone>) -> u32 {
        0
    }

    fn clear(&self, key: u32, now: SimTime, removed: &mut Vec<Gone>) {
        let state = match self.read_key(key, now) {
            Answer::NotFound => return,
            Answer::Processing => State::Processing,
            Answer::Ready { .. } => State::Ready,
            Answer::Error => State::Failed,
            Answer::Interrupted => State::Interrupted,
            Answer::Expired(state) => state,
        };
        let Some(id) = self.latest(key) else { return };
        if done(self.backend.clear(id)) {
            self.held.set(self.held.get() - 1);
            self.over.borrow_mut().remove(&id);
            removed.push(Gone { key: key & !ODD_NAME, state, due: None });
        }
    }

    fn clear_all(&self, now: SimTime, removed: &mut Vec<Gone>) {
        let (entries, tombstones) = self.entries();
        self.remove(entries, Some(now), Some(removed));
        self.remove(tombstones, None, None);
    }

    fn clear_stuck(&self, after_ns: u64, now: SimTime, removed: &mut Vec<Gone>) {
        let Some(since) = now.as_ns().checked_sub(after_ns.saturating_add(1)) else { return };
        let (mut entries, _) = self.entries();
        entries.retain(|(_, entry)| entry.state == State::Processing && entry.begun_ns <= since);
        self.remove(entries, Some(now), Some(removed));
    }

    fn next_due(&self) -> Option<SimTime> {
        let (entries, tombstones) = self.entries();
        let tombstone_ns = self.backend.retention().tombstone_ns;
        let entries = entries.into_iter().filter_map(|(_, entry)| entry.deadline_ns);
        let tombstones = tombstones.into_iter().filter_map(|(_, entry)| entry.deadline_ns?.checked_add(tombstone_ns?));
        entries.chain(tombstones).min().map(SimTime::from_ns)
    }
}
