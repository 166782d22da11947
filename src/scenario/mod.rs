//! Scenarios: what a run is asked to simulate, checked so that no field can be wrong.
//!
//! A scenario file is TOML with human units. [`Scenario::parse`] reads it and reports everything that is wrong with it at
//! once, each problem with its place; the rest of the crate sees checked values only.

mod problem;
mod read;
mod reader;
pub mod shipped;
mod units;

pub use problem::{InvalidScenario, Problem, nearest};
pub use units::{Distribution, Probability};

use crate::provenance::sha256_hex;
use crate::registry::Retention;

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
    /// How long the steps of the handlers take.
    pub service: ServiceTimes,
}

/// Which idle worker gets the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// Each idle worker is equally likely.
    Uniform,
}

/// How long the steps of the handlers take, in nanoseconds. A step acts when it begins; then its time passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceTimes {
    /// Beginning an upload.
    pub upload_ns: u64,
    /// A sweep.
    pub sweep_ns: u64,
    /// A read.
    pub read_ns: u64,
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
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// `name` is the scenario's name, `file` what messages call its source, `text` the source.
    ///
    /// # Errors
    /// [`InvalidScenario`] with every problem of the text.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Scenario, InvalidScenario> {
        read::scenario(name, text).map_err(|faults| InvalidScenario::new(file, text, faults))
    }

    /// A fingerprint of everything that decides the results, seed and number of uploads included; comments, title, checks and
    /// spelling are not. 64 hexadecimal digits (SHA-256).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // The derived Debug form names every field and prints floats with all their digits.
        let results = Scenario { title: String::new(), checks: Vec::new(), canary: false, ..self.clone() };
        let meaning = format!("{results:?}");
        sha256_hex(meaning.as_bytes())
    }
}
