//! The stores for several workers and machines: through the harness and the engine, with what is faulty beside them, on files
//! and servers that are real, and with processes that are killed.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod dashmap;
mod engine;
mod harness;
mod kills;
mod moka;
mod reaper;
mod redis;
mod server;
mod sqlite;
mod subjects;

use std::time::Duration;

/// One minute, in nanoseconds.
const MINUTE_NS: u64 = 60_000_000_000;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}
