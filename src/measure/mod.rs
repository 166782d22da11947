//! Measurements: what the reports count. Integers until the very end, so that merging is exact and its order no matter.

mod absences;
pub mod evidence;
mod facts;
pub mod interval;
mod over_time;
mod pairs;
pub mod smoothed;
mod told;

use hdrhistogram::Histogram;

pub use absences::{Absences, Bin};
pub use facts::{Fact, Facts};
pub use over_time::{OverTime, Part};
pub use pairs::{Cells, Group, Pairs};
pub use told::{Last, Step, Told};

use crate::store::Gone;
use crate::time::SimTime;
use crate::trace::{Event, Observer};

/// Everything counted about one policy, in one replication or several.
#[derive(Clone)]
pub struct Tally {
    /// Polls answered.
    pub polls: u64,
    /// Sweeps run.
    pub sweeps: u64,
    /// Entries that a scan of everything at each sweep would have visited.
    pub entries_scanned: u64,
    /// Entries that sweeps removed.
    pub entries_removed: u64,
    /// The most entries that one sweep would have visited.
    pub sweep_scan_max: u64,
    /// Entries held, all stores together, within the span.
    pub live: OverTime,
    /// Entries due and still there, all stores together, within the span.
    pub overdue: OverTime,
    /// The longest time that an entry was due and still there, in nanoseconds, within the span.
    pub overdue_ns_max: u64,
    /// From the first arrival to the last, in nanoseconds; over several replications, their sum.
    pub span_ns: u128,
    /// From success to the response that told of it, in nanoseconds.
    pub ready_to_seen: Histogram<u64>,
    /// The longest of these.
    pub ready_to_seen_ns_max: Option<u64>,
    /// What clients were told in the end, by the time since their uploads.
    pub told: Told,
    /// Who of those that were away was hurt.
    pub absences: Absences,
    /// How many uploads ended with each set of facts.
    sets: Vec<u64>,
    /// While running: what each store holds, and since when that is so; nothing before and after the span.
    now: Option<Held>,
}

#[derive(Clone)]
struct Held {
    stores: Vec<u64>,
    total: u64,
    since: SimTime,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            polls: 0,
            sweeps: 0,
            entries_scanned: 0,
            entries_removed: 0,
            sweep_scan_max: 0,
            live: OverTime::default(),
            overdue: OverTime::default(),
            overdue_ns_max: 0,
            span_ns: 0,
            ready_to_seen: Histogram::new(3).expect("three significant digits are allowed"),
            ready_to_seen_ns_max: None,
            told: Told::default(),
            absences: Absences::default(),
            sets: vec![0; Facts::SETS],
            now: None,
        }
    }
}

impl Tally {
    /// Uploads counted.
    #[must_use]
    pub fn uploads(&self) -> u64 {
        self.sets.iter().sum()
    }

    /// Uploads of which a fact is true.
    #[must_use]
    pub fn count(&self, fact: Fact) -> u64 {
        self.count_where(|facts| facts.contains(fact))
    }

    /// Uploads whose facts are as asked for.
    pub fn count_where(&self, wanted: impl Fn(Facts) -> bool) -> u64 {
        let sets = self.sets.iter().enumerate();
        sets.filter(|&(index, &count)| count > 0 && wanted(Facts::from_index(index))).map(|(_, count)| count).sum()
    }

    /// Entries held on average over the span; `None` if the span is empty.
    #[must_use]
    pub fn live_mean(&self) -> Option<f64> {
        self.mean(&self.live)
    }

    /// Overdue entries on average over the span; `None` if the span is empty.
    #[must_use]
    pub fn overdue_mean(&self) -> Option<f64> {
        self.mean(&self.overdue)
    }

    /// From when on, in nanoseconds since the first arrival, so many entries are held as go on being held; `None` if the span is too
    /// short to tell.
    #[must_use]
    pub fn stationary_from_ns(&self) -> Option<u64> {
        self.live.stationary_from_ns()
    }

    /// Entries held on average from then on.
    #[must_use]
    pub fn live_stationary_mean(&self) -> Option<f64> {
        self.live.mean_from(self.stationary_from_ns()?)
    }

    /// Overdue entries on average from then on.
    #[must_use]
    pub fn overdue_stationary_mean(&self) -> Option<f64> {
        self.overdue.mean_from(self.stationary_from_ns()?)
    }

    fn mean(&self, count: &OverTime) -> Option<f64> {
        (self.span_ns > 0).then(|| count.area_ns() as f64 / self.span_ns as f64)
    }

    /// A quantile of the time from success to the response that told of it, in nanoseconds, to three significant digits;
    /// `None` if nobody was told.
    #[must_use]
    pub fn ready_to_seen_ns(&self, quantile: f64) -> Option<u64> {
        let longest = self.ready_to_seen_ns_max?;
        Some(self.ready_to_seen.value_at_quantile(quantile).min(longest))
    }

    /// Adds what another replication counted.
    pub fn merge(&mut self, other: &Tally) {
        self.polls += other.polls;
        self.sweeps += other.sweeps;
        self.entries_scanned += other.entries_scanned;
        self.entries_removed += other.entries_removed;
        self.sweep_scan_max = self.sweep_scan_max.max(other.sweep_scan_max);
        self.live.merge(&other.live);
        self.overdue.merge(&other.overdue);
        self.overdue_ns_max = self.overdue_ns_max.max(other.overdue_ns_max);
        self.span_ns += other.span_ns;
        self.ready_to_seen.add(&other.ready_to_seen).expect("a histogram that resizes itself takes any other");
        self.ready_to_seen_ns_max = self.ready_to_seen_ns_max.max(other.ready_to_seen_ns_max);
        self.told.merge(&other.told);
        self.absences.merge(&other.absences);
        for (mine, others) in self.sets.iter_mut().zip(&other.sets) {
            *mine += others;
        }
    }

    /// From now on a store holds so many entries.
    #[inline(always)]
    fn hold(&mut self, at: SimTime, store: u16, held: u64) {
        let Some(now) = &mut self.now else { return };
        let store = usize::from(store);
        if now.stores.len() <= store {
            now.stores.resize(store + 1, 0);
        }
        if now.stores[store] == held {
            return;
        }
        self.live.add(now.total, now.since, at);
        now.since = at;
        now.total = now.total - now.stores[store] + held;
        now.stores[store] = held;
        self.live.max = self.live.max.max(now.total);
    }

    /// Entries leave that may have been due for a while, so many others being due at the moment.
    fn leave(&mut self, at: SimTime, gone: &[Gone], overdue_elsewhere: u64) {
        if self.now.is_none() {
            return;
        }
        let mut overdue = overdue_elsewhere;
        for due in gone.iter().filter_map(|entry| entry.due) {
            let for_ns = at.since(due);
            if for_ns > 0 {
                overdue += 1;
                self.overdue.add(1, due, at);
                self.overdue_ns_max = self.overdue_ns_max.max(for_ns);
            }
        }
        self.overdue.max = self.overdue.max.max(overdue);
    }

    fn note_seen(&mut self, ready_to_seen_ns: u64) {
        // The histogram begins at 1.
        self.ready_to_seen.record(ready_to_seen_ns.max(1)).expect("a histogram that resizes itself takes any value");
        self.ready_to_seen_ns_max = self.ready_to_seen_ns_max.max(Some(ready_to_seen_ns));
    }
}

impl Observer for Tally {
    // Each caller passes one kind of event: inlined, all other arms are gone.
    #[inline(always)]
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        match event {
            Event::Read { .. } => self.polls += 1,
            Event::Swept { store, held_before, held, gone, overdue_elsewhere, .. } => {
                self.sweeps += 1;
                self.entries_scanned += held_before;
                self.sweep_scan_max = self.sweep_scan_max.max(held_before);
                if held != held_before || !gone.is_empty() {
                    self.entries_removed += gone.len() as u64;
                    self.leave(at, gone, overdue_elsewhere);
                    self.hold(at, store, held);
                }
            }
            Event::Began { store, held, gone, overdue_elsewhere, .. } => {
                if !gone.is_empty() {
                    self.leave(at, gone, overdue_elsewhere);
                }
                self.hold(at, store, held);
            }
            Event::Finished { store, held, .. } | Event::Published { store, held, .. } => self.hold(at, store, held),
            Event::Cleared { store, held, gone, overdue_elsewhere, .. }
            | Event::Replaced { store, held: Some(held), gone, overdue_elsewhere, .. } => {
                self.leave(at, gone, overdue_elsewhere);
                self.hold(at, store, held);
            }
            Event::Arrived(upload) if upload.number == 0 => {
                self.now = Some(Held { stores: Vec::new(), total: 0, since: at });
                self.live.begin(at);
                self.overdue.begin(at);
                // Completed to a span when it ends.
                self.span_ns = u128::from(at.as_ns());
            }
            Event::SpanEnded { overdue } => {
                self.leave(at, overdue, 0);
                if let Some(now) = self.now.take() {
                    self.live.add(now.total, now.since, at);
                    self.live.end(at);
                    self.overdue.end(at);
                    self.span_ns = u128::from(at.as_ns()) - self.span_ns;
                }
            }
            Event::ClientEnded { ending, after_ns, .. } => self.told.count(ending, after_ns),
            Event::Over { upload, facts, ready_to_seen_ns, .. } => {
                self.sets[facts.index()] += 1;
                if let Some(away_ns) = upload.away_ns {
                    self.absences.count(away_ns, facts.contains(Fact::FalseNotFound));
                }
                if let Some(ready_to_seen_ns) = ready_to_seen_ns {
                    self.note_seen(ready_to_seen_ns);
                }
            }
            _ => {}
        }
    }
}
