//! Three threads, every interleaving: the races of two with one more party that may get in between.

use loom::thread;

use super::{LIFE, Registry, finish, ready, registry, retention, text, with_ready};
use crate::harness::{Bound, Model, step};
use crate::registry::{AgeBasis, Capacity};

pub const MODELS: &[Model] = &[
    Model {
        name: "a_poll_between_two_sweeps_at_the_deadline_sees_neither",
        rules: &["R7", "R9"],
        bound: Bound::Exhaustive,
        program: a_poll_between_two_sweeps_at_the_deadline_sees_neither,
        outcomes: &["expired ready, 1 + 0 taken", "expired ready, 0 + 1 taken"],
    },
    Model {
        name: "three_uploads_never_share_room_for_two",
        rules: &["R12"],
        bound: Bound::Exhaustive,
        program: three_uploads_never_share_room_for_two,
        outcomes: &["begun, begun, full: 2 held", "begun, full, begun: 2 held", "full, begun, begun: 2 held"],
    },
    Model {
        name: "a_slot_that_changes_hands_under_a_sweep_and_a_late_worker_stays_with_its_owner",
        rules: &["R3", "R9", "R12"],
        bound: Bound::Exhaustive,
        program: a_slot_that_changes_hands_under_a_sweep_and_a_late_worker_stays_with_its_owner,
        outcomes: &["begun: unknown, processing", "full: ready(9), no second"],
    },
    Model {
        name: "of_two_acknowledgements_and_a_sweep_one_wins",
        rules: &["R9", "R13"],
        bound: Bound::Exhaustive,
        program: of_two_acknowledgements_and_a_sweep_one_wins,
        outcomes: &["true, false: ready(7)", "false, true: ready(7)", "false, false: expired ready"],
    },
    Model {
        name: "three_clocks_that_disagree_never_revive_an_upload",
        rules: &["R5", "R7", "R11"],
        bound: Bound::Exhaustive,
        program: three_clocks_that_disagree_never_revive_an_upload,
        outcomes: &[
            "ready(7), ready(7), then expired ready",
            "ready(7), expired ready, then expired ready",
            "expired ready, expired ready, then expired ready",
        ],
    },
    Model {
        name: "a_name_whose_worker_died_shows_its_next_upload",
        rules: &["R4", "R14"],
        bound: Bound::Exhaustive,
        program: a_name_whose_worker_died_shows_its_next_upload,
        outcomes: &["saw interrupted: interrupted, key processing", "saw processing: interrupted, key processing"],
    },
];

/// Two workers sweep at the deadline, and a client polls at the deadline: one of the sweeps takes the record, and the answer is
/// the same before, between and after (R7, R9).
fn a_poll_between_two_sweeps_at_the_deadline_sees_neither() -> String {
    let (registry, id) = with_ready(retention());
    let [one, other] = [registry.clone(), registry.clone()]
        .map(|registry: Registry| thread::spawn(move || registry.sweep_some(LIFE, 1).expired));
    let status = text(registry.read(id, LIFE));
    step(format!("read {status}"));
    let one = one.join().expect("a sweeper does not panic");
    let other = other.join().expect("a sweeper does not panic");
    format!("{status}, {one} + {other} taken")
}

/// Room for two and an upload in it that has ended; three more begin. Two of them fit, one by its eviction, and nobody sees the
/// room exceeded, during or after (R12).
fn three_uploads_never_share_room_for_two() -> String {
    let registry = registry(retention().capacity(Capacity::EvictOldest(2)));
    ready(&registry, 9);
    let begin = |registry: &Registry, key: u8| {
        let ticket = registry.begin(key, 1).ok();
        let held = registry.counts().total();
        (ticket, held)
    };
    let [one, other] = [1, 2].map(|key| {
        let registry = registry.clone();
        thread::spawn(move || begin(&registry, key))
    });
    let mine = begin(&registry, 3);
    step(format!("main held {}", mine.1));
    let all = [mine, one.join().expect("no panic"), other.join().expect("no panic")];
    let held = all.iter().map(|(_, held)| *held).chain([registry.counts().total()]).max();
    let begun = all.each_ref().map(|(ticket, _)| if ticket.is_some() { "begun" } else { "full" }).join(", ");
    // The tickets are kept until all have tried: a dropped one would make room.
    drop(all);
    format!("{begun}: {} held", held.unwrap_or(0))
}

/// Room for one. Its upload ends at 0; a new upload of the same name takes its slot, if it comes after that, and a sweep comes
/// at the old one's deadline. Whoever has the slot in the end keeps it, and the other one's id sees nothing of it (R3, R9, R12).
fn a_slot_that_changes_hands_under_a_sweep_and_a_late_worker_stays_with_its_owner() -> String {
    let registry = registry(retention().capacity(Capacity::EvictOldest(1)));
    let first = registry.begin(1, 0).expect("there is room");
    let first_id = first.id();
    let worker = thread::spawn(move || finish(first, 9, LIFE));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE + 1).taken());
    let second = registry.begin(1, LIFE).ok();
    step(if second.is_some() { "begun" } else { "full" });
    worker.join().expect("the worker does not panic");
    let taken = sweeper.join().expect("the sweeper does not panic");
    let old = text(registry.read(first_id, LIFE + 1));
    let outcome = match &second {
        Some(ticket) => format!("begun: {old}, {}", text(registry.read(ticket.id(), LIFE + 1))),
        None => format!("full: {old}, no second"),
    };
    if let Some(second) = second {
        finish(second, 7, LIFE + 1);
    }
    if taken == 0 { outcome } else { format!("{outcome}, {taken} taken too early") }
}

/// Two tabs acknowledge an upload a moment before its deadline, which renews it, and a sweep comes at the deadline: the first
/// acknowledgement saves the record from the sweep, or the sweep came first and none counts (R9, R13).
fn of_two_acknowledgements_and_a_sweep_one_wins() -> String {
    let (registry, id) = with_ready(retention().age(AgeBasis::LastWrite));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let other = registry.clone();
    let other = thread::spawn(move || other.acknowledge(id, LIFE - 1));
    let mine = registry.acknowledge(id, LIFE - 1);
    step(format!("main {mine}"));
    let others = other.join().expect("the other tab does not panic");
    sweeper.join().expect("the sweeper does not panic");
    format!("{mine}, {others}: {}", text(registry.read(id, LIFE)))
}

/// A poller whose clock is one behind the deadline polls twice, another one reads at the deadline, a sweep runs by a third clock
/// that is further behind: what was expired once is so for everybody from then on (R5, R7, R11).
fn three_clocks_that_disagree_never_revive_an_upload() -> String {
    let (registry, id) = with_ready(retention());
    let ahead = registry.clone();
    let ahead = thread::spawn(move || text(ahead.read(id, LIFE)));
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE - 2));
    let first = text(registry.read(id, LIFE - 1));
    let second = text(registry.read(id, LIFE - 1));
    step(format!("behind {first}, {second}"));
    let ahead = ahead.join().expect("the reader does not panic");
    sweeper.join().expect("the sweeper does not panic");
    let last = text(registry.read(id, LIFE - 1));
    if ahead == "expired ready" {
        format!("{first}, {second}, then {last}")
    } else {
        format!("at the deadline {ahead}")
    }
}

/// The worker of an upload dies, its client uploads the same name again, and another tab polls by name. The name never goes back
/// to the dead upload, which its own id still tells (R4, R14).
fn a_name_whose_worker_died_shows_its_next_upload() -> String {
    let registry = registry(retention());
    let first = registry.begin(1, 0).expect("there is room");
    let first_id = first.id();
    let worker = thread::spawn(move || drop(first));
    let poller = registry.clone();
    let poller = thread::spawn(move || text(poller.read_key(&1, 1)));
    let second = registry.begin(1, 1).expect("there is room");
    step("begun again");
    worker.join().expect("the worker does not panic");
    let saw = poller.join().expect("the poller does not panic");
    let (by_id, by_key) = (text(registry.read(first_id, 1)), text(registry.read_key(&1, 1)));
    finish(second, 7, 1);
    format!("saw {saw}: {by_id}, key {by_key}")
}
