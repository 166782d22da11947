//! The sequential reference: a store that is too simple to be wrong, a list of records searched from end to end. It says what
//! a store has to answer, one call at a time.

use super::promise::{Address, Promise};
use crate::registry::{AgeBasis, Capacity, Counts, Expiry, State, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Record {
    key: u32,
    state: State,
    detail: u32,
    created: u64,
    /// From when the age counts; `None`: not yet.
    since: Option<u64>,
    acknowledged: bool,
    /// From when the tombstone's time counts, if it is one.
    entombed: Option<u64>,
    gone: bool,
}

/// What `begin` finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is room.
    Free,
    /// One of these records makes room; which of them is not promised, for they are equally old.
    Evict(Vec<usize>),
    /// There is none, and nothing may go.
    Full,
}

/// A record that is due: its index, its state, when it fell due.
pub type Due = (usize, State, u64);

/// The whole of a promise, by linear search. Uploads go by their index, in the order of their beginning.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    promise: Promise,
    clock: u64,
    records: Vec<Record>,
}

impl Clone for Reference {
    fn clone(&self) -> Reference {
        Reference { records: self.records.clone(), ..*self }
    }

    /// Into the memory that is there: a search does this where its way forks.
    fn clone_from(&mut self, of: &Reference) {
        let Reference { promise, clock, records } = of;
        (self.promise, self.clock) = (*promise, *clock);
        self.records.clone_from(records);
    }
}

impl Reference {
    /// An empty store that keeps a promise.
    #[must_use]
    pub fn new(promise: Promise) -> Reference {
        Reference { promise, clock: 0, records: Vec::new() }
    }

    /// Time has come to `now`; one that is earlier than the latest seen counts as that.
    pub fn advance(&mut self, now_ns: u64) {
        self.clock = self.clock.max(now_ns);
    }

    /// How many uploads have begun.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.records.len()
    }

    fn deadline(&self, record: &Record) -> Option<u64> {
        Some(record.since?.saturating_add(self.promise.retention.time_to_live.of(record.state)?))
    }

    fn is_due(&self, record: &Record) -> bool {
        let limit = self.promise.retention.time_to_live.of(record.state);
        limit.zip(record.since).is_some_and(|(limit, since)| self.clock.saturating_sub(since) >= limit)
    }

    fn served(&self, since: u64) -> bool {
        self.promise.retention.tombstone_ns.is_none_or(|limit| self.clock.saturating_sub(since) >= limit)
    }

    fn logically_over(&self, record: &Record) -> bool {
        self.promise.is_logical() && self.is_due(record)
    }

    /// Since when a record has been over, if it is.
    fn over_since(&self, record: &Record) -> Option<u64> {
        record.entombed.or_else(|| self.deadline(record).filter(|_| self.logically_over(record)))
    }

    /// Those held, with their index.
    fn held(&self) -> impl Iterator<Item = (usize, &Record)> {
        self.records.iter().enumerate().filter(|(_, record)| !record.gone)
    }

    /// What a `begin` under a key would find.
    #[must_use]
    pub fn room(&self, key: u32) -> Room {
        let oldest = |ages: Vec<(u64, usize)>| {
            let oldest = ages.iter().map(|(since, _)| *since).min()?;
            Some(ages.into_iter().filter(|(since, _)| *since == oldest).map(|(_, index)| index).collect())
        };
        let replaces = self.promise.address == Address::Key && self.named(key).is_some();
        let held = self.held().count() - usize::from(replaces);
        match self.promise.retention.capacity {
            Capacity::Unbounded => Room::Free,
            Capacity::Refuse(max) | Capacity::EvictOldest(max) if held < max => Room::Free,
            Capacity::Refuse(_) => Room::Full,
            Capacity::EvictOldest(_) => {
                let over = self.held().filter_map(|(index, record)| Some((self.over_since(record)?, index)));
                let finished = self.held().filter(|(_, record)| record.state.is_terminal());
                let finished = finished.map(|(index, record)| (record.since.unwrap_or(u64::MAX), index));
                oldest(over.collect()).or_else(|| oldest(finished.collect())).map_or(Room::Full, Room::Evict)
            }
        }
    }

    /// Takes a record away, whatever it is. Returns whether it was there.
    pub fn remove(&mut self, index: usize) -> bool {
        !std::mem::replace(&mut self.records[index].gone, true)
    }

    /// Whether a record is but the memory of one.
    #[must_use]
    pub fn is_tombstone(&self, index: usize) -> bool {
        self.records[index].entombed.is_some()
    }

    /// An upload begins; there is room. Returns its index.
    pub fn begin(&mut self, key: u32) -> usize {
        if self.promise.address == Address::Key
            && let Some(replaced) = self.named(key)
        {
            self.remove(replaced);
        }
        let (created, since) = (self.clock, Some(self.clock));
        let record = Record {
            key,
            state: State::Processing,
            detail: 0,
            created,
            since,
            acknowledged: false,
            entombed: None,
            gone: false,
        };
        self.records.push(record);
        self.records.len() - 1
    }

    /// The work of an upload ends. Returns whether it was running.
    pub fn end(&mut self, index: usize, state: State, detail: u32) -> bool {
        let record = &self.records[index];
        let running = record.state == State::Processing && record.entombed.is_none() && !record.gone;
        if !running || self.logically_over(record) {
            return false;
        }
        let since = self.promise.since(record.created, self.clock);
        let record = &mut self.records[index];
        (record.state, record.detail, record.since) = (state, detail, since);
        true
    }

    /// What a poll of an upload is answered.
    pub fn read(&mut self, index: usize) -> Status<u32> {
        let record = &self.records[index];
        if record.gone {
            return Status::Unknown;
        }
        let entombed = match record.entombed {
            Some(since) => Some(since),
            None if self.logically_over(record) => self.deadline(record),
            None => None,
        };
        if let Some(since) = entombed {
            let forgotten = self.promise.retention.expiry == Expiry::Logical && self.served(since);
            return if forgotten { Status::Unknown } else { Status::Expired(record.state) };
        }
        let status = match record.state {
            State::Processing => Status::Processing,
            State::Ready => Status::Ready(record.detail),
            State::Failed => Status::Failed(record.detail),
            State::Interrupted => Status::Interrupted,
        };
        if self.promise.retention.age == AgeBasis::LastAccess && record.state.is_terminal() {
            self.records[index].since = Some(self.clock);
        }
        status
    }

    /// What a poll by key is answered.
    pub fn read_key(&mut self, key: u32) -> Status<u32> {
        self.named(key).map_or(Status::Unknown, |index| self.read(index))
    }

    /// The latest upload under a key, if the key names one.
    #[must_use]
    pub fn named(&self, key: u32) -> Option<usize> {
        let latest = self.records.iter().rposition(|record| record.key == key)?;
        (!self.records[latest].gone).then_some(latest)
    }

    /// The record that the client of an upload finds.
    #[must_use]
    pub fn found_by(&self, index: usize) -> usize {
        match self.promise.address {
            Address::Upload => index,
            Address::Key => self.named(self.records[index].key).unwrap_or(index),
        }
    }

    /// The client of an upload has its answer. Returns whether that counted.
    pub fn acknowledge(&mut self, index: usize) -> bool {
        let record = &self.records[index];
        let counts = record.state.is_terminal()
            && record.entombed.is_none()
            && !record.gone
            && !record.acknowledged
            && !self.logically_over(record);
        if counts {
            let renews = matches!(self.promise.retention.age, AgeBasis::Acknowledged | AgeBasis::LastWrite);
            let clock = self.clock;
            let record = &mut self.records[index];
            record.acknowledged = true;
            if renews {
                record.since = Some(clock);
            }
        }
        counts
    }

    /// Gives back what is due.
    pub fn sweep(&mut self) {
        for index in 0..self.records.len() {
            let record = &self.records[index];
            if record.gone {
                continue;
            }
            let entombed = match record.entombed {
                Some(since) => Some(since),
                None if self.is_due(record) && self.promise.is_logical() => self.deadline(record),
                None if self.is_due(record) => Some(self.clock),
                None => None,
            };
            let gone = entombed.is_some_and(|since| self.served(since));
            let record = &mut self.records[index];
            (record.entombed, record.gone) = (entombed, gone);
        }
    }

    /// All that are due and not swept yet.
    #[must_use]
    pub fn due(&self) -> Vec<Due> {
        let due = self.held().filter(|(_, record)| record.entombed.is_none() && self.is_due(record));
        due.filter_map(|(index, record)| Some((index, record.state, self.deadline(record)?))).collect()
    }

    /// When a sweep will next have something to take.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let next = |record: &Record| match (record.entombed, self.promise.retention.tombstone_ns) {
            (Some(since), Some(limit)) => Some(since + limit),
            (Some(_), None) => unreachable!("without a time there is no tombstone"),
            (None, _) => self.deadline(record),
        };
        self.held().filter_map(|(_, record)| next(record)).min()
    }

    /// How many records are held, per state.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, record) in self.held() {
            *match (record.entombed, record.state) {
                (Some(_), _) => &mut counts.tombstones,
                (None, State::Processing) => &mut counts.processing,
                (None, State::Ready) => &mut counts.ready,
                (None, State::Failed) => &mut counts.failed,
                (None, State::Interrupted) => &mut counts.interrupted,
            } += 1;
        }
        counts
    }
}
