//! The record of an upload that dashmap, moka and Redis keep, and all that is decided on it: what ends, what is answered, what
//! is over. A store makes each of these calls alone with the record.

use super::{Entry, finite};
use crate::registry::{AgeBasis, Expiry, Outcome, Retention, State, Status};

/// An upload. Redis keeps it as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "redis", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Record {
    pub(super) key: String,
    #[cfg_attr(feature = "redis", serde(with = "state_by_name"))]
    pub(super) state: State,
    pub(super) detail: Option<String>,
    pub(super) begun_ns: u64,
    pub(super) acknowledged: bool,
    /// From when it is over; `None`: never, or not yet known.
    pub(super) deadline_ns: Option<u64>,
    /// From when it is forgotten; `None` likewise.
    pub(super) forget_ns: Option<u64>,
}

impl Record {
    /// An upload begins.
    pub(super) fn begin(key: &str, now_ns: u64, retention: &Retention) -> Record {
        let mut record = Record {
            key: key.to_owned(),
            state: State::Processing,
            detail: None,
            begun_ns: now_ns,
            acknowledged: false,
            deadline_ns: None,
            forget_ns: None,
        };
        record.count_from(Some(now_ns), retention);
        record
    }

    /// Its age counts from a moment, or not yet.
    fn count_from(&mut self, since_ns: Option<u64>, retention: &Retention) {
        let add = |since: Option<u64>, time| since?.checked_add(finite(time)?);
        self.deadline_ns = add(since_ns, retention.time_to_live.of(self.state));
        self.forget_ns = add(self.deadline_ns, Some(retention.tombstone_ns.unwrap_or(0)));
    }

    /// Processing → another state. Whether that was taken.
    #[must_use]
    pub(super) fn end(&mut self, state: State, detail: Option<String>, now_ns: u64, retention: &Retention) -> bool {
        if self.state.is_terminal() || self.is_over(now_ns, retention) {
            return false;
        }
        (self.state, self.detail) = (state, detail);
        let since_ns = match retention.age {
            AgeBasis::Created => Some(self.begun_ns),
            AgeBasis::Finished | AgeBasis::LastWrite | AgeBasis::LastAccess => Some(now_ns),
            AgeBasis::Acknowledged => None,
        };
        self.count_from(since_ns, retention);
        true
    }

    /// What a poll is answered.
    pub(super) fn status(&self, now_ns: u64, retention: &Retention) -> Status<String> {
        if self.is_over(now_ns, retention) {
            return if self.is_forgotten(now_ns) { Status::Unknown } else { Status::Expired(self.state) };
        }
        let detail = || self.detail.clone().unwrap_or_default();
        match self.state {
            State::Processing => Status::Processing,
            State::Ready => Status::Ready(detail()),
            State::Failed => Status::Failed(detail()),
            State::Interrupted => Status::Interrupted,
        }
    }

    /// A poll was answered with a status. Whether the age counts from now for it.
    pub(super) fn renew(&mut self, now_ns: u64, retention: &Retention) -> bool {
        let renews = retention.age == AgeBasis::LastAccess && self.state.is_terminal();
        let renews = renews && !self.is_over(now_ns, retention);
        if renews {
            self.count_from(Some(now_ns), retention);
        }
        renews
    }

    /// The client has its answer. Whether that counted.
    #[must_use]
    pub(super) fn acknowledge(&mut self, now_ns: u64, retention: &Retention) -> bool {
        let counts = self.state.is_terminal() && !self.acknowledged && !self.is_over(now_ns, retention);
        if counts {
            self.acknowledged = true;
            if matches!(retention.age, AgeBasis::Acknowledged | AgeBasis::LastWrite) {
                self.count_from(Some(now_ns), retention);
            }
        }
        counts
    }

    /// Whether the clock says that it is over.
    fn is_over(&self, now_ns: u64, retention: &Retention) -> bool {
        retention.expiry == Expiry::Logical && self.deadline_ns.is_some_and(|deadline| deadline <= now_ns)
    }

    /// Whether a sweep takes it.
    pub(super) fn is_forgotten(&self, now_ns: u64) -> bool {
        self.forget_ns.is_some_and(|forget| forget <= now_ns)
    }

    pub(super) fn entry(&self) -> Entry {
        let Record { key, state, begun_ns, deadline_ns, .. } = self.clone();
        Entry { key, state, begun_ns, deadline_ns }
    }
}

/// The state that an outcome leads to, and what came with it.
pub(super) fn into_parts(outcome: Outcome<String>) -> (State, Option<String>) {
    match outcome {
        Outcome::Ready(detail) => (State::Ready, Some(detail)),
        Outcome::Failed(detail) => (State::Failed, Some(detail)),
    }
}

/// States in JSON, by the names that the table of SQLite has.
#[cfg(feature = "redis")]
mod state_by_name {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::registry::State;

    const NAMES: [(State, &str); 4] = [
        (State::Processing, "processing"),
        (State::Ready, "ready"),
        (State::Failed, "failed"),
        (State::Interrupted, "interrupted"),
    ];

    pub(super) fn serialize<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
        NAMES[*state as usize].1.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = NAMES.into_iter().find(|(_, known)| *known == name);
        known.map(|(state, _)| state).ok_or_else(|| de::Error::custom(format_args!("`{name}` is no state")))
    }
}
