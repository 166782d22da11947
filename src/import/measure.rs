//! What was measured of one kind of duration, and the lognormal distribution that fits it.
//!
//! The fit is by the mean and the deviation of the logarithms. Its goodness is the Kolmogorov–Smirnov distance; since both numbers were
//! estimated from the same sample, its critical value is that of H. W. Lilliefors (Journal of the American Statistical Association 62,
//! 1967) as M. A. Stephens approximates it (ibid. 69, 1974). Where a log counts whole seconds, durations are compared between two
//! seconds, so that the rounding alone rejects hardly more, unless many durations are shorter than half a second: each of those is
//! taken for half a second. What is known only to lie somewhere in a gap between two polls is compared twice, as if these gaps began at
//! the same moments for all and as if they began anywhere, and the better comparison counts.

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
    /// How far apart the polls are that each duration lies between, if that is how it is known.
    gap_ns: Option<u64>,
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
        let (longest_ns, gap_ns, zeros, sum, sum_of_squares) = (0, None, 0, 0.0, 0.0);
        Measured { histogram, unit_ns, longest_ns, resolution_ns, gap_ns, zeros, sum, sum_of_squares }
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

    /// Each duration is but the middle between two polls, so far apart.
    pub fn lie_between_polls(&mut self, gap_ns: u64) {
        self.gap_ns = Some(gap_ns.max(self.resolution_ns));
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
        fit.ks_distance = match self.gap_ns {
            None => self.distance(fit, self.resolution_ns),
            Some(gap_ns) => self.distance(fit, gap_ns).min(self.distance_at_gaps(fit, gap_ns)),
        };
        Some(fit)
    }

    /// The largest difference between the shares measured and fitted, half-way between what can be told apart.
    fn distance(&self, fit: Fit, resolution_ns: u64) -> f64 {
        let half = resolution_ns as f64 / 2.0;
        let (mut distance, mut before) = (0.0_f64, 0.0);
        for ((low_ns, high_ns), share) in self.shares() {
            let (low, high) = (low_ns as f64, high_ns as f64);
            // What was nothing in the log is half of what it can tell; below that there is nothing to compare with.
            let is_nothing = low <= half;
            let below = if is_nothing { 0.0 } else { (fit.share_below(low - half) - before).abs() };
            let above = (fit.share_below(if is_nothing { half } else { high + half }) - share).abs();
            distance = distance.max(below).max(above);
            before = share;
        }
        distance
    }

    /// The same at multiples of a gap. A duration is moved by half a gap at most, to the middle of that in which it lies, and where gaps
    /// begin differs from client to client: in between, shares are too large as often as too small.
    fn distance_at_gaps(&self, fit: Fit, gap_ns: u64) -> f64 {
        let off = |gaps: u64, share: f64| (fit.share_below(gaps as f64 * gap_ns as f64) - share).abs();
        let (mut distance, mut before, mut next) = (0.0_f64, 0.0, 0);
        for ((low_ns, high_ns), share) in self.shares() {
            // The share stays the same in between, so that the first and the last of the gaps there are the worst.
            let here = low_ns.div_ceil(gap_ns);
            if next < here {
                distance = distance.max(off(next, before)).max(off(here - 1, before));
                next = here;
            }
            // Durations whose middle is a multiple itself are below it as often as above.
            if here == high_ns / gap_ns {
                distance = distance.max(off(here, f64::midpoint(before, share)));
                next = here + 1;
            }
            before = share;
        }
        distance.max(off(next, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{PerAttempt, Source};
    use crate::scenario::{Scenario, shipped};
    use crate::time::SECOND_NS;
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
            measured.lie_between_polls(GAP_NS);
            rejected[1] += u32::from(measured.fit().expect("there are enough").is_rejected());
        }
        assert!(rejected[0] > 200 && rejected[1] <= 40, "{rejected:?} of 400");
    }

    /// How often samples are rejected, of 400, of which it is only known between which polls they lie: a client polls first after some time,
    /// and then after each gap. The same for half of them being of another kind.
    fn rejected(first_ns: impl Fn(u64) -> u64, gap_ns: u64, resolution_ns: u64) -> [u32; 2] {
        let draws = PerAttempt::new(1, Source::Jitter);
        let mut rejected = [0, 0];
        for seed in 0..400 {
            let middle = |number: usize, ns: u64| {
                let first_ns = first_ns(draws.draw(seed, number as u64));
                let (before, after) = match ns.checked_sub(first_ns) {
                    None => (0, first_ns),
                    Some(more) => (first_ns + more / gap_ns * gap_ns, first_ns + (more / gap_ns + 1) * gap_ns),
                };
                before.midpoint(after)
            };
            for (kind, rejected) in rejected.iter_mut().enumerate() {
                let mut measured = Measured::new(resolution_ns);
                for (number, ns) in samples(300, seed).enumerate() {
                    let is_other = kind == 1 && number % 2 == 0;
                    measured.add(middle(number, if is_other { ns / 8 + 30 * SECOND_NS } else { ns }));
                }
                measured.lie_between_polls(gap_ns);
                *rejected += u32::from(measured.fit().expect("there are enough").is_rejected());
            }
        }
        rejected
    }

    /// In whole seconds and in others; and where all clients poll first at the same time after their upload.
    #[test]
    fn nor_does_it_whenever_clients_begin() {
        let (milli, second) = (SECOND_NS / 1000, SECOND_NS);
        for gap_ns in [second, 2 * second, 3 * second] {
            let anywhere = |draw: u64| second / 2 + draw % gap_ns;
            let at_a_second = |draw: u64| second * (1 + draw % (gap_ns / second));
            for (what, [rejected, others]) in [
                ("anywhere", rejected(anywhere, gap_ns, milli)),
                ("at a second", rejected(at_a_second, gap_ns, second)),
                ("half a second", rejected(|_| second / 2, gap_ns, milli)),
                ("a second", rejected(|_| second, gap_ns, milli)),
                ("two thirds of a gap", rejected(|_| gap_ns * 2 / 3, gap_ns, milli)),
            ] {
                assert!(rejected <= 40 && others == 400, "{what}, {gap_ns}: {rejected} and {others} of 400");
            }
        }
    }

    /// Gaps of a median of 3 s: of 100 one or two are shorter than half a second.
    #[test]
    fn a_few_that_are_shorter_than_the_log_can_tell_reject_hardly_more() {
        let (mut rejected, mut zeros) = (0, 0);
        for seed in 0..400 {
            let mut measured = Measured::new(1_000_000_000);
            samples(300, seed).for_each(|ns| measured.add((ns * 3 / 8 + 500_000_000) / 1_000_000_000 * 1_000_000_000));
            zeros += measured.zeros();
            rejected += u32::from(measured.fit().expect("there are enough").is_rejected());
        }
        assert!(rejected <= 40 && zeros > 1000, "{rejected} of 400, {zeros} of 120,000");
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
