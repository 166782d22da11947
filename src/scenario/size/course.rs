//! How long things take, and how many come: what is asked of the distributions and of the arrivals for an estimate.

use crate::scenario::{Arrivals, ClientSpec, Distribution, Scenario};
use crate::time::SECOND_NS;

const DAY_NS: f64 = 86_400.0 * SECOND_NS as f64;

/// The mean of a distribution, in nanoseconds.
pub(super) fn mean_ns(distribution: &Distribution) -> f64 {
    match distribution {
        Distribution::Constant { value_ns } => *value_ns as f64,
        Distribution::Exponential { mean_ns } => *mean_ns as f64,
        Distribution::Lognormal { median_ns, sigma } => *median_ns as f64 * libm::exp(sigma * sigma / 2.0),
        Distribution::Empirical { values_ns } => {
            values_ns.iter().map(|&value_ns| value_ns as f64).sum::<f64>() / values_ns.len() as f64
        }
    }
}

/// About the longest of so many draws, in nanoseconds; no later than the end of time.
pub(super) fn longest_ns(distribution: &Distribution, draws: f64) -> f64 {
    let logarithm = libm::log(draws.max(2.0));
    let longest = match distribution {
        Distribution::Constant { value_ns } => *value_ns as f64,
        Distribution::Exponential { mean_ns } => *mean_ns as f64 * logarithm,
        Distribution::Lognormal { median_ns, sigma } => {
            *median_ns as f64 * libm::exp(sigma * libm::sqrt(2.0 * logarithm))
        }
        Distribution::Empirical { values_ns } => values_ns.iter().copied().max().unwrap_or(0) as f64,
    };
    longest.min(u64::MAX as f64)
}

/// The uploads of one replication, as they come.
pub(super) struct Coming<'a> {
    arrivals: &'a Arrivals,
    pub(super) uploads: f64,
}

impl<'a> Coming<'a> {
    pub(super) fn of(scenario: &'a Scenario) -> Self {
        Coming { arrivals: &scenario.workload.arrivals, uploads: f64::from(scenario.uploads) }
    }

    /// From the start to the last arrival, in nanoseconds.
    pub(super) fn span_ns(&self) -> f64 {
        let span_ns = match self.arrivals {
            Arrivals::Poisson { mean_gap_ns } => self.uploads * mean_gap_ns,
            Arrivals::Fixed { every_ns } => self.uploads * *every_ns as f64,
            Arrivals::Burst { size, every_ns } => (self.uploads / f64::from(*size)).ceil() * *every_ns as f64,
            Arrivals::Daily { rates } => self.uploads / daily_mean(rates) + DAY_NS,
            Arrivals::Trace { at_ns } => at_ns.get(self.uploads as usize - 1).map_or(0.0, |&last_ns| last_ns as f64),
            Arrivals::Recorded(recording) => recording.at(self.uploads as u32 - 1).as_ns() as f64,
        };
        span_ns.clamp(1.0, u64::MAX as f64)
    }

    /// About the most uploads that come within a time.
    pub(super) fn within(&self, window_ns: f64) -> f64 {
        let most = match self.arrivals {
            Arrivals::Poisson { mean_gap_ns } => window_ns / mean_gap_ns + 1.0,
            Arrivals::Fixed { every_ns } => window_ns / *every_ns as f64 + 1.0,
            Arrivals::Burst { size, every_ns } => (window_ns / *every_ns as f64 + 1.0).floor() * f64::from(*size),
            Arrivals::Daily { rates } => {
                let busiest = rates.iter().copied().fold(0.0, f64::max);
                (busiest * window_ns).min(daily_mean(rates) * (window_ns + DAY_NS)) + 1.0
            }
            Arrivals::Trace { at_ns } => most_within(&at_ns[..self.uploads as usize], window_ns),
            Arrivals::Recorded(recording) => {
                most_within(&recording.arrivals_ns().take(self.uploads as usize).collect::<Vec<_>>(), window_ns)
            }
        };
        most.min(self.uploads)
    }
}

/// Uploads per nanosecond, over the whole day.
fn daily_mean(rates: &[f64; 24]) -> f64 {
    rates.iter().sum::<f64>() / 24.0
}

/// The most moments of an ascending list within a window.
fn most_within(at_ns: &[u64], window_ns: f64) -> f64 {
    let (mut first, mut most) = (0, 0);
    for (last, &at) in at_ns.iter().enumerate() {
        while (at - at_ns[first]) as f64 > window_ns {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most as f64
}

/// How many polls follow each other within a time: the inverse of [`polling_ns`].
pub(super) fn polls_within(client: &ClientSpec, time_ns: f64) -> f64 {
    let &ClientSpec { interval_ns, backoff, max_interval_ns, .. } = client;
    let (interval_ns, longest_ns) = (interval_ns as f64, max_interval_ns as f64);
    if backoff == 1.0 {
        return time_ns / interval_ns;
    }
    let growing = libm::log(longest_ns / interval_ns) / libm::log(backoff);
    let grown_after_ns = (longest_ns - interval_ns) / (backoff - 1.0);
    if time_ns < grown_after_ns {
        return libm::log(1.0 + time_ns * (backoff - 1.0) / interval_ns) / libm::log(backoff);
    }
    growing + (time_ns - grown_after_ns) / longest_ns
}

/// How long so many polls take that follow each other, in nanoseconds.
pub(super) fn polling_ns(client: &ClientSpec, polls: f64) -> f64 {
    let &ClientSpec { interval_ns, backoff, max_interval_ns, .. } = client;
    let (interval_ns, longest_ns) = (interval_ns as f64, max_interval_ns as f64);
    if backoff == 1.0 {
        return polls * interval_ns;
    }
    let growing = libm::log(longest_ns / interval_ns) / libm::log(backoff);
    let growth = |polls: f64| interval_ns * (libm::pow(backoff, polls) - 1.0) / (backoff - 1.0);
    if polls < growing { growth(polls) } else { growth(growing) + (polls - growing) * longest_ns }
}
