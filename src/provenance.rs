//! Where results come from: the only place where time, host and commit are recorded, and nothing else depends on it.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The version of the model: raised whenever equal scenarios and seeds give other numbers than before.
pub const MODEL_VERSION: u32 = 1;

/// The version of `run.json`.
pub const RECORD_VERSION: u32 = 1;

/// What a run's record is called in `run.json`.
pub const RUN: &str = "run";

/// What a sweep's record is called in `run.json`.
pub const SWEEP: &str = "sweep";

/// What the record of a part of a sweep is called in `run.json`.
pub const SHARD: &str = "shard";

/// What a diagnosis' record is called in `run.json`.
pub const DIAGNOSIS: &str = "diagnosis";

/// The commit that the program was built from, or "unknown".
pub const COMMIT: &str = match option_env!("STILLREADY_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// The contents of `run.json`.
#[derive(Debug, Serialize)]
pub struct Provenance<R> {
    schema_version: u32,
    kind: &'static str,
    program: &'static str,
    version: &'static str,
    model_version: u32,
    commit: &'static str,
    #[serde(flatten)]
    record: R,
    started: String,
    elapsed_s: f64,
    os: &'static str,
    arch: &'static str,
    profile: &'static str,
}

/// What a `run.json` tells besides.
pub trait Kind: Serialize {
    /// How it is called there.
    fn kind(&self) -> &'static str;
}

impl Kind for RunRecord {
    fn kind(&self) -> &'static str {
        RUN
    }
}

impl Kind for SweepRecord {
    fn kind(&self) -> &'static str {
        if self.shard.is_some() { SHARD } else { SWEEP }
    }
}

/// What was run.
#[derive(Debug, Serialize)]
pub struct ScenarioRecord {
    /// The scenario's name.
    pub scenario: String,
    /// What it shows; may be empty.
    pub title: String,
    /// Where it was read from.
    pub scenario_file: String,
    /// The fingerprint of what it means; of a sweep, of all its cells.
    pub scenario_fingerprint: String,
    /// The first replication's seed.
    pub seed: u64,
    /// Replications.
    pub replications: u32,
    /// Uploads per replication and policy.
    pub uploads: u32,
}

/// Which grid was swept, and what came of it.
#[derive(Debug, Serialize)]
pub struct SweepRecord {
    /// Of which scenario.
    #[serde(flatten)]
    pub source: ScenarioRecord,
    /// What is varied.
    pub axes: Vec<String>,
    /// Which part of the grid, as in `3/8`, if it is not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Cells of the whole grid.
    pub cells: usize,
    /// Threads.
    pub jobs: usize,
    /// The files of the report.
    pub files: Vec<FileHash>,
}

impl Kind for DiagnosisRecord {
    fn kind(&self) -> &'static str {
        DIAGNOSIS
    }
}

/// Which causes were run, and what came of it.
#[derive(Debug, Serialize)]
pub struct DiagnosisRecord {
    /// The names of the causes.
    pub causes: Vec<String>,
    /// Threads.
    pub jobs: usize,
    /// The files of the report.
    pub files: Vec<FileHash>,
}

/// What was run, and what came of it.
#[derive(Debug, Serialize)]
pub struct RunRecord {
    /// Of which scenario.
    #[serde(flatten)]
    pub source: ScenarioRecord,
    /// The names of the policies.
    pub policies: Vec<String>,
    /// Threads.
    pub jobs: usize,
    /// The files of the report.
    pub files: Vec<FileHash>,
}

/// A file of a report and its fingerprint.
#[derive(Debug, Serialize)]
pub struct FileHash {
    /// Its name in the report's folder.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// Real time, for `run.json` and messages to people only.
pub struct Clock {
    #[expect(clippy::disallowed_types, reason = "the start is told in run.json alone")]
    started: std::time::SystemTime,
    #[expect(clippy::disallowed_types, reason = "the time taken is told in run.json and to people alone")]
    running: std::time::Instant,
}

impl Clock {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "told in run.json and to people alone")]
    pub fn start() -> Self {
        Clock { started: std::time::SystemTime::now(), running: std::time::Instant::now() }
    }

    /// Seconds since the start.
    #[must_use]
    pub fn elapsed_s(&self) -> f64 {
        self.running.elapsed().as_secs_f64()
    }
}

/// SHA-256 as 64 hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Two hexadecimal digits per byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<R: Kind> Provenance<R> {
    /// The record of a run that is over.
    #[must_use]
    pub fn new(record: R, clock: &Clock) -> Self {
        Provenance {
            schema_version: RECORD_VERSION,
            kind: record.kind(),
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            model_version: MODEL_VERSION,
            commit: COMMIT,
            record,
            started: humantime::format_rfc3339_seconds(clock.started).to_string(),
            elapsed_s: (clock.elapsed_s() * 1000.0).round() / 1000.0,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}
