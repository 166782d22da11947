//! How uploads end: tickets, generations, what readers see of it.

use loom::thread;

use super::{finish, registry, retention, text};
use crate::harness::{Bound, Model, step};
use crate::registry::Outcome;

pub const MODELS: &[Model] = &[
    Model {
        name: "a_read_sees_a_status_together_with_its_moment",
        rules: &["R1"],
        bound: Bound::Exhaustive,
        program: a_read_sees_a_status_together_with_its_moment,
        outcomes: &["processing", "ready(7)"],
    },
    Model {
        name: "a_ticket_ends_a_running_upload_only",
        rules: &["R2"],
        bound: Bound::Exhaustive,
        program: a_ticket_ends_a_running_upload_only,
        outcomes: &["finished, 0 swept: ready(7)", "stale, 1 swept: expired processing"],
    },
    Model {
        name: "a_late_worker_cannot_finish_the_next_upload",
        rules: &["R3"],
        bound: Bound::Exhaustive,
        program: a_late_worker_cannot_finish_the_next_upload,
        outcomes: &["finished: processing", "stale: processing"],
    },
    Model {
        name: "an_old_ticket_ends_its_own_generation_and_no_other",
        rules: &["R3", "R14"],
        bound: Bound::Exhaustive,
        program: an_old_ticket_ends_its_own_generation_and_no_other,
        outcomes: &["saw processing: ready(9), key processing", "saw ready(9): ready(9), key processing"],
    },
    Model {
        name: "a_dropped_ticket_leaves_interrupted",
        rules: &["R4"],
        bound: Bound::Exhaustive,
        program: a_dropped_ticket_leaves_interrupted,
        outcomes: &["processing, then interrupted", "interrupted, then interrupted"],
    },
];

/// A worker ends its upload at 100, 100 ns after its beginning; a poll comes at 105. If the status were written before its
/// moment, the poll could take the beginning for the end, and find a `ready` that is long over.
fn a_read_sees_a_status_together_with_its_moment() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || finish(ticket, 7, 100));
    let status = registry.read(id, 105);
    step(format!("read {status:?}"));
    worker.join().expect("the worker does not panic");
    text(status)
}

/// Running uploads may take 5 ns here. A sweep at 6 declares this one dead, and then its worker comes after all, with a clock
/// that says 4. Whoever was told that the upload expired must not be told later that it is ready.
fn a_ticket_ends_a_running_upload_only() -> String {
    let mut retention = retention();
    retention.time_to_live.processing_ns = Some(5);
    let registry = registry(retention);
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || finish(ticket, 7, 4));
    let swept = registry.sweep(6).expired;
    step(format!("swept {swept}"));
    let finished = worker.join().expect("the worker does not panic");
    format!("{finished}, {swept} swept: {}", text(registry.read(id, 6)))
}

/// Upload 1 is cleared, and upload 2 begins in its slot; the worker of upload 1 comes late and reports an error.
fn a_late_worker_cannot_finish_the_next_upload() -> String {
    let registry = registry(retention());
    let first = registry.begin(1, 0).expect("there is room");
    let first_id = first.id();
    let worker = thread::spawn(move || match first.finish(Outcome::Failed(9), 1) {
        Ok(()) => "finished",
        Err(_) => "stale",
    });
    registry.clear(first_id);
    step("cleared");
    let second = registry.begin(1, 1).expect("there is room");
    step("begun again");
    let finished = worker.join().expect("the worker does not panic");
    let status = text(registry.read(second.id(), 1));
    finish(second, 7, 1);
    format!("{finished}: {status}")
}

/// The same name is uploaded again while the first upload runs. Its worker ends the first generation, which a reader by id
/// sees; readers by name see the second one.
fn an_old_ticket_ends_its_own_generation_and_no_other() -> String {
    let registry = registry(retention());
    let first = registry.begin(1, 0).expect("there is room");
    let first_id = first.id();
    let worker = thread::spawn(move || finish(first, 9, 1));
    let second = registry.begin(1, 1).expect("there is room");
    let saw = text(registry.read(first_id, 1));
    step(format!("begun again, saw {saw}"));
    worker.join().expect("the worker does not panic");
    let (by_id, by_key) = (text(registry.read(first_id, 1)), text(registry.read_key(&1, 1)));
    finish(second, 7, 1);
    format!("saw {saw}: {by_id}, key {by_key}")
}

/// The worker panics, which drops its ticket, while the client polls.
fn a_dropped_ticket_leaves_interrupted() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || drop(ticket));
    let first = text(registry.read(id, 1));
    step(format!("read {first}"));
    worker.join().expect("the worker does not panic");
    format!("{first}, then {}", text(registry.read(id, 1)))
}
