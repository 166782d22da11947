//! Stopping when an interval is narrow enough: the intervals hold the truth as often as they say all the same.

use std::sync::atomic::AtomicBool;

use stillready::experiment::Options;
use stillready::experiment::precision::{Goal, Precision, run_until};
use stillready::measure::Fact;
use stillready::scenario::Scenario;

use crate::rate;

/// One client after the other, each back when its entry is due, so that its own die alone decides: three in ten lose.
fn own_dice(uploads: u32) -> Scenario {
    let text = format!(
        "schema_version = 1\nuploads = {uploads}\n[workload]\narrivals = {{ kind = \"fixed\", every = \"1h\" }}\nprocessing = \"4s\"\n\
         [client]\ninterval = \"3s\"\nmax_attempts = 9\naway = {{ chance = 1.0, time = \"100s\" }}\n\
         [[policy]]\nname = \"p\"\nstore = \"dict\"\ntime_to_live = \"10s\"\nexpiry = \"physical\"\n\
         sweep = {{ trigger = \"chance\", chance = 0.3 }}\n"
    );
    Scenario::parse("p", "p.toml", &text).unwrap_or_else(|error| panic!("{:?}", error.problems()))
}

fn until(scenario: &Scenario, goal: Goal, max_uploads: u64) -> (stillready::experiment::Results, bool) {
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 1, upload_rows: false, on_progress: &|_| (), stop: &stop };
    run_until(scenario, Precision { fact: Fact::FalseNotFound, goal, max_uploads }, &options).unwrap()
}

#[test]
fn of_a_thousand_experiments_that_stop_by_themselves_95_per_cent_hold_the_truth() {
    let scenario = own_dice(40);
    for goal in [Goal::Relative(0.15), Goal::Absolute(0.05)] {
        let mut replications = Vec::new();
        let held = (0..1000u64).filter(|&experiment| {
            let scenario = Scenario { seed: 1 + experiment * 1_000, ..scenario.clone() };
            let (results, is_reached) = until(&scenario, goal, 1_000_000);
            assert!(is_reached);
            replications.push(results.replications.len());
            let estimate = rate(&results.tallies()[0], Fact::FalseNotFound);
            let half = (estimate.high - estimate.low) / 2.0;
            assert!(
                half <= match goal {
                    Goal::Relative(share) => share * estimate.value,
                    Goal::Absolute(half) => half,
                }
            );
            (estimate.low..=estimate.high).contains(&0.3)
        });
        let held = held.count();
        let (few, many) = (replications.iter().min().unwrap(), replications.iter().max().unwrap());
        println!("{goal:?}: {held} of 1000 hold 0.3, after {few} to {many} replications");
        assert!((930..=970).contains(&held), "{goal:?}: {held} of 1000");
        assert!(*few > 1 && few < many, "the rule has something to decide");
    }
}

#[test]
fn it_is_a_run_of_so_many_replications_and_gives_up_in_time() {
    let scenario = own_dice(40);
    let (results, is_reached) = until(&scenario, Goal::Absolute(0.04), 1_000_000);
    assert!(is_reached && results.scenario.replications as usize == results.replications.len());
    let again = crate::run(&results.scenario);
    assert_eq!(again.tallies()[0].count(Fact::FalseNotFound), results.tallies()[0].count(Fact::FalseNotFound));
    let (results, is_reached) = until(&scenario, Goal::Absolute(0.001), 405);
    assert!(!is_reached && results.replications.len() == 10, "{}", results.replications.len());
    // Of a rate of zero nothing is asked.
    let (results, is_reached) = until(&own_dice(40), Goal::Relative(0.5), 40);
    assert_eq!((is_reached, results.replications.len()), (true, 1));
}
