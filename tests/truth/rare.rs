//! A site that few people visit: how long an entry that is due waits for somebody whose poll sweeps.

use stillready::experiment;
use stillready::measure::Tally;
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::parse;

/// How long each entry was due when it was removed, in hours.
#[derive(Default)]
struct Overdue(Vec<f64>);

impl Observer for Overdue {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        if let Event::Swept { gone, .. } = event {
            let hours = |since: SimTime| at.since(since) as f64 / 3.6e12;
            self.0.extend(gone.iter().filter_map(|entry| entry.due).map(hours));
        }
    }
}

/// Each upload is ready at once and polled once, so that polls are a Poisson process of rate λ, and the ones that sweep another
/// one of rate λp. Wherever in time an entry falls due, the next of these is exponentially far away: 1 / λp in the mean. By Little's
/// law λ · 1 / λp = 1 / p entries are overdue on average, whatever the rate.
#[test]
fn an_entry_is_overdue_for_an_exponential_time_of_rate_polls_times_chance() {
    for (rate, chance) in [(2.0_f64, 0.1_f64), (20.0, 0.05), (0.5, 0.5)] {
        let scenario = parse(&format!(
            r#"
            schema_version = 1
            uploads = 200_000
            [workload]
            arrivals = {{ kind = "poisson", rate = "{rate}/h" }}
            processing = "0s"
            [client]
            interval = "3s"
            [[policy]]
            name = "p"
            store = "dict"
            time_to_live = "30m"
            expiry = "physical"
            sweep = {{ trigger = "chance", chance = {chance} }}
            "#
        ));
        let observer = (Tally::default(), Overdue::default());
        let (tally, Overdue(times)) = experiment::observe(&scenario, &scenario.policies[0], 1, observer);
        assert_eq!(tally.polls, 200_000);
        assert!(times.len() > 199_000, "{}", times.len());
        // A sweep takes all that is due, so there are as many independent waits as sweeps: one in so many uploads.
        let tolerance = 5.0 / (200_000.0 * chance).sqrt();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let expected = 1.0 / (rate * chance);
        assert!((mean / expected - 1.0).abs() < tolerance, "{rate}/h, {chance}: {mean} h for {expected} h");
        let overdue = tally.overdue_mean().unwrap();
        assert!(
            (overdue * chance - 1.0).abs() < tolerance,
            "{rate}/h, {chance}: {overdue} entries for {}",
            1.0 / chance
        );
        // The whole distribution, at the mean and around it.
        for multiple in [0.1, 0.5, 1.0, 2.0, 3.0] {
            let longer = times.iter().filter(|&&time| time > multiple * expected).count();
            let (share, exact) = (longer as f64 / times.len() as f64, libm::exp(-multiple));
            assert!((share - exact).abs() < tolerance, "{rate}/h, {chance}: {share} for {exact} beyond {multiple}");
        }
    }
}
