//! Where results come from: the only place where time, host and commit are recorded, and nothing else depends on it.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The version of the model: raised whenever equal scenarios and seeds give other numbers than before.
pub const MODEL_VERSION: u32 = 1;

/// The commit that the program was built from, or "unknown".
pub const COMMIT: &str = match option_env!("STILLREADY_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// The contents of `run.json`.
#[derive(Debug, Serialize)]
pub struct Provenance {
    schema_version: u32,
    program: &'static str,
    version: &'static str,
    model_version: u32,
    commit: &'static str,
    #[serde(flatten)]
    run: RunRecord,
    started: String,
    elapsed_s: f64,
    os: &'static str,
    arch: &'static str,
    profile: &'static str,
}

/// What was run, and what came of it.
#[derive(Debug, Serialize)]
pub struct RunRecord {
    /// The scenario's name.
    pub scenario: String,
    /// Where it was read from.
    pub scenario_file: String,
    /// The fingerprint of what it means.
    pub scenario_fingerprint: String,
    /// The first replication's seed.
    pub seed: u64,
    /// Replications.
    pub replications: u32,
    /// Uploads per replication and policy.
    pub uploads: u32,
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

impl Provenance {
    /// The record of a run that is over.
    #[must_use]
    pub fn new(run: RunRecord, clock: &Clock) -> Self {
        Provenance {
            schema_version: 1,
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            model_version: MODEL_VERSION,
            commit: COMMIT,
            run,
            started: humantime::format_rfc3339_seconds(clock.started).to_string(),
            elapsed_s: (clock.elapsed_s() * 1000.0).round() / 1000.0,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }
}
