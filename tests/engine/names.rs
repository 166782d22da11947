//! Two uploads under one name.

use crate::{PLAIN, Parts, facts};

/// Upload 0 at 5 s, upload 1 at 10 s, under one name; 8 s of processing each, so upload 0 ends at 13 s, upload 1 at 18 s.
const TWICE: Parts<'_> = Parts {
    uploads: 2,
    workload: r#"arrivals = { kind = "fixed", every = "5s" }
                 processing = "8s"
                 distinct_keys = 1"#,
    ..PLAIN
};

#[test]
fn the_dictionary_tells_the_second_client_of_the_first_ones_result() {
    // Client 1 polls at 10 and at 13, where it finds what upload 0 has just written: ready, too early and not its own.
    let policy = r#"store = "dict"
                    time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "never" }"#;
    let tally = Parts { policy, ..TWICE }.run();
    assert_eq!(facts(&tally), [("succeeded", 2), ("saw_ready", 2), ("false_ready", 1), ("foreign_ready", 1)]);
    assert_eq!(tally.live.max, 1);
}

#[test]
fn the_registry_by_key_tells_the_first_client_of_the_second_ones_result() {
    // The key names upload 1 from 10 s on: client 0 polls at 5, 8, 11, 14, 17, and at 20 gets what upload 1 wrote at 18.
    let policy = r#"poll_by = "key"
                    time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "never" }"#;
    let tally = Parts { policy, ..TWICE }.run();
    assert_eq!(facts(&tally), [("succeeded", 2), ("saw_ready", 2), ("foreign_ready", 1)]);
}

#[test]
fn the_registry_by_id_tells_each_client_of_its_own() {
    let tally = TWICE.run();
    assert_eq!(facts(&tally), [("succeeded", 2), ("saw_ready", 2)]);
    assert_eq!(tally.live.max, 2);
}

#[test]
fn an_error_under_a_name_used_twice_can_be_masked() {
    // Half of the uploads fail; a failed one counts whose client was told `ready` by what another one wrote.
    let workload = r#"arrivals = { kind = "fixed", every = "5s" }
                      processing = "8s"
                      failure = 0.5
                      distinct_keys = 2"#;
    let policy = r#"store = "dict"
                    time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "never" }"#;
    let tally = Parts { uploads: 1000, workload, policy, ..PLAIN }.run();
    assert!(facts(&tally).iter().any(|(name, _)| *name == "masked_error"), "{:?}", facts(&tally));
    let tally = Parts { uploads: 1000, workload, ..PLAIN }.run();
    assert!(facts(&tally).iter().all(|(name, _)| *name != "masked_error"), "{:?}", facts(&tally));
}

#[test]
fn an_overdue_entry_that_is_overwritten_is_overdue_until_then() {
    // One name, an upload an hour, kept for 30 min, never swept: each entry is overdue for 30 min when the next one comes,
    // and at the end of the span the last one has only begun.
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "0s"
                      distinct_keys = 1"#;
    let policy = r#"store = "dict"
                    time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "never" }"#;
    let tally = Parts { uploads: 5, workload, policy, ..PLAIN }.run();
    assert_eq!((tally.overdue_ns_max, tally.overdue.max, tally.live.max), (1_800_000_000_000, 1, 1));
    assert_eq!(tally.overdue.area_ns(), 4 * 1_800_000_000_000);
    assert_eq!(tally.entries_removed, 0, "no sweep removed anything");
}
