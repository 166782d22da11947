//! Clears against everything else.

use loom::thread;

use super::{finish, registry, retention, text, with_ready};
use crate::harness::{Bound, Model, step};

pub const MODELS: &[Model] = &[
    Model {
        name: "a_clear_takes_the_upload_that_it_names",
        rules: &["R15"],
        bound: Bound::Exhaustive,
        program: a_clear_takes_the_upload_that_it_names,
        outcomes: &["unknown, processing"],
    },
    Model {
        name: "a_clear_by_name_takes_the_latest_upload_and_no_other",
        rules: &["R14", "R15"],
        bound: Bound::Exhaustive,
        program: a_clear_by_name_takes_the_latest_upload_and_no_other,
        outcomes: &["the first: unknown, processing, key processing", "the second: ready(7), unknown, key unknown"],
    },
    Model {
        name: "an_upload_is_cleared_once",
        rules: &["R15"],
        bound: Bound::Exhaustive,
        program: an_upload_is_cleared_once,
        outcomes: &["true, false", "false, true"],
    },
    Model {
        name: "a_finish_and_a_clear_leave_no_half_of_an_upload",
        rules: &["R1", "R2", "R15"],
        bound: Bound::Exhaustive,
        program: a_finish_and_a_clear_leave_no_half_of_an_upload,
        outcomes: &[
            "finished, saw processing",
            "finished, saw ready(7)",
            "finished, saw unknown",
            "stale, saw processing",
            "stale, saw unknown",
        ],
    },
];

/// Somebody clears an upload that has ended, by its id, while the same name is uploaded again (R15).
fn a_clear_takes_the_upload_that_it_names() -> String {
    let (registry, first) = with_ready(retention());
    let clearer = registry.clone();
    let clearer = thread::spawn(move || clearer.clear(first));
    let second = registry.begin(1, 1).expect("there is room");
    step("begun again");
    let was_there = clearer.join().expect("the clearer does not panic");
    let statuses = format!("{}, {}", text(registry.read(first, 1)), text(registry.read(second.id(), 1)));
    finish(second, 7, 1);
    if was_there { statuses } else { "the clearer found nothing".to_owned() }
}

/// The same by name: a clear that comes before the second upload takes the first one, one that comes later the second. It never
/// takes both, and where the second is gone, the name does not fall back to the first (R14, R15).
fn a_clear_by_name_takes_the_latest_upload_and_no_other() -> String {
    let (registry, first) = with_ready(retention());
    let clearer = registry.clone();
    let clearer = thread::spawn(move || clearer.clear_key(&1));
    let second = registry.begin(1, 1).expect("there is room");
    step("begun again");
    clearer.join().expect("the clearer does not panic");
    let (by_id, again) = (text(registry.read(first, 1)), text(registry.read(second.id(), 1)));
    let by_key = text(registry.read_key(&1, 1));
    finish(second, 7, 1);
    let taken = if by_id == "unknown" { "the first" } else { "the second" };
    format!("{taken}: {by_id}, {again}, key {by_key}")
}

/// Two tabs clear the same upload: one of them is told that it was there (R15).
fn an_upload_is_cleared_once() -> String {
    let (registry, id) = with_ready(retention());
    let other = registry.clone();
    let other = thread::spawn(move || other.clear(id));
    let mine = registry.clear(id);
    step(format!("main {mine}"));
    format!("{mine}, {}", other.join().expect("the other tab does not panic"))
}

/// A worker ends its upload while one tab clears it and another polls: whatever the order, afterwards there is nothing left,
/// and the worker is told the truth about whether its result was ever there (R1, R2, R15).
fn a_finish_and_a_clear_leave_no_half_of_an_upload() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || finish(ticket, 7, 1));
    let clearer = registry.clone();
    let clearer = thread::spawn(move || clearer.clear(id));
    let saw = text(registry.read(id, 1));
    step(format!("saw {saw}"));
    let finished = worker.join().expect("the worker does not panic");
    let was_there = clearer.join().expect("the clearer does not panic");
    let left = (was_there, text(registry.read(id, 1)), registry.counts().total(), registry.next_due());
    match left {
        (true, status, 0, None) if status == "unknown" => format!("{finished}, saw {saw}"),
        left => format!("{finished}, saw {saw}, left {left:?}"),
    }
}
