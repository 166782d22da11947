//! One rate in three ways: counted, smoothed and, where there is one, by the closed form.

use rayon::prelude::*;

use super::{observe, replication_seed};
use crate::closed_form::ClosedForm;
use crate::measure::interval::{self, Estimate};
use crate::measure::smoothed::Smoothed;
use crate::measure::{Fact, Tally};
use crate::scenario::{Policy, Scenario};

/// What a policy's share of users told `not_found` after a success is.
pub struct Verified {
    /// Counted: the one to trust. `None` without uploads.
    pub raw: Option<Estimate>,
    /// By the probability that each entry's client would have come too late; or why there is none.
    pub smoothed: Result<Estimate, &'static str>,
    /// Without simulation; or why there is none.
    pub closed_form: Result<f64, &'static str>,
}

impl Verified {
    /// How many times as many uploads the count would need for an interval as narrow as the smoothed one.
    #[must_use]
    pub fn gain(&self, uploads: u64) -> Option<f64> {
        let smoothed = self.smoothed.as_ref().ok()?;
        let half = (smoothed.high - smoothed.low) / 2.0;
        // Of a count whose rate is the smoothed one.
        let variance = smoothed.value * (1.0 - smoothed.value) / uploads as f64;
        let raw = 1.96 * libm::sqrt(variance);
        (half > 0.0 && raw > 0.0).then(|| raw * raw / (half * half))
    }
}

/// Measures a policy in all three ways.
#[must_use]
pub fn verify(scenario: &Scenario, policy: &Policy) -> Verified {
    let numbers: Vec<u32> = (0..scenario.replications).collect();
    let (raw, smoothed) = match Smoothed::new(scenario, policy) {
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
    Verified {
        raw: interval::rate(total.count(Fact::FalseNotFound), total.uploads()),
        smoothed,
        closed_form: ClosedForm::of(scenario, policy).map(|form| form.rate()),
    }
}
