//! Scenarios: what a run is asked to simulate, checked so that no field can be wrong.
//!
//! A scenario file is TOML with human units. [`Scenario::parse`] reads it and reports everything that is wrong with it at
//! once, each problem with its place; the rest of the crate sees checked values only.

mod fault;
mod grid;
mod policy;
mod problem;
mod property;
mod read;
mod reader;
mod recording;
pub mod shipped;
pub mod size;
mod units;

pub use fault::{Clear, Fault, FaultKind, When};
pub use grid::{Cell, Grid, Objective};
pub use problem::{InvalidScenario, Problem, nearest};
pub use property::{Kind, Property};
pub use recording::{
    HEADER as TRACE_HEADER, InvalidRecording, ROWS_MAX, RecordedPoll, Recording, Traces, VERSION as TRACE_VERSION,
};
pub use units::{Distribution, Probability};

use std::sync::Arc;

use crate::provenance::sha256_hex;
use crate::registry::Retention;
use crate::store::Defects;

/// The version of the scenario format that this program reads.
pub const SCHEMA_VERSION: u64 = 1;

/// The metrics that a check can be about: columns of `summary.csv`.
pub const METRICS: &[&str] = &[
    "polls",
    "sweeps",
    "entries_scanned",
    "entries_removed",
    "false_not_found_rate",
    "early_not_found_rate",
    "told_lost_rate",
    "saw_ready_rate",
    "saw_expired_rate",
    "saw_error_rate",
    "timed_out_rate",
    "fetch_gave_up_rate",
    "false_ready_rate",
    "foreign_ready_rate",
    "masked_error_rate",
    "ready_to_seen_ns_p50",
    "ready_to_seen_ns_p99",
    "ready_to_seen_ns_max",
    "live_entries_mean",
    "live_entries_max",
    "overdue_entries_mean",
    "overdue_entries_max",
    "overdue_ns_max",
    "sweep_scan_max",
    "live_entries_stationary_mean",
    "overdue_entries_stationary_mean",
];

/// Everything that a run depends on besides the program's version.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What the reports call it, and the name of their folder: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What it shows, in a sentence; may be empty.
    pub title: String,
    /// The seed of the first replication; the next one has the next number.
    pub seed: u64,
    /// Uploads per replication, at least 1.
    pub uploads: u32,
    /// Replications, at least 1.
    pub replications: u32,
    /// What is uploaded, and when.
    pub workload: WorkloadSpec,
    /// Where it is served.
    pub server: ServerSpec,
    /// Who polls, and how.
    pub client: ClientSpec,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
    /// What is compared; at least one, names differ.
    pub policies: Vec<Policy>,
    /// What the regression gate checks besides the baseline.
    pub checks: Vec<Check>,
    /// Whether this scenario is there to fail its checks, to show that they can.
    pub canary: bool,
}

/// A limit that the gate checks.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The policy, by its number.
    pub policy: usize,
    /// The policy, by its number, whose metric is taken off.
    pub versus: Option<usize>,
    /// One of [`METRICS`].
    pub metric: &'static str,
    /// What is allowed.
    pub limit: Limit,
    /// On which line of the file the check begins, counted from 1.
    pub line: usize,
}

/// What a check allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// At most this.
    Max(f64),
    /// At least this.
    Min(f64),
}

/// What is uploaded, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadSpec {
    /// When uploads come.
    pub arrivals: Arrivals,
    /// How long their processing takes.
    pub processing: Distribution,
    /// How often processing ends with an error.
    pub failure: Probability,
    /// From how many names the uploads draw theirs; `None`: each has a name of its own.
    pub distinct_keys: Option<u32>,
    /// How often a name is odd: one that the server spells otherwise than the client does.
    pub odd_names: Probability,
}

/// When uploads come.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// A Poisson process.
    Poisson {
        /// The mean gap in nanoseconds.
        mean_gap_ns: f64,
    },
    /// One at a time, evenly; the first one gap after the start.
    Fixed {
        /// The gap in nanoseconds.
        every_ns: u64,
    },
    /// Many at one instant, evenly; the first burst one gap after the start.
    Burst {
        /// Uploads per burst, at least 1.
        size: u32,
        /// The gap between bursts in nanoseconds.
        every_ns: u64,
    },
    /// A Poisson process whose rate depends on the hour of the day; the replication starts at midnight.
    Daily {
        /// Uploads per nanosecond in each hour; at least one is above zero.
        rates: Box<[f64; 24]>,
    },
    /// At given moments.
    Trace {
        /// Nanoseconds since the start, ascending; as many as there are uploads, or more.
        at_ns: Vec<u64>,
    },
    /// As they were recorded, each with its name and perhaps its processing time and the moments of its client's polls.
    Recorded(Arc<Recording>),
}

impl Arrivals {
    /// How many uploads there are at most, if they are a list.
    #[must_use]
    pub fn listed(&self) -> Option<u32> {
        match self {
            Arrivals::Trace { at_ns } => u32::try_from(at_ns.len()).ok(),
            Arrivals::Recorded(recording) => Some(recording.uploads()),
            _ => None,
        }
    }

    /// The recording that says when clients poll, if there is one that does.
    #[must_use]
    pub fn recorded_polls(&self) -> Option<&Arc<Recording>> {
        match self {
            Arrivals::Recorded(recording) if recording.polls() > 0 => Some(recording),
            _ => None,
        }
    }
}

/// Where uploads are served.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSpec {
    /// Worker processes, at least 1.
    pub workers: u32,
    /// Requests that one worker serves at a time, at least 1.
    pub threads: u32,
    /// Which idle worker gets the next request.
    pub dispatch: Dispatch,
    /// Requests that may wait; `None`: any number. One more is refused.
    pub queue_limit: Option<u32>,
    /// Where the work behind an upload runs.
    pub background: Background,
    /// How long the steps of the handlers take.
    pub service: ServiceTimes,
    /// A request that takes longer than this, in nanoseconds, kills its worker.
    pub request_limit_ns: Option<u64>,
    /// When a worker is replaced by a new one.
    pub recycle: Recycle,
    /// How long a worker that was killed or recycled is away, in nanoseconds.
    pub restart_ns: u64,
    /// By how much each worker's clock is ahead, in nanoseconds; empty: all are right.
    pub clock_skew_ns: Vec<i64>,
    /// From where some reads are answered.
    pub replica: Option<Replica>,
}

/// Where the work behind an upload runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// In a thread of the worker that accepted it, whose end it shares.
    Thread,
    /// As `Thread`, but it advances only while that worker serves a request.
    WhileServing,
    /// Outside of the workers.
    External,
}

/// When a worker is replaced by a new one: its memory and its work go with the old one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recycle {
    /// After so many requests; `None`: never for that reason.
    pub requests: Option<u32>,
    /// By how many requests that may be more or less, each number equally likely.
    pub jitter: u32,
    /// At the end of the first request after this age, in nanoseconds.
    pub lifetime_ns: Option<u64>,
}

/// A copy of each store that is behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replica {
    /// How often a poll reads from it.
    pub chance: Probability,
    /// By how much it is behind, in nanoseconds.
    pub lag_ns: u64,
}

/// Which idle worker gets the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// Each idle worker is equally likely.
    Uniform,
    /// The idle worker that comes next after the one that got the last request.
    RoundRobin,
    /// The idle worker with the lowest number.
    LowestIdle,
    /// Always the same worker for the same client; its requests wait for that one.
    Sticky,
}

/// How long the steps of the handlers take. A step acts when it begins; then its time passes.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceTimes {
    /// Beginning an upload, its transfer included.
    pub upload: Distribution,
    /// A sweep, in nanoseconds.
    pub sweep_ns: u64,
    /// A read, in nanoseconds.
    pub read_ns: u64,
}

impl Default for ServiceTimes {
    /// Nothing takes time.
    fn default() -> Self {
        ServiceTimes { upload: Distribution::Constant { value_ns: 0 }, sweep_ns: 0, read_ns: 0 }
    }
}

/// Who polls, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSpec {
    /// From the response to the upload to the first poll, in nanoseconds.
    pub first_poll_ns: u64,
    /// From the response to a poll to the next poll, in nanoseconds.
    pub interval_ns: u64,
    /// By what the interval grows after each poll, at least 1.
    pub backoff: f64,
    /// The longest interval that it grows to, in nanoseconds.
    pub max_interval_ns: u64,
    /// The share of each interval by which it may be shorter or longer, from 0 to 1.
    pub jitter: f64,
    /// Polls made at most, at least 1.
    pub max_attempts: u32,
    /// A `not_found` is tolerated while the number of polls made before it is below this.
    pub tolerate_not_found: u32,
    /// How often a client goes away right after its upload.
    pub away_chance: Probability,
    /// For how long; its first poll comes when it is back.
    pub away_time: Distribution,
    /// How often a client's tab is hidden from the response to the upload on. Browsers let the timers of a hidden tab go off at
    /// whole seconds and, once it has been hidden for 5 minutes, at whole minutes.
    pub hidden_chance: Probability,
    /// How often a page is opened again after its client has ended, and polls anew.
    pub reopen_chance: Probability,
    /// How long after its end.
    pub reopen_time: Distribution,
    /// How often a fetch fails on its way.
    pub fetch_failure: Probability,
    /// Failed fetches in a row after which a client gives up, at least 1.
    pub max_fetch_errors: u32,
    /// From a failed fetch to the next one, in nanoseconds.
    pub fetch_retry_ns: u64,
    /// After which time without a response, in nanoseconds, the upload is aborted.
    pub post_timeout_ns: Option<u64>,
    /// How often an upload that failed is sent once more, under the same name.
    pub post_retries: u32,
    /// How long after its failure, in nanoseconds.
    pub post_pause_ns: u64,
    /// From which poll on the client takes a `not_found` for `ready` and loads whatever there is.
    pub load_anyway_after: Option<u32>,
}

/// One way to keep statuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What the reports call it.
    pub name: String,
    /// The kind of store.
    pub store: StoreKind,
    /// Whether each worker has a store of its own.
    pub scope: Scope,
    /// What clients poll with.
    pub address: Address,
    /// What is kept for how long.
    pub retention: Retention,
    /// Whether a poll sweeps before or after it reads.
    pub order: Order,
    /// When a sweep runs.
    pub trigger: Trigger,
    /// What is wrong with the dictionary.
    pub defects: Defects,
    /// How long before the result can be read its end is published, in nanoseconds, as a share of the work: 0 as it should be,
    /// 1 before the work starts.
    pub published_early: f64,
    /// Properties that must hold.
    pub holds: Vec<Property>,
    /// Properties that must be seen to break.
    pub breaks: Vec<Property>,
}

/// The kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// [`crate::registry`].
    Registry,
    /// The incident's dictionary, [`crate::store::Dict`].
    Dict,
}

/// Whether each worker has a store of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One store per worker process.
    Process,
    /// One store for all.
    Shared,
}

/// What clients poll with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// The file name.
    Key,
    /// The id that the response to the upload carried.
    Id,
}

/// Whether a poll sweeps before or after it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Roll the die, perhaps sweep, then read: the incident's order.
    SweepFirst,
    /// Read, then roll the die and perhaps sweep: PHP's order.
    ReadFirst,
}

/// When a sweep runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// Never.
    Never,
    /// On every poll.
    EveryRequest,
    /// On a poll, with a probability.
    Chance(Probability),
    /// On every n-th poll that a store gets.
    EveryNth(u32),
    /// By a timer of its own, with a period in nanoseconds.
    Period(u64),
    /// By a timer per entry, at the moment it falls due.
    Exact,
    /// When an upload's work ends.
    OnFinish,
    /// As Redis expires keys (`activeExpireCycle`): ten times a second 20 random entries that can fall due, again while more
    /// than a quarter of them were due.
    Redis,
}

impl Scenario {
    /// Reads and checks a scenario that has no trace.
    ///
    /// `name` is the scenario's name, `file` what messages call its source, `text` the source.
    ///
    /// # Errors
    /// [`InvalidScenario`] with every problem of the text.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Scenario, InvalidScenario> {
        Scenario::parse_with(name, file, text, &Traces::none())
    }

    /// Reads and checks a scenario that may name a trace.
    ///
    /// # Errors
    /// [`InvalidScenario`] with every problem of the text, and of the trace the first one.
    pub fn parse_with(name: &str, file: &str, text: &str, traces: &Traces) -> Result<Scenario, InvalidScenario> {
        read::scenario(name, text, traces).map_err(|faults| InvalidScenario::new(file, text, faults))
    }

    /// A fingerprint of everything that decides the results, seed and number of uploads included; comments, title, checks and
    /// spelling are not, nor is what is expected of the results. 64 hexadecimal digits (SHA-256).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // The derived Debug form names every field and prints floats with all their digits.
        let expectations = |policy: &Policy| Policy { holds: Vec::new(), breaks: Vec::new(), ..policy.clone() };
        let policies = self.policies.iter().map(expectations).collect();
        let results = Scenario { title: String::new(), checks: Vec::new(), canary: false, policies, ..self.clone() };
        let meaning = format!("{results:?}");
        sha256_hex(meaning.as_bytes())
    }
}
