//! The incident's dictionary: two maps keyed by file name, one lock, a sweep of what is due.
//!
//! As in the Flask application, `status` and `timestamps` are separate, `begin` and `finish` write both under the lock,
//! nothing tells one upload of a name from the next, and whoever writes last is right. Units are correct here: the age
//! compared with the time to live is an age. The application's sweep looks at every entry; this one finds the same entries
//! through an index, and the engine counts what a scan would have visited.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, End, Gone, Refused, StatusStore};
use crate::registry::{AgeBasis, Expiry, Retention, State};
use crate::sync::{Mutex, MutexGuard, PoisonError};
use crate::time::SimTime;

/// The incident's dictionary. Of a [`Retention`] it knows the time to live, the ages `Created`, `Finished` and `LastWrite`,
/// and the expiry; it keeps no tombstones and is never full.
pub struct Dict {
    maps: Mutex<Maps>,
}

struct Maps {
    retention: Retention,
    /// What each name's last writer said, and which upload that was.
    status: BTreeMap<u32, (State, u32)>,
    timestamps: BTreeMap<u32, SimTime>,
    /// When each entry falls due, for those that do.
    deadlines: BTreeSet<(SimTime, u32)>,
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
    pub fn new(retention: Retention) -> Self {
        let (status, timestamps, deadlines) = Default::default();
        Dict { maps: Mutex::new(Maps { retention, status, timestamps, deadlines }) }
    }

    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    /// When an entry falls due; `None` if it never does, or is not there.
    fn deadline(&self, key: u32) -> Option<SimTime> {
        let &(state, _) = self.status.get(&key)?;
        let written = self.timestamps.get(&key).copied().unwrap_or_default();
        self.retention.time_to_live.of(state).map(|limit_ns| written.after(limit_ns))
    }

    /// Writes to both maps; a timestamp of `None` leaves the one that is there.
    fn write(&mut self, key: u32, state: State, upload: u32, timestamp: Option<SimTime>) {
        self.forget_deadline(key);
        self.status.insert(key, (state, upload));
        if let Some(timestamp) = timestamp {
            self.timestamps.insert(key, timestamp);
        }
        self.deadlines.extend(self.deadline(key).map(|due| (due, key)));
    }

    fn forget_deadline(&mut self, key: u32) {
        if let Some(due) = self.deadline(key) {
            self.deadlines.remove(&(due, key));
        }
    }

    fn remove(&mut self, key: u32) -> Option<State> {
        self.forget_deadline(key);
        self.timestamps.remove(&key);
        self.status.remove(&key).map(|(state, _)| state)
    }

    fn due(&self, now: SimTime) -> impl Iterator<Item = Gone> + '_ {
        let due = self.deadlines.range(..=(now, u32::MAX));
        due.map(|&(due, key)| Gone { key, state: self.status[&key].0, due: Some(due) })
    }
}

impl StatusStore for Dict {
    type Ticket = DictTicket;
    type Id = u32;

    fn begin(&self, key: u32, upload: u32, now: SimTime, gone: &mut Vec<Gone>) -> Result<(DictTicket, u32), Refused> {
        let mut maps = self.lock();
        if let Some(&(state, _)) = maps.status.get(&key) {
            let due = maps.deadline(key).filter(|&due| due <= now);
            gone.push(Gone { key, state, due });
        }
        maps.write(key, State::Processing, upload, Some(now));
        Ok((DictTicket { key, upload }, key))
    }

    fn finish(&self, DictTicket { key, upload }: DictTicket, end: End, now: SimTime) -> bool {
        let state = match end {
            End::Ready => State::Ready,
            End::Error => State::Failed,
        };
        let mut maps = self.lock();
        let keeps = maps.retention.age == AgeBasis::Created && maps.timestamps.contains_key(&key);
        maps.write(key, state, upload, (!keeps).then_some(now));
        true
    }

    fn read(&self, key: u32, now: SimTime) -> Answer {
        let maps = self.lock();
        let Some(&(state, upload)) = maps.status.get(&key) else { return Answer::NotFound };
        if maps.retention.expiry == Expiry::Logical && maps.deadline(key).is_some_and(|due| due <= now) {
            return Answer::NotFound;
        }
        match state {
            State::Processing => Answer::Processing,
            State::Ready => Answer::Ready { upload },
            State::Failed => Answer::Error,
            State::Interrupted => Answer::Interrupted,
        }
    }

    fn read_key(&self, key: u32, now: SimTime) -> Answer {
        self.read(key, now)
    }

    /// The dictionary cannot note it.
    fn acknowledge(&self, _: u32, _: SimTime) {}

    /// The dictionary cannot note it.
    fn acknowledge_key(&self, _: u32, _: SimTime) {}

    fn sweep(&self, now: SimTime, gone: &mut Vec<Gone>) {
        let mut maps = self.lock();
        let first = gone.len();
        gone.extend(maps.due(now));
        for entry in &gone[first..] {
            maps.remove(entry.key);
        }
    }

    fn clear(&self, key: u32) -> bool {
        self.lock().remove(key).is_some()
    }

    fn held(&self) -> u64 {
        self.lock().status.len() as u64
    }

    fn due(&self, now: SimTime, found: &mut Vec<Gone>) {
        found.extend(self.lock().due(now));
    }

    fn next_due(&self) -> Option<SimTime> {
        self.lock().deadlines.first().map(|&(due, _)| due)
    }
}
