//! What was measured of one kind of duration, and the lognormal distribution that fits it.
//!
//! The fit is by the mean and the deviation of the logarithms. Its goodness is the Kolmogorov–Smirnov distance; since both numbers were
//! estimated from the same sample, its critical value is that of H. W. Lilliefors (Journal of the American Statistical Association 62,
//! 1967) as M. A. Stephens approximates it (ibid. 69, 1974). Where a log counts whole seconds, durations are compared between two
//! seconds, so that the rounding alone rejects nothing.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Fewer samples than these are not fitted.
pub const FITTED_FROM: u64 = 20;

/// The longest duration that is told from longer ones: ten years.
const LONGEST_NS: u64 = 10 * 365 * 86_400 * crate::time::SECOND_NS;

/// The quantiles that are told.
pub const QUANTILES: [(&str, f64); 7] =
    [("p05", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];

/// Durations of one kind, in a memory that does not grow with their number.
pub struct Measured {
    /// In units of half of what the log can tell, so that few seconds are counted exactly.
    histogram: Histogram<u64>,
    unit_ns: u64,
    longest_ns: u64,
    resolution_ns: u64,
    zeros: u64,
    sum: f64,
    sum_of_squares: f64,
}

/// A lognormal distribution and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Its median in nanoseconds.
    pub median_ns: u64,
    /// The deviation of the logarithm.
    pub sigma: f64,
    /// The largest difference between the shares below a duration, measured and fitted.
    pub ks_distance: f64,
    /// Samples of such a distribution are above this once in twenty times.
    pub ks_critical: f64,
}

impl Fit {
    /// Whether the sample says that it is no lognormal distribution, at 5 %.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.ks_distance > self.ks_critical
    }

    /// The share of durations up to one.
    #[must_use]
    pub fn share_below(&self, ns: f64) -> f64 {
        if ns <= 0.0 {
            return 0.0;
        }
        let place = (libm::log(ns) - libm::log(self.median_ns as f64)) / self.sigma;
        0.5 * libm::erfc(-place / std::f64::consts::SQRT_2)
    }
}

impl Measured {
    /// Nothing yet; durations that differ by less than the resolution are the same.
    #[must_use]
    pub fn new(resolution_ns: u64) -> Measured {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds and three digits are possible");
        let unit_ns = (resolution_ns / 2).max(1);
        Measured { histogram, unit_ns, longest_ns: 0, resolution_ns, zeros: 0, sum: 0.0, sum_of_squares: 0.0 }
    }

    /// Adds a duration. One of nothing is taken for half of what the log can tell.
    pub fn add(&mut self, ns: u64) {
        self.zeros += u64::from(ns == 0);
        let ns = if ns == 0 { self.unit_ns } else { ns };
        self.longest_ns = self.longest_ns.max(ns);
        self.histogram.saturating_record((ns / self.unit_ns).max(1));
        let logarithm = libm::log(ns as f64);
        self.sum += logarithm;
        self.sum_of_squares += logarithm * logarithm;
    }

    /// From now on, durations that differ by less than this are the same: what is known only to lie between two polls is not known
    /// as well as the log tells the time.
    pub fn coarsen(&mut self, resolution_ns: u64) {
        self.resolution_ns = self.resolution_ns.max(resolution_ns);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// How many of them were shorter than the log can tell.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// A quantile, to three digits; nothing of nothing.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let of = |units| (self.histogram.lowest_equivalent(units) * self.unit_ns).min(self.longest_ns);
        let found = || if quantile >= 1.0 { self.longest_ns } else { of(self.histogram.value_at_quantile(quantile)) };
        (self.count() > 0).then(found)
    }

    /// The share of durations up to each of those that occurred, in nanoseconds: durations that are counted as one lie between two.
    pub fn shares(&self) -> impl Iterator<Item = ((u64, u64), f64)> + '_ {
        let mut before = 0;
        self.histogram.iter_recorded().map(move |step| {
            before += step.count_since_last_iteration();
            let units = step.value_iterated_to();
            let ends = (self.histogram.lowest_equivalent(units), self.histogram.highest_equivalent(units));
            let in_ns = |units: u64| (units * self.unit_ns).min(self.longest_ns);
            ((in_ns(ends.0), in_ns(ends.1)), before as f64 / self.count() as f64)
        })
    }

    /// The lognormal distribution that fits best; nothing for few samples, or where all are equal.
    #[must_use]
    pub fn fit(&self) -> Option<Fit> {
        let count = self.count();
        if count < FITTED_FROM {
            return None;
        }
        let n = count as f64;
        let mean = self.sum / n;
        let variance = (self.sum_of_squares - n * mean * mean) / (n - 1.0);
        // What rounding leaves of nothing is no deviation.
        if variance < 1e-9 {
            return None;
        }
        let median_ns = libm::exp(mean) + 0.5;
        let root = libm::sqrt(n);
        let mut fit = Fit {
            median_ns: median_ns as u64,
            sigma: libm::sqrt(variance),
            ks_distance: 0.0,
            ks_critical: 0.895 / (root - 0.01 + 0.85 / root),
        };
        let half = self.resolution_ns as f64 / 2.0;
        let mut before = 0.0;
        for ((low_ns, high_ns), share) in self.shares() {
            let (low, high) = (low_ns as f64, high_ns as f64);
            // Below the resolution there is nothing to compare with.
            let below = if low <= half { 0.0 } else { (fit.share_below(low - half) - before).abs() };
            let above = (fit.share_below(high + half) - share).abs();
            fit.ks_distance = fit.ks_distance.max(below).max(above);
            before = share;
        }
        Some(fit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{PerAttempt, Source};
    use crate::scenario::{Scenario, shipped};
    use crate::workload::Sampler;

    /// Samples of the processing time of `reference`: median 8 s, sigma 0.8.
    fn samples(count: u64, seed: u64) -> impl Iterator<Item = u64> {
        let text = shipped::find("reference").expect("it is shipped").text;
        let scenario = Scenario::parse("r", "r", text).expect("it is valid");
        let (sampler, draws) = (Sampler::new(&scenario.workload.processing), PerAttempt::new(seed, Source::Processing));
        (0..count).map(move |number| sampler.sample_ns(draws.draw(number, 0)))
    }

    #[test]
    fn a_lognormal_sample_is_fitted_and_not_rejected() {
        let mut measured = Measured::new(1);
        samples(20_000, 1).for_each(|ns| measured.add(ns));
        let fit = measured.fit().expect("there are enough samples");
        assert!((7.9e9..8.1e9).contains(&(fit.median_ns as f64)) && (0.79..0.81).contains(&fit.sigma), "{fit:?}");
        assert!(!fit.is_rejected(), "{fit:?}");
    }

    #[test]
    fn about_one_in_twenty_lognormal_samples_is_rejected_and_whole_seconds_reject_hardly_more() {
        let rejected = |round: fn(u64) -> u64, resolution_ns| {
            let mut rejected = 0;
            for seed in 0..400 {
                let mut measured = Measured::new(resolution_ns);
                samples(200, seed).for_each(|ns| measured.add(round(ns)));
                rejected += u32::from(measured.fit().expect("there are enough").is_rejected());
            }
            rejected
        };
        let (exact, whole) =
            (rejected(|ns| ns, 1), rejected(|ns| (ns + 500_000_000) / 1_000_000_000 * 1_000_000_000, 1_000_000_000));
        assert!((8..=36).contains(&exact) && whole <= 40, "{exact} and {whole} of 400");
    }

    #[test]
    fn what_is_known_to_lie_between_two_polls_rejects_hardly_more() {
        const GAP_NS: u64 = 3_000_000_000;
        let mut rejected = [0, 0];
        for seed in 0..400 {
            let mut measured = Measured::new(1_000_000_000);
            samples(200, seed).for_each(|ns| measured.add(ns / GAP_NS * GAP_NS + GAP_NS / 2));
            rejected[0] += u32::from(measured.fit().expect("there are enough").is_rejected());
            measured.coarsen(GAP_NS);
            rejected[1] += u32::from(measured.fit().expect("there are enough").is_rejected());
        }
        assert!(rejected[0] > 200 && rejected[1] <= 40, "{rejected:?} of 400");
    }

    #[test]
    fn what_is_not_lognormal_is_rejected() {
        let mut measured = Measured::new(1);
        (1..=1000).for_each(|ns| measured.add(if ns % 2 == 0 { 1_000_000 } else { 9_000_000_000 }));
        assert!(measured.fit().expect("there are enough samples").is_rejected());
    }

    #[test]
    fn few_samples_and_equal_ones_are_not_fitted() {
        let mut measured = Measured::new(1);
        (0..19).for_each(|ns| measured.add(ns + 1));
        assert_eq!((measured.fit(), measured.quantile(0.5)), (None, Some(10)));
        let mut equal = Measured::new(1);
        (0..100).for_each(|_| equal.add(3_000_000_000));
        assert_eq!(equal.fit(), None);
        assert_eq!(Measured::new(1).quantile(0.5), None);
    }
}
