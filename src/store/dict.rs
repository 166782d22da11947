//! The incident's dictionary: two maps keyed by file name, one lock, a sweep of what is due.
//!
//! As in the Flask application, `status` and `timestamps` are separate, `begin` and `finish` write both under the lock,
//! nothing tells one upload of a name from the next, and whoever writes last is right. Without [`Defects`] its units are
//! correct: the age compared with the time to live is an age. The application's sweep looks at every entry; this one finds
//! the same entries through an index, and the engine counts what a scan would have visited.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Defect, Defects, End, Gone, ODD_NAME, PlainStore, Refused, StatusStore};
use crate::registry::{AgeBasis, Expiry, Retention, State};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::time::SimTime;

/// The incident's dictionary. Of a [`Retention`] it knows the time to live, the ages `Created`, `Finished` and `LastWrite`,
/// the expiry, and the tombstones; it is never full.
pub struct Dict {
    maps: Mutex<Maps>,
    disk: Disk,
}

/// The disk that all workers share: under which name which upload was saved last.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<BTreeMap<u32, u32>>>);

struct Maps {
    retention: Retention,
    defects: Defects,
    status: BTreeMap<u32, Entry>,
    timestamps: BTreeMap<u32, SimTime>,
    /// When each entry ought to go, for those that ought to at some time.
    deadlines: BTreeSet<(SimTime, u32)>,
    /// Finished entries without a timestamp: to the unit bug, what is due.
    untimed: BTreeSet<u32>,
    /// The names that a sample is drawn from, those of `deadlines`, and where each one is.
    volatile: Vec<u32>,
    places: BTreeMap<u32, usize>,
    /// What was swept: its last state, and when it fell due.
    tombstones: BTreeMap<u32, (State, SimTime)>,
    /// The same, the oldest first.
    tombstones_by_age: BTreeSet<(SimTime, u32)>,
    /// The upload whose result was loaded last.
    loaded: Option<u32>,
    /// Whether the lock is held for ever.
    stuck: bool,
}

/// What a name's last writer said.
#[derive(Clone, Copy)]
struct Entry {
    state: State,
    /// Which upload that was.
    upload: u32,
    written: SimTime,
}

/// Who will write the end: a name and an upload, and no more than that.
#[derive(Clone, Copy, Debug)]
pub struct DictTicket {
    key: u32,
    upload: u32,
}

impl Dict {
    /// An empty dictionary.
    #[must_use]
    pub fn new(retention: Retention, defects: Defects, disk: Disk) -> Self {
        let maps = Maps {
            retention,
            defects,
            status: BTreeMap::new(),
            timestamps: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            untimed: BTreeSet::new(),
            volatile: Vec::new(),
            places: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            tombstones_by_age: BTreeSet::new(),
            loaded: None,
            stuck: false,
        };
        Dict { maps: Mutex::new(maps), disk }
    }

    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    /// The name under which an upload is written.
    fn name(&self, key: u32) -> u32 {
        if self.defects.contains(Defect::RawNames) { key } else { key & !ODD_NAME }
    }

    /// When an entry falls due; `None` if it never does, or is not there. One without a timestamp is due as soon as it is
    /// written.
    fn deadline(&self, key: u32) -> Option<SimTime> {
        let entry = self.status.get(&key)?;
        let limit_ns = self.retention.time_to_live.of(entry.state)?;
        Some(self.timestamps.get(&key).map_or(entry.written, |written| written.after(limit_ns)))
    }

    /// Writes a status, and its timestamp unless the one that is there has to stay or none is to be there.
    fn write(&mut self, key: u32, state: State, upload: u32, now: SimTime, timestamp: Timestamp) {
        self.forget_tombstone(key);
        self.forget_deadline(key);
        self.status.insert(key, Entry { state, upload, written: now });
        match timestamp {
            Timestamp::Now => drop(self.timestamps.insert(key, now)),
            Timestamp::AsItWas => {}
            Timestamp::Missing => drop(self.timestamps.remove(&key)),
        }
        let Some(due) = self.deadline(key) else { return };
        self.deadlines.insert((due, key));
        self.places.insert(key, self.volatile.len());
        self.volatile.push(key);
        if !self.timestamps.contains_key(&key) {
            self.untimed.insert(key);
        }
    }

    fn forget_deadline(&mut self, key: u32) {
        let Some(due) = self.deadline(key) else { return };
        self.deadlines.remove(&(due, key));
        self.untimed.remove(&key);
        let place = self.places.remove(&key).expect("an entry with a deadline has a place");
        self.volatile.swap_remove(place);
        if let Some(&moved) = self.volatile.get(place) {
            self.places.insert(moved, place);
        }
    }

    fn remove(&mut self, key: u32) -> Option<State> {
        self.forget_deadline(key);
        self.timestamps.remove(&key);
        self.status.remove(&key).map(|entry| entry.state)
    }

    fn gone(&self, key: u32, now: SimTime) -> Gone {
        Gone { key, state: self.status[&key].state, due: self.deadline(key).filter(|&due| due <= now) }
    }

    fn due(&self, now: SimTime) -> impl Iterator<Item = Gone> + '_ {
        self.deadlines.range(..=(now, u32::MAX)).map(move |&(_, key)| self.gone(key, now))
    }

    /// Whether a sweep takes an entry.
    fn is_taken(&self, key: u32, now: SimTime) -> bool {
        if self.defects.contains(Defect::UnitBug) {
            return self.untimed.contains(&key);
        }
        self.deadline(key).is_some_and(|due| due <= now)
    }

    /// Removes entries, noting them.
    fn take(&mut self, keys: Vec<u32>, now: SimTime, gone: &mut Vec<Gone>) {
        for key in keys {
            gone.push(self.gone(key, now));
            self.remove(key);
        }
    }

    /// Removes what is due, and leaves tombstones where the retention says so.
    fn expire(&mut self, keys: Vec<u32>, now: SimTime, gone: &mut Vec<Gone>) {
        let first = gone.len();
        self.take(keys, now, gone);
        for entry in &gone[first..] {
            // As in the registry: under physical expiry an entry lives until it is swept.
            let due = match self.retention.expiry {
                Expiry::Logical => entry.due.unwrap_or(now),
                Expiry::Physical => now,
            };
            if self.is_remembered(due, now) {
                self.tombstones.insert(entry.key, (entry.state, due));
                self.tombstones_by_age.insert((due, entry.key));
            }
        }
        while let Some(&(due, key)) = self.tombstones_by_age.first().filter(|(due, _)| !self.is_remembered(*due, now)) {
            debug_assert_eq!(self.tombstones.get(&key).map(|&(_, since)| since), Some(due), "both know the same");
            self.forget_tombstone(key);
        }
    }

    fn is_remembered(&self, due: SimTime, now: SimTime) -> bool {
        self.retention.tombstone_ns.is_some_and(|limit_ns| now.since(due) < limit_ns)
    }

    fn forget_tombstone(&mut self, key: u32) {
        if let Some((_, due)) = self.tombstones.remove(&key) {
            self.tombstones_by_age.remove(&(due, key));
        }
    }

    /// What is said of an entry that was last in a state and whose time is over since a moment.
    fn expired(&self, state: State, due: SimTime, now: SimTime) -> Answer {
        if self.is_remembered(due, now) { Answer::Expired(state) } else { Answer::NotFound }
    }

    fn read(&self, key: u32, now: SimTime) -> Answer {
        let Some(&Entry { state, upload, .. }) = self.status.get(&key) else {
            let tombstone = self.tombstones.get(&key);
            return tombstone.map_or(Answer::NotFound, |&(state, due)| self.expired(state, due, now));
        };
        if self.retention.expiry == Expiry::Logical
            && let Some(due) = self.deadline(key).filter(|&due| due <= now)
        {
            return self.expired(state, due, now);
        }
        match state {
            State::Processing => Answer::Processing,
            State::Ready => Answer::Ready { upload },
            State::Failed => Answer::Error,
            State::Interrupted => Answer::Interrupted,
        }
    }
}

/// What a write does to the timestamp.
enum Timestamp {
    Now,
    AsItWas,
    Missing,
}

impl PlainStore for Dict {
    type Ticket = DictTicket;
    type Id = u32;

    fn begin(&self, key: u32, upload: u32, now: SimTime, gone: &mut Vec<Gone>) -> Result<(DictTicket, u32), Refused> {
        let mut maps = self.lock();
        let name = maps.name(key);
        if maps.status.contains_key(&name) {
            gone.push(maps.gone(name, now));
        }
        maps.write(name, State::Processing, upload, now, Timestamp::Now);
        if maps.defects.contains(Defect::FileMeansReady) {
            self.disk.lock().insert(key & !ODD_NAME, upload);
        }
        Ok((DictTicket { key: name, upload }, key & !ODD_NAME))
    }

    fn finish(&self, DictTicket { key, upload }: DictTicket, end: End, now: SimTime) -> bool {
        let mut maps = self.lock();
        let state = match end {
            End::Ready => State::Ready,
            End::Error if maps.defects.contains(Defect::ErrorBecomesReady) => State::Ready,
            End::Error => State::Failed,
        };
        let timestamp = if maps.defects.contains(Defect::FinishWithoutTimestamp) {
            Timestamp::Missing
        } else if maps.retention.age == AgeBasis::Created && maps.timestamps.contains_key(&key) {
            Timestamp::AsItWas
        } else {
            Timestamp::Now
        };
        maps.write(key, state, upload, now, timestamp);
        if end == End::Ready && maps.defects.contains(Defect::DataMeansReady) {
            maps.loaded = Some(upload);
        }
        maps.stuck |= end == End::Error && maps.defects.contains(Defect::LockTakenTwice);
        true
    }

    fn read(&self, key: u32, now: SimTime) -> Answer {
        let key = key & !ODD_NAME;
        let maps = self.lock();
        if let Some(upload) = maps.loaded {
            return Answer::Ready { upload };
        }
        match maps.read(key, now) {
            Answer::NotFound if maps.defects.contains(Defect::FileMeansReady) => {
                self.disk.lock().get(&key).map_or(Answer::NotFound, |&upload| Answer::Ready { upload })
            }
            answer => answer,
        }
    }

    fn read_key(&self, key: u32, now: SimTime) -> Answer {
        self.read(key, now)
    }

    fn sweep(&self, now: SimTime, gone: &mut Vec<Gone>) {
        let mut maps = self.lock();
        let due = if maps.defects.contains(Defect::UnitBug) {
            maps.untimed.iter().copied().collect()
        } else {
            maps.deadlines.range(..=(now, u32::MAX)).map(|&(_, key)| key).collect()
        };
        maps.expire(due, now, gone);
    }

    fn held(&self) -> u64 {
        let maps = self.lock();
        (maps.status.len() + maps.tombstones.len()) as u64
    }

    fn due(&self, now: SimTime, found: &mut Vec<Gone>) {
        found.extend(self.lock().due(now));
    }
}

impl StatusStore for Dict {
    type Alone = Self;

    fn alone(self) -> Self {
        self
    }

    fn publish(&self, ticket: DictTicket, now: SimTime) -> Option<DictTicket> {
        let mut maps = self.lock();
        maps.write(ticket.key, State::Ready, ticket.upload, now, Timestamp::Now);
        Some(ticket)
    }

    /// The dictionary cannot note it.
    fn acknowledge(&self, _: u32, _: SimTime) {}

    /// The dictionary cannot note it.
    fn acknowledge_key(&self, _: u32, _: SimTime) {}

    fn sweep_sample(&self, now: SimTime, pick: &mut dyn FnMut(u32) -> u32, size: u32, gone: &mut Vec<Gone>) -> u32 {
        let mut maps = self.lock();
        let mut drawn = 0;
        for _ in 0..size {
            let Ok(held @ 1..) = u32::try_from(maps.volatile.len()) else { break };
            let key = maps.volatile[pick(held) as usize];
            drawn += 1;
            if maps.is_taken(key, now) {
                maps.expire(vec![key], now, gone);
            }
        }
        drawn
    }

    fn clear(&self, key: u32, now: SimTime, gone: &mut Vec<Gone>) {
        let mut maps = self.lock();
        let key = key & !ODD_NAME;
        maps.forget_tombstone(key);
        if maps.status.contains_key(&key) {
            maps.take(vec![key], now, gone);
        }
    }

    fn clear_all(&self, now: SimTime, gone: &mut Vec<Gone>) {
        let mut maps = self.lock();
        let all = maps.status.keys().copied().collect();
        maps.take(all, now, gone);
        maps.tombstones.clear();
        maps.tombstones_by_age.clear();
    }

    fn clear_stuck(&self, after_ns: u64, now: SimTime, gone: &mut Vec<Gone>) {
        let mut maps = self.lock();
        if maps.defects.contains(Defect::UnitBug) {
            drop(maps);
            return self.clear_all(now, gone);
        }
        let stuck = |entry: &Entry| entry.state == State::Processing && now.since(entry.written) > after_ns;
        let keys = maps.status.iter().filter(|(_, entry)| stuck(entry)).map(|(&key, _)| key).collect();
        maps.take(keys, now, gone);
    }

    fn next_due(&self) -> Option<SimTime> {
        let maps = self.lock();
        if maps.defects.contains(Defect::UnitBug) {
            return maps.untimed.iter().filter_map(|&key| maps.deadline(key)).min();
        }
        maps.deadlines.first().map(|&(due, _)| due)
    }

    fn is_stuck(&self) -> bool {
        self.lock().stuck
    }
}
