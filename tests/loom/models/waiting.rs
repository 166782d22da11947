//! Long polls against what ends their wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

use loom::thread;

use super::{LIFE, Registry, finish, registry, retention, text};
use crate::harness::{Bound, Model, step};
use crate::registry::{Retention, TimeToLive, UploadId, Wait};

pub const MODELS: &[Model] = &[
    Model {
        name: "a_long_poll_is_woken_by_the_end",
        rules: &["R16"],
        bound: Bound::Exhaustive,
        program: a_long_poll_is_woken_by_the_end,
        outcomes: &["ready(7) at once", "woken once, ready(7)"],
    },
    Model {
        name: "a_long_poll_is_woken_where_the_work_is_lost",
        rules: &["R4", "R16"],
        bound: Bound::Exhaustive,
        program: a_long_poll_is_woken_where_the_work_is_lost,
        outcomes: &["interrupted at once", "woken once, interrupted"],
    },
    Model {
        name: "a_long_poll_is_woken_by_a_clear",
        rules: &["R15", "R16"],
        bound: Bound::Exhaustive,
        program: a_long_poll_is_woken_by_a_clear,
        outcomes: &["unknown at once", "woken once, unknown"],
    },
    Model {
        name: "a_long_poll_is_woken_by_the_sweep_that_takes_its_upload",
        rules: &["R6", "R16"],
        bound: Bound::Exhaustive,
        program: a_long_poll_is_woken_by_the_sweep_that_takes_its_upload,
        outcomes: &["expired processing at once", "woken once, expired processing"],
    },
    Model {
        name: "of_two_long_polls_one_goes_away_and_the_other_is_woken",
        rules: &["R16"],
        bound: Bound::Exhaustive,
        program: of_two_long_polls_one_goes_away_and_the_other_is_woken,
        outcomes: &["gone before, woken once", "gone after, woken once"],
    },
    Model {
        name: "a_long_poll_of_an_upload_is_not_woken_for_the_next_in_its_slot",
        rules: &["R3", "R16"],
        bound: Bound::Exhaustive,
        program: a_long_poll_of_an_upload_is_not_woken_for_the_next_in_its_slot,
        outcomes: &["unknown at once", "woken once, unknown"],
    },
    Model {
        name: "a_long_poll_wakes_who_polled_it_last",
        rules: &["R16"],
        bound: Bound::Exhaustive,
        program: a_long_poll_wakes_who_polled_it_last,
        outcomes: &["at once", "first woken once, and at the second look", "first asleep, second woken once"],
    },
    Model {
        name: "who_is_woken_may_look_at_once",
        rules: &["R16"],
        bound: Bound::Exhaustive,
        program: who_is_woken_may_look_at_once,
        outcomes: &["at once", "woken, ready(7)"],
    },
];

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rung(&self) -> &'static str {
        match self.0.load(Ordering::SeqCst) {
            0 => "asleep",
            1 => "woken once",
            _ => "woken again",
        }
    }
}

/// A long poll, and what it came to once everything else has.
fn polled(registry: &Registry, wait: &mut Wait<u8, u8>, now: u64, meanwhile: impl FnOnce()) -> String {
    let bell = Arc::new(Bell::default());
    let first = wait.poll(now, &Waker::from(Arc::clone(&bell)));
    step(format!("polled: {}", if first.is_pending() { "pending" } else { "ready" }));
    meanwhile();
    let left = registry.waiting();
    let left = if left == 0 { String::new() } else { format!(", {left} still waiting") };
    match (first, wait.poll(now, Waker::noop())) {
        (Poll::Ready(status), _) => format!("{} at once", text(status)),
        (Poll::Pending, Poll::Ready(status)) => format!("{}, {}{left}", bell.rung(), text(status)),
        (Poll::Pending, Poll::Pending) => format!("{}, pending", bell.rung()),
    }
}

/// A client asks to be told at the moment at which the work ends: between its look and its wait nothing comes (R16).
fn a_long_poll_is_woken_by_the_end() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let mut wait = registry.wait(ticket.id());
    let worker = thread::spawn(move || finish(ticket, 7, 1));
    polled(&registry, &mut wait, 1, || {
        worker.join().expect("the worker does not panic");
    })
}

/// The same where the worker goes away without a word (R4).
fn a_long_poll_is_woken_where_the_work_is_lost() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let mut wait = registry.wait(ticket.id());
    let worker = thread::spawn(move || drop(ticket));
    polled(&registry, &mut wait, 1, || {
        worker.join().expect("the worker does not panic");
    })
}

/// The same where somebody clears the upload (R15).
fn a_long_poll_is_woken_by_a_clear() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let mut wait = registry.wait(id);
    let clearer = registry.clone();
    let clearer = thread::spawn(move || clearer.clear(id));
    let outcome = polled(&registry, &mut wait, 1, || {
        clearer.join().expect("the clearer does not panic");
    });
    finish(ticket, 7, 1);
    outcome
}

/// Running uploads are given up after a time. The client's clock has not come so far, the sweep's has.
fn a_long_poll_is_woken_by_the_sweep_that_takes_its_upload() -> String {
    let lives = TimeToLive { processing_ns: Some(LIFE), ..retention().time_to_live };
    let registry = registry(Retention { time_to_live: lives, ..retention() });
    let ticket = registry.begin(1, 0).expect("there is room");
    let mut wait = registry.wait(ticket.id());
    let sweeper = registry.clone();
    let sweeper = thread::spawn(move || sweeper.sweep(LIFE));
    let outcome = polled(&registry, &mut wait, LIFE - 1, || {
        sweeper.join().expect("the sweeper does not panic");
    });
    finish(ticket, 7, LIFE);
    outcome
}

/// Two clients wait for one upload; one closes its tab as the work ends. The other is woken all the same, once.
fn of_two_long_polls_one_goes_away_and_the_other_is_woken() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let (mut goes, mut stays) = (registry.wait(ticket.id()), registry.wait(ticket.id()));
    let (gone, bell) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    assert!(goes.poll(1, &Waker::from(Arc::clone(&gone))).is_pending(), "the work goes on");
    assert!(stays.poll(1, &Waker::from(Arc::clone(&bell))).is_pending(), "the work goes on");
    let worker = thread::spawn(move || finish(ticket, 7, 1));
    drop(goes);
    step("one has gone");
    worker.join().expect("the worker does not panic");
    assert_eq!(registry.waiting(), 0, "a wait that is over is no wait");
    let when = if gone.rung() == "asleep" { "before" } else { "after" };
    format!("gone {when}, {}", bell.rung())
}

/// An upload is cleared, and the next one takes its slot: a long poll of the first is of the first (R3).
fn a_long_poll_of_an_upload_is_not_woken_for_the_next_in_its_slot() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let mut wait = registry.wait(id);
    let next = registry.clone();
    let next = thread::spawn(move || {
        next.clear(id);
        finish(next.begin(2, 1).expect("there is room"), 8, 1)
    });
    let outcome = polled(&registry, &mut wait, 1, || {
        next.join().expect("nobody panics");
    });
    finish(ticket, 7, 1);
    outcome
}

/// A long poll goes from one task to another, as when a future is moved out of a `select`, while the work ends: the one that polled
/// it last is woken, and the other no more.
fn a_long_poll_wakes_who_polled_it_last() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let mut wait = registry.wait(ticket.id());
    let (first, second) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let worker = thread::spawn(move || finish(ticket, 7, 1));
    let looks = [&first, &second].map(|bell| {
        let is_pending = wait.poll(1, &Waker::from(Arc::clone(bell))).is_pending();
        step(format!("looked: {}", if is_pending { "pending" } else { "ready" }));
        is_pending
    });
    worker.join().expect("the worker does not panic");
    match looks {
        [false, _] => "at once".to_owned(),
        [true, false] => format!("first {}, and at the second look", first.rung()),
        [true, true] => format!("first {}, second {}", first.rung(), second.rung()),
    }
}

/// Looks as soon as it is woken.
struct Nosy {
    registry: Registry,
    id: UploadId,
    seen: std::sync::Mutex<Option<String>>,
}

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        let seen = text(self.registry.read(self.id, 1));
        *self.seen.lock().expect("nobody panics") = Some(seen);
    }
}

/// Who is woken asks the registry on the spot: no lock is held by then, and what it sees is the end.
fn who_is_woken_may_look_at_once() -> String {
    let registry = registry(retention());
    let ticket = registry.begin(1, 0).expect("there is room");
    let id = ticket.id();
    let mut wait = registry.wait(id);
    let worker = thread::spawn(move || finish(ticket, 7, 1));
    let nosy = Arc::new(Nosy { registry, id, seen: std::sync::Mutex::default() });
    let is_pending = wait.poll(1, &Waker::from(Arc::clone(&nosy))).is_pending();
    worker.join().expect("the worker does not panic");
    let seen = nosy.seen.lock().expect("nobody panics").take();
    match (is_pending, seen) {
        (true, seen) => format!("woken, {}", seen.unwrap_or_else(|| "never".to_owned())),
        (false, _) => "at once".to_owned(),
    }
}
