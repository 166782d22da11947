//! The status registry through its public interface, one thread at a time, and a short run of real threads.

#[cfg(feature = "harness")]
mod against;
mod faults;
mod keeping;
mod threads;
mod tickets;

use std::time::Duration;

use stillready::registry::{Outcome, Registry, Retention, Ticket, UploadId};

type Ready = Registry<&'static str, u32>;

/// A registry that keeps for 100 ns from the end, with logical expiry, and tombstones for 50 ns.
fn retention() -> Retention {
    Retention::finished(Duration::from_nanos(100)).tombstone(Some(Duration::from_nanos(50)))
}

fn begin(registry: &Ready, key: &'static str, now: u64) -> Ticket<&'static str, u32> {
    registry.begin(key, now).expect("there is room")
}

/// An upload that began at `begun` and ended well at `ended`.
fn ready(registry: &Ready, key: &'static str, begun: u64, ended: u64) -> UploadId {
    let ticket = begin(registry, key, begun);
    let id = ticket.id();
    ticket.finish(Outcome::Ready(7), ended).expect("it is running");
    id
}
