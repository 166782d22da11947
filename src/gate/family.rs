//! Many checks at once. Each may err, so that of enough of them some would pass by chance; S. Holm's procedure (Scandinavian
//! Journal of Statistics 6, 1979) keeps the chance that any of them does so below one bound, whatever they have to do with each
//! other.

/// The chance, at most, that a gate passes although in truth some limit is not kept: the same as that of one bound of a 95 %
/// interval.
pub const PASS_ERROR: f64 = 0.025;

/// The chance, at most, that a comparison with the baseline of another model finds a difference where there is none.
pub const ALARM_ERROR: f64 = 0.01;

/// Which of several hypotheses are refuted, by how probable each makes what was seen, or more: with a chance of at most `error` is
/// any of those refuted true.
#[must_use]
pub fn refuted(probabilities: &[f64], error: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&one, &other| probabilities[one].total_cmp(&probabilities[other]));
    let mut refuted = vec![false; probabilities.len()];
    for (before, &place) in order.iter().enumerate() {
        if probabilities[place] > error / (probabilities.len() - before) as f64 {
            break;
        }
        refuted[place] = true;
    }
    refuted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holm's own example of the order: the smallest against a third, the next against a half, the last against all of it.
    #[test]
    fn each_is_held_against_its_share_of_what_is_left() {
        assert_eq!(refuted(&[0.01, 0.02, 0.05], 0.05), [true, true, true]);
        assert_eq!(refuted(&[0.05, 0.04, 0.01], 0.05), [false, false, true]);
        assert_eq!(refuted(&[0.02, 0.001, 0.03], 0.05), [true, true, true]);
        assert_eq!(refuted(&[0.026, 0.001, 0.03], 0.05), [false, true, false]);
        assert_eq!(refuted(&[], 0.05), [false; 0]);
    }

    /// Of 20 true hypotheses, whose probabilities are uniform, hardly ever is any refuted.
    #[test]
    fn the_chance_of_any_error_is_bounded() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let tries = 20_000;
        let mut family = || -> Vec<f64> { (0..20).map(|_| random.random::<f64>()).collect() };
        let errors = (0..tries).filter(|_| refuted(&family(), PASS_ERROR).contains(&true)).count();
        let rate = errors as f64 / f64::from(tries);
        assert!((0.021..0.029).contains(&rate), "{rate}");
    }
}
