//! One part of a registry, always used under its lock: records in slots, the key index, the order of age. What of a record others
//! may know without the lock is in its cell, the rest is in its entry.
//!
//! Here, in `sweeping` and in `room` are all transitions, one function per edge. None of them blocks, calls out, or looks at more
//! records than it changes.

mod room;
mod sweeping;

use std::borrow::Borrow;
use std::ops::Range;

use super::ages::{Aged, Ages, SLOTS};
use super::cells::{Cell, Cells, NEVER, Word};
use super::index::Index;
use super::retention::{AgeBasis, Expiry, Retention};
use super::status::{Outcome, State, Status};
use super::sync::mutant;
use super::wait::Waits;
use super::{Counts, Reclaimed, StaleTicket};

/// The queue of the tombstones, behind one queue per [`State`].
const TOMBSTONES: usize = State::ALL.len();
const QUEUES: usize = TOMBSTONES + 1;

/// What of a record is the caller's, and what only the lock's holder asks for.
struct Entry<K, V> {
    key: K,
    /// Of the key.
    hash: u32,
    /// Present exactly in `Ready` and `Failed`, where details are not all alike.
    detail: Option<V>,
}

/// A slot and the generation that is meant (R3).
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) slot: u32,
    pub(super) generation: u64,
}

impl Place {
    /// Where no record ever is.
    pub(super) const NOWHERE: Place = Place { slot: u32::MAX, generation: 0 };
}

/// See the [module](self).
pub(super) struct Shard<K, V, C> {
    retention: Retention,
    /// How long a record stays in each queue; `None` is for ever.
    limits: [Option<u64>; QUEUES],
    /// What readers may know without the lock; told at each edge.
    pub(super) cells: C,
    generations: u64,
    /// One per slot that was ever in use.
    entries: Vec<Option<Entry<K, V>>>,
    free: Vec<u32>,
    /// The slot of each key's latest generation (R14).
    keys: Index,
    ages: Ages<QUEUES>,
    counts: [usize; QUEUES],
    /// Whom to tell when an upload stops running; told at each edge (R16).
    pub(super) waits: Waits,
}

impl<K, V, C: Cells<V>> Shard<K, V, C> {
    pub(super) fn new(retention: Retention, cells: C) -> Self {
        let [processing, ready, failed, interrupted] = State::ALL.map(|state| {
            let state = if mutant!(running_uploads_expire) { State::Ready } else { state };
            let limit = retention.time_to_live.of(state);
            limit.map(|limit| limit.saturating_sub(u64::from(mutant!(due_a_moment_early))))
        });
        // Without tombstones nothing is ever in their queue.
        let limits = [processing, ready, failed, interrupted, retention.tombstone_ns];
        Shard {
            retention,
            limits,
            cells,
            generations: 0,
            entries: Vec::new(),
            free: Vec::new(),
            keys: Index::new(),
            ages: Ages::new(),
            counts: [0; QUEUES],
            waits: Waits::default(),
        }
    }

    /// Moves the clock to `now`, if that is later, and returns the time that counts (R11). The very last nanosecond is taken
    /// for the one before it: it stands for an age that never begins.
    #[inline(always)]
    pub(super) fn advance(&mut self, now: u64) -> u64 {
        if mutant!(clock_runs_backwards) {
            return now;
        }
        let (seen, now) = (self.cells.told().clock(), now.min(NEVER - 1));
        if now <= seen {
            return seen;
        }
        self.cells.told().set_clock(now);
        now
    }

    pub(super) fn counts(&self) -> Counts {
        let [processing, ready, failed, interrupted, tombstones] = self.counts;
        Counts { processing, ready, failed, interrupted, tombstones }
    }

    // ---- looking up

    /// The cell of a record that is held, and its word.
    #[inline(always)]
    fn record(&self, place: Place) -> Option<(&Cell, Word)> {
        record(&self.cells, self.entries.len(), place)
    }

    fn entry(&self, slot: u32) -> &Entry<K, V> {
        self.entries[slot as usize].as_ref().expect(HELD)
    }

    /// The word of a slot in use.
    #[inline(always)]
    fn word(&self, slot: u32) -> Word {
        self.cells.at(slot).word()
    }

    /// Where the latest generation of a key is; nowhere if there is none.
    pub(super) fn place_of<Q>(&self, hash: u32, key: &Q) -> Place
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let slot = self.keys.get(hash, |slot| is_under(&self.entries, slot, key));
        slot.map_or(Place::NOWHERE, |slot| Place { slot, generation: self.word(slot).generation() })
    }

    #[inline(always)]
    fn since(&self, slot: u32) -> u64 {
        self.cells.at(slot).since()
    }

    /// Whether a record whose age is counted from `since` has reached its time to live (R5).
    fn is_due(&self, since: u64, state: State, now: u64) -> bool {
        since != NEVER && self.limits[state as usize].is_some_and(|limit| now.saturating_sub(since) >= limit)
    }

    /// Whether a tombstone has served its time, for a tombstone that began at `since` (R8).
    fn is_forgotten(&self, since: u64, now: u64) -> bool {
        self.retention.tombstone_ns.is_none_or(|limit| now.saturating_sub(since) >= limit)
    }

    /// The moment at which a record whose age is counted from `since` fell due or will; only for one that can.
    fn deadline(&self, since: u64, state: State) -> u64 {
        let time_to_live = self.retention.time_to_live.of(state).unwrap_or(u64::MAX);
        since.saturating_add(time_to_live)
    }

    /// Whether a record whose age is counted from `since` is over although no sweep has taken it (R7).
    #[inline(always)]
    fn is_over(&self, since: u64, state: State, now: u64) -> bool {
        self.retention.expiry == Expiry::Logical && self.is_due(since, state, now) && !mutant!(valid_until_swept)
    }

    /// Puts a record into a queue, its age counting from `since`; it leaves the queue `from`, if it is there.
    fn enter(&mut self, slot: u32, from: usize, queue: usize, since: u64) {
        let aged = Aged { slot, cell: self.cells.at(slot) };
        self.ages.enter(&self.cells, aged, from, queue, since);
        self.tell_deadline(queue, since);
    }

    /// Tells when a record of a queue falls due whose age is counted from `since`.
    #[inline(always)]
    fn tell_deadline(&self, queue: usize, since: u64) {
        let due = self.limits[queue].map_or(NEVER, |limit| since.saturating_add(limit));
        if !mutant!(deadline_is_not_told) {
            // What is due already counts for every sweep, whatever its own `now` is (R11).
            self.cells.told().due_from(if due <= self.cells.told().clock() { 0 } else { due });
        }
    }

    // ---- edges

    /// Nothing → Processing; there is room.
    pub(super) fn begin(&mut self, hash: u32, key: K, now: u64) -> Place
    where
        K: Eq,
    {
        // The key's own code runs here, before anything changes: if it panics, nothing has.
        let slot = self.free.last().copied().unwrap_or_else(|| {
            let next = u32::try_from(self.entries.len()).ok().filter(|&slot| slot < SLOTS);
            next.expect("a part of a registry holds fewer than 2^32 records")
        });
        let entries = &self.entries;
        self.keys.set(hash, slot, |slot| is_under(entries, slot, &key));
        let entry = Some(Entry { key, hash, detail: None });
        match self.free.pop() {
            Some(slot) => self.entries[slot as usize] = entry,
            None => self.entries.push(entry),
        }
        self.generations += 1;
        let generation = self.generations;
        let pinned = self.retention.time_to_live.processing_ns.is_none();
        self.cells.make(slot).fill(Word::running(generation, pinned), now);
        // A pinned upload never falls due, so that nobody asks for the oldest.
        if self.limits[State::Processing as usize].is_some() || mutant!(running_uploads_are_evicted) {
            self.enter(slot, State::Processing as usize, State::Processing as usize, now);
        }
        self.counts[State::Processing as usize] += 1;
        Place { slot, generation }
    }

    /// Processing → Ready or Failed (R2).
    pub(super) fn finish(&mut self, place: Place, outcome: Outcome<V>, now: u64) -> Result<(), StaleTicket> {
        let (state, detail) = outcome.into_parts();
        self.end_work(place, state, Some(detail), now)
    }

    /// Processing → Interrupted (R4). Without a `now` of its own: a dropped ticket has no clock, so the latest time that
    /// this part of the registry was told stands for it.
    pub(super) fn interrupt(&mut self, place: Place) -> Result<(), StaleTicket> {
        self.end_work(place, State::Interrupted, None, self.cells.told().clock())
    }

    #[inline(always)]
    fn end_work(&mut self, place: Place, state: State, detail: Option<V>, now: u64) -> Result<(), StaleTicket> {
        let Some((cell, word)) = record(&self.cells, self.entries.len(), place) else { return Err(StaleTicket) };
        let over = self.is_over(cell.since(), State::Processing, now);
        if (!word.is_running() || over) && !mutant!(stale_ticket_finishes) {
            return Err(StaleTicket);
        }
        let since = match self.retention.age {
            // The age of a running upload counts from its beginning.
            AgeBasis::Created => cell.since(),
            AgeBasis::Finished | AgeBasis::LastWrite | AgeBasis::LastAccess => now,
            AgeBasis::Acknowledged => NEVER,
        };
        self.counts[queue_of(word)] -= 1;
        self.counts[state as usize] += 1;
        let surplus = if C::ALIKE {
            detail.and_then(|detail| self.cells.told().keep(detail))
        } else {
            std::mem::replace(&mut self.entries[place.slot as usize].as_mut().expect(HELD).detail, detail)
        };
        if !mutant!(status_before_timestamp) {
            self.ages.enter(&self.cells, Aged { slot: place.slot, cell }, queue_of(word), state as usize, since);
            self.tell_deadline(state as usize, since);
        }
        // After the moment, which goes with it.
        cell.put(word.ended(state));
        if !mutant!(end_wakes_nobody) {
            self.waits.wake(place.slot);
        }
        // Last: the detail's own code may panic.
        drop(surplus);
        Ok(())
    }

    /// The second half of an end of work that was torn in two: only the mutant of R1 comes here.
    pub(super) fn stamp(&mut self, place: Place, now: u64) {
        if let Some(state) = self.record(place).map(|(_, word)| word.state()) {
            self.enter(place.slot, state as usize, state as usize, now);
        }
    }

    /// Notes that the client has what it came for (R13). Returns whether this was the first acknowledgement of a finished
    /// record that is not over.
    pub(super) fn acknowledge(&mut self, place: Place, now: u64) -> bool {
        let Some((cell, word)) = self.record(place) else { return false };
        let state = word.state();
        let counts = state.is_terminal()
            && !word.is_tombstone()
            && (!word.is_acknowledged() || mutant!(every_acknowledgement_counts))
            && !self.is_over(cell.since(), state, now);
        if counts {
            cell.put(word.acknowledged());
            if matches!(self.retention.age, AgeBasis::Acknowledged | AgeBasis::LastWrite) {
                self.enter(place.slot, state as usize, state as usize, now);
            }
        }
        counts
    }

    /// What a reader is told. Changes nothing but, where the age counts from the last access, the record's age.
    #[inline(always)]
    pub(super) fn read(&mut self, place: Place, now: u64) -> Status<V>
    where
        V: Clone,
    {
        let Some((cell, word)) = self.record(place) else { return Status::Unknown };
        let (state, since) = (word.state(), cell.since());
        if word.is_tombstone() {
            let forgotten = self.retention.expiry == Expiry::Logical && self.is_forgotten(since, now);
            return if forgotten { Status::Unknown } else { Status::Expired(state) };
        }
        if self.is_over(since, state, now) {
            let due = self.deadline(since, state);
            return if self.is_forgotten(due, now) { Status::Unknown } else { Status::Expired(state) };
        }
        let status = match state {
            State::Processing => Status::Processing,
            State::Ready => Status::Ready(self.detail(place.slot)),
            State::Failed => Status::Failed(self.detail(place.slot)),
            State::Interrupted => Status::Interrupted,
        };
        if self.retention.age == AgeBasis::LastAccess && state.is_terminal() {
            self.enter(place.slot, state as usize, state as usize, now);
        }
        status
    }

    /// What came with the end of a record's work.
    fn detail(&self, slot: u32) -> V
    where
        V: Clone,
    {
        let kept = if C::ALIKE { self.cells.told().detail() } else { self.entry(slot).detail.as_ref() };
        kept.expect("a record ends together with its detail (R1)").clone()
    }

    /// When a running upload that goes on running will be over by the clock; `None` if it never will.
    pub(super) fn over_at(&self, place: Place) -> Option<u64> {
        let by_clock = self.retention.expiry == Expiry::Logical && self.limits[State::Processing as usize].is_some();
        by_clock.then(|| self.deadline(self.since(place.slot), State::Processing))
    }

    /// Any state → nothing, because somebody says so (R15). A running upload's ticket is stale from then on.
    pub(super) fn clear(&mut self, place: Place) -> bool
    where
        K: Eq,
    {
        if self.record(place).is_none() {
            return false;
        }
        let latest = mutant!(clear_takes_the_latest)
            .then(|| self.place_of(self.entry(place.slot).hash, &self.entry(place.slot).key).slot);
        self.forget(latest.unwrap_or(place.slot));
        true
    }

    /// The running uploads in a range of slots that began at a moment or before.
    pub(super) fn running(&self, slots: Range<usize>, latest: u64) -> impl Iterator<Item = Place> {
        let end = slots.end.min(self.entries.len());
        (slots.start.min(end)..end).filter_map(move |slot| {
            let slot = slot as u32;
            let word = self.word(slot);
            let found = word.is_running() && self.since(slot) <= latest;
            found.then_some(Place { slot, generation: word.generation() })
        })
    }

    /// How many slots there are, free ones included.
    pub(super) fn slots(&self) -> usize {
        self.entries.len()
    }

    /// Processing → nothing, for those of the uploads that still run.
    pub(super) fn clear_running(&mut self, places: &[Place], now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) {
        for &Place { slot, generation } in places {
            let word = self.word(slot);
            if word.generation() == generation && word.is_running() {
                self.take(slot, now, on_reclaim);
            }
        }
    }

    /// Any state but Processing → nothing, for at most `max` records. Returns how many there were.
    pub(super) fn clear_some(&mut self, now: u64, max: usize, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> usize {
        let mut cleared = 0;
        for queue in State::Ready as usize..QUEUES {
            while let Some(slot) = self.ages.oldest(&self.cells, queue).filter(|_| cleared < max) {
                self.take(slot, now, on_reclaim);
                cleared += 1;
            }
        }
        cleared
    }

    /// Any state → nothing, and says so of what is no tombstone.
    fn take(&mut self, slot: u32, now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) {
        let word = self.word(slot);
        if !word.is_tombstone() {
            let (state, since) = (word.state(), self.since(slot));
            let due_ns = self.is_due(since, state, now).then(|| self.deadline(since, state));
            on_reclaim(Reclaimed { key: &self.entry(slot).key, state, due_ns });
        }
        self.forget(slot);
    }

    /// Takes one record that is due, and leaves a tombstone where the retention says so (R8). Returns whether it left none.
    pub(super) fn expire(&mut self, slot: u32, now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> bool {
        let cell = self.cells.at(slot);
        let word = cell.word();
        let state = word.state();
        let due = self.deadline(cell.since(), state);
        on_reclaim(Reclaimed { key: &self.entry(slot).key, state, due_ns: Some(due) });
        let since = match self.retention.expiry {
            Expiry::Logical => due,
            Expiry::Physical => now,
        };
        let freed = self.is_forgotten(since, now) || mutant!(no_tombstone);
        if freed {
            self.forget(slot);
        } else {
            // First: who looks without the lock and finds the moment of the tombstone must not find the word of before.
            if !mutant!(moment_before_word) {
                cell.put(word.buried());
            }
            self.ages.enter(&self.cells, Aged { slot, cell }, state as usize, TOMBSTONES, since);
            if mutant!(moment_before_word) {
                cell.put(word.buried());
            }
            self.tell_deadline(TOMBSTONES, since);
            let detail = self.entries[slot as usize].as_mut().expect(HELD).detail.take();
            self.counts[state as usize] -= 1;
            self.counts[TOMBSTONES] += 1;
            if !mutant!(expiry_wakes_nobody) {
                self.waits.wake(slot);
            }
            // Last: the detail's own code may panic.
            drop(detail);
        }
        freed
    }

    /// Empties a slot. The key index loses the key only if it still names this generation (R14).
    fn forget(&mut self, slot: u32) {
        let cell = self.cells.at(slot);
        let queue = queue_of(cell.word());
        cell.wipe();
        self.counts[queue] -= 1;
        self.ages.leave(&self.cells, Aged { slot, cell }, queue);
        let entry = self.entries[slot as usize].take().expect(HELD);
        self.keys.remove(entry.hash, |named| named == slot || mutant!(old_generation_takes_the_key));
        self.free.push(slot);
        if !mutant!(clear_wakes_nobody) {
            self.waits.wake(slot);
        }
        // Last: the key's and the detail's own code may panic.
        drop(entry);
    }
}

/// The cell of a record that is held, among so many slots, and its word.
#[inline(always)]
fn record<V>(cells: &impl Cells<V>, slots: usize, place: Place) -> Option<(&Cell, Word)> {
    if place.slot as usize >= slots {
        return None;
    }
    let cell = cells.at(place.slot);
    let word = cell.word();
    let is_meant = word.generation() == place.generation || mutant!(id_without_generation);
    (word.is_somebody() && is_meant).then_some((cell, word))
}

/// The queue of what a word tells of.
fn queue_of(word: Word) -> usize {
    if word.is_tombstone() { TOMBSTONES } else { word.state() as usize }
}

const HELD: &str = "a slot in use has an entry";

/// Whether the record in a slot is under a key.
fn is_under<K: Borrow<Q>, V, Q: Eq + ?Sized>(entries: &[Option<Entry<K, V>>], slot: u32, key: &Q) -> bool {
    entries[slot as usize].as_ref().is_some_and(|entry| entry.key.borrow() == key)
}
