//! What a registry holds: capacity, acknowledgements, and whose clock counts.

use loom::thread;

use super::{LIFE, Registry, finish, ready, registry, retention, text, with_ready};
use crate::harness::{Bound, Model, step};
use crate::registry::{AgeBasis, Capacity, Outcome};

pub const MODELS: &[Model] = &[
    Model {
        name: "begin_neither_exceeds_the_capacity_nor_evicts_a_running_upload",
        rules: &["R12", "R6"],
        bound: Bound::Exhaustive,
        program: begin_neither_exceeds_the_capacity_nor_evicts_a_running_upload,
        outcomes: &["begun, full: processing, 2 held", "full, begun: processing, 2 held"],
    },
    Model {
        name: "begin_evicts_what_has_ended_or_is_refused",
        rules: &["R12"],
        bound: Bound::Exhaustive,
        program: begin_evicts_what_has_ended_or_is_refused,
        outcomes: &["begun: unknown, 1 held", "full: ready(7), 1 held"],
    },
    Model {
        name: "an_eviction_takes_what_is_over_before_what_is_not",
        rules: &["R7", "R12"],
        bound: Bound::Exhaustive,
        program: an_eviction_takes_what_is_over_before_what_is_not,
        outcomes: &["ready(7), unknown, 2 held"],
    },
    Model {
        name: "the_first_acknowledgement_counts",
        rules: &["R13"],
        bound: Bound::Exhaustive,
        program: the_first_acknowledgement_counts,
        outcomes: &["true, false", "false, true"],
    },
    Model {
        name: "time_does_not_run_backwards",
        rules: &["R11"],
        bound: Bound::Exhaustive,
        program: time_does_not_run_backwards,
        outcomes: &["expired ready, ready(7): expired ready", "expired ready, expired ready: expired ready"],
    },
];

/// Room for two: one upload is running, one has ended. Two more begin at once; one of them finds room.
fn begin_neither_exceeds_the_capacity_nor_evicts_a_running_upload() -> String {
    let registry = registry(retention().capacity(Capacity::EvictOldest(2)));
    let running = registry.begin(1, 0).expect("there is room");
    ready(&registry, 2);
    let other = registry.clone();
    let begin = |registry: &Registry, key: u8| match registry.begin(key, 1) {
        Ok(ticket) => {
            // Ended only after the other one has tried: the ticket is handed on.
            (Some(ticket), "begun")
        }
        Err(_) => (None, "full"),
    };
    let uploader = thread::spawn(move || begin(&other, 3));
    let (mine, me) = begin(&registry, 4);
    step(format!("main {me}"));
    let (others, other) = uploader.join().expect("the uploader does not panic");
    let outcome =
        format!("{me}, {other}: {}, {} held", text(registry.read(running.id(), 1)), registry.counts().total());
    for ticket in [mine, others, Some(running)].into_iter().flatten() {
        finish(ticket, 7, 1);
    }
    outcome
}

/// Room for one, and the upload in it ends while another one begins.
fn begin_evicts_what_has_ended_or_is_refused() -> String {
    let registry = registry(retention().capacity(Capacity::EvictOldest(1)));
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || finish(ticket, 7, 1));
    let second = registry.begin(2, 1).ok();
    step(if second.is_some() { "begun" } else { "full" });
    worker.join().expect("the worker does not panic");
    let begun = if second.is_some() { "begun" } else { "full" };
    let outcome = format!("{begun}: {}, {} held", text(registry.read(id, 1)), registry.counts().total());
    if let Some(second) = second {
        finish(second, 7, 1);
    }
    outcome
}

/// Room for two: a success that is kept for long, and an error, younger, whose time is over. A new upload evicts the error,
/// whether or not the sweep has been there first (R7, R12).
fn an_eviction_takes_what_is_over_before_what_is_not() -> String {
    let mut retention = retention().capacity(Capacity::EvictOldest(2));
    retention.time_to_live.failed_ns = Some(2);
    let registry = registry(retention);
    let success = ready(&registry, 1);
    let ticket = registry.begin(2, 0).expect("there is room");
    let error = ticket.id();
    let _ = ticket.finish(Outcome::Failed(9), 1);
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(3));
    let third = registry.begin(3, 3).expect("the error makes room");
    step("begun");
    sweeper.join().expect("the sweeper does not panic");
    let held = registry.counts().total();
    let outcome = format!("{}, {}, {held} held", text(registry.read(success, 3)), text(registry.read(error, 3)));
    finish(third, 7, 3);
    outcome
}

/// Two tabs of one client acknowledge the same upload.
fn the_first_acknowledgement_counts() -> String {
    let (registry, id) = with_ready(retention().age(AgeBasis::Acknowledged));
    let other = registry.clone();
    let other = thread::spawn(move || other.acknowledge(id, 5));
    let mine = registry.acknowledge(id, 8);
    step(format!("main {mine}"));
    let others = other.join().expect("the other tab does not panic");
    format!("{mine}, {others}")
}

/// Two threads whose clocks disagree about the deadline, and a third poll, by the slower clock, after both: what was answered
/// as expired once stays so.
fn time_does_not_run_backwards() -> String {
    let (registry, id) = with_ready(retention());
    let ahead = registry.clone();
    let ahead = thread::spawn(move || text(ahead.read(id, LIFE)));
    let behind = text(registry.read(id, LIFE - 1));
    step(format!("behind {behind}"));
    let ahead = ahead.join().expect("the reader does not panic");
    format!("{ahead}, {behind}: {}", text(registry.read(id, LIFE - 1)))
}
