//! Multilevel splitting against the exact recursion over attempts, down to one in a billion, against the count, and against itself.

use stillready::experiment::splitting::{Split, split};
use stillready::measure::Fact;
use stillready::scenario::Scenario;
use stillready::time::SECOND_NS;

use crate::workers::{Patience, site, told_lost};
use crate::{parse, rate, run};

fn of(scenario: &Scenario, fact: Fact, arrivals: u64) -> Split {
    split(scenario, &scenario.policies[0], fact, arrivals).unwrap_or_else(|why| panic!("{why}"))
}

/// A site whose dictionary forgets after ten minutes, long after the last poll: few others need to come before a client.
fn brief(workers: u32, processing_s: u32, patience: Patience) -> Scenario {
    let mut scenario = site(workers, processing_s, 1, patience);
    scenario.policies[0].retention.time_to_live.ready_ns = Some(600 * SECOND_NS);
    scenario
}

#[test]
fn rare_losses_among_workers_are_those_of_the_recursion_down_to_one_in_a_billion() {
    let mut outside = 0;
    let cases = [(2, 15, 20), (2, 25, 20), (2, 35, 20), (3, 60, 30), (5, 100, 21)];
    let mut rarest: f64 = 1.0;
    for (workers, tolerance, processing_s) in cases {
        let patience = Patience { interval_s: 3, tolerance };
        let exact = told_lost(workers, processing_s, patience);
        rarest = rarest.min(exact);
        let split = of(&brief(workers, processing_s, patience), Fact::ToldLost, 1_000_000);
        let half = (split.estimate.high - split.estimate.low) / 2.0;
        println!(
            "{workers} workers, {tolerance} attempts: {exact:e}, split {:e} ± {half:e}, {} levels",
            split.estimate.value, split.levels
        );
        assert!(
            (split.estimate.value - exact).abs() < 2.5 * half,
            "{workers} workers, {tolerance} attempts: {exact:e}, {split:?}"
        );
        assert!(half < 0.6 * exact, "too wide to say anything: {exact:e}, {split:?}");
        outside += u32::from(!(split.estimate.low..=split.estimate.high).contains(&exact));
    }
    assert!(rarest < 2e-9, "{rarest:e}");
    assert!(outside <= 1, "{outside} of five 95 % intervals miss");
}

/// Failed fetches in a row, which no worker has anything to do with: a client of whom each fetch fails with f gives up after n of them
/// in a row. Its polls come until `ready`, after 3 of them; any of the first four runs may be the one. By the recursion over fetches.
#[test]
fn clients_that_give_up_on_failed_fetches_are_those_of_the_recursion() {
    let (failure, most) = (0.05, 6);
    let scenario = parse(&format!(
        "schema_version = 1\nuploads = 1\n[workload]\narrivals = {{ kind = \"poisson\", rate = \"20/h\" }}\nprocessing = \"8s\"\n\
         [client]\ninterval = \"3s\"\nfetch_failure = {failure}\nmax_fetch_errors = {most}\npost = {{ timeout = \"1m\", retries = 9 }}\n\
         [[policy]]\nname = \"p\"\ntime_to_live = \"1h\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"never\" }}\n"
    ));
    // A fetch at 0, 3, 6, … seconds; the first success from 8 s on is told `ready`. State: failures in a row.
    let mut row = vec![0.0; most];
    row[0] = 1.0;
    let mut gave_up = 0.0;
    for fetch in 0..1000 {
        let (mut next, mut success) = (vec![0.0; most], 0.0);
        for (errors, chance) in row.iter().enumerate() {
            success += chance * (1.0 - failure);
            if errors + 1 == most {
                gave_up += chance * failure;
            } else {
                next[errors + 1] += chance * failure;
            }
        }
        if 3 * fetch < 8 {
            next[0] += success;
        }
        row = next;
    }
    let split = of(&scenario, Fact::FetchGaveUp, 700_000);
    let half = (split.estimate.high - split.estimate.low) / 2.0;
    println!("{gave_up:e}, split {:e} ± {half:e}, {} levels", split.estimate.value, split.levels);
    assert!((split.estimate.value - gave_up).abs() < 2.0 * half && half < 0.5 * gave_up, "{gave_up:e}, {split:?}");
}

/// Where uploads disturb each other, there is no recursion: the count is the measure.
#[test]
fn what_is_not_rare_is_what_a_count_says_under_service_times_faults_and_shared_names() {
    let text = |server: &str, more: &str| {
        format!(
            "schema_version = 1\nuploads = 60000\n[workload]\narrivals = {{ kind = \"poisson\", rate = \"0.1/s\" }}\n\
             processing = {{ kind = \"lognormal\", median = \"20s\", sigma = 0.3 }}\n[server]\n{server}\n\
             [client]\ninterval = \"3s\"\ntolerate_not_found = 18\njitter = 0.2\n{more}\n\
             [[policy]]\nname = \"p\"\nstore = \"dict\"\ntime_to_live = \"2m\"\nexpiry = \"physical\"\n\
             sweep = {{ trigger = \"chance\", chance = 0.1 }}\n"
        )
    };
    let cases = [
        text("workers = 2\nservice = { upload = \"200ms\", sweep = \"100ms\", read = \"50ms\" }", ""),
        text("workers = 3", "fetch_failure = 0.05\n[[fault]]\nkind = \"reload\"\nevery = \"10m\"\nwindow = \"20s\""),
        text("workers = 2", "reopen = { chance = 0.1, time = \"1m\" }\nbackoff = 1.02"),
    ];
    for case in cases {
        let scenario = parse(&case);
        let tally = run(&scenario).tallies().remove(0);
        let counted = rate(&tally, Fact::ToldLost);
        let split = of(&scenario, Fact::ToldLost, 600_000);
        println!("counted {counted:?}, {split:?}");
        let spread = (counted.high - counted.low + split.estimate.high - split.estimate.low) / 2.0;
        assert!((counted.value - split.estimate.value).abs() < 1.5 * spread, "{counted:?}, {split:?}");
        assert!(counted.value > 1e-4 && split.levels > 0, "{counted:?}, {split:?}");
    }
}

/// Of 95 % intervals over other seeds most hold the truth, though weights are far from normal.
#[test]
fn its_intervals_hold_the_truth_as_often_as_they_say() {
    let patience = Patience { interval_s: 3, tolerance: 15 };
    let exact = told_lost(2, 20, patience);
    let mut scenario = brief(2, 20, patience);
    let held = (1..=20u64)
        .filter(|seed| {
            scenario.seed = seed << 32;
            let split = of(&scenario, Fact::ToldLost, 400_000);
            (split.estimate.low..=split.estimate.high).contains(&exact)
        })
        .count();
    println!("{held} of 20 intervals hold {exact:e}");
    assert!(held >= 16, "{held} of 20");
}

#[test]
fn it_says_why_there_is_none() {
    let patience = Patience { interval_s: 3, tolerance: 35 };
    let mut scenario = site(2, 20, 1, patience);
    let why = |scenario: &Scenario, fact| split(scenario, &scenario.policies[0], fact, 1000).err();
    assert_eq!(why(&scenario, Fact::FetchGaveUp), Some("no step leads to it"));
    assert_eq!(why(&scenario, Fact::SawReady), Some("it is not rare"));
    scenario.workload.arrivals = stillready::scenario::Arrivals::Trace { at_ns: vec![1; 10] };
    assert_eq!(why(&scenario, Fact::ToldLost), Some("the uploads are from a list, which ends"));
}
