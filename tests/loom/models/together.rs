//! Many parties at once: uploader, worker, poller, sweeper. Where they are four, the search has a stated bound.

use loom::thread;

use super::{LIFE, finish, ready, registry, retention, text, with_ready};
use crate::harness::{Bound, Model, step};
use crate::registry::Capacity;

pub const MODELS: &[Model] = &[
    Model {
        name: "a_poller_sees_its_upload_go_forwards",
        rules: &["R1", "R2", "R5", "R7"],
        bound: Bound::Exhaustive,
        program: a_poller_sees_its_upload_go_forwards,
        outcomes: &[
            "processing, processing",
            "processing, ready(7)",
            "ready(7), ready(7)",
            "ready(7), expired ready",
            "expired ready, expired ready",
            "processing, expired ready",
        ],
    },
    Model {
        name: "a_finish_a_drop_and_a_sweep_keep_to_their_own_uploads",
        rules: &["R2", "R3", "R4"],
        bound: Bound::Exhaustive,
        program: a_finish_a_drop_and_a_sweep_keep_to_their_own_uploads,
        outcomes: &["ready(7), interrupted, unknown"],
    },
    Model {
        name: "two_uploads_of_one_name_a_worker_and_a_sweep",
        rules: &["R3", "R9", "R14"],
        bound: Bound::Preemptions(3),
        program: two_uploads_of_one_name_a_worker_and_a_sweep,
        outcomes: &["ready(1), ready(2), key ready(1)", "ready(1), ready(2), key ready(2)"],
    },
    Model {
        name: "a_clear_a_new_upload_a_late_worker_and_a_sweep",
        rules: &["R3", "R9", "R15"],
        bound: Bound::Preemptions(3),
        program: a_clear_a_new_upload_a_late_worker_and_a_sweep,
        outcomes: &["finished: unknown, processing", "stale: unknown, processing"],
    },
    Model {
        name: "room_for_two_among_three_uploaders_and_a_sweep",
        rules: &["R7", "R9", "R12"],
        bound: Bound::Preemptions(2),
        program: room_for_two_among_three_uploaders_and_a_sweep,
        outcomes: &["2 begun, 0 swept: unknown, 2 held", "2 begun, 1 swept: unknown, 2 held"],
    },
];

/// A worker ends an upload at 1; a sweep comes at 11, at the earliest deadline; a client polls twice, at 1 and at 2. Its
/// answers go from processing to ready to expired, never back. Thanks to the one clock, an end that comes after the sweep
/// counts as one at 11.
fn a_poller_sees_its_upload_go_forwards() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let worker = thread::spawn(move || finish(ticket, 7, 1));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(1 + LIFE));
    let first = text(registry.read(id, 1));
    let second = text(registry.read(id, 2));
    step(format!("read {first}, {second}"));
    worker.join().expect("the worker does not panic");
    sweeper.join().expect("the sweeper does not panic");
    format!("{first}, {second}")
}

/// Three uploads: one ends, the ticket of one is dropped, one is due and swept.
fn a_finish_a_drop_and_a_sweep_keep_to_their_own_uploads() -> String {
    let (registry, due) = with_ready(retention().tombstone(None));
    let finished = registry.begin(2, LIFE).expect("there is room");
    let dropped = registry.begin(3, LIFE).expect("there is room");
    let ids = [finished.id(), dropped.id(), due];
    let worker = thread::spawn(move || finish(finished, 7, LIFE));
    let panicking = thread::spawn(move || drop(dropped));
    step(format!("{:?}", registry.sweep(LIFE)));
    worker.join().expect("the worker does not panic");
    panicking.join().expect("the dropper does not panic");
    ids.map(|id| text(registry.read(id, LIFE))).join(", ")
}

/// One name is uploaded twice at once, each upload ends in its own thread, a sweep comes by; the name then names the upload
/// that began last, and each id its own.
fn two_uploads_of_one_name_a_worker_and_a_sweep() -> String {
    let (registry, _) = with_ready(retention().tombstone(None));
    let upload = |registry: super::Registry, detail: u8| {
        move || {
            let ticket = registry.begin(1, LIFE).expect("there is room");
            let id = ticket.id();
            finish(ticket, detail, LIFE);
            id
        }
    };
    let first = thread::spawn(upload(registry.clone(), 1));
    let second = thread::spawn(upload(registry.clone(), 2));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let first = first.join().expect("the uploader does not panic");
    let second = second.join().expect("the uploader does not panic");
    sweeper.join().expect("the sweeper does not panic");
    let last = text(registry.read_key(&1, LIFE));
    let latest = if first.generation() > second.generation() { "ready(1)" } else { "ready(2)" };
    let last = if last == latest { last } else { format!("{last}, not {latest}") };
    format!("{}, {}, key {last}", text(registry.read(first, LIFE)), text(registry.read(second, LIFE)))
}

/// An upload that runs is cleared, its name is uploaded again in the slot that became free, its worker comes late, and a sweep
/// comes by: four threads.
fn a_clear_a_new_upload_a_late_worker_and_a_sweep() -> String {
    let registry = registry(retention());
    let first = registry.begin(1, 0).expect("there is room");
    let first_id = first.id();
    let worker = thread::spawn(move || finish(first, 9, 1));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let clearer = registry.clone();
    let clearer = thread::spawn(move || clearer.clear(first_id));
    let second = registry.begin(1, 1).expect("there is room");
    step("begun again");
    let finished = worker.join().expect("the worker does not panic");
    sweeper.join().expect("the sweeper does not panic");
    clearer.join().expect("the clearer does not panic");
    let outcome = format!("{finished}: {}, {}", text(registry.read(first_id, 1)), text(registry.read(second.id(), 1)));
    finish(second, 7, 1);
    outcome
}

/// Room for two, one place taken by a success whose time is over at LIFE, the other one free. Three uploads of three names begin
/// while a sweep comes by: two find room, whether the sweep or one of them takes away what is over, and no count ever shows
/// three (R7, R9, R12).
fn room_for_two_among_three_uploaders_and_a_sweep() -> String {
    let registry = registry(retention().capacity(Capacity::EvictOldest(2)));
    let due = ready(&registry, 9);
    let begin = |key: u8| {
        let registry = registry.clone();
        move || registry.begin(key, LIFE).ok()
    };
    let one = thread::spawn(begin(1));
    let other = thread::spawn(begin(2));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE).taken());
    let mine = begin(3)();
    let held = registry.counts().total();
    step(format!("main held {held}"));
    let all = [mine, one.join().expect("no panic"), other.join().expect("no panic")];
    let taken = sweeper.join().expect("the sweeper does not panic");
    let begun = all.iter().flatten().count();
    let (old, total) = (text(registry.read(due, LIFE)), registry.counts().total());
    drop(all);
    if held > 2 { format!("{held} held") } else { format!("{begun} begun, {taken} swept: {old}, {total} held") }
}
