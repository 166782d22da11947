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

/// Waits until something is so, for a minute at most: a machine that is busy makes no test fail.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("in one minute: {what}");
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}
