//! The stores, and what the harness says of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use stillready::harness::{Address, Level, Store, check};
use stillready::registry::{Full, Outcome, Retention, Status};
use stillready::scenario::Property;

use crate::one_by_one;

pub(crate) const LIFE: Duration = Duration::from_secs(60);

pub(crate) fn retention() -> Retention {
    Retention::finished(LIFE).tombstone(None)
}

/// By id or by key: entries, the upload in each, and since when it has ended.
#[derive(Default)]
pub(crate) struct Small {
    /// Whether a client finds its upload by its key.
    by_key: bool,
    /// Whether a poll compares the deadline.
    compares: bool,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    clock: u64,
    begun: u32,
    all: BTreeMap<u32, Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    generation: u32,
    since: Option<u64>,
    status: Status<u32>,
}

impl Entry {
    fn is_due(&self, now: u64) -> bool {
        self.since.is_some_and(|since| now >= since + LIFE.as_nanos() as u64)
    }
}

impl Small {
    pub(crate) fn new() -> Small {
        Small { compares: true, ..Small::default() }
    }

    pub(crate) fn by_key() -> Small {
        Small { by_key: true, ..Small::new() }
    }

    /// The incident's: what is there is valid.
    pub(crate) fn valid_until_swept() -> Small {
        Small { compares: false, ..Small::new() }
    }

    fn at(&self, now_ns: u64) -> MutexGuard<'_, Entries> {
        let mut entries = self.entries.lock().expect("nobody panics");
        entries.clock = entries.clock.max(now_ns);
        entries
    }
}

impl Store for Small {
    /// Where it is, and which generation.
    type Ticket = (u32, u32);

    fn begin(&self, key: u32, _upload: u32, now_ns: u64) -> Result<(u32, u32), Full> {
        let mut entries = self.at(now_ns);
        entries.begun += 1;
        let generation = entries.begun;
        let place = if self.by_key { key } else { generation };
        entries.all.insert(place, Entry { generation, since: None, status: Status::Processing });
        Ok((place, generation))
    }

    fn finish(&self, &(place, generation): &(u32, u32), outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
        let mut entries = self.at(now_ns);
        let now = entries.clock;
        let entry = entries.all.get_mut(&place).filter(|entry| entry.generation == generation && entry.since.is_none());
        let is_taken = entry.is_some();
        if let Some(entry) = entry {
            entry.since = Some(now);
            entry.status = match outcome {
                Outcome::Ready(upload) => Status::Ready(upload),
                Outcome::Failed(upload) => Status::Failed(upload),
            };
        }
        Some(is_taken)
    }

    fn read(&self, &(place, _): &(u32, u32), now_ns: u64) -> Status<u32> {
        let entries = self.at(now_ns);
        let entry = entries.all.get(&place).filter(|entry| !(self.compares && entry.is_due(entries.clock)));
        entry.map_or(Status::Unknown, |entry| entry.status)
    }

    fn sweep(&self, now_ns: u64) {
        let mut entries = self.at(now_ns);
        let now = entries.clock;
        entries.all.retain(|_, entry| !entry.is_due(now));
    }
}

#[test]
fn a_store_with_four_calls_holds_and_what_it_lacks_is_listed() {
    let report = check("small", Small::new).promise(retention()).run();
    let ran: Vec<Level> = report.rows.iter().map(|row| row.level).collect();
    assert_eq!(ran, [Level::Conformance, Level::Steps, Level::Threads]);
    let lacks = ["read_key", "interrupt", "acknowledge", "clear", "wait", "held", "fingerprint"];
    assert_eq!(report.not_checked, lacks);
    // What depends on a call that is not there has had no occasion: clears, counts of entries, long polls.
    let occasions = |of| report.occasions.iter().find(|(property, _)| *property == of).map(|(_, times)| *times);
    for property in [Property::S8, Property::S9, Property::S10] {
        assert_eq!(occasions(property), Some(0), "{}", property.name());
    }
    for property in [Property::S1, Property::S2, Property::S4, Property::S5, Property::S7, Property::S11, Property::S12]
    {
        assert!(occasions(property) > Some(0), "{}", property.name());
    }
}

#[test]
fn a_store_that_goes_by_key_holds_if_that_is_what_it_promises() {
    let by_key = || check("by key", Small::by_key).promise(retention());
    assert!(one_by_one(by_key().address(Address::Key)).failure.is_none());
    let failure = one_by_one(by_key()).failure.expect("a client's upload is replaced by another's");
    assert_eq!(failure.program.to_string(), "b1.0,b2.0,f1/-", "{failure}");
}

#[test]
fn a_promise_that_is_kept_until_swept_is_another_promise() {
    use stillready::registry::Expiry::Physical;
    let incident = || check("the incident's", Small::valid_until_swept);
    let physical = retention().expiry(Physical);
    assert!(one_by_one(incident().promise(physical)).failure.is_none());
    let failure = one_by_one(incident().promise(retention())).failure.expect("its answers depend on the sweep");
    assert_eq!(failure.fault.property().map(Property::name), Some("S11"), "{failure}");
    // And a store that compares breaks a promise to keep what no sweep took.
    assert!(one_by_one(check("small", Small::new).promise(physical)).failure.is_some());
}

#[test]
fn the_promised_time_is_asked_to_the_nanosecond() {
    for by in [-1, 1] {
        let life = Duration::from_nanos((LIFE.as_nanos() as u64).wrapping_add_signed(by));
        let promise = Retention::finished(life).tombstone(None);
        assert!(one_by_one(check("small", Small::new).promise(promise)).failure.is_some(), "{by} ns");
    }
}
