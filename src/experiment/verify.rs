//! One rate in several ways: counted; smoothed or, where that does not hold, split; and, where there is one, by the closed form.

use rayon::prelude::*;

use super::splitting::{Split, split};
use super::{observe, replication_seed};
use crate::closed_form::ClosedForm;
use crate::measure::interval::{self, Estimate};
use crate::measure::smoothed::Smoothed;
use crate::measure::{Fact, Tally};
use crate::scenario::{Policy, Scenario};

/// How many arrivals splitting simulates, as a multiple of those that are counted.
const SPLITTING_TIMES: u64 = 20;

/// What a policy's share of users who come to some end is.
pub struct Verified {
    /// Counted: the one to trust. `None` without uploads.
    pub raw: Option<Estimate>,
    /// By the probability that each entry's client would have come too late; or why there is none.
    pub smoothed: Result<Estimate, &'static str>,
    /// By following those on who are on the way to it; asked for where smoothing does not hold.
    pub split: Option<Result<Split, &'static str>>,
    /// Without simulation; or why there is none.
    pub closed_form: Result<f64, &'static str>,
}

impl Verified {
    /// The estimate that does not count: smoothed or split.
    #[must_use]
    pub fn refined(&self) -> Option<Estimate> {
        let split = || self.split.as_ref()?.as_ref().ok().map(|split| split.estimate);
        self.smoothed.ok().or_else(split)
    }

    /// How many times as many uploads the count would need for an interval as narrow as the refined one, of as many arrivals.
    #[must_use]
    pub fn gain(&self, uploads: u64) -> Option<f64> {
        let refined = self.refined()?;
        let spent = if self.smoothed.is_ok() { uploads } else { SPLITTING_TIMES * uploads };
        let half = (refined.high - refined.low) / 2.0;
        // Of a count whose rate is the refined one.
        let variance = refined.value * (1.0 - refined.value) / spent as f64;
        let raw = 1.96 * libm::sqrt(variance);
        (half > 0.0 && raw > 0.0).then(|| raw * raw / (half * half))
    }
}

/// Measures the share of uploads with a fact under a policy in all ways that there are.
#[must_use]
pub fn verify(scenario: &Scenario, policy: &Policy, fact: Fact) -> Verified {
    const OTHER: &str = "only for false_not_found_rate";
    let is_loss = fact == Fact::FalseNotFound;
    let numbers: Vec<u32> = (0..scenario.replications).collect();
    let smoothable = if is_loss { Smoothed::new(scenario, policy) } else { Err(OTHER) };
    let (raw, smoothed) = match smoothable {
        Err(why) => {
            let tallies = numbers
                .par_iter()
                .map(|&number| observe(scenario, policy, replication_seed(scenario, number), Tally::default()));
            (tallies.collect::<Vec<_>>(), Err(why))
        }
        Ok(_) => {
            let (tallies, smoothed): (Vec<_>, Vec<_>) = numbers
                .par_iter()
                .map(|&number| {
                    let smoothed = Smoothed::new(scenario, policy).expect("it was made before");
                    observe(scenario, policy, replication_seed(scenario, number), (Tally::default(), smoothed))
                })
                .unzip();
            (tallies, Smoothed::estimate(&smoothed))
        }
    };
    let mut total = Tally::default();
    raw.iter().for_each(|tally| total.merge(tally));
    let arrivals = SPLITTING_TIMES * u64::from(scenario.uploads) * u64::from(scenario.replications);
    Verified {
        raw: interval::rate(total.count(fact), total.uploads()),
        split: smoothed.is_err().then(|| split(scenario, policy, fact, arrivals)),
        smoothed,
        closed_form: if is_loss { ClosedForm::of(scenario, policy).map(|form| form.rate()) } else { Err(OTHER) },
    }
}
