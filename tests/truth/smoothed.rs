//! The smoothed estimate against the count, the closed form and itself.

use stillready::experiment::verify::verify;
use stillready::measure::Fact;
use stillready::measure::interval::Estimate;
use stillready::scenario::{Arrivals, Scenario};

use crate::shipped;

/// The endpoint with an upload a second, and clients of whom three in ten are away for five minutes on average.
fn scenario(uploads: u32, time_to_live: &str, order: &str, sweep: &str) -> Scenario {
    let text = format!(
        "schema_version = 1\nuploads = {uploads}\n[workload]\narrivals = {{ kind = \"poisson\", rate = \"1/s\" }}\nprocessing = \"4s\"\n\
         [client]\ninterval = \"3s\"\nmax_attempts = 120\naway = {{ chance = 0.3, time = {{ kind = \"exponential\", mean = \"5min\" }} }}\n\
         [[policy]]\nname = \"p\"\nstore = \"dict\"\ntime_to_live = \"{time_to_live}\"\nexpiry = \"physical\"\norder = \"{order}\"\n\
         sweep = {sweep}\n"
    );
    Scenario::parse("p", "p.toml", &text).unwrap_or_else(|error| panic!("{:?}", error.problems()))
}

fn smoothed(scenario: &Scenario) -> Estimate {
    verify(scenario, &scenario.policies[0], Fact::FalseNotFound).smoothed.expect("it holds here")
}

#[test]
fn rare_losses_are_those_of_the_closed_form_down_to_one_in_a_billion() {
    for (time_to_live, at_most) in [("10m", 0.05), ("1h", 1e-5), ("90m", 1e-8), ("100m", 1e-9)] {
        let scenario = scenario(60_000, time_to_live, "sweep-first", "{ trigger = \"chance\", chance = 0.1 }");
        let verified = verify(&scenario, &scenario.policies[0], Fact::FalseNotFound);
        let (estimate, exact) = (verified.smoothed.unwrap(), verified.closed_form.unwrap());
        println!("{time_to_live}: smoothed {estimate:?}, closed form {exact:e}");
        assert!(exact < at_most && exact > at_most / 200.0, "{exact:e}");
        assert!((estimate.value / exact - 1.0).abs() < 0.01, "{time_to_live}: {estimate:?} for {exact:e}");
    }
}

#[test]
fn it_says_what_a_count_says_under_each_trigger_and_order() {
    let triggers = [
        "{ trigger = \"chance\", chance = 0.02 }",
        "{ trigger = \"every-request\" }",
        "{ trigger = \"period\", period = \"2m\" }",
        "{ trigger = \"exact\" }",
        "{ trigger = \"on-finish\" }",
    ];
    for sweep in triggers {
        for order in ["sweep-first", "read-first"] {
            let scenario = scenario(150_000, "60s", order, sweep);
            let verified = verify(&scenario, &scenario.policies[0], Fact::FalseNotFound);
            let (raw, smoothed) = (verified.raw.unwrap(), verified.smoothed.unwrap());
            println!("{sweep}, {order}: counted {:.6}, smoothed {:.6}", raw.value, smoothed.value);
            let spread = (raw.high - raw.low + smoothed.high - smoothed.low) / 2.0;
            // Two half-widths: once in some ten thousand tries by chance, and seeds are fixed.
            assert!((raw.value - smoothed.value).abs() < 2.0 * spread, "{sweep}, {order}: {raw:?}, {smoothed:?}");
            assert!(raw.value > 0.05, "there is something to compare");
        }
    }
}

/// Where uploads are rare, the poll that comes too late is often the one that sweeps its entry away.
#[test]
fn the_sweep_of_the_late_poll_itself_counts() {
    let rarely = |order| {
        let mut scenario = scenario(150_000, "60s", order, "{ trigger = \"chance\", chance = 0.5 }");
        scenario.workload.arrivals = Arrivals::Poisson { mean_gap_ns: 60e9 };
        let verified = verify(&scenario, &scenario.policies[0], Fact::FalseNotFound);
        (verified.raw.unwrap(), verified.smoothed.unwrap())
    };
    let (first, last) = (rarely("sweep-first"), rarely("read-first"));
    for (raw, smoothed) in [first, last] {
        let spread = (raw.high - raw.low + smoothed.high - smoothed.low) / 2.0;
        println!("counted {:.6}, smoothed {:.6}", raw.value, smoothed.value);
        assert!((raw.value - smoothed.value).abs() < 2.0 * spread, "{raw:?}, {smoothed:?}");
    }
    assert!(first.1.value > 1.03 * last.1.value, "it makes a difference: {first:?}, {last:?}");
}

#[test]
fn its_intervals_hold_the_truth_as_often_as_they_say() {
    let sweep = "{ trigger = \"chance\", chance = 0.02 }";
    let truth = smoothed(&scenario(1_500_000, "60s", "sweep-first", sweep)).value;
    let small = scenario(12_000, "60s", "sweep-first", sweep);
    let held = (1..=300u64).filter(|&seed| {
        let estimate = smoothed(&Scenario { seed: seed * 1_000, ..small.clone() });
        (estimate.low..=estimate.high).contains(&truth)
    });
    let held = held.count();
    println!("smoothed: {held} of 300 intervals hold {truth:.7}");
    // 95 % of 300 are 285, give or take two of its standard deviations.
    assert!((277..=293).contains(&held), "{held} of 300");
}

#[test]
fn the_gain_on_the_reference_scenario_is_of_the_size_that_is_told() {
    let scenario = shipped("reference");
    let verified = verify(&scenario, &scenario.policies[0], Fact::FalseNotFound);
    let gain = verified.gain(u64::from(scenario.uploads)).unwrap();
    println!("reference, 30m/10%: worth {gain:.0} times the uploads");
    assert!((50_000.0..2_000_000.0).contains(&gain), "{gain}");
}

#[test]
fn where_clients_disturb_each_other_it_says_so() {
    let why = |name: &str, policy: usize| {
        let scenario = shipped(name);
        verify(&scenario, &scenario.policies[policy], Fact::FalseNotFound).smoothed.err().unwrap()
    };
    let reasons = [why("two-workers", 0), why("poll-heavy", 0), why("reference", 2), why("smoke", 0)];
    let expected = [
        "the server is not one worker that takes no time and never fails",
        "clients go on after not_found",
        "what is over is not just gone when it is swept",
        "the server is not one worker that takes no time and never fails",
    ];
    assert_eq!(reasons, expected);
    let short = scenario(50, "60s", "sweep-first", "{ trigger = \"chance\", chance = 0.02 }");
    let rare = scenario(5_000, "60s", "sweep-first", "{ trigger = \"chance\", chance = 0.0001 }");
    let reasons = [short, rare]
        .map(|scenario| verify(&scenario, &scenario.policies[0], Fact::FalseNotFound).smoothed.err().unwrap());
    assert_eq!(
        reasons,
        ["too few entries fall due within the span", "sweeps are so rare that entries stay to the end"]
    );
}

/// Clients that stay and poll rarely are late, too, and neither way counts them.
#[test]
fn clients_that_stay_and_come_late_are_no_case_for_it() {
    let base = scenario(1_000, "10m", "sweep-first", "{ trigger = \"chance\", chance = 0.1 }");
    let why = |change: &dyn Fn(&mut stillready::scenario::ClientSpec)| {
        let mut scenario = base.clone();
        change(&mut scenario.client);
        let verified = verify(&scenario, &scenario.policies[0], Fact::FalseNotFound);
        (verified.smoothed.err(), verified.closed_form.err())
    };
    let refused = Some("clients that stay may poll first when their entry is over");
    assert_eq!(why(&|client| client.first_poll_ns = 600_000_000_000), (refused, refused));
    assert_eq!(why(&|client| client.interval_ns = 600_000_000_000), (refused, refused));
    assert_eq!(why(&|client| (client.backoff, client.max_attempts) = (2.0, 30)).0, refused);
    assert_eq!(why(&|client| client.first_poll_ns = 599_000_000_000).1, None);
}
