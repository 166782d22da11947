//! Samples of durations, by inversion, on `libm`: the same bits on every machine.

use crate::rng::{below, unit};
use crate::scenario::Distribution;
use crate::time::{SECOND_NS, SimTime};

/// Draws durations from a distribution.
pub(crate) struct Sampler {
    distribution: Distribution,
}

impl Sampler {
    pub(crate) fn new(distribution: &Distribution) -> Self {
        Sampler { distribution: distribution.clone() }
    }

    /// The duration in nanoseconds, if it is always the same.
    pub(crate) fn constant_ns(&self) -> Option<u64> {
        match self.distribution {
            Distribution::Constant { value_ns } => Some(value_ns),
            _ => None,
        }
    }

    /// The duration in nanoseconds that a draw stands for.
    pub(crate) fn sample_ns(&self, draw: u64) -> u64 {
        match &self.distribution {
            Distribution::Constant { value_ns } => *value_ns,
            Distribution::Exponential { mean_ns } => exponential_ns(*mean_ns as f64, draw),
            Distribution::Lognormal { median_ns, sigma } => {
                round_ns(*median_ns as f64 * libm::exp(sigma * normal_quantile(open_unit(draw))))
            }
            Distribution::Empirical { values_ns } => values_ns[below(draw, values_ns.len() as u32) as usize],
        }
    }

    /// The probability of a longer duration than one in nanoseconds.
    pub(crate) fn longer_than(&self, ns: f64) -> f64 {
        match &self.distribution {
            Distribution::Constant { value_ns } => f64::from(u8::from(*value_ns as f64 > ns)),
            Distribution::Exponential { mean_ns } => libm::exp(-ns.max(0.0) / *mean_ns as f64),
            Distribution::Lognormal { .. } if ns <= 0.0 => 1.0,
            Distribution::Lognormal { median_ns, sigma } => {
                let deviations = libm::log(ns / *median_ns as f64) / sigma;
                0.5 * libm::erfc(deviations * std::f64::consts::FRAC_1_SQRT_2)
            }
            Distribution::Empirical { values_ns } => {
                values_ns.iter().filter(|value| **value as f64 > ns).count() as f64 / values_ns.len() as f64
            }
        }
    }

    /// Puts in the place of each draw the duration in nanoseconds that it stands for.
    pub(super) fn sample_all(&self, draws: &mut [u64]) {
        let Distribution::Lognormal { median_ns, sigma } = &self.distribution else {
            return draws.iter_mut().for_each(|draw| *draw = self.sample_ns(*draw));
        };
        // Twice over all of them: the way through the second half depends on the very end of the first, and a processor that
        // guessed it wrong would have to wait for that.
        for draw in &mut *draws {
            *draw = (sigma * normal_quantile(open_unit(*draw))).to_bits();
        }
        for draw in draws {
            *draw = round_ns(*median_ns as f64 * libm::exp(f64::from_bits(*draw)));
        }
    }
}

/// An exponential duration in nanoseconds.
pub(crate) fn exponential_ns(mean_ns: f64, draw: u64) -> u64 {
    round_ns(-mean_ns * libm::log(1.0 - unit(draw)))
}

/// The gap to the next arrival of a Poisson process whose rate per nanosecond changes from hour to hour of the day, by inversion
/// of its cumulative rate. At least one rate is above zero.
pub(super) fn daily_gap_ns(rates: &[f64; 24], from: SimTime, draw: u64) -> u64 {
    const HOUR_NS: u64 = 3600 * SECOND_NS;
    let mut left = -libm::log(1.0 - unit(draw));
    let mut at_ns = from.as_ns();
    // At the end of time the clock stands still: whoever has not come by then comes at that moment.
    while at_ns < u64::MAX {
        let rate = rates[(at_ns / HOUR_NS % 24) as usize];
        let rest_ns = HOUR_NS - at_ns % HOUR_NS;
        let in_hour = rate * rest_ns as f64;
        if left < in_hour {
            return (at_ns - from.as_ns()).saturating_add(round_ns(left / rate));
        }
        left -= in_hour;
        at_ns = at_ns.saturating_add(rest_ns);
    }
    u64::MAX - from.as_ns()
}

/// The nearest whole number of nanoseconds; beyond the end of time, the end of time.
fn round_ns(ns: f64) -> u64 {
    (ns + 0.5) as u64
}

/// A draw as a number between 0 and 1, neither of them: the largest draw's would be rounded to 1.
fn open_unit(draw: u64) -> f64 {
    (unit(draw) + 1.0 / (1u64 << 54) as f64).min(1.0 - f64::EPSILON / 2.0)
}

/// The quantile function of the standard normal distribution, for 0 < p < 1, to about 1 part in 10^16 (M. J. Wichura,
/// "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37, 1988, routine PPND16).
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(&CENTRE_A, r) / polynomial(&CENTRE_B, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail));
    let x = if r <= 5.0 {
        polynomial(&MIDDLE_C, r - 1.6) / polynomial(&MIDDLE_D, r - 1.6)
    } else {
        polynomial(&TAIL_E, r - 5.0) / polynomial(&TAIL_F, r - 5.0)
    };
    if q < 0.0 { -x } else { x }
}

/// A polynomial by Horner's rule, the constant term first.
#[inline]
fn polynomial([a, b, c, d, e, f, g, h]: &[f64; 8], x: f64) -> f64 {
    ((((((h * x + g) * x + f) * x + e) * x + d) * x + c) * x + b) * x + a
}

const CENTRE_A: [f64; 8] = [
    3.387_132_872_796_366_5,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];
const CENTRE_B: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_659_7e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_545e3,
];
const MIDDLE_C: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];
const MIDDLE_D: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const TAIL_E: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const TAIL_F: [f64; 8] = [
    1.0,
    5.998_322_065_558_88e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Against values computed with 40 digits (mpmath).
    #[test]
    fn normal_quantiles_have_sixteen_digits() {
        let exact = [
            (0.5, 0.0),
            (0.6, 0.253_347_103_135_799_8),
            (0.975, 1.959_963_984_540_054_2),
            (0.02, -2.053_748_910_631_823),
            (1e-3, -3.090_232_306_167_813_5),
            (1e-9, -5.997_807_015_007_687),
            (1e-15, -7.941_345_326_170_998),
        ];
        for (p, x) in exact {
            assert!((normal_quantile(p) - x).abs() <= 4e-15 * x.abs().max(1.0), "{p}: {} for {x}", normal_quantile(p));
        }
    }

    #[test]
    fn what_is_longer_is_what_the_draws_say() {
        let all = [
            Distribution::Constant { value_ns: 5_000 },
            Distribution::Exponential { mean_ns: 5_000_000 },
            Distribution::Lognormal { median_ns: 8_000_000, sigma: 0.8 },
            Distribution::Empirical { values_ns: vec![1_000, 2_000, 2_000, 9_000] },
        ];
        for distribution in all {
            let sampler = Sampler::new(&distribution);
            for share in [0.01, 0.3, 0.5, 0.9, 0.999] {
                let draw = (share * 18_446_744_073_709_551_616.0) as u64;
                let ns = sampler.sample_ns(draw);
                let (less, more) = (sampler.longer_than(ns as f64 + 1.0), sampler.longer_than(ns as f64 - 1.0));
                assert!(
                    less <= 1.0 - share + 1e-6 && more >= 1.0 - share - 1e-6,
                    "{distribution:?}, {share}: {less} to {more}"
                );
            }
        }
    }

    #[test]
    fn many_samples_are_those_of_one_after_the_other() {
        let sampler = Sampler::new(&Distribution::Lognormal { median_ns: 8_000_000_000, sigma: 0.8 });
        let draws: Vec<u64> = (1..1000).map(|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let mut samples = draws.clone();
        sampler.sample_all(&mut samples);
        assert!(draws.iter().map(|&draw| sampler.sample_ns(draw)).eq(samples));
    }

    #[test]
    fn the_extreme_draws_give_finite_durations() {
        let sampler = Sampler::new(&Distribution::Lognormal { median_ns: 8_000_000_000, sigma: 0.8 });
        assert!(sampler.sample_ns(0) > 0);
        let longest = sampler.sample_ns(u64::MAX);
        assert!((8_000_000_000 * 100..8_000_000_000 * 1000).contains(&longest), "{longest}");
        assert_eq!(exponential_ns(1e9, 0), 0);
        assert!(exponential_ns(1e9, u64::MAX) < 40_000_000_000);
    }
}
