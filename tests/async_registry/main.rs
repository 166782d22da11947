//! The registry's asynchronous face: polled by hand, on tokio's paused clock, and on threads.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod janitor;
mod threads;
mod waiting;

use std::time::Duration;

use stillready::async_registry::AsyncRegistry;
use stillready::registry::Retention;

type Registry = AsyncRegistry<&'static str, u32>;

const MINUTE: Duration = Duration::from_secs(60);

/// Half an hour from the end, tombstones for ten minutes.
fn retention() -> Retention {
    Retention::finished(30 * MINUTE).tombstone(Some(10 * MINUTE))
}

fn registry() -> Registry {
    AsyncRegistry::new(retention())
}
