//! What the plain store keeps under its lock, and what its mutants get at: entries by number, which are never reused.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::task::Waker;

use stillready::registry::{AgeBasis, Capacity, Expiry, Retention, State, Status};

/// An upload.
#[derive(Clone, Hash)]
pub(crate) struct Entry {
    pub(crate) key: u32,
    pub(crate) upload: u32,
    pub(crate) state: State,
    pub(crate) begun: u64,
    /// From when its age counts; `None` as long as that is not known.
    pub(crate) since: Option<u64>,
    pub(crate) acknowledged: bool,
    /// From when it is but a tombstone.
    pub(crate) buried: Option<u64>,
}

pub(crate) struct Book {
    pub(crate) retention: Retention,
    /// The latest time that anybody passed.
    pub(crate) clock: u64,
    next: u32,
    pub(crate) entries: BTreeMap<u32, Entry>,
    /// The latest entry under each key.
    pub(crate) latest: BTreeMap<u32, u32>,
    pub(crate) waiting: BTreeMap<u32, Vec<Waker>>,
}

impl Book {
    pub(crate) fn new(retention: Retention) -> Book {
        let (entries, latest, waiting) = Default::default();
        Book { retention, clock: 0, next: 0, entries, latest, waiting }
    }

    pub(crate) fn advance(&mut self, now: u64) -> u64 {
        self.clock = self.clock.max(now);
        self.clock
    }

    /// When an entry falls due, if it ever does.
    pub(crate) fn deadline(&self, entry: &Entry) -> Option<u64> {
        let limit = self.retention.time_to_live.of(entry.state)?;
        entry.since?.checked_add(limit)
    }

    pub(crate) fn is_due(&self, entry: &Entry, now: u64) -> bool {
        self.deadline(entry).is_some_and(|deadline| now >= deadline)
    }

    /// Since when an entry has been over, if it is.
    fn over_since(&self, entry: &Entry, now: u64) -> Option<u64> {
        let by_clock = || {
            let logical = self.retention.expiry == Expiry::Logical;
            self.deadline(entry).filter(|&deadline| logical && now >= deadline)
        };
        entry.buried.or_else(by_clock)
    }

    fn is_forgotten(&self, since: u64, now: u64) -> bool {
        self.retention.tombstone_ns.is_none_or(|time| now.saturating_sub(since) >= time)
    }

    /// Makes room for one more. Whether there is.
    pub(crate) fn make_room(&mut self, now: u64) -> bool {
        self.make_room_by(now, |number| number)
    }

    /// The same; of several that are equally old, the one goes that ranks lowest.
    pub(crate) fn make_room_by<R: Ord>(&mut self, now: u64, rank: impl Fn(u32) -> R) -> bool {
        let max = match self.retention.capacity {
            Capacity::Unbounded => return true,
            Capacity::Refuse(max) => return self.entries.len() < max,
            Capacity::EvictOldest(max) => max,
        };
        if self.entries.len() < max {
            return true;
        }
        let over = |number: &u32| self.over_since(&self.entries[number], now);
        let over = self.entries.keys().filter_map(|number| Some((over(number)?, *number)));
        let ended = self.entries.iter().filter(|(_, entry)| entry.state.is_terminal());
        let ended = ended.map(|(&number, entry)| (entry.since.unwrap_or(u64::MAX), number));
        let age = |&(since, number): &(u64, u32)| (since, rank(number));
        let Some((_, victim)) = over.min_by_key(age).or_else(|| ended.min_by_key(age)) else { return false };
        self.remove(victim);
        true
    }

    pub(crate) fn begin(&mut self, key: u32, upload: u32, now: u64) -> u32 {
        let number = self.next;
        self.next += 1;
        let state = State::Processing;
        let entry = Entry { key, upload, state, begun: now, since: Some(now), acknowledged: false, buried: None };
        self.entries.insert(number, entry);
        self.latest.insert(key, number);
        number
    }

    /// From when the age of an entry counts that ends now.
    pub(crate) fn age_from(&self, begun: u64, now: u64) -> Option<u64> {
        match self.retention.age {
            AgeBasis::Created => Some(begun),
            AgeBasis::Acknowledged => None,
            _ => Some(now),
        }
    }

    pub(crate) fn end(&mut self, number: u32, state: State, now: u64) -> bool {
        let Some(entry) = self.entries.get(&number) else { return false };
        if entry.state != State::Processing || self.over_since(entry, now).is_some() {
            return false;
        }
        let since = self.age_from(entry.begun, now);
        let entry = self.entries.get_mut(&number).expect("it was there a moment ago");
        (entry.state, entry.since) = (state, since);
        self.wake(number);
        true
    }

    pub(crate) fn wake(&mut self, number: u32) {
        self.waiting.remove(&number).into_iter().flatten().for_each(Waker::wake);
    }

    /// What an entry says, and whether it is a read of a finished upload.
    pub(crate) fn status(&self, number: u32, now: u64) -> Status<u32> {
        let Some(entry) = self.entries.get(&number) else { return Status::Unknown };
        if let Some(since) = self.over_since(entry, now) {
            let forgotten = self.retention.expiry == Expiry::Logical && self.is_forgotten(since, now);
            return if forgotten { Status::Unknown } else { Status::Expired(entry.state) };
        }
        match entry.state {
            State::Processing => Status::Processing,
            State::Ready => Status::Ready(entry.upload),
            State::Failed => Status::Failed(entry.upload),
            State::Interrupted => Status::Interrupted,
        }
    }

    pub(crate) fn read(&mut self, number: u32, now: u64) -> Status<u32> {
        let status = self.status(number, now);
        let ended = matches!(status, Status::Ready(_) | Status::Failed(_) | Status::Interrupted);
        if ended
            && self.retention.age == AgeBasis::LastAccess
            && let Some(entry) = self.entries.get_mut(&number)
        {
            entry.since = Some(now);
        }
        status
    }

    pub(crate) fn acknowledge(&mut self, number: u32, now: u64) -> bool {
        let Some(entry) = self.entries.get(&number) else { return false };
        let counts = entry.state.is_terminal() && !entry.acknowledged && self.over_since(entry, now).is_none();
        if counts {
            self.note_acknowledgement(number, now);
        }
        counts
    }

    pub(crate) fn note_acknowledgement(&mut self, number: u32, now: u64) {
        let renews = matches!(self.retention.age, AgeBasis::Acknowledged | AgeBasis::LastWrite);
        let Some(entry) = self.entries.get_mut(&number) else { return };
        entry.acknowledged = true;
        if renews {
            entry.since = Some(now);
        }
    }

    /// Takes an entry away, and its key if that names it. Whether it was there.
    pub(crate) fn remove(&mut self, number: u32) -> bool {
        let Some(entry) = self.entries.remove(&number) else { return false };
        if self.latest.get(&entry.key) == Some(&number) {
            self.latest.remove(&entry.key);
        }
        self.wake(number);
        true
    }

    /// The numbers of what a sweep has to take.
    pub(crate) fn due(&self, now: u64) -> Vec<u32> {
        let due = |entry: &Entry| match entry.buried {
            Some(since) => self.is_forgotten(since, now),
            None => self.is_due(entry, now),
        };
        self.entries.iter().filter(|(_, entry)| due(entry)).map(|(&number, _)| number).collect()
    }

    /// Gives back an entry that is due, or makes it a tombstone.
    pub(crate) fn expire(&mut self, number: u32, now: u64) {
        let Some(entry) = self.entries.get(&number) else { return };
        let since = match self.retention.expiry {
            Expiry::Logical => self.deadline(entry).unwrap_or(now),
            Expiry::Physical => now,
        };
        let since = entry.buried.unwrap_or(since);
        if self.is_forgotten(since, now) {
            self.remove(number);
        } else if let Some(entry) = self.entries.get_mut(&number) {
            entry.buried = Some(since);
            self.wake(number);
        }
    }

    /// A hash of all that decides what it will answer.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let waiting: Vec<_> = self.waiting.iter().map(|(number, wakers)| (number, wakers.len())).collect();
        (self.clock, self.next, &self.entries, &self.latest, waiting).hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn sweep(&mut self, now: u64) {
        for number in self.due(now) {
            self.expire(number, now);
        }
    }
}
