//! Several workers, each with a store of its own: the exact recursion over a client's attempts.

use stillready::measure::Fact;

use crate::{parse, rate, run};

/// The app's own client: a poll every 3 s, `not_found` tolerated for the first 15 attempts, at most 120.
const INTERVAL_S: u32 = 3;
const TOLERANCE: u32 = 15;

/// The probability that the client of an upload which takes `processing_s` is told "processing status lost", with requests
/// going to each of `workers` with equal chance.
///
/// Attempt k is made at 3k s. With probability 1/W it reaches the worker that has the entry: before the end of processing it
/// is told `processing` and goes on, from then on (the end comes first at one instant) `ready` and stops. Otherwise it is told
/// `not_found`, which ends it from attempt 15 on.
fn told_lost(workers: u32, processing_s: u32) -> f64 {
    let owner = 1.0 / f64::from(workers);
    let (mut goes_on, mut lost) = (1.0, 0.0);
    for attempt in 0..120 {
        let ready = INTERVAL_S * attempt >= processing_s;
        if attempt >= TOLERANCE {
            lost += goes_on * (1.0 - owner);
            goes_on *= owner;
            if ready {
                return lost;
            }
        } else if ready {
            goes_on *= 1.0 - owner;
        }
    }
    lost
}

pub(crate) fn scenario(workers: u32, processing_s: u32, uploads: u32) -> stillready::scenario::Scenario {
    parse(&format!(
        r#"
        schema_version = 1
        uploads = {uploads}
        [workload]
        arrivals = {{ kind = "poisson", rate = "360/h" }}
        processing = "{processing_s}s"
        [server]
        workers = {workers}
        [client]
        interval = "{INTERVAL_S}s"
        max_attempts = 120
        tolerate_not_found = {TOLERANCE}
        [[policy]]
        name = "30m/10%"
        store = "dict"
        time_to_live = "30m"
        expiry = "physical"
        sweep = {{ trigger = "chance", chance = 0.1 }}
        "#
    ))
}

pub(crate) fn exact(workers: u32, processing_s: u32) -> f64 {
    told_lost(workers, processing_s)
}

#[test]
fn the_recursion_has_the_values_that_can_be_had_by_hand() {
    assert_eq!(told_lost(1, 60), 0.0);
    // Two workers, 40 s: ready from attempt 14 on, which misses with 1/2; attempt 15 then misses with 1/2.
    assert_eq!(told_lost(2, 40), 0.25);
    // Two workers, 60 s: attempts 15 to 19 must all reach the owner, and so must attempt 20.
    assert_eq!(told_lost(2, 60), 1.0 - 1.0 / 64.0);
}

#[test]
fn the_simulated_share_of_users_told_lost_is_that_of_the_recursion() {
    let mut outside = Vec::new();
    for workers in [1, 2, 3, 5] {
        for processing_s in [20, 30, 40, 60] {
            let expected = told_lost(workers, processing_s);
            let tally = run(&scenario(workers, processing_s, 40_000)).tallies().remove(0);
            let estimate = rate(&tally, Fact::ToldLost);
            if !(estimate.low..=estimate.high).contains(&expected) {
                outside.push((workers, processing_s));
            }
            let sigma = (expected * (1.0 - expected) / 40_000.0).sqrt();
            let off = (estimate.value - expected).abs();
            assert!(off <= 4.0 * sigma, "W = {workers}, T = {processing_s} s: {} for {expected}", estimate.value);
        }
    }
    // Of sixteen 95 % intervals one or two may miss.
    assert!(outside.len() <= 2, "{outside:?}");
}
