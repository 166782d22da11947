//! Several workers, each with a store of its own: the exact recursion over a client's attempts.

use stillready::experiment;
use stillready::measure::Fact;
use stillready::scenario::Scenario;
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::{parse, rate, run};

/// What decides how long a client bears with workers that do not know its upload.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// From one poll to the next.
    pub(crate) interval_s: u32,
    /// Polls whose `not_found` is tolerated.
    pub(crate) tolerance: u32,
}

/// The app's own client in its later versions: a poll every 3 s, `not_found` tolerated for the first 15 attempts, at most 120.
const APP: Patience = Patience { interval_s: 3, tolerance: 15 };

/// The probability that the client of an upload which takes `processing_s` is told "processing status lost", with requests
/// going to each of `workers` with equal chance.
///
/// Attempt k is made k intervals after the upload. With probability 1/W it reaches the worker that has the entry: before the end
/// of processing it is told `processing` and goes on, from then on (the end comes first at one instant) `ready` and stops.
/// Otherwise it is told `not_found`, which ends it unless it is tolerated.
pub(crate) fn told_lost(workers: u32, processing_s: u32, Patience { interval_s, tolerance }: Patience) -> f64 {
    let owner = 1.0 / f64::from(workers);
    let (mut goes_on, mut lost) = (1.0, 0.0);
    for attempt in 0..120 {
        let ready = interval_s * attempt >= processing_s;
        if attempt >= tolerance {
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

/// A site of several workers with a dictionary each, and works that all take the same time.
pub(crate) fn site(
    workers: u32,
    processing_s: u32,
    uploads: u32,
    Patience { interval_s, tolerance }: Patience,
) -> Scenario {
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
        interval = "{interval_s}s"
        max_attempts = 120
        tolerate_not_found = {tolerance}
        [[policy]]
        name = "30m/10%"
        store = "dict"
        time_to_live = "30m"
        expiry = "physical"
        sweep = {{ trigger = "chance", chance = 0.1 }}
        "#
    ))
}

/// The same with the app's own client.
pub(crate) fn scenario(workers: u32, processing_s: u32, uploads: u32) -> Scenario {
    site(workers, processing_s, uploads, APP)
}

/// What the recursion says of it.
pub(crate) fn exact(workers: u32, processing_s: u32) -> f64 {
    told_lost(workers, processing_s, APP)
}

#[test]
fn the_recursion_has_the_values_that_can_be_had_by_hand() {
    assert_eq!(exact(1, 60), 0.0);
    // Two workers, 40 s: ready from attempt 14 on, which misses with 1/2; attempt 15 then misses with 1/2.
    assert_eq!(exact(2, 40), 0.25);
    // Two workers, 60 s: attempts 15 to 19 must all reach the owner, and so must attempt 20.
    assert_eq!(exact(2, 60), 1.0 - 1.0 / 64.0);
}

#[test]
fn the_simulated_share_of_users_told_lost_is_that_of_the_recursion() {
    let mut outside = Vec::new();
    for workers in [1, 2, 3, 5] {
        for processing_s in [20, 30, 40, 60] {
            let expected = exact(workers, processing_s);
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

/// The eras' clients (V1, V3, V4, V5 by tolerance; V5 without what it loads anyway), and where the page has each one's cliff.
const ERAS: [(Patience, u32); 4] = [
    (Patience { interval_s: 2, tolerance: 5 }, 10),
    (Patience { interval_s: 3, tolerance: 10 }, 30),
    (Patience { interval_s: 3, tolerance: 15 }, 45),
    (Patience { interval_s: 3, tolerance: 20 }, 60),
];

/// Raising the tolerance from 5 to 10 to 15 to 20 attempts moved the time of processing from which on the client is more likely
/// told "lost" than not, with two workers, from 10 to 30, 45 and 60 s, and took nothing off what lies beyond.
#[test]
fn more_tolerance_only_moves_the_cliff() {
    for (patience, cliff_s) in ERAS {
        let safe = (1..200).take_while(|&seconds| told_lost(2, seconds, patience) <= 0.5);
        assert_eq!(safe.last(), Some(cliff_s), "K = {}", patience.tolerance);
        let lost = |seconds| told_lost(2, seconds, patience);
        let (before, after) = (cliff_s - 3 * patience.interval_s, cliff_s + 3 * patience.interval_s);
        assert!(lost(before) < 0.1 && lost(after) > 0.9, "{} and {}", lost(before), lost(after));
        for seconds in [before, cliff_s, cliff_s + 1, after] {
            let tally = run(&site(2, seconds, 20_000, patience)).tallies().remove(0);
            let sigma = (lost(seconds) * (1.0 - lost(seconds)) / 20_000.0).sqrt();
            let off = (rate(&tally, Fact::ToldLost).value - lost(seconds)).abs();
            assert!(off <= 4.0 * sigma, "K = {}, T = {seconds} s: off by {off}", patience.tolerance);
        }
    }
}

/// Notes the clients that made a poll of this number.
struct PolledAgain {
    attempt: u32,
    clients: u64,
}

impl Observer for PolledAgain {
    fn observe(&mut self, _: SimTime, event: Event<'_>) {
        if let Event::Read { attempt, .. } = event {
            self.clients += u64::from(attempt == self.attempt);
        }
    }
}

/// Between the end of processing and the last tolerated `not_found` there are K − ⌈T / I⌉ polls. All of them miss the owner of the
/// entry with (1 − 1/W) to that power: so many clients come to the poll that is not tolerated.
#[test]
fn a_dispatch_may_never_return_to_the_owner_while_it_is_tolerated() {
    let uploads = 40_000;
    for workers in [2, 3, 5] {
        for processing_s in [21_u32, 30, 40, 45] {
            let remaining = APP.tolerance - processing_s.div_ceil(APP.interval_s);
            let miss = 1.0 - 1.0 / f64::from(workers);
            let expected = (0..remaining).fold(1.0, |never, _| never * miss);
            let scenario = scenario(workers, processing_s, uploads);
            let observer = PolledAgain { attempt: APP.tolerance, clients: 0 };
            let seen = experiment::observe(&scenario, &scenario.policies[0], 1, observer).clients;
            let sigma = (expected * (1.0 - expected) * f64::from(uploads)).sqrt();
            let off = (seen as f64 - expected * f64::from(uploads)).abs();
            assert!(off <= 4.0 * sigma, "W = {workers}, {remaining} polls: {seen} of {uploads} for {expected}");
        }
    }
}
