//! Reads without the lock of uploads whose work is over: what is told of those whose details have no size.

use loom::thread;

use super::{Hasher, LIFE, Retention, retention};
use crate::harness::{Bound, Model, step};
use crate::registry::{self, Expiry, Outcome, Status, UploadId};

pub const MODELS: &[Model] = &[
    Model {
        name: "a_look_at_the_deadline_does_not_depend_on_the_sweep",
        rules: &["R5", "R7"],
        bound: Bound::Exhaustive,
        program: a_look_at_the_deadline_does_not_depend_on_the_sweep,
        outcomes: &["expired ready"],
    },
    Model {
        name: "a_look_goes_forwards",
        rules: &["R1", "R2", "R7"],
        bound: Bound::Preemptions(3),
        program: a_look_goes_forwards,
        outcomes: &[
            "processing, processing",
            "processing, ready",
            "processing, expired ready",
            "ready, ready",
            "ready, expired ready",
            "expired ready, expired ready",
        ],
    },
    Model {
        name: "who_is_told_that_time_is_over_tells_it_to_the_next",
        rules: &["R11"],
        bound: Bound::Exhaustive,
        program: who_is_told_that_time_is_over_tells_it_to_the_next,
        outcomes: &["ready, then expired ready", "expired ready, then expired ready"],
    },
    Model {
        name: "a_look_at_a_slot_that_changes_hands_sees_its_own_upload",
        rules: &["R3", "R15"],
        bound: Bound::Exhaustive,
        program: a_look_at_a_slot_that_changes_hands_sees_its_own_upload,
        outcomes: &["ready", "unknown"],
    },
    Model {
        name: "under_physical_expiry_a_look_sees_what_the_sweep_left",
        rules: &["R5"],
        bound: Bound::Exhaustive,
        program: under_physical_expiry_a_look_sees_what_the_sweep_left,
        outcomes: &["ready, then expired ready", "expired ready, then expired ready"],
    },
    Model {
        name: "a_part_that_is_swept_as_a_whole_is_gone",
        rules: &["R3", "R7", "R9"],
        bound: Bound::Exhaustive,
        program: a_part_that_is_swept_as_a_whole_is_gone,
        outcomes: &["1 freed: unknown, then unknown, processing, 1 held"],
    },
    Model {
        name: "a_whole_sweep_leaves_what_runs",
        rules: &["R6"],
        bound: Bound::Exhaustive,
        program: a_whole_sweep_leaves_what_runs,
        outcomes: &["1 freed, finished: true, ready"],
    },
];

type Registry = registry::Registry<u8, (), Hasher>;

fn with_ready(retention: Retention) -> (Registry, UploadId) {
    let registry = Registry::with_origin(retention, 1, Hasher::default(), 1);
    let id = ready(&registry, 1, 0);
    (registry, id)
}

fn ready(registry: &Registry, key: u8, now: u64) -> UploadId {
    let ticket = registry.begin(key, now).expect("there is room");
    let id = ticket.id();
    ticket.finish(Outcome::Ready(()), now).expect("it is running");
    id
}

fn text(status: Status<()>) -> String {
    match status {
        Status::Expired(state) => format!("expired {state:?}").to_lowercase(),
        Status::Ready(()) => "ready".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// A poll comes at the very moment of the deadline, while a sweep makes a tombstone of the record: its moment moves to the deadline,
/// from which the upload would have all its time before it once more.
fn a_look_at_the_deadline_does_not_depend_on_the_sweep() -> String {
    let (registry, id) = with_ready(retention());
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let status = text(registry.read(id, LIFE));
    step(format!("read {status}"));
    sweeper.join().expect("the sweeper does not panic");
    status
}

/// A worker ends an upload at 1, a sweep comes at its deadline, a client polls twice, at 1 and 2.
fn a_look_goes_forwards() -> String {
    let registry = Registry::with_origin(retention(), 1, Hasher::default(), 1);
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || ticket.finish(Outcome::Ready(()), 1).expect("it is running"));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(1 + LIFE));
    let first = text(registry.read(id, 1));
    let second = text(registry.read(id, 2));
    step(format!("read {first}, {second}"));
    worker.join().expect("the worker does not panic");
    sweeper.join().expect("the sweeper does not panic");
    format!("{first}, {second}")
}

/// One client polls by name at the deadline, another by id, whose clock is behind; once the first has its answer, the other gets it,
/// too.
fn who_is_told_that_time_is_over_tells_it_to_the_next() -> String {
    let (registry, id) = with_ready(retention());
    let first = registry.clone();
    let first = thread::spawn(move || text(first.read_key(&1, LIFE)));
    let meanwhile = text(registry.read(id, LIFE - 1));
    step(format!("read {meanwhile}"));
    let told = first.join().expect("the reader does not panic");
    let after = text(registry.read(id, LIFE - 1));
    if told == "expired ready" { format!("{meanwhile}, then {after}") } else { format!("told {told} at the deadline") }
}

/// An upload is cleared, and another one begins and ends in its slot, in time.
fn a_look_at_a_slot_that_changes_hands_sees_its_own_upload() -> String {
    let (registry, id) = with_ready(retention());
    let other = registry.clone();
    let other = thread::spawn(move || {
        other.clear(id);
        // It is over by the time of the poll, if the slot's moment were taken for that of another upload.
        ready(&other, 2, 1)
    });
    let status = text(registry.read(id, LIFE - 1));
    step(format!("read {status}"));
    let other = other.join().expect("the uploader does not panic");
    let after = (text(registry.read(id, 2)), text(registry.read(other, 2)));
    if after == ("unknown".to_owned(), "ready".to_owned()) { status } else { format!("{status}, then {after:?}") }
}

/// Nothing but the sweep ends the time.
fn under_physical_expiry_a_look_sees_what_the_sweep_left() -> String {
    let (registry, id) = with_ready(retention().expiry(Expiry::Physical));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let status = text(registry.read(id, LIFE));
    step(format!("read {status}"));
    sweeper.join().expect("the sweeper does not panic");
    format!("{status}, then {}", text(registry.read(id, LIFE)))
}

/// All that a registry holds is over, and a sweep takes it at once; then another upload begins in the same slot, while a client polls
/// the first.
fn a_part_that_is_swept_as_a_whole_is_gone() -> String {
    let (registry, id) = with_ready(retention().tombstone(None));
    let other = registry.clone();
    let other = thread::spawn(move || (other.sweep(LIFE).freed, other.begin(2, LIFE).expect("there is room")));
    let status = text(registry.read(id, LIFE));
    step(format!("read {status}"));
    let (freed, ticket) = other.join().expect("the sweeper does not panic");
    let after = (text(registry.read(id, LIFE)), text(registry.read(ticket.id(), LIFE)));
    let held = registry.counts().total();
    ticket.finish(Outcome::Ready(()), LIFE).expect("it is running");
    format!("{freed} freed: {status}, then {}, {}, {held} held", after.0, after.1)
}

/// Beside what is over an upload runs, and ends while the sweep comes.
fn a_whole_sweep_leaves_what_runs() -> String {
    let (registry, _) = with_ready(retention().tombstone(None));
    let ticket = registry.begin(2, LIFE).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || ticket.finish(Outcome::Ready(()), LIFE).is_ok());
    let freed = registry.sweep(LIFE).freed;
    step(format!("{freed} freed"));
    let finished = worker.join().expect("the worker does not panic");
    format!("{freed} freed, finished: {finished}, {}", text(registry.read(id, LIFE)))
}
