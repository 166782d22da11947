//! How probable it is to see what was seen, or more of it, if something else were true: one-sided probabilities. Exact where events
//! are counted; the normal approximation's where rates of many events are compared.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

/// From so many events on, and so many trials without one, a count is taken for normally distributed.
const MANY: u64 = 50;

/// If the rate were `rate`, how probable are so few events, or fewer?
///
/// # Panics
/// If there are more events than trials.
#[must_use]
pub fn so_few(events: u64, trials: u64, rate: f64) -> f64 {
    assert!(events <= trials, "{events} of {trials}");
    if events == trials || rate <= 0.0 {
        return 1.0;
    }
    if rate >= 1.0 {
        return 0.0;
    }
    if events == 0 {
        // (1 - rate)^trials
        return libm::exp(trials as f64 * libm::log1p(-rate));
    }
    Binomial::new(rate, trials).expect("the rate lies between 0 and 1").cdf(events)
}

/// If the rate were `rate`, how probable are so many events, or more?
///
/// # Panics
/// If there are more events than trials.
#[must_use]
pub fn so_many(events: u64, trials: u64, rate: f64) -> f64 {
    so_few(trials - events.min(trials), trials, 1.0 - rate)
}

/// If an estimate's true value were `limit`, how probable would be an estimate so far below it? `standard_error` is that of the
/// estimate.
#[must_use]
pub fn so_low(value: f64, standard_error: f64, limit: f64) -> f64 {
    if standard_error <= 0.0 {
        return if value <= limit { 0.0 } else { 1.0 };
    }
    Normal::standard().cdf((value - limit) / standard_error)
}

/// If two rates were equal, how probable would it be that the second lies so far above the first?
///
/// By the normal approximation where there are many events, else by the binomial distribution of the second count given their sum
/// (J. Przyborowski and H. Wilenski, Biometrika 31, 1940), which is exact for rare events and says less than there is for
/// others.
///
/// # Panics
/// If there are more events than trials.
#[must_use]
pub fn higher((first, first_of): (u64, u64), (second, second_of): (u64, u64)) -> f64 {
    assert!(first <= first_of && second <= second_of, "{first} of {first_of}, {second} of {second_of}");
    if first_of == 0 || second_of == 0 {
        return 1.0;
    }
    let are_many = |events: u64, trials: u64| events >= MANY && trials - events >= MANY;
    if are_many(first, first_of) && are_many(second, second_of) {
        let (m, n) = (first_of as f64, second_of as f64);
        let pooled = (first + second) as f64 / (m + n);
        let standard_error = libm::sqrt(pooled * (1.0 - pooled) * (1.0 / m + 1.0 / n));
        return so_low(first as f64 / m - second as f64 / n, standard_error, 0.0);
    }
    // Where nearly all are events, the rest are the rare ones.
    if 2 * (first + second) > first_of + second_of {
        return rarely_higher((second_of - second, second_of), (first_of - first, first_of));
    }
    rarely_higher((first, first_of), (second, second_of))
}

fn rarely_higher((first, first_of): (u64, u64), (second, second_of): (u64, u64)) -> f64 {
    let share = second_of as f64 / (first_of + second_of) as f64;
    so_many(second, first + second, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    /// Sums of binomial probabilities with 40 digits (Python's fractions).
    #[test]
    fn counts_are_judged_exactly() {
        assert!(close(so_few(0, 200_000, 2e-5), 0.018_314_906_268_062_85), "{}", so_few(0, 200_000, 2e-5));
        assert!(close(so_few(3, 100, 0.1), 0.007_836_487_121_184_399), "{}", so_few(3, 100, 0.1));
        assert!(close(so_many(20, 100, 0.1), 0.001_978_560_865_771_231), "{}", so_many(20, 100, 0.1));
        assert!(close(so_few(12, 1_000_000, 3e-5), 0.000_167_669_619_667_781_2), "{}", so_few(12, 1_000_000, 3e-5));
    }

    #[test]
    fn nothing_is_sure_at_the_ends() {
        assert_eq!((so_few(0, 0, 0.1), so_few(5, 5, 0.1), so_few(0, 9, 0.0), so_few(1, 9, 1.0)), (1.0, 1.0, 1.0, 0.0));
        assert_eq!((so_many(0, 9, 0.1), so_many(9, 9, 1.0), so_many(1, 9, 0.0)), (1.0, 1.0, 0.0));
        assert_eq!((so_low(1.0, 0.0, 1.0), so_low(1.1, 0.0, 1.0)), (0.0, 1.0));
        assert_eq!((higher((0, 0), (1, 1)), higher((0, 9), (0, 9))), (1.0, 1.0));
    }

    /// The normal distribution below -1.96, and one half to the power of sixty.
    #[test]
    fn far_estimates_are_as_improbable_as_tables_say() {
        assert!(close(so_low(1.0, 0.5, 1.98), 0.024_997_895_148_220_43), "{}", so_low(1.0, 0.5, 1.98));
        // Where one of both counts is small, exactly.
        let all_above = higher((0, 100_000), (60, 100_000));
        assert!(close(all_above, 8.673_617_379_884_035e-19), "{all_above}");
    }

    #[test]
    fn equal_rates_are_not_told_apart_and_others_are() {
        assert!(close(higher((500, 1000), (500, 1000)), 0.5));
        assert!(higher((500, 1000), (600, 1000)) < 1e-5 && higher((600, 1000), (500, 1000)) > 0.99);
        assert!(higher((0, 100_000), (8, 100_000)) < 0.01 && higher((0, 100_000), (2, 100_000)) > 0.2);
        assert!(higher((99_992, 100_000), (100_000, 100_000)) < 0.01);
    }
}
