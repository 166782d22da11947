//! One part of a registry, always used under its lock: records in slots, the key index, the order of age.
//!
//! Here are all transitions, one function per edge. None of them blocks, calls out, or looks at more records than it
//! changes.

use std::borrow::Borrow;
use std::ops::Range;

use super::ages::{Ages, Link, Linked, NEVER};
use super::board::Board;
use super::index::Index;
use super::retention::{AgeBasis, Capacity, Expiry, Retention};
use super::status::{Outcome, State, Status};
use super::sync::{Arc, mutant};
use super::wait::Waits;
use super::{Counts, Full, Reclaimed, StaleTicket, Swept};

/// The queue of the tombstones, behind one queue per [`State`].
const TOMBSTONES: usize = State::ALL.len();
const QUEUES: usize = TOMBSTONES + 1;

/// One upload.
struct Record<K, V> {
    key: K,
    /// Of the key.
    hash: u32,
    /// Present exactly in `Ready` and `Failed`.
    detail: Option<V>,
    state: State,
    acknowledged: bool,
    /// Whether this is but the memory of a record: its state is then its last one.
    tombstone: bool,
}

struct Slot<K, V> {
    /// Of the record in it or, if it is free, of the last one.
    generation: u64,
    link: Link,
    record: Option<Record<K, V>>,
}

impl<K, V> Slot<K, V> {
    fn is_running(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.state == State::Processing && !record.tombstone)
    }
}

impl<K, V> Linked for Slot<K, V> {
    #[inline(always)]
    fn link(&self) -> &Link {
        &self.link
    }

    #[inline(always)]
    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
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

pub(super) struct Shard<K, V> {
    retention: Retention,
    /// How long a record stays in each queue; `None` is for ever.
    limits: [Option<u64>; QUEUES],
    /// What readers may know without the lock; told at each edge.
    board: Arc<Board>,
    /// The largest `now` seen (R11).
    clock: u64,
    generations: u64,
    slots: Vec<Slot<K, V>>,
    free: Vec<u32>,
    /// The slot of each key's latest generation (R14).
    keys: Index,
    ages: Ages<QUEUES>,
    counts: [usize; QUEUES],
    /// Whom to tell when an upload stops running; told at each edge (R16).
    pub(super) waits: Waits,
}

impl<K, V> Shard<K, V> {
    pub(super) fn new(retention: Retention, board: Arc<Board>) -> Self {
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
            board,
            clock: 0,
            generations: 0,
            slots: Vec::new(),
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
        self.clock = self.clock.max(now.min(NEVER - 1));
        if self.clock >= self.board.quiet_until() {
            // Whatever a later sweep's own `now` is, this one counts.
            self.board.set_quiet_until(0);
        }
        self.clock
    }

    pub(super) fn counts(&self) -> Counts {
        let [processing, ready, failed, interrupted, tombstones] = self.counts;
        Counts { processing, ready, failed, interrupted, tombstones }
    }

    // ---- looking up

    #[inline(always)]
    fn record(&self, place: Place) -> Option<&Record<K, V>> {
        let slot = self.slots.get(place.slot as usize)?;
        if slot.generation != place.generation && !mutant!(id_without_generation) {
            return None;
        }
        slot.record.as_ref()
    }

    /// Where the latest generation of a key is; nowhere if there is none.
    pub(super) fn place_of<Q>(&self, hash: u32, key: &Q) -> Place
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let slot = self.keys.get(hash, |slot| is_under(&self.slots, slot, key));
        slot.map_or(Place::NOWHERE, |slot| Place { slot, generation: self.slots[slot as usize].generation })
    }

    #[inline(always)]
    fn since(&self, slot: u32) -> u64 {
        self.slots[slot as usize].link.since()
    }

    /// Whether the record in a slot has reached its time to live (R5).
    fn is_due(&self, slot: u32, state: State, now: u64) -> bool {
        let since = self.since(slot);
        since != NEVER && self.limits[state as usize].is_some_and(|limit| now.saturating_sub(since) >= limit)
    }

    /// Whether a tombstone has served its time, for a tombstone that began at `since` (R8).
    fn is_forgotten(&self, since: u64, now: u64) -> bool {
        self.retention.tombstone_ns.is_none_or(|limit| now.saturating_sub(since) >= limit)
    }

    /// The moment at which the record in a slot fell due or will; only for one that can.
    fn deadline(&self, slot: u32, state: State) -> u64 {
        let time_to_live = self.retention.time_to_live.of(state).unwrap_or(u64::MAX);
        self.since(slot).saturating_add(time_to_live)
    }

    /// Whether the record in a slot is over although no sweep has taken it (R7).
    #[inline(always)]
    fn is_over(&self, slot: u32, state: State, now: u64) -> bool {
        self.retention.expiry == Expiry::Logical && self.is_due(slot, state, now) && !mutant!(valid_until_swept)
    }

    /// Puts a record into a queue, its age counting from `since`.
    #[inline(always)]
    fn enter(&mut self, slot: u32, queue: usize, since: u64) {
        self.ages.enter(&mut self.slots, slot, queue, since);
        let due = self.limits[queue].map_or(NEVER, |limit| since.saturating_add(limit));
        if due < self.board.quiet_until() && !mutant!(deadline_is_not_told) {
            // What is due already counts for every sweep, whatever its own `now` is (R11).
            self.board.set_quiet_until(if due <= self.clock { 0 } else { due });
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
            u32::try_from(self.slots.len()).expect("a part of a registry holds fewer than 2^32 records")
        });
        let slots = &self.slots;
        self.keys.set(hash, slot, |slot| is_under(slots, slot, &key));
        self.generations += 1;
        let generation = self.generations;
        let record =
            Record { key, hash, detail: None, state: State::Processing, acknowledged: false, tombstone: false };
        let filled = Slot { generation, link: Link::aside(now), record: Some(record) };
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize] = filled,
            None => self.slots.push(filled),
        }
        let pinned = self.retention.time_to_live.processing_ns.is_none();
        // A pinned upload never falls due, so that nobody asks for the oldest.
        if self.limits[State::Processing as usize].is_some() || mutant!(running_uploads_are_evicted) {
            self.enter(slot, State::Processing as usize, now);
        }
        self.counts[State::Processing as usize] += 1;
        self.board.put(slot, generation, pinned);
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
        self.end_work(place, State::Interrupted, None, self.clock)
    }

    #[inline(always)]
    fn end_work(&mut self, place: Place, state: State, detail: Option<V>, now: u64) -> Result<(), StaleTicket> {
        let Some(record) = self.record(place) else { return Err(StaleTicket) };
        let running = record.state == State::Processing && !record.tombstone;
        let over = self.is_over(place.slot, State::Processing, now);
        if (!running || over) && !mutant!(stale_ticket_finishes) {
            return Err(StaleTicket);
        }
        let since = self.since(place.slot);
        let record = self.slots[place.slot as usize].record.as_mut().expect("it was looked up above");
        let left = if record.tombstone { TOMBSTONES } else { record.state as usize };
        record.state = state;
        record.detail = detail;
        record.tombstone = false;
        let since = match self.retention.age {
            // The age of a running upload counts from its beginning.
            AgeBasis::Created => since,
            AgeBasis::Finished | AgeBasis::LastWrite | AgeBasis::LastAccess => now,
            AgeBasis::Acknowledged => NEVER,
        };
        self.counts[left] -= 1;
        self.counts[state as usize] += 1;
        self.board.put(place.slot, place.generation, false);
        if !mutant!(end_wakes_nobody) {
            self.waits.wake(place.slot);
        }
        if !mutant!(status_before_timestamp) {
            self.enter(place.slot, state as usize, since);
        }
        Ok(())
    }

    /// The second half of an end of work that was torn in two: only the mutant of R1 comes here.
    pub(super) fn stamp(&mut self, place: Place, now: u64) {
        if let Some(state) = self.record(place).map(|record| record.state) {
            self.enter(place.slot, state as usize, now);
        }
    }

    /// Notes that the client has what it came for (R13). Returns whether this was the first acknowledgement of a finished
    /// record that is not over.
    pub(super) fn acknowledge(&mut self, place: Place, now: u64) -> bool {
        let Some(record) = self.record(place) else { return false };
        let state = record.state;
        let counts = state.is_terminal()
            && !record.tombstone
            && (!record.acknowledged || mutant!(every_acknowledgement_counts))
            && !self.is_over(place.slot, state, now);
        if counts {
            if let Some(record) = self.slots[place.slot as usize].record.as_mut() {
                record.acknowledged = true;
            }
            if matches!(self.retention.age, AgeBasis::Acknowledged | AgeBasis::LastWrite) {
                self.enter(place.slot, state as usize, now);
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
        let Some(record) = self.record(place) else { return Status::Unknown };
        let state = record.state;
        if record.tombstone {
            let forgotten = self.retention.expiry == Expiry::Logical && self.is_forgotten(self.since(place.slot), now);
            return if forgotten { Status::Unknown } else { Status::Expired(state) };
        }
        if self.is_over(place.slot, state, now) {
            let since = self.deadline(place.slot, state);
            return if self.is_forgotten(since, now) { Status::Unknown } else { Status::Expired(state) };
        }
        let status = match (state, record.detail.clone()) {
            (State::Processing, _) => Status::Processing,
            (State::Ready, Some(detail)) => Status::Ready(detail),
            (State::Failed, Some(detail)) => Status::Failed(detail),
            (State::Interrupted, _) => Status::Interrupted,
            (State::Ready | State::Failed, None) => unreachable!("a record ends together with its detail (R1)"),
        };
        if self.retention.age == AgeBasis::LastAccess && state.is_terminal() {
            self.enter(place.slot, state as usize, now);
        }
        status
    }

    /// When a running upload that goes on running will be over by the clock; `None` if it never will.
    pub(super) fn over_at(&self, place: Place) -> Option<u64> {
        let by_clock = self.retention.expiry == Expiry::Logical && self.limits[State::Processing as usize].is_some();
        by_clock.then(|| self.deadline(place.slot, State::Processing))
    }

    /// The oldest running or finished record that is due: only the mutant of R9 asks.
    pub(super) fn first_due(&self, now: u64) -> Option<u32> {
        let oldest =
            |state| self.ages.oldest(&self.slots, state as usize).filter(|&slot| self.is_due(slot, state, now));
        State::ALL.into_iter().find_map(oldest)
    }

    /// Any state → nothing, because somebody says so (R15). A running upload's ticket is stale from then on.
    pub(super) fn clear(&mut self, place: Place) -> bool
    where
        K: Eq,
    {
        let Some(record) = self.record(place) else { return false };
        let latest = mutant!(clear_takes_the_latest).then(|| self.place_of(record.hash, &record.key).slot);
        self.forget(latest.unwrap_or(place.slot));
        true
    }

    /// The running uploads in a range of slots that began at a moment or before.
    pub(super) fn running(&self, slots: Range<usize>, latest: u64) -> impl Iterator<Item = Place> {
        let end = slots.end.min(self.slots.len());
        (slots.start.min(end)..end).filter_map(move |number| {
            let slot = &self.slots[number];
            let found = slot.is_running() && slot.link.since() <= latest;
            found.then_some(Place { slot: number as u32, generation: slot.generation })
        })
    }

    /// How many slots there are, free ones included.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Processing → nothing, for those of the uploads that still run.
    pub(super) fn clear_running(&mut self, places: &[Place], now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) {
        for &Place { slot, generation } in places {
            let still = &self.slots[slot as usize];
            if still.generation == generation && still.is_running() {
                self.take(slot, now, on_reclaim);
            }
        }
    }

    /// Any state but Processing → nothing, for at most `max` records. Returns how many there were.
    pub(super) fn clear_some(&mut self, now: u64, max: usize, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> usize {
        let mut cleared = 0;
        for queue in State::Ready as usize..QUEUES {
            while let Some(slot) = self.ages.oldest(&self.slots, queue).filter(|_| cleared < max) {
                self.take(slot, now, on_reclaim);
                cleared += 1;
            }
        }
        cleared
    }

    /// Any state → nothing, and says so of what is no tombstone.
    fn take(&mut self, slot: u32, now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) {
        let record = self.slots[slot as usize].record.as_ref().expect("there is one to take");
        if !record.tombstone {
            let due_ns = self.is_due(slot, record.state, now).then(|| self.deadline(slot, record.state));
            on_reclaim(Reclaimed { key: &record.key, state: record.state, due_ns });
        }
        self.forget(slot);
    }

    /// What is due → tombstone, or nothing; tombstones that have served → nothing. At most `max` of them (R10).
    pub(super) fn sweep_some(&mut self, now: u64, max: usize, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> Swept {
        let mut swept = Swept::default();
        let mut next = NEVER;
        for queue in 0..QUEUES {
            let Some(limit) = self.limits[queue] else { continue };
            while let Some(slot) = self.ages.oldest(&self.slots, queue) {
                // An age that never begins is due at the end of time, which no clock reaches.
                let due = self.since(slot).saturating_add(limit);
                if now < due {
                    next = next.min(due);
                    break;
                }
                if swept.taken() >= max && !mutant!(sweep_without_bound) {
                    return Swept { more: true, ..swept };
                }
                if queue == TOMBSTONES {
                    swept.forgotten += 1;
                    swept.freed += 1;
                    self.forget(slot);
                } else {
                    swept.expired += 1;
                    swept.freed += usize::from(self.expire(slot, now, on_reclaim));
                }
            }
        }
        self.board.set_quiet_until(next);
        swept
    }

    /// Takes one record that is due, and leaves a tombstone where the retention says so (R8). Returns whether it left none.
    pub(super) fn expire(&mut self, slot: u32, now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> bool {
        let record = self.slots[slot as usize].record.as_ref().expect("a queued slot holds a record");
        let state = record.state;
        let due = self.deadline(slot, state);
        on_reclaim(Reclaimed { key: &record.key, state, due_ns: Some(due) });
        let since = match self.retention.expiry {
            Expiry::Logical => due,
            Expiry::Physical => now,
        };
        let freed = self.is_forgotten(since, now) || mutant!(no_tombstone);
        if freed {
            self.forget(slot);
        } else {
            let record = self.slots[slot as usize].record.as_mut().expect("a queued slot holds a record");
            record.tombstone = true;
            let detail = record.detail.take();
            self.counts[state as usize] -= 1;
            self.counts[TOMBSTONES] += 1;
            self.enter(slot, TOMBSTONES, since);
            self.board.put(slot, self.slots[slot as usize].generation, false);
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
        let emptied = &mut self.slots[slot as usize];
        let record = emptied.record.take().expect("a slot is emptied once");
        let queue = if record.tombstone { TOMBSTONES } else { record.state as usize };
        self.counts[queue] -= 1;
        self.ages.leave(&mut self.slots, slot);
        self.keys.remove(record.hash, |named| named == slot || mutant!(old_generation_takes_the_key));
        self.free.push(slot);
        self.board.wipe(slot);
        if !mutant!(clear_wakes_nobody) {
            self.waits.wake(slot);
        }
        // Last: the key's and the detail's own code may panic.
        drop(record);
    }

    /// Makes room for one more record, or says that there is none (R12).
    pub(super) fn make_room(&mut self, now: u64, on_reclaim: &mut impl FnMut(Reclaimed<'_, K>)) -> Result<(), Full> {
        let held = self.counts.iter().sum::<usize>();
        match self.retention.capacity {
            Capacity::Unbounded => Ok(()),
            Capacity::Refuse(max) => {
                if held < max {
                    Ok(())
                } else {
                    Err(Full)
                }
            }
            Capacity::EvictOldest(max) if held < max => Ok(()),
            Capacity::EvictOldest(_) => {
                let slot = self.eviction_candidate(now).ok_or(Full)?;
                self.take(slot, now, on_reclaim);
                Ok(())
            }
        }
    }

    /// What has been over for longest, whether a sweep has made it a tombstone or not (R7), else the oldest finished record.
    fn eviction_candidate(&self, now: u64) -> Option<u32> {
        let oldest = |state: State| self.ages.oldest(&self.slots, state as usize).map(|slot| (slot, state));
        let tombstone = self.ages.oldest(&self.slots, TOMBSTONES).map(|slot| (self.since(slot), slot));
        let over = State::ALL
            .into_iter()
            .filter_map(oldest)
            .filter(|&(slot, state)| self.is_over(slot, state, now))
            .map(|(slot, state)| (self.deadline(slot, state), slot));
        over.chain(tombstone).min().map(|(_, slot)| slot).or_else(|| {
            let finished = [State::Ready, State::Failed, State::Interrupted];
            let running = mutant!(running_uploads_are_evicted).then_some(State::Processing);
            let candidates = finished.into_iter().chain(running).filter_map(oldest).map(|(slot, _)| slot);
            candidates.min_by_key(|&slot| (self.since(slot), self.slots[slot as usize].generation))
        })
    }

    // ---- looking over

    /// Calls `visit` for every record that is due and was not swept yet.
    pub(super) fn for_each_due(&self, now: u64, visit: &mut impl FnMut(Reclaimed<'_, K>)) {
        for state in State::ALL {
            let Some(time_to_live) = self.retention.time_to_live.of(state) else { continue };
            let Some(latest) = now.checked_sub(time_to_live) else { continue };
            for slot in self.ages.up_to(&self.slots, state as usize, latest) {
                if let Some(record) = &self.slots[slot as usize].record {
                    let due_ns = Some(self.deadline(slot, state));
                    visit(Reclaimed { key: &record.key, state, due_ns });
                }
            }
        }
    }

    /// When the next record falls due, or the next tombstone has served; `None` if none ever will.
    pub(super) fn next_due(&self) -> Option<u64> {
        let queues = self.limits.into_iter().enumerate();
        queues
            .filter_map(|(queue, limit)| {
                let since = self.ages.oldest(&self.slots, queue).map(|slot| self.since(slot))?;
                // The clock never reads `NEVER`, so what would fall due then or later never does.
                since.checked_add(limit?).filter(|&due| due < NEVER)
            })
            .min()
    }
}

/// Whether the record in a slot is under a key.
fn is_under<K: Borrow<Q>, V, Q: Eq + ?Sized>(slots: &[Slot<K, V>], slot: u32, key: &Q) -> bool {
    slots[slot as usize].record.as_ref().is_some_and(|record| record.key.borrow() == key)
}
