//! The registry against a model that is too simple to be wrong: a list of records, searched from end to end.

use std::time::Duration;

use proptest::prelude::*;
use stillready::registry::{
    AgeBasis, Capacity, Expiry, Outcome, Registry, Retention, State, Status, Ticket, TimeToLive, UploadId,
};

#[derive(Clone, Debug)]
enum Step {
    Begin(u8),
    Finish {
        nth: usize,
        well: bool,
    },
    Drop {
        nth: usize,
    },
    Read {
        nth: usize,
    },
    ReadKey(u8),
    Acknowledge {
        nth: usize,
    },
    Clear {
        nth: usize,
    },
    Sweep,
    SweepSome(usize),
    /// Time passes; or, now and then, a caller's clock is behind.
    Wait(i64),
}

struct Record {
    key: u8,
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

/// The whole of the registry's promise, by linear search.
struct Reference {
    retention: Retention,
    clock: u64,
    records: Vec<Record>,
}

impl Reference {
    fn deadline(&self, record: &Record) -> Option<u64> {
        Some(record.since?.saturating_add(self.retention.time_to_live.of(record.state)?))
    }

    fn is_due(&self, record: &Record) -> bool {
        let limit = self.retention.time_to_live.of(record.state);
        limit.zip(record.since).is_some_and(|(limit, since)| self.clock.saturating_sub(since) >= limit)
    }

    fn served(&self, since: u64) -> bool {
        self.retention.tombstone_ns.is_none_or(|limit| self.clock.saturating_sub(since) >= limit)
    }

    fn logically_over(&self, record: &Record) -> bool {
        self.retention.expiry == Expiry::Logical && self.is_due(record)
    }

    fn begin(&mut self, key: u8) -> usize {
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

    fn end(&mut self, index: usize, state: State, detail: u32) -> bool {
        let record = &self.records[index];
        let running = record.state == State::Processing && record.entombed.is_none() && !record.gone;
        if !running || self.logically_over(record) {
            return false;
        }
        let since = match self.retention.age {
            AgeBasis::Created => Some(record.created),
            AgeBasis::Acknowledged => None,
            _ => Some(self.clock),
        };
        let record = &mut self.records[index];
        (record.state, record.detail, record.since) = (state, detail, since);
        true
    }

    fn read(&mut self, index: usize) -> Status<u32> {
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
            let forgotten = self.retention.expiry == Expiry::Logical && self.served(since);
            return if forgotten { Status::Unknown } else { Status::Expired(record.state) };
        }
        let status = match record.state {
            State::Processing => Status::Processing,
            State::Ready => Status::Ready(record.detail),
            State::Failed => Status::Failed(record.detail),
            State::Interrupted => Status::Interrupted,
        };
        if self.retention.age == AgeBasis::LastAccess && record.state.is_terminal() {
            self.records[index].since = Some(self.clock);
        }
        status
    }

    /// The latest upload under a key, if the key names one.
    fn named(&self, key: u8) -> Option<usize> {
        let latest = self.records.iter().rposition(|record| record.key == key)?;
        (!self.records[latest].gone).then_some(latest)
    }

    fn acknowledge(&mut self, index: usize) -> bool {
        let record = &self.records[index];
        let counts = record.state.is_terminal()
            && record.entombed.is_none()
            && !record.gone
            && !record.acknowledged
            && !self.logically_over(record);
        if counts {
            let renews = matches!(self.retention.age, AgeBasis::Acknowledged | AgeBasis::LastWrite);
            let clock = self.clock;
            let record = &mut self.records[index];
            record.acknowledged = true;
            if renews {
                record.since = Some(clock);
            }
        }
        counts
    }

    fn sweep(&mut self) {
        for index in 0..self.records.len() {
            let record = &self.records[index];
            if record.gone {
                continue;
            }
            let entombed = match record.entombed {
                Some(since) => Some(since),
                None if self.is_due(record) && self.retention.expiry == Expiry::Logical => self.deadline(record),
                None if self.is_due(record) => Some(self.clock),
                None => None,
            };
            let gone = entombed.is_some_and(|since| self.served(since));
            let record = &mut self.records[index];
            (record.entombed, record.gone) = (entombed, gone);
        }
    }

    fn held(&self) -> usize {
        self.records.iter().filter(|record| !record.gone).count()
    }
}

fn retentions() -> impl Strategy<Value = Retention> {
    let life = || prop::option::weighted(0.8, 0u64..60);
    let ages = prop::sample::select(vec![
        AgeBasis::Created,
        AgeBasis::Finished,
        AgeBasis::LastWrite,
        AgeBasis::LastAccess,
        AgeBasis::Acknowledged,
    ]);
    let expiries = prop::sample::select(vec![Expiry::Logical, Expiry::Physical]);
    let lives = (prop::option::weighted(0.3, 0u64..60), life(), life(), life());
    (lives, ages, expiries, prop::option::of(0u64..60)).prop_map(|(lives, age, expiry, tombstone_ns)| {
        let (processing_ns, ready_ns, failed_ns, interrupted_ns) = lives;
        let time_to_live = TimeToLive { processing_ns, ready_ns, failed_ns, interrupted_ns };
        Retention { time_to_live, age, expiry, tombstone_ns, capacity: Capacity::Unbounded }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let nth = || 0usize..8;
    let step = prop_oneof![
        4 => (0u8..4).prop_map(Step::Begin),
        4 => (nth(), any::<bool>()).prop_map(|(nth, well)| Step::Finish { nth, well }),
        1 => nth().prop_map(|nth| Step::Drop { nth }),
        4 => nth().prop_map(|nth| Step::Read { nth }),
        2 => (0u8..4).prop_map(Step::ReadKey),
        2 => nth().prop_map(|nth| Step::Acknowledge { nth }),
        1 => nth().prop_map(|nth| Step::Clear { nth }),
        2 => Just(Step::Sweep),
        1 => (0usize..3).prop_map(Step::SweepSome),
        4 => (-5i64..40).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_the_reference(retention in retentions(), shards in 1usize..4, steps in steps()) {
        let registry: Registry<u8, u32> =
            Registry::with_shards_and_hasher(retention, shards, std::hash::RandomState::new());
        let mut reference = Reference { retention, clock: 0, records: Vec::new() };
        let mut tickets: Vec<(usize, Ticket<u8, u32>)> = Vec::new();
        let mut ids: Vec<UploadId> = Vec::new();
        let mut now = 0u64;
        for step in steps {
            // The parts of a registry have clocks of their own; here all are told the time.
            if let Step::Wait(by) = step {
                now = now.saturating_add_signed(by);
                registry.for_each_due(now, |_| ());
                reference.clock = reference.clock.max(now);
                continue;
            }
            // The latest `nth` uploads are the interesting ones.
            let pick = |nth: usize, len: usize| len.checked_sub(1 + nth);
            match step {
                Step::Begin(key) => {
                    let ticket = registry.begin(key, now).expect("there is no capacity");
                    ids.push(ticket.id());
                    tickets.push((reference.begin(key), ticket));
                }
                Step::Finish { nth, well } => {
                    let Some(place) = pick(nth, tickets.len()) else { continue };
                    let (index, ticket) = tickets.remove(place);
                    let detail = index as u32;
                    let outcome = if well { Outcome::Ready(detail) } else { Outcome::Failed(detail) };
                    let state = if well { State::Ready } else { State::Failed };
                    prop_assert_eq!(ticket.finish(outcome, now).is_ok(), reference.end(index, state, detail));
                }
                Step::Drop { nth } => {
                    let Some(place) = pick(nth, tickets.len()) else { continue };
                    let (index, ticket) = tickets.remove(place);
                    drop(ticket);
                    reference.end(index, State::Interrupted, 0);
                }
                Step::Read { nth } => {
                    let Some(index) = pick(nth, ids.len()) else { continue };
                    prop_assert_eq!(registry.read(ids[index], now), reference.read(index));
                }
                Step::ReadKey(key) => {
                    let expected = reference.named(key).map_or(Status::Unknown, |index| reference.read(index));
                    prop_assert_eq!(registry.read_key(&key, now), expected);
                }
                Step::Acknowledge { nth } => {
                    let Some(index) = pick(nth, ids.len()) else { continue };
                    prop_assert_eq!(registry.acknowledge(ids[index], now), reference.acknowledge(index));
                }
                Step::Clear { nth } => {
                    let Some(index) = pick(nth, ids.len()) else { continue };
                    let was_there = !std::mem::replace(&mut reference.records[index].gone, true);
                    prop_assert_eq!(registry.clear(ids[index]), was_there);
                }
                Step::Sweep => {
                    registry.sweep(now);
                    reference.sweep();
                    prop_assert_eq!(registry.counts().total(), reference.held());
                }
                Step::SweepSome(max) => {
                    // In small steps, until nothing is left: the same as all at once.
                    prop_assert!(registry.sweep_some(now, max).taken() <= max);
                    while registry.sweep_some(now, 1).more {}
                    reference.sweep();
                    prop_assert_eq!(registry.counts().total(), reference.held());
                }
                Step::Wait(_) => unreachable!("handled above"),
            }
        }
        for (index, id) in ids.iter().enumerate() {
            prop_assert_eq!(registry.read(*id, now), reference.read(index));
        }
    }
}

#[test]
fn durations_beyond_the_end_of_time_are_the_end_of_time() {
    assert_eq!(Retention::finished(Duration::MAX).time_to_live.ready_ns, Some(u64::MAX));
}
