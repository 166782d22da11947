//! When entries go, how long they were overdue, and what a poll then finds.

use crate::{PLAIN, Parts, S, facts};

/// Two uploads an hour apart, so that the span is one hour, and clients that come back only after it.
const SPAN: Parts<'_> = Parts {
    uploads: 2,
    workload: r#"arrivals = { kind = "fixed", every = "1h" }
                 processing = "0s""#,
    client: r#"interval = "3s"
               away = { chance = 1.0, time = "2h" }"#,
    ..PLAIN
};

fn close(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-12)
}

#[test]
fn a_reaper_removes_at_the_first_tick_after_the_deadline() {
    // In minutes: arrival 60, due 90, the reaper's tick at 91 = 13 × 7.
    let policy = r#"time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "period", period = "7m" }"#;
    let tally = Parts { policy, ..SPAN }.run();
    assert_eq!((tally.overdue_ns_max, tally.overdue.max), (60 * S, 1));
    assert!(close(tally.overdue_mean(), 1.0 / 60.0) && close(tally.live_mean(), 31.0 / 60.0));
    assert_eq!((tally.entries_removed, tally.live.max), (2, 1));
    assert_eq!(facts(&tally), [("succeeded", 2), ("false_not_found", 2), ("told_lost", 2)]);
}

#[test]
fn a_timer_per_entry_leaves_nothing_overdue() {
    for store in ["registry", "dict"] {
        let policy = format!(
            "store = \"{store}\"\ntime_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"exact\" }}"
        );
        let tally = Parts { policy: &policy, ..SPAN }.run();
        assert_eq!((tally.overdue_ns_max, tally.overdue.area_ns()), (0, 0));
        assert!(close(tally.live_mean(), 0.5));
        assert_eq!((tally.sweeps, tally.entries_removed, tally.entries_scanned), (2, 2, 2), "one timer per entry");
    }
}

#[test]
fn without_sweeps_everything_stays() {
    let tally = SPAN.run();
    assert_eq!((tally.sweeps, tally.entries_removed, tally.live.max), (0, 0, 2));
    // Due at 90 min, still there at 120 min.
    assert_eq!((tally.overdue_ns_max, tally.overdue.max), (30 * 60 * S, 1));
    assert!(close(tally.overdue_mean(), 0.5) && close(tally.live_mean(), 1.0));
    assert_eq!(facts(&tally), [("succeeded", 2), ("saw_ready", 2)], "physical expiry: what is there is valid");
}

#[test]
fn logical_expiry_does_not_wait_for_a_sweep() {
    for store in ["registry", "dict"] {
        let policy = format!(
            "store = \"{store}\"\ntime_to_live = \"30m\"\nexpiry = \"logical\"\nsweep = {{ trigger = \"never\" }}"
        );
        let tally = Parts { policy: &policy, ..SPAN }.run();
        assert_eq!(facts(&tally), [("succeeded", 2), ("false_not_found", 2), ("told_lost", 2)]);
    }
}

#[test]
fn a_deadline_belongs_to_the_time_after_it() {
    // Back after 30 min: at 29:59.999999999 of age the entry is valid, at 30:00 it is over.
    for (away, ready) in [("29m 59s 999999999ns", true), ("30m", false)] {
        let client = format!("interval = \"3s\"\naway = {{ chance = 1.0, time = \"{away}\" }}");
        for policy in [
            "time_to_live = \"30m\"\nexpiry = \"logical\"\nsweep = { trigger = \"never\" }",
            "time_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = { trigger = \"every-request\" }",
            "store = \"dict\"\ntime_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = { trigger = \"every-request\" }",
        ] {
            let told = if ready { "saw_ready" } else { "told_lost" };
            let tally = Parts { uploads: 1, client: &client, policy, ..SPAN }.run();
            assert!(facts(&tally).contains(&(told, 1)), "{away} {policy}: {:?}", facts(&tally));
        }
    }
}

#[test]
fn the_order_of_sweep_and_read_decides_for_a_lone_late_client() {
    for (order, told) in [("sweep-first", "told_lost"), ("read-first", "saw_ready")] {
        let policy = format!(
            "time_to_live = \"30m\"\nexpiry = \"physical\"\norder = \"{order}\"\nsweep = {{ trigger = \"every-request\" }}"
        );
        let tally = Parts { uploads: 1, policy: &policy, ..SPAN }.run();
        assert!(facts(&tally).contains(&(told, 1)), "{order}: {:?}", facts(&tally));
        assert_eq!(tally.sweeps, 1);
    }
}

#[test]
fn every_nth_poll_of_a_store_sweeps() {
    // Five polls an upload, as in the plain case; 100 uploads, 500 polls.
    let policy = r#"time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "every-nth", nth = 3 }"#;
    let tally = Parts { uploads: 100, policy, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.sweeps), (500, 166));
}

#[test]
fn a_chance_of_nothing_and_of_one_are_exact() {
    for (chance, sweeps) in [("0.0", 0), ("1.0", 500)] {
        let policy = format!(
            "time_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"chance\", chance = {chance} }}"
        );
        assert_eq!(Parts { uploads: 100, policy: &policy, ..PLAIN }.run().sweeps, sweeps);
    }
}

#[test]
fn a_tombstone_says_expired_until_it_is_forgotten() {
    for expiry in ["logical", "physical"] {
        for (away, fact) in [("1h", "saw_expired"), ("3h", "told_lost")] {
            let client = format!("interval = \"3s\"\naway = {{ chance = 1.0, time = \"{away}\" }}");
            let policy = format!(
                "time_to_live = \"30m\"\nexpiry = \"{expiry}\"\ntombstone = \"2h\"\nsweep = {{ trigger = \"period\", period = \"1m\" }}"
            );
            let tally = Parts { uploads: 1, client: &client, policy: &policy, ..SPAN }.run();
            assert!(facts(&tally).contains(&(fact, 1)), "{expiry} {away}: {:?}", facts(&tally));
        }
    }
}

#[test]
fn the_end_of_a_work_may_sweep() {
    // Uploads an hour apart, kept for 10 min: when the second one's work ends, the first one's entry goes.
    let policy = r#"time_to_live = "10m"
                    expiry = "physical"
                    sweep = { trigger = "on-finish" }"#;
    let tally = Parts { uploads: 3, policy, ..PLAIN }.run();
    assert_eq!((tally.sweeps, tally.entries_removed, tally.live.max), (3, 2, 2));
}

/// How many due entries Redis' active expiry removes in a second while their share is s. A sample finds 20 s due entries, and is
/// the last of its cycle with the probability that it finds at most 5; so ten cycles a second remove 10 · 20 s / P(Bin(20, s) ≤ 5).
fn removed_per_second(share: f64) -> f64 {
    let choose = [1.0, 20.0, 190.0, 1140.0, 4845.0, 15504.0];
    let at_most_five: f64 =
        (0..=5).map(|k| choose[k] * libm::pow(share, k as f64) * libm::pow(1.0 - share, 20.0 - k as f64)).sum();
    200.0 * share / at_most_five
}

/// The share at which it keeps up with so many entries that fall due each second.
fn settled_share(rate: f64) -> f64 {
    let (mut low, mut high) = (0.0, 0.9);
    for _ in 0..60 {
        let share = (low + high) / 2.0;
        if removed_per_second(share) < rate { low = share } else { high = share }
    }
    low
}

/// Redis documents that it goes on while more than a quarter of a sample was due, so that the keys which are expired and still take
/// memory are about a quarter of those with a time to live at most (redis.io, "EXPIRE", "How Redis expires keys"). At a share of a
/// quarter it removes 81 keys a second: up to that load the share stays at a quarter or below, and beyond it grows slowly, as a
/// sample finds 5 or fewer now and then though more than a quarter are due: to 0.33 at 200 a second.
#[test]
fn redis_keeps_the_share_of_due_entries_near_a_quarter_or_below() {
    let share = |rate: u32, uploads: u32| {
        let policy = r#"store = "dict"
                        time_to_live = "60s"
                        expiry = "logical"
                        sweep = { trigger = "redis" }"#;
        let workload = format!("arrivals = {{ kind = \"poisson\", rate = \"{rate}/s\" }}\nprocessing = \"100ms\"");
        let client = "interval = \"3s\"\nfirst_poll = \"1s\"";
        let tally = Parts { uploads, workload: &workload, client, policy, ..PLAIN }.run();
        assert_eq!(facts(&tally), [("succeeded", u64::from(uploads)), ("saw_ready", u64::from(uploads))]);
        tally.overdue_mean().unwrap() / tally.live_mean().unwrap()
    };
    let enough = removed_per_second(0.25);
    assert!((80.0..82.0).contains(&enough), "{enough}");
    // The first minute, in which nothing is due, counts as well: 60 s of 1000 s or more.
    for (rate, uploads) in [(2, 6_000), (10, 10_000), (50, 50_000), (80, 80_000), (200, 200_000)] {
        let (measured, expected) = (share(rate, uploads), settled_share(f64::from(rate)));
        assert!((0.85..1.05).contains(&(measured / expected)), "{rate}/s: {measured} for {expected}");
        let bound = if f64::from(rate) <= enough { 0.25 } else { 0.33 };
        assert!(measured <= bound && expected <= bound, "{rate}/s: {measured} and {expected}, at most {bound}");
    }
}

#[test]
fn a_full_registry_refuses_or_evicts_as_the_scenario_says() {
    // Two uploads at once, room for one.
    let told = |capacity: &str, processing: &str| {
        let policy =
            format!("time_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"never\" }}\n{capacity}");
        let workload = format!("arrivals = {{ kind = \"fixed\", every = \"10m\" }}\nprocessing = \"{processing}\"");
        facts(&Parts { uploads: 2, policy: &policy, workload: &workload, ..PLAIN }.run())
    };
    let refuse = "capacity = { max_entries = 1, when_full = \"refuse\" }";
    let evict = "capacity = { max_entries = 1, when_full = \"evict-oldest\" }";
    let lru = "age = \"last-access\"\ncapacity = { max_entries = 1, when_full = \"evict-lru\" }";
    assert_eq!(told("", "10s"), [("succeeded", 2), ("saw_ready", 2)]);
    assert_eq!(told(refuse, "10s"), [("succeeded", 1), ("interrupted", 1), ("saw_ready", 1), ("fetch_gave_up", 1)]);
    assert_eq!(told(evict, "10s"), [("succeeded", 2), ("saw_ready", 2)]);
    assert_eq!(told(lru, "10s"), [("succeeded", 2), ("saw_ready", 2)]);
    // What runs is never evicted.
    let running = vec![("succeeded", 1), ("interrupted", 1), ("timed_out", 1), ("fetch_gave_up", 1)];
    assert_eq!(told(evict, "20m"), running);
}
