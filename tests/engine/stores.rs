//! What the stores have in common, and what the retention adds.

use stillready::measure::Fact;
use stillready::registry::Capacity;
use stillready::scenario::shipped;

use crate::{PLAIN, Parts, S, facts, run};

#[test]
fn the_dictionary_and_the_registry_agree_upload_by_upload() {
    let text = shipped::find("reference").unwrap().text;
    let twins = [("30m", "0.10"), ("60m", "0.05")].map(|(ttl, chance)| {
        ["registry", "dict"].map(|store| {
            format!(
                "[[policy]]\nname = \"{store} {ttl}\"\nstore = \"{store}\"\ntime_to_live = \"{ttl}\"\n\
                 expiry = \"physical\"\nsweep = {{ trigger = \"chance\", chance = {chance} }}\n"
            )
        })
    });
    let workload = text.split("[[policy]]").next().unwrap();
    let text = format!("{workload}\n{}", twins.concat().concat());
    let mut scenario = stillready::scenario::Scenario::parse("twins", "twins.toml", &text).unwrap();
    scenario.uploads = 50_000;
    let results = run(&scenario);
    let tallies = results.tallies();
    for (pair, [first, second]) in [(0, [0, 1]), (5, [2, 3])] {
        let (registry, dict) = (&tallies[first], &tallies[second]);
        assert_eq!((registry.polls, registry.sweeps), (dict.polls, dict.sweeps));
        assert_eq!(
            (registry.entries_scanned, registry.entries_removed, registry.sweep_scan_max),
            (dict.entries_scanned, dict.entries_removed, dict.sweep_scan_max)
        );
        assert_eq!((&registry.live, &registry.overdue), (&dict.live, &dict.overdue));
        assert_eq!(registry.overdue_ns_max, dict.overdue_ns_max);
        assert_eq!(registry.ready_to_seen, dict.ready_to_seen);
        let ((a, b), pairs) = &results.pairs()[pair];
        assert_eq!((*a, *b), (first, second));
        for fact in Fact::COLUMNS {
            let cells = pairs.cells(fact, stillready::measure::Group::All);
            assert_eq!((cells.first_only, cells.second_only), (0, 0), "{}", fact.name());
        }
    }
    assert!(tallies[0].count(Fact::FalseNotFound) > 1000, "the comparison is about something");
}

/// Clients that come back after 50 min, with entries kept for 30 min from a moment that the policy names.
const BACK: Parts<'_> = Parts {
    client: r#"interval = "3s"
               away = { chance = 1.0, time = "50m" }"#,
    workload: r#"arrivals = { kind = "fixed", every = "1h" }
                 processing = "25m""#,
    ..PLAIN
};

fn with_age(age: &str, store: &str) -> String {
    format!(
        "store = \"{store}\"\nage = \"{age}\"\ntime_to_live = \"30m\"\nexpiry = \"logical\"\nsweep = {{ trigger = \"never\" }}"
    )
}

#[test]
fn the_age_counts_from_what_the_policy_names() {
    // At 50 min: 50 min since created, 25 min since finished; never read, never acknowledged.
    let expected = [
        ("created", "registry", "told_lost"),
        ("finished", "registry", "saw_ready"),
        ("last-write", "registry", "saw_ready"),
        ("last-access", "registry", "saw_ready"),
        ("acknowledged", "registry", "saw_ready"),
        ("created", "dict", "told_lost"),
        ("finished", "dict", "saw_ready"),
        ("last-write", "dict", "saw_ready"),
    ];
    for (age, store, told) in expected {
        let policy = with_age(age, store);
        let tally = Parts { policy: &policy, ..BACK }.run();
        assert!(facts(&tally).contains(&(told, 1)), "{age} on {store}: {:?}", facts(&tally));
    }
}

#[test]
fn an_acknowledged_entry_is_kept_until_its_time_after_the_acknowledgement() {
    // Two uploads an hour apart; ready at 10 s, told and acknowledged at 12 s, due 10 min later, removed by its timer.
    let policy = r#"age = "acknowledged"
                    time_to_live = "10m"
                    expiry = "physical"
                    sweep = { trigger = "exact" }"#;
    let tally = Parts { uploads: 2, policy, ..PLAIN }.run();
    assert_eq!(tally.live.area_ns(), u128::from((12 + 600) * S));
    // Nobody is told before the attempts run out, so nobody acknowledges, and nothing is ever due.
    let client = r#"interval = "3s"
                    max_attempts = 2"#;
    let tally = Parts { uploads: 2, policy, client, ..PLAIN }.run();
    assert_eq!((tally.entries_removed, tally.live.area_ns()), (0, u128::from(3600 * S)));
}

#[test]
fn a_running_upload_expires_only_if_the_policy_says_so() {
    let policy = r#"time_to_live = { ready = "30m", error = "30m", processing = "5s" }
                    expiry = "logical"
                    tombstone = "1h"
                    sweep = { trigger = "never" }"#;
    let tally = Parts { policy, ..PLAIN }.run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("saw_expired", 1)]);
    let policy = r#"time_to_live = "0s"
                    expiry = "physical"
                    sweep = { trigger = "every-request" }"#;
    let client = r#"interval = "3s"
                    max_attempts = 3"#;
    let tally = Parts { policy, client, ..PLAIN }.run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("timed_out", 1)], "pinned while it runs");
}

/// Two uploads, the second one while the first still runs; the store has room for one.
#[test]
fn a_full_store_refuses_an_upload_or_evicts_what_has_ended() {
    let workload = r#"arrivals = { kind = "fixed", every = "5s" }
                      processing = "8s""#;
    let with = |workload, capacity| {
        let mut scenario = Parts { uploads: 2, workload, ..PLAIN }.scenario();
        scenario.policies[0].retention.capacity = capacity;
        run(&scenario).tallies().remove(0)
    };
    let refused = [("succeeded", 1), ("interrupted", 1), ("saw_ready", 1), ("fetch_gave_up", 1)];
    for capacity in [Capacity::Refuse(1), Capacity::EvictOldest(1)] {
        let tally = with(workload, capacity);
        assert_eq!((facts(&tally).as_slice(), tally.live.max), (refused.as_slice(), 1), "{capacity:?}");
    }
    // Ready at 6 s, and its client would poll at 8 s, but the second upload takes its place at 10 s; the client was told at 8 s.
    let workload = r#"arrivals = { kind = "fixed", every = "5s" }
                      processing = "1s""#;
    let tally = with(workload, Capacity::EvictOldest(1));
    assert_eq!(facts(&tally), [("succeeded", 2), ("saw_ready", 2)]);
    assert_eq!((tally.live.max, tally.entries_removed), (1, 0));
}
