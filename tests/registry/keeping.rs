//! Retention: what is kept for how long, what is taken, and in how many steps.

use std::time::Duration;

use stillready::registry::{AgeBasis, Capacity, Expiry, Full, Outcome, Registry, Retention, State, Status};

use crate::{Ready, begin, ready, retention};

#[test]
fn nothing_is_over_before_its_time_and_everything_is_at_it() {
    let registry = Ready::new(retention());
    let id = ready(&registry, "a", 0, 10);
    assert_eq!(registry.read(id, 109), Status::Ready(7));
    assert_eq!(registry.read(id, 110), Status::Expired(State::Ready));
    assert_eq!(registry.read(id, 159), Status::Expired(State::Ready));
    assert_eq!(registry.read(id, 160), Status::Unknown);
}

#[test]
fn under_logical_expiry_sweeps_change_no_answer() {
    let (swept, unswept) = (Ready::new(retention()), Ready::new(retention()));
    let ids = [ready(&swept, "a", 0, 10), ready(&unswept, "a", 0, 10)];
    for now in 10..200 {
        swept.sweep(now);
        assert_eq!(swept.read(ids[0], now), unswept.read(ids[1], now), "at {now}");
    }
    assert_eq!((swept.counts().total(), unswept.counts().total()), (0, 1));
}

#[test]
fn under_physical_expiry_what_is_there_is_valid() {
    let registry = Ready::new(retention().expiry(Expiry::Physical));
    let id = ready(&registry, "a", 0, 0);
    assert_eq!(registry.read(id, 500), Status::Ready(7));
    registry.sweep(500);
    assert_eq!(registry.read(id, 500), Status::Expired(State::Ready));
    registry.sweep(549);
    assert_eq!(registry.read(id, 549), Status::Expired(State::Ready));
    registry.sweep(550);
    assert_eq!(registry.read(id, 550), Status::Unknown);
}

#[test]
fn the_age_counts_from_what_the_retention_names() {
    let due_at = |age, act: &dyn Fn(&Ready, stillready::registry::UploadId)| {
        let registry = Ready::new(retention().age(age));
        let id = ready(&registry, "a", 0, 10);
        act(&registry, id);
        registry.next_due()
    };
    let nothing = |_: &Ready, _| ();
    let read = |registry: &Ready, id| assert_eq!(registry.read(id, 30), Status::Ready(7));
    let acknowledge = |registry: &Ready, id| {
        assert!(registry.acknowledge(id, 40), "the first one counts");
        assert!(!registry.acknowledge(id, 50), "no later one does");
    };
    for (age, untouched, after_read, after_acknowledgement) in [
        (AgeBasis::Created, Some(100), Some(100), Some(100)),
        (AgeBasis::Finished, Some(110), Some(110), Some(110)),
        (AgeBasis::LastWrite, Some(110), Some(110), Some(140)),
        (AgeBasis::LastAccess, Some(110), Some(130), Some(110)),
        (AgeBasis::Acknowledged, None, None, Some(140)),
    ] {
        assert_eq!(due_at(age, &nothing), untouched, "{age:?}");
        assert_eq!(due_at(age, &read), after_read, "{age:?} read");
        assert_eq!(due_at(age, &acknowledge), after_acknowledgement, "{age:?} acknowledged");
    }
}

#[test]
fn a_running_upload_cannot_be_acknowledged_nor_can_one_that_is_over() {
    let registry = Ready::new(retention().age(AgeBasis::LastWrite));
    let ticket = begin(&registry, "a", 0);
    assert!(!registry.acknowledge(ticket.id(), 1) && !registry.acknowledge_key("a", 1));
    // Not at 0: whether the part that "b" falls into has seen the 1 already is up to the hasher.
    let id = ready(&registry, "b", 1, 1);
    assert!(!registry.acknowledge(id, 101));
    assert!(!registry.acknowledge_key("c", 101));
}

#[test]
fn a_record_is_as_old_as_the_clock_of_its_part_says() {
    for shards in [1, 8] {
        let registry = Ready::with_shards_and_hasher(retention(), shards, std::hash::RandomState::new());
        assert_eq!(registry.read_key("seen at 900", 900), Status::Unknown);
        ready(&registry, "a", 0, 0);
        // With one part its clock reads 900; with several that depends on where the hasher puts the two names.
        let due = registry.next_due();
        assert!(due == Some(1000) || (shards > 1 && due == Some(100)), "{due:?} with {shards} parts");
    }
}

#[test]
fn a_read_of_what_is_over_does_not_bring_it_back() {
    let registry = Ready::new(retention().age(AgeBasis::LastAccess));
    let id = ready(&registry, "a", 0, 0);
    assert_eq!(registry.read(id, 100), Status::Expired(State::Ready));
    assert_eq!(registry.read(id, 101), Status::Expired(State::Ready));
    assert_eq!(registry.sweep(101).expired, 1);
}

#[test]
fn each_state_has_its_own_time() {
    let mut retention = retention();
    retention.time_to_live.failed_ns = None;
    retention.time_to_live.processing_ns = Some(20);
    let registry = Ready::new(retention);
    let running = begin(&registry, "running", 0);
    let failed = begin(&registry, "failed", 0);
    let failed_id = failed.id();
    failed.finish(Outcome::Failed(1), 0).unwrap();
    assert_eq!(registry.read(running.id(), 20), Status::Expired(State::Processing));
    let id = running.id();
    assert!(running.finish(Outcome::Ready(1), 20).is_err(), "it is over");
    assert_eq!(registry.read(id, 20), Status::Expired(State::Processing));
    registry.sweep(u64::MAX);
    assert_eq!(registry.read(failed_id, u64::MAX), Status::Failed(1));
}

#[test]
fn a_clock_that_runs_backwards_neither_loses_nor_revives() {
    let registry = Ready::new(retention());
    let id = ready(&registry, "a", 50, 50);
    assert_eq!(registry.read(id, 150), Status::Expired(State::Ready));
    assert_eq!(registry.read(id, 0), Status::Expired(State::Ready), "it stays over");
    // What begins by a clock that fell behind is kept for its whole time by the one that counts.
    let late = Ready::new(retention());
    let other = ready(&late, "b", 1000, 1000);
    let id = ready(&late, "b", 10, 20);
    assert_eq!((late.read(id, 1099), late.read(other, 1099)), (Status::Ready(7), Status::Ready(7)));
    assert_eq!(late.sweep(30).taken(), 0);
}

#[test]
fn the_ends_of_time_overflow_nowhere() {
    for expiry in [Expiry::Logical, Expiry::Physical] {
        let forever = Retention::finished(Duration::MAX).expiry(expiry).tombstone(Some(Duration::MAX));
        let registry = Ready::new(forever);
        let id = ready(&registry, "a", 0, 0);
        assert_eq!(registry.sweep(u64::MAX - 1).taken(), 0);
        assert_eq!(registry.read(id, u64::MAX - 1), Status::Ready(7));
        let late = ready(&registry, "b", u64::MAX - 1, u64::MAX - 1);
        assert_eq!(registry.read(late, u64::MAX), Status::Ready(7));
        let registry = Ready::new(Retention::finished(Duration::ZERO).expiry(expiry).tombstone(None));
        let id = ready(&registry, "a", 5, u64::MAX);
        registry.sweep(u64::MAX);
        assert_eq!(registry.read(id, u64::MAX), Status::Unknown);
        assert_eq!(registry.next_due(), None);
    }
}

#[test]
fn a_full_registry_evicts_tombstones_then_the_oldest_that_ended() {
    let registry = Ready::new(retention().capacity(Capacity::EvictOldest(3)));
    let oldest = ready(&registry, "a", 0, 1);
    let older = ready(&registry, "b", 0, 5);
    let running = begin(&registry, "c", 0);
    let mut evicted = Vec::new();
    let fourth = registry.begin_with("d", 6, |record| evicted.push(*record.key)).unwrap();
    assert_eq!((evicted.as_slice(), registry.read(oldest, 6)), (["a"].as_slice(), Status::Unknown));
    registry.sweep(105);
    assert_eq!(registry.counts().tombstones, 1);
    let fifth = registry.begin_with("e", 106, |_| panic!("a tombstone is no loss")).unwrap();
    assert_eq!(registry.read(older, 106), Status::Unknown);
    assert_eq!(registry.begin("f", 107).err(), Some(Full));
    assert_eq!(registry.counts().processing, 3);
    drop((running, fourth, fifth));
}

#[test]
fn a_registry_that_refuses_keeps_what_it_has() {
    let registry = Ready::new(retention().capacity(Capacity::Refuse(1)));
    let id = ready(&registry, "a", 0, 0);
    assert_eq!(registry.begin("b", 1).err(), Some(Full));
    assert_eq!(registry.read(id, 1), Status::Ready(7));
}

#[test]
fn a_bounded_sweep_takes_what_it_may_and_says_that_there_is_more() {
    let retention = Retention::finished(Duration::from_nanos(20_000)).tombstone(Some(Duration::from_nanos(50)));
    let registry = Registry::<u32, ()>::new(retention);
    for key in 0..100_000 {
        registry.begin(key, 0).unwrap().finish(Outcome::Ready(()), u64::from(key / 10)).unwrap();
    }
    // Of 100,000 records 10 are due.
    let swept = registry.sweep_some(20_000, 4);
    assert_eq!((swept.expired, swept.more), (4, true));
    let swept = registry.sweep_some(20_000, 100);
    assert_eq!((swept.expired, swept.more), (6, false));
    assert_eq!(registry.sweep_some(20_000, 0).taken(), 0);
    assert_eq!((registry.counts().ready, registry.counts().tombstones), (99_990, 10));
}

#[test]
fn what_is_due_can_be_looked_at_and_what_is_taken_is_told() {
    let registry = Ready::new(retention());
    ready(&registry, "a", 0, 3);
    ready(&registry, "b", 0, 9);
    assert_eq!(registry.next_due(), Some(103));
    let mut due = Vec::new();
    registry.for_each_due(105, |record| due.push((*record.key, record.state, record.due_ns)));
    assert_eq!(due, [("a", State::Ready, Some(103))]);
    let mut taken = Vec::new();
    registry.sweep_with(200, |record| taken.push((*record.key, record.due_ns)));
    taken.sort_unstable();
    assert_eq!(taken, [("a", Some(103)), ("b", Some(109))]);
    assert_eq!(registry.next_due(), None, "both tombstones had served, too");
}

#[test]
#[should_panic(expected = "a registry with a capacity has one part")]
fn a_capacity_needs_one_part() {
    let retention = retention().capacity(Capacity::Refuse(1));
    let _ = Ready::with_shards_and_hasher(retention, 2, std::hash::RandomState::new());
}

#[test]
fn what_is_stuck_is_cleared_in_its_order_and_nothing_else_is() {
    // More than one look and one step at a time, in two parts: a look is at 1,024 slots.
    let registry = Registry::<u32>::with_shards_and_hasher(retention(), 2, std::hash::RandomState::new());
    let running: Vec<_> = (0..6_000).map(|key| registry.begin(key, u64::from(key)).unwrap()).collect();
    let ended = registry.begin(9_000, 6_000).unwrap();
    let ended_id = ended.id();
    ended.finish(Outcome::Ready(()), 6_000).unwrap();
    let mut cleared = Vec::new();
    registry.clear_running(3_999, 6_000, |record| {
        assert_eq!((record.state, record.due_ns), (State::Processing, None));
        cleared.push(*record.key);
    });
    cleared.sort_unstable();
    assert!(cleared.iter().copied().eq(0..4_000), "{} were cleared", cleared.len());
    assert_eq!((registry.counts().processing, registry.counts().tombstones), (2_000, 0));
    assert_eq!(registry.read(running[3_999].id(), 6_000), Status::Unknown);
    assert_eq!(registry.read(running[4_000].id(), 6_000), Status::Processing);
    assert_eq!(registry.read(ended_id, 6_000), Status::Ready(()));
}

#[test]
fn what_began_first_falls_due_first_in_whatever_order_it_ended() {
    let registry = Ready::with_shards_and_hasher(retention().age(AgeBasis::Created), 1, std::hash::RandomState::new());
    let tickets = [5, 10, 15, 20].map(|at| registry.begin("a", at).unwrap());
    for (ticket, at) in tickets.into_iter().rev().zip(30..) {
        ticket.finish(Outcome::Ready(7), at).unwrap();
    }
    for (due, next) in [(105, Some(110)), (110, Some(115)), (115, Some(120))] {
        assert_eq!(registry.next_due(), Some(due));
        assert_eq!((registry.sweep(due - 1).expired, registry.sweep(due).expired), (0, 1), "at {due}");
        assert_eq!(registry.next_due(), next);
    }
}

/// Names that share a place in the index move up when one of them goes, and only those that may.
#[test]
fn the_names_that_stay_are_found_whichever_others_go() {
    let registry = Registry::<u32, u32>::with_shards_and_hasher(retention(), 1, std::hash::RandomState::new());
    let tickets: Vec<_> = (0..3_000).map(|key| registry.begin(key, 0).unwrap()).collect();
    for step in 0..3 {
        for (key, ticket) in tickets.iter().enumerate().filter(|(key, _)| key % 4 == step) {
            assert!(registry.clear(ticket.id()), "{key}");
        }
        for key in 0..3_000 {
            let expected = if key % 4 <= step as u32 { Status::Unknown } else { Status::Processing };
            assert_eq!(registry.read_key(&key, 1), expected, "{key}, after step {step}");
        }
    }
}

#[test]
fn everything_is_cleared_and_tombstones_are_no_loss() {
    let registry = Registry::<u32, u32>::new(retention());
    // More than one step of each, in several parts.
    let running: Vec<_> = (0..1_000).map(|key| registry.begin(key, 0).unwrap()).collect();
    for key in 1_000..3_000 {
        registry.begin(key, 0).unwrap().finish(Outcome::Ready(key), if key < 2_000 { 0 } else { 60 }).unwrap();
    }
    registry.sweep(110);
    assert_eq!(registry.counts().tombstones, 1_000);
    let mut cleared = Vec::new();
    registry.clear_all(110, |record| cleared.push((*record.key, record.state)));
    cleared.sort_unstable_by_key(|&(key, _)| key);
    let left = (0..1_000).map(|key| (key, State::Processing)).chain((2_000..3_000).map(|key| (key, State::Ready)));
    assert!(cleared.into_iter().eq(left), "each once, and no tombstone");
    assert_eq!((registry.counts().total(), registry.next_due()), (0, None));
    assert_eq!(registry.read(running[0].id(), 110), Status::Unknown);
}

#[test]
fn an_upload_is_acknowledged_by_its_name_too() {
    let registry = Ready::new(retention().age(AgeBasis::Acknowledged));
    let id = ready(&registry, "a", 0, 0);
    assert!(!registry.acknowledge_key("b", 10));
    assert!(registry.acknowledge_key("a", 10));
    assert!(!registry.acknowledge_key("a", 20) && !registry.acknowledge(id, 20), "the first counts");
    assert_eq!(registry.next_due(), Some(110));
}
