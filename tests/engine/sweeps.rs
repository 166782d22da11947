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
        assert_eq!((tally.overdue_ns_max, tally.overdue.area_ns), (0, 0));
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
