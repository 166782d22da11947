//! Late clients and live pollers, where the answer is a formula.

use stillready::measure::{Fact, interval};

use crate::{parse, run, shipped};

/// Uploads come once a minute, are ready at once, and each client polls once, half a minute after so many minutes past the
/// deadline. So exactly `others` polls of other clients reach the store between an entry's deadline and its own client's poll,
/// and each rolls the die.
fn lost(store: &str, order: &str, others: u32, chance: f64) -> (f64, f64) {
    let scenario = parse(&format!(
        r#"
        schema_version = 1
        uploads = 200_000
        [workload]
        arrivals = {{ kind = "fixed", every = "1m" }}
        processing = "0s"
        [client]
        interval = "3s"
        away = {{ chance = 1.0, time = "{}m 30s" }}
        [[policy]]
        name = "p"
        store = "{store}"
        time_to_live = "30m"
        expiry = "physical"
        order = "{order}"
        sweep = {{ trigger = "chance", chance = {chance} }}
        "#,
        30 + others
    ));
    let tally = run(&scenario).tallies().remove(0);
    assert_eq!(tally.polls, tally.uploads(), "each client polls once");
    let uploads = tally.uploads() as f64;
    // Neighbouring uploads share all but one of the dice: at most (2 others + 1) times the variance of independent ones.
    let rate = tally.count(Fact::FalseNotFound) as f64 / uploads;
    (rate, 5.0 * (rate * (1.0 - rate) * f64::from(2 * others + 1) / uploads).sqrt() + 1e-12)
}

fn power(base: f64, exponent: u32) -> f64 {
    (0..exponent).map(|_| base).product()
}

#[test]
fn sweep_before_read_loses_a_late_client_with_one_minus_q_to_the_others_and_itself() {
    for store in ["registry", "dict"] {
        for (others, chance) in [(0, 0.1), (1, 0.1), (4, 0.1), (10, 0.05), (3, 1.0), (7, 0.0)] {
            let expected = 1.0 - power(1.0 - chance, 1 + others);
            let (rate, tolerance) = lost(store, "sweep-first", others, chance);
            assert!((rate - expected).abs() <= tolerance, "{store}, N = {others}, p = {chance}: {rate} for {expected}");
        }
    }
}

#[test]
fn read_before_sweep_loses_it_by_the_others_alone_so_a_lone_client_never() {
    for (others, chance) in [(0, 0.1), (0, 1.0), (1, 0.1), (4, 0.1), (10, 0.05)] {
        let expected = 1.0 - power(1.0 - chance, others);
        let (rate, tolerance) = lost("registry", "read-first", others, chance);
        assert!((rate - expected).abs() <= tolerance, "N = {others}, p = {chance}: {rate} for {expected}");
    }
}

#[test]
fn live_pollers_lose_nothing_and_the_bound_is_exact() {
    let mut scenario = shipped("live-pollers");
    scenario.uploads = 50_000;
    for tally in run(&scenario).tallies() {
        let estimate = interval::rate(tally.count(Fact::FalseNotFound), tally.uploads()).unwrap();
        assert_eq!((estimate.value, estimate.low), (0.0, 0.0));
        // With a rate at the bound, a sample without an event has a probability of 2.5 %.
        let none = (0..50_000).fold(1.0, |product, _| product * (1.0 - estimate.high));
        assert!((none - 0.025).abs() < 1e-9, "{none}");
    }
}
