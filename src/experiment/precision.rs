//! Replications until a rate is known well enough.
//!
//! The size of the next batch follows from how far the interval still is from its goal; it never more than doubles what is there, so
//! that a first estimate that is off by chance does not decide. That the intervals hold the truth as often as they say, though the
//! data decide when to stop, is tested.

use super::{ExperimentError, Options, Results, run_replications};
use crate::measure::Fact;
use crate::measure::interval::{self, Estimate};
use crate::scenario::Scenario;

/// The most replications: each is kept until the files are written. Where more are needed, let each have more uploads.
const REPLICATIONS_MAX: u32 = 1000;

/// How well a rate is to be known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Which rate.
    pub fact: Fact,
    /// The half-width that its 95 % interval may have.
    pub goal: Goal,
    /// Uploads under each policy, in all replications together, that are not exceeded.
    pub max_uploads: u64,
}

impl Precision {
    /// How many replications there may be, at least one.
    #[must_use]
    pub fn replications_max(self, scenario: &Scenario) -> u32 {
        u32::try_from(self.max_uploads / u64::from(scenario.uploads))
            .map_or(REPLICATIONS_MAX, |most| most.min(REPLICATIONS_MAX))
            .max(1)
    }
}

/// The half-width that an interval may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// As a share of the rate; a rate of zero is known to no share of it.
    Relative(f64),
    /// As it is.
    Absolute(f64),
}

impl Goal {
    /// How many times as wide as allowed an interval is.
    fn excess(self, estimate: Estimate) -> f64 {
        let half = (estimate.high - estimate.low) / 2.0;
        match self {
            Goal::Absolute(allowed) => half / allowed,
            Goal::Relative(_) if estimate.value == 0.0 => f64::INFINITY,
            Goal::Relative(share) => half / (share * estimate.value),
        }
    }
}

/// Runs a scenario's replications, and more of them until the precision is reached under every policy or the uploads are used up.
/// Returns the results, whose scenario has as many replications as there were, and whether it was reached.
///
/// # Errors
/// As [`run`](super::run).
///
/// # Panics
/// As [`run`](super::run).
pub fn run_until(
    scenario: &Scenario,
    precision: Precision,
    options: &Options<'_>,
) -> Result<(Results, bool), ExperimentError> {
    let most = precision.replications_max(scenario);
    let mut results = Results { scenario: scenario.clone(), replications: Vec::new() };
    let mut wanted = scenario.replications.min(most);
    loop {
        let done = results.replications.len() as u32;
        results.replications.extend(run_replications(scenario, done..wanted, options)?);
        results.scenario.replications = wanted;
        let excess = excess(&results, precision);
        if excess <= 1.0 || wanted == most {
            return Ok((results, excess <= 1.0));
        }
        // An interval is half as wide with four times as many; a little more, since its estimate moves.
        let needed = f64::from(wanted) * excess * excess * 1.1;
        let next = if needed < f64::from(u32::MAX) { libm::ceil(needed) as u32 } else { u32::MAX };
        wanted = next.clamp(wanted + 1, wanted.saturating_mul(2)).min(most);
    }
}

/// How many times as wide as allowed the widest interval is.
fn excess(results: &Results, precision: Precision) -> f64 {
    let tallies = results.tallies();
    let rates = tallies.iter().filter_map(|tally| interval::rate(tally.count(precision.fact), tally.uploads()));
    rates.map(|rate| precision.goal.excess(rate)).fold(0.0, f64::max)
}
