//! Intervals, at 95 %. Counts go in, floats come out, at the very end.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::pairs::Cells;

/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// An estimate and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The rate of `events` among `trials`; `None` without trials.
///
/// The interval is Wilson's (E. B. Wilson, JASA 22, 1927). At no event, and at nothing but events, the far end is the exact
/// one of Clopper and Pearson instead, 1 − 0.025^(1/trials) away from the estimate.
#[must_use]
pub fn rate(events: u64, trials: u64) -> Option<Estimate> {
    if trials == 0 {
        return None;
    }
    let n = trials as f64;
    let value = events as f64 / n;
    let exact = -libm::expm1(libm::log(0.025) / n);
    if events == 0 {
        return Some(Estimate { value, low: 0.0, high: exact });
    }
    if events == trials {
        return Some(Estimate { value, low: 1.0 - exact, high: 1.0 });
    }
    let centre = value + Z * Z / (2.0 * n);
    let half = Z * libm::sqrt(value * (1.0 - value) / n + Z * Z / (4.0 * n * n));
    let scale = 1.0 + Z * Z / n;
    Some(Estimate { value, low: ((centre - half) / scale).max(0.0), high: ((centre + half) / scale).min(1.0) })
}

/// The mean of independent values with Student's interval; `None` for fewer than two values.
#[must_use]
pub fn mean(values: &[f64]) -> Option<Estimate> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - value) * (x - value)).sum::<f64>() / (n - 1.0);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("there is at least one degree of freedom").inverse_cdf(0.975);
    let half = t * libm::sqrt(variance / n);
    Some(Estimate { value, low: value - half, high: value + half })
}

/// The second policy's rate less the first one's, over the same uploads; `None` without uploads.
///
/// The estimate is the plain difference; the interval is the adjusted Wald interval for paired proportions (D. G. Bonett and
/// R. M. Price, Journal of Educational and Behavioral Statistics 37, 2012), widened where needed to hold the estimate.
#[must_use]
pub fn difference(cells: Cells) -> Option<Estimate> {
    let uploads = cells.uploads();
    if uploads == 0 {
        return None;
    }
    let n = uploads as f64;
    let value = (cells.second_only as f64 - cells.first_only as f64) / n;
    let first_only = (cells.first_only as f64 + 1.0) / (n + 2.0);
    let second_only = (cells.second_only as f64 + 1.0) / (n + 2.0);
    let centre = second_only - first_only;
    let half = Z * libm::sqrt((first_only + second_only - centre * centre) / (n + 2.0));
    Some(Estimate { value, low: (centre - half).clamp(-1.0, value), high: (centre + half).clamp(value, 1.0) })
}

/// The second policy's rate divided by the first one's, over the same uploads; `None` where either rate is zero.
///
/// The interval is that of the logarithm's normal approximation for paired proportions (M. M. Desu and D. Raghavarao, Sample
/// Size Methodology, 1990): the variance is (first only + second only) / (first × second).
#[must_use]
pub fn ratio(cells: Cells) -> Option<Estimate> {
    let (first, second) = (cells.first() as f64, cells.second() as f64);
    if first == 0.0 || second == 0.0 {
        return None;
    }
    let value = second / first;
    let half = Z * libm::sqrt((cells.first_only + cells.second_only) as f64 / (first * second));
    Some(Estimate { value, low: value * libm::exp(-half), high: value * libm::exp(half) })
}

/// How many times as many uploads two independent samples would need for as sure a difference as the same uploads give; `None` where
/// no upload fares differently under the two.
#[must_use]
pub fn variance_ratio(cells: Cells) -> Option<f64> {
    let n = cells.uploads() as f64;
    let (first, second) = (cells.first() as f64 / n, cells.second() as f64 / n);
    let paired = (cells.first_only + cells.second_only) as f64 / n - (second - first) * (second - first);
    let independent = first * (1.0 - first) + second * (1.0 - second);
    (cells.uploads() > 0 && paired > 0.0).then(|| independent / paired)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs().max(1e-9)
    }

    /// Wilson's interval for 10 of 100, computed with 30 digits (mpmath).
    #[test]
    fn rates_carry_wilsons_interval() {
        let estimate = rate(10, 100).unwrap();
        assert!(close(estimate.low, 0.055_229_137_060_675_09), "{}", estimate.low);
        assert!(close(estimate.high, 0.174_365_661_504_913_46), "{}", estimate.high);
    }

    #[test]
    fn no_event_in_a_million_is_at_most_four_in_a_million() {
        let estimate = rate(0, 1_000_000).unwrap();
        assert!(estimate.value == 0.0 && estimate.low == 0.0);
        assert!(close(estimate.high, 3.688_872_650_206_489e-6), "{}", estimate.high);
        assert_eq!(rate(0, 0), None);
    }

    /// The lower end is 0.025^(1/7).
    #[test]
    fn nothing_but_events_has_an_exact_lower_end() {
        let estimate = rate(7, 7).unwrap();
        assert!(estimate.value == 1.0 && estimate.high == 1.0);
        assert!(close(estimate.low, 0.590_383_602_774_996_6), "{}", estimate.low);
    }

    /// t(0.975; 3) = 3.182446305284263, from published tables.
    #[test]
    fn means_carry_students_interval() {
        let estimate = mean(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!(close(estimate.value, 2.5));
        let half = 3.182_446_305_284_263 * (5.0f64 / 3.0 / 4.0).sqrt();
        assert!((estimate.high - 2.5 - half).abs() < 1e-9, "{}", estimate.high);
        assert!((2.5 - estimate.low - half).abs() < 1e-9, "{}", estimate.low);
        // Far from zero, where squares and products differ.
        let far = mean(&[107.0, 101.0, 101.0, 107.0]).unwrap();
        assert!((far.high - 104.0 - 3.182_446_305_284_263 * 3.0f64.sqrt()).abs() < 1e-9, "{}", far.high);
        assert_eq!(mean(&[1.0]), None);
    }

    #[test]
    fn a_ratio_needs_events_on_both_sides() {
        let cells = Cells { both: 40, first_only: 60, second_only: 0, neither: 900 };
        let estimate = ratio(cells).unwrap();
        assert!(close(estimate.value, 0.4));
        assert!(estimate.low < 0.4 && estimate.high > 0.4);
        // By the formula, in Python.
        let estimate = ratio(Cells { both: 40, first_only: 60, second_only: 10, neither: 890 }).unwrap();
        assert!(close(estimate.low, 0.396_510_305_667_119_76), "{}", estimate.low);
        assert!(close(estimate.high, 0.630_500_636_242_936), "{}", estimate.high);
        assert_eq!(ratio(Cells { both: 0, first_only: 3, second_only: 0, neither: 9 }), None);
    }

    /// By the formula, in Python.
    #[test]
    fn a_difference_carries_the_interval_of_bonett_and_price() {
        let estimate = difference(Cells { both: 5, first_only: 7, second_only: 2, neither: 86 }).unwrap();
        assert!(close(estimate.value, -0.05));
        assert!(close(estimate.low, -0.112_035_653_506_516_98), "{}", estimate.low);
        assert!(close(estimate.high, 0.013_996_437_820_242_465), "{}", estimate.high);
    }

    #[test]
    fn a_difference_of_nothing_holds_zero() {
        let estimate = difference(Cells { both: 0, first_only: 0, second_only: 0, neither: 1000 }).unwrap();
        assert!(estimate.value == 0.0 && estimate.low < 0.0 && estimate.high > 0.0);
        assert_eq!(difference(Cells::default()), None);
    }

    /// 100 of 1000 under both, 50 more under the first: 0.15 × 0.85 + 0.1 × 0.9 over 0.05 − 0.05².
    #[test]
    fn the_same_uploads_are_worth_more_than_others() {
        let ratio = variance_ratio(Cells { both: 100, first_only: 50, second_only: 0, neither: 850 }).unwrap();
        assert!(close(ratio, (0.1275 + 0.09) / (0.05 - 0.0025)), "{ratio}");
        assert_eq!(variance_ratio(Cells { both: 5, first_only: 0, second_only: 0, neither: 5 }), None);
        assert_eq!(variance_ratio(Cells::default()), None);
    }
}
