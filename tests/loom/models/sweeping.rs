//! Sweeps against everything else. `sweep_with` goes step by step; `sweep` first tries to take a part as a whole.

use loom::thread;

use super::{LIFE, ready, registry, retention, text, with_ready};
use crate::harness::{Bound, Model, step};
use crate::registry::{AgeBasis, Capacity, Expiry};

pub const MODELS: &[Model] = &[
    Model {
        name: "a_poll_at_the_deadline_does_not_depend_on_the_sweep",
        rules: &["R5", "R7"],
        bound: Bound::Exhaustive,
        program: a_poll_at_the_deadline_does_not_depend_on_the_sweep,
        outcomes: &["expired ready"],
    },
    Model {
        name: "under_physical_expiry_the_sweep_decides",
        rules: &["R5"],
        bound: Bound::Exhaustive,
        program: under_physical_expiry_the_sweep_decides,
        outcomes: &["ready(7)", "unknown"],
    },
    Model {
        name: "a_moment_before_the_deadline_nothing_is_over",
        rules: &["R5"],
        bound: Bound::Exhaustive,
        program: a_moment_before_the_deadline_nothing_is_over,
        outcomes: &["ready(7), 0 taken"],
    },
    Model {
        name: "a_sweep_never_takes_a_running_upload",
        rules: &["R6"],
        bound: Bound::Exhaustive,
        program: a_sweep_never_takes_a_running_upload,
        outcomes: &["finished: ready(7)"],
    },
    Model {
        name: "an_expired_record_leaves_a_tombstone_for_its_time",
        rules: &["R8"],
        bound: Bound::Exhaustive,
        program: an_expired_record_leaves_a_tombstone_for_its_time,
        outcomes: &["expired ready, then unknown"],
    },
    Model {
        name: "a_tombstone_does_not_hide_a_new_generation",
        rules: &["R8", "R14"],
        bound: Bound::Exhaustive,
        program: a_tombstone_does_not_hide_a_new_generation,
        outcomes: &["processing, expired ready"],
    },
    Model {
        name: "a_sweep_that_saw_the_old_entry_spares_the_new_one",
        rules: &["R9", "R3"],
        bound: Bound::Exhaustive,
        program: a_sweep_that_saw_the_old_entry_spares_the_new_one,
        outcomes: &["processing"],
    },
    Model {
        name: "what_is_acknowledged_in_time_is_not_swept",
        rules: &["R9", "R13"],
        bound: Bound::Exhaustive,
        program: what_is_acknowledged_in_time_is_not_swept,
        outcomes: &["acknowledged: ready(7)", "too late: expired ready"],
    },
    Model {
        name: "what_is_read_in_time_is_not_swept",
        rules: &["R9"],
        bound: Bound::Exhaustive,
        program: what_is_read_in_time_is_not_swept,
        outcomes: &["expired ready: expired ready", "ready(7): ready(7)"],
    },
    Model {
        name: "two_sweeps_take_each_record_once",
        rules: &["R9", "R10"],
        bound: Bound::Exhaustive,
        program: two_sweeps_take_each_record_once,
        outcomes: &["1 + 1", "2 + 0", "0 + 2"],
    },
    Model {
        name: "a_read_gets_in_between_the_steps_of_a_sweep",
        rules: &["R10"],
        bound: Bound::Exhaustive,
        program: a_read_gets_in_between_the_steps_of_a_sweep,
        outcomes: &["0 of 2 taken", "1 of 2 taken", "2 of 2 taken"],
    },
    Model {
        name: "a_whole_sweep_lets_go_after_its_step",
        rules: &["R10"],
        bound: Bound::Exhaustive,
        program: a_whole_sweep_lets_go_after_its_step,
        outcomes: &["0 of 17 taken", "16 of 17 taken", "17 of 17 taken"],
    },
    Model {
        name: "an_old_generation_does_not_take_the_key_along",
        rules: &["R14"],
        bound: Bound::Exhaustive,
        program: an_old_generation_does_not_take_the_key_along,
        outcomes: &["processing"],
    },
];

/// A poll comes at the very moment of the deadline, and so does a sweep.
fn a_poll_at_the_deadline_does_not_depend_on_the_sweep() -> String {
    let (registry, id) = with_ready(retention());
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let status = text(registry.read(id, LIFE));
    step(format!("read {status}"));
    sweeper.join().expect("the sweeper does not panic");
    status
}

/// The same with the incident's expiry: now the answer does depend on it, and both answers are seen.
fn under_physical_expiry_the_sweep_decides() -> String {
    let (registry, id) = with_ready(retention().expiry(Expiry::Physical).tombstone(None));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let status = text(registry.read(id, LIFE));
    sweeper.join().expect("the sweeper does not panic");
    status
}

/// One nanosecond earlier nothing is over, for the poll or for the sweep, which may come by before the upload has ended.
fn a_moment_before_the_deadline_nothing_is_over() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE - 1).taken());
    super::finish(ticket, 7, 0);
    step("finished");
    let status = text(registry.read(id, LIFE - 1));
    format!("{status}, {} taken", sweeper.join().expect("the sweeper does not panic"))
}

/// An upload has been running for five times the time to live of a success when a sweep comes by; then it ends.
fn a_sweep_never_takes_a_running_upload() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(5 * LIFE));
    let finished = super::finish(ticket, 7, 5 * LIFE);
    step(finished);
    sweeper.join().expect("the sweeper does not panic");
    format!("{finished}: {}", text(registry.read(id, 5 * LIFE)))
}

/// A poll comes between the deadline and the end of the tombstone's time, against a sweep; a later poll comes after both.
fn an_expired_record_leaves_a_tombstone_for_its_time() -> String {
    let (registry, id) = with_ready(retention());
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let status = text(registry.read(id, LIFE + 19));
    step(format!("read {status}"));
    sweeper.join().expect("the sweeper does not panic");
    format!("{status}, then {}", text(registry.read(id, LIFE + 20)))
}

/// A name is uploaded again at the moment when the sweep turns its first upload into a tombstone.
fn a_tombstone_does_not_hide_a_new_generation() -> String {
    let (registry, first) = with_ready(retention());
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let second = registry.begin(1, LIFE).expect("there is room");
    step("begun again");
    sweeper.join().expect("the sweeper does not panic");
    let statuses = format!("{}, {}", text(registry.read_key(&1, LIFE)), text(registry.read(first, LIFE)));
    super::finish(second, 7, LIFE);
    statuses
}

/// ABA: a sweep sees that the entry in a slot is due; before it acts, a new upload of the same name takes that very slot (a
/// capacity of one makes it so). The new entry must stay.
fn a_sweep_that_saw_the_old_entry_spares_the_new_one() -> String {
    let (registry, _) = with_ready(retention().tombstone(None).capacity(Capacity::EvictOldest(1)));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep_with(LIFE, |_| ()));
    let second = registry.begin(1, LIFE).expect("the first upload makes room");
    step("begun again");
    sweeper.join().expect("the sweeper does not panic");
    let status = text(registry.read_key(&1, LIFE));
    super::finish(second, 7, LIFE);
    status
}

/// The client acknowledges a moment before the deadline, which renews the record's age, while a sweep comes at the deadline.
fn what_is_acknowledged_in_time_is_not_swept() -> String {
    let (registry, id) = with_ready(retention().age(AgeBasis::LastWrite));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep_with(LIFE, |_| ()));
    let counted = registry.acknowledge(id, LIFE - 1);
    step(format!("acknowledged {counted}"));
    sweeper.join().expect("the sweeper does not panic");
    format!("{}: {}", if counted { "acknowledged" } else { "too late" }, text(registry.read(id, LIFE)))
}

/// The same with an age that counts from the last read.
fn what_is_read_in_time_is_not_swept() -> String {
    let (registry, id) = with_ready(retention().age(AgeBasis::LastAccess));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let first = text(registry.read(id, LIFE - 1));
    step(format!("read {first}"));
    sweeper.join().expect("the sweeper does not panic");
    format!("{first}: {}", text(registry.read(id, LIFE)))
}

/// Two workers sweep at once, one record at a time; two records are due.
fn two_sweeps_take_each_record_once() -> String {
    let (registry, _) = with_ready(retention());
    ready(&registry, 2);
    let other = registry.clone();
    let sweep =
        |registry: &super::Registry| registry.sweep_some(LIFE, 1).taken() + registry.sweep_some(LIFE, 1).taken();
    let sweeper = thread::spawn(move || sweep(&other));
    let mine = sweep(&registry);
    let others = sweeper.join().expect("the sweeper does not panic");
    let left = registry.counts();
    if (left.tombstones, left.total()) == (2, 2) { format!("{mine} + {others}") } else { format!("left {left:?}") }
}

/// A sweep that takes one record at a time lets others see the registry in between.
fn a_read_gets_in_between_the_steps_of_a_sweep() -> String {
    let (registry, _) = with_ready(retention());
    ready(&registry, 2);
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || while sweeper.sweep_some(LIFE, 1).more {});
    let taken = registry.counts().tombstones;
    step(format!("saw {taken}"));
    sweeper.join().expect("the sweeper does not panic");
    format!("{taken} of 2 taken")
}

/// A whole sweep takes 17 records, one more than it may take under one hold of the lock: others get in once, in between (R10).
fn a_whole_sweep_lets_go_after_its_step() -> String {
    let registry = registry(retention());
    for key in 0..17 {
        ready(&registry, key);
    }
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE).expired);
    let taken = registry.counts().tombstones;
    step(format!("saw {taken}"));
    let all = sweeper.join().expect("the sweeper does not panic");
    format!("{taken} of {all} taken")
}

/// A name is uploaded again while its first upload, which is due, is swept without a tombstone.
fn an_old_generation_does_not_take_the_key_along() -> String {
    let (registry, _) = with_ready(retention().tombstone(None));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let second = registry.begin(1, LIFE).expect("there is room");
    step("begun again");
    sweeper.join().expect("the sweeper does not panic");
    let status = text(registry.read_key(&1, LIFE));
    super::finish(second, 7, LIFE);
    status
}
