//! Tickets, ids, generations, clears.

use std::collections::BTreeSet;
use std::time::Duration;

use stillready::registry::{Outcome, Registry, Retention, StaleTicket, Status, Swept, UploadId};

use crate::{Ready, begin, ready, retention};

#[test]
fn an_upload_is_processing_until_its_ticket_ends_it() {
    let registry = Ready::new(retention());
    let ticket = begin(&registry, "a", 0);
    let id = ticket.id();
    assert_eq!((registry.read(id, 1), registry.read_key("a", 1)), (Status::Processing, Status::Processing));
    ticket.finish(Outcome::Failed(9), 2).unwrap();
    assert_eq!((registry.read(id, 3), registry.read_key("a", 3)), (Status::Failed(9), Status::Failed(9)));
    assert_eq!(registry.read_key("b", 3), Status::Unknown);
}

#[test]
fn a_ticket_that_is_dropped_leaves_interrupted() {
    let registry = Ready::new(retention());
    let ticket = begin(&registry, "a", 10);
    let id = ticket.id();
    drop(ticket);
    assert_eq!(registry.read(id, 109), Status::Interrupted);
    assert_eq!(registry.read(id, 110), Status::Expired(stillready::registry::State::Interrupted));
}

#[test]
fn a_stale_ticket_gets_an_error_and_changes_nothing() {
    let registry = Ready::new(retention());
    let ticket = begin(&registry, "a", 0);
    let id = ticket.id();
    assert!(registry.clear(id));
    assert!(!registry.clear(id), "it is gone");
    let other = ready(&registry, "b", 1, 1);
    assert_eq!(ticket.finish(Outcome::Ready(1), 2), Err(StaleTicket));
    assert_eq!((registry.read(id, 3), registry.read(other, 3)), (Status::Unknown, Status::Ready(7)));
    // Dropping a stale ticket says nothing to anybody.
    let ticket = begin(&registry, "c", 3);
    registry.clear_key("c");
    drop(ticket);
    assert_eq!(registry.counts().total(), 1);
}

#[test]
fn beginning_again_starts_a_generation_that_readers_by_key_see() {
    let registry = Ready::new(retention());
    let first = ready(&registry, "a", 0, 1);
    let ticket = begin(&registry, "a", 2);
    let second = ticket.id();
    assert!(second.generation() > first.generation());
    assert_eq!(registry.read(first, 3), Status::Ready(7));
    assert_eq!((registry.read(second, 3), registry.read_key("a", 3)), (Status::Processing, Status::Processing));
    ticket.finish(Outcome::Failed(9), 4).unwrap();
    assert_eq!((registry.read(first, 5), registry.read_key("a", 5)), (Status::Ready(7), Status::Failed(9)));
    // The key is that of its latest generation alone.
    assert!(registry.clear_key("a"));
    assert_eq!((registry.read_key("a", 5), registry.read(first, 5)), (Status::Unknown, Status::Ready(7)));
}

#[test]
fn ids_are_never_given_twice_and_survive_the_way_through_a_url() {
    let registry = Ready::new(retention().tombstone(None));
    let mut ids = BTreeSet::new();
    for round in 0..1000 {
        let id = ready(&registry, "a", round * 1000, round * 1000);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(ids.insert(id), "{id}");
        registry.sweep(round * 1000 + 100);
        assert_eq!(registry.read(id, round * 1000 + 100), Status::Unknown);
    }
    assert_eq!(registry.counts().total(), 0);
}

#[test]
fn what_is_no_id_is_refused() {
    for text in [
        "",
        "1",
        "1-2",
        "1-2-3-4",
        "x-2-3",
        "01-2-3",
        "+1-2-3",
        "1-100000000-3",
        "1-2-3 ",
        "A-2-3",
        "0-0-1",
        "800000000000000-0-1",
    ] {
        assert!(text.parse::<UploadId>().is_err(), "{text:?}");
    }
    assert!("".parse::<UploadId>().unwrap_err().to_string().contains("1f-3-5eed"));
}

#[test]
fn a_slot_that_is_free_is_nobodys() {
    let registry = Ready::new(retention());
    let id = ready(&registry, "a", 0, 0);
    let (_, place) =
        id.to_string().split_once('-').map(|(generation, place)| (generation.to_owned(), place.to_owned())).unwrap();
    assert!(registry.clear(id));
    for generation in ["2", "7ffffffffffffff"] {
        let id: UploadId = format!("{generation}-{place}").parse().unwrap();
        assert_eq!(registry.read(id, 1), Status::Unknown);
        assert!(!registry.clear(id) && !registry.acknowledge(id, 1));
        assert_eq!(registry.wait(id).poll(1, std::task::Waker::noop()), std::task::Poll::Ready(Status::Unknown));
    }
}

#[test]
fn a_part_of_which_nothing_is_left_is_taken_as_a_whole() {
    // Its slots are counted from 0 again then, where the others are used again from the last one that became free.
    let next = |tombstone, runs: bool, sweep: fn(&Registry<u32>) -> Swept| {
        let retention = Retention::finished(Duration::from_nanos(100)).tombstone(tombstone);
        let registry = Registry::<u32>::with_origin(retention, 1, std::hash::RandomState::new(), 7);
        let mut tickets: Vec<_> = (0..4).map(|key| registry.begin(key, 0).unwrap()).collect();
        let running = runs.then(|| tickets.remove(1));
        tickets.into_iter().for_each(|ticket| ticket.finish(Outcome::Ready(()), 0).unwrap());
        assert_eq!(sweep(&registry).taken(), 4 - usize::from(runs));
        drop(running);
        registry.begin(9, 100).unwrap().id().to_string()
    };
    let whole = |registry: &Registry<u32>| registry.sweep(100);
    let stepwise = |registry: &Registry<u32>| registry.sweep_with(100, |_| ());
    assert_eq!(next(None, false, whole), "5-0-7");
    assert_eq!(next(None, false, stepwise), "5-3-7");
    assert_eq!(next(None, true, whole), "5-3-7", "one runs");
    assert_eq!(next(Some(Duration::from_nanos(1)), false, whole), "5-4-7", "tombstones are left");
    assert_eq!(next(Some(Duration::ZERO), false, whole), "5-0-7");
}

#[test]
fn an_id_of_another_registry_is_unknown() {
    let (here, there) = (Ready::new(retention()), Ready::new(retention()));
    let id = ready(&there, "a", 0, 0);
    ready(&here, "a", 0, 0);
    assert_eq!(here.read(id, 1), Status::Unknown);
    assert!(!here.clear(id) && !here.acknowledge(id, 1));
}

#[test]
fn parts_change_nothing_that_can_be_seen() {
    for shards in [1, 2, 3, 8, 64] {
        let registry: Registry<u32, u32> =
            Registry::with_shards_and_hasher(retention(), shards, std::hash::RandomState::new());
        let ids: Vec<_> = (0..500)
            .map(|key| {
                let ticket = registry.begin(key, 0).unwrap();
                let id = ticket.id();
                ticket.finish(Outcome::Ready(key), u64::from(key / 10)).unwrap();
                id
            })
            .collect();
        for (key, id) in (0..500).zip(&ids) {
            assert_eq!(registry.read(*id, 0), Status::Ready(key));
            assert_eq!(registry.read_key(&key, 0), Status::Ready(key));
        }
        // Ten each ended at 0 to 49; those of 0 to 20 are due at 120.
        assert_eq!(registry.sweep(120).expired, 210);
        assert_eq!(registry.counts().tombstones, 210);
    }
}
