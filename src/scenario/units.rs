//! The units of scenario files: durations, rates, probabilities, distributions.

use super::reader::{Faults, FromToml, Table, Value, integer, number};
use crate::time::SECOND_NS;

/// The longest duration that a scenario may name: ten years. Sums of a few of them stay far from the end of time.
pub(super) const LONGEST_NS: u64 = 10 * 365 * 86_400 * SECOND_NS;

/// A duration in nanoseconds, written as in "30m" or "1h 30m"; at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DurationNs(pub(super) u64);

impl DurationNs {
    pub(super) fn parse(value: &Value<'_>) -> Option<Self> {
        let duration = humantime::parse_duration(value.get_ref().as_str()?).ok()?;
        let ns = u64::try_from(duration.as_nanos()).ok()?;
        (ns <= LONGEST_NS).then_some(DurationNs(ns))
    }
}

impl FromToml for DurationNs {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        DurationNs::parse(value)
            .ok_or_else(|| "a duration with its unit, such as \"30m\", \"3s\" or \"1h 30m\", at most ten years".into())
    }
}

/// A duration that is not zero.
pub(super) struct Period(pub(super) u64);

impl FromToml for Period {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        DurationNs::parse(value)
            .filter(|duration| duration.0 > 0)
            .map(|duration| Period(duration.0))
            .ok_or_else(|| "a duration above zero with its unit, such as \"3s\" or \"30m\", at most ten years".into())
    }
}

/// A whole number of 1 or more that fits 32 bits.
pub(super) struct Count(pub(super) u32);

impl FromToml for Count {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        integer(value)
            .filter(|&count| count > 0)
            .map(Count)
            .ok_or_else(|| format!("a whole number from 1 to {}", u32::MAX))
    }
}

/// A whole number of 0 or more that fits 32 bits.
impl FromToml for u32 {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        integer(value).ok_or_else(|| format!("a whole number from 0 to {}", u32::MAX))
    }
}

/// A probability, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probability(f64);

impl Probability {
    /// Never.
    pub const NEVER: Probability = Probability(0.0);

    /// A probability; nothing outside 0 to 1.
    #[must_use]
    pub fn new(probability: f64) -> Option<Self> {
        (0.0..=1.0).contains(&probability).then_some(Probability(probability))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromToml for Probability {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        number(value).and_then(Probability::new).ok_or_else(|| "a probability from 0 to 1, such as 0.1".into())
    }
}

/// How often something happens, written as in "3600/h"; kept as the mean gap in nanoseconds.
pub(super) struct Rate {
    pub(super) mean_gap_ns: f64,
}

impl Rate {
    fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let count: f64 = count.trim().replace('_', "").parse().ok()?;
        let unit_s = match unit.trim() {
            "s" => 1.0,
            "min" | "m" => 60.0,
            "h" => 3600.0,
            "d" | "day" => 86_400.0,
            _ => return None,
        };
        let mean_gap_ns = unit_s * SECOND_NS as f64 / count;
        let sensible = count.is_finite() && (1.0..=LONGEST_NS as f64).contains(&mean_gap_ns);
        sensible.then_some(Rate { mean_gap_ns })
    }
}

impl FromToml for Rate {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let rate = value.get_ref().as_str().and_then(Rate::parse);
        rate.ok_or_else(|| "a rate above zero per s, min, h or d, such as \"3600/h\" or \"0.5/s\"".into())
    }
}

/// A distribution of durations.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant {
        /// The duration in nanoseconds.
        value_ns: u64,
    },
    /// Exponential.
    Exponential {
        /// The mean in nanoseconds.
        mean_ns: u64,
    },
    /// Lognormal.
    Lognormal {
        /// The median in nanoseconds.
        median_ns: u64,
        /// The standard deviation of the logarithm, from 0 to 10.
        sigma: f64,
    },
    /// One of a list, each equally likely.
    Empirical {
        /// The durations in nanoseconds; at least one.
        values_ns: Vec<u64>,
    },
}

/// A duration stands for itself, always; a table names the kind.
impl FromToml for Distribution {
    fn from_toml(value: &Value<'_>, faults: &Faults) -> Result<Self, String> {
        if value.get_ref().as_str().is_some() {
            return DurationNs::from_toml(value, faults)
                .map(|constant| Distribution::Constant { value_ns: constant.0 });
        }
        let expected =
            "a duration such as \"20s\", or a table such as { kind = \"lognormal\", median = \"8s\", sigma = 0.8 }";
        if !value.get_ref().is_table() {
            return Err(expected.into());
        }
        // Where a fault was reported, a placeholder keeps the reading going; the file is refused all the same.
        let distribution = Table::of("the distribution", value, faults).and_then(read_distribution);
        Ok(distribution.unwrap_or(Distribution::Constant { value_ns: 0 }))
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Constant,
    Exponential,
    Lognormal,
    Empirical,
}

fn read_distribution(mut table: Table<'_>) -> Option<Distribution> {
    let kinds = [
        ("constant", Kind::Constant),
        ("exponential", Kind::Exponential),
        ("lognormal", Kind::Lognormal),
        ("empirical", Kind::Empirical),
    ];
    let distribution = match table.choice("kind", None, &kinds)? {
        Kind::Constant => table.required("value").map(|DurationNs(value_ns)| Distribution::Constant { value_ns }),
        Kind::Exponential => table.required("mean").map(|Period(mean_ns)| Distribution::Exponential { mean_ns }),
        Kind::Lognormal => {
            let (median, sigma) = (table.required("median"), table.required("sigma"));
            median.zip(sigma).map(|(Period(median_ns), Sigma(sigma))| Distribution::Lognormal { median_ns, sigma })
        }
        Kind::Empirical => {
            table.required("values").map(|DurationList(values_ns)| Distribution::Empirical { values_ns })
        }
    };
    table.finish();
    distribution
}

struct Sigma(f64);

impl FromToml for Sigma {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let sigma = number(value).filter(|sigma| (0.0..=10.0).contains(sigma));
        sigma.map(Sigma).ok_or_else(|| "a number from 0 to 10, the standard deviation of the logarithm".into())
    }
}

struct DurationList(Vec<u64>);

impl FromToml for DurationList {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let items = value.get_ref().as_array().filter(|items| !items.is_empty());
        let values = items.and_then(|items| items.iter().map(|item| DurationNs::parse(item).map(|ns| ns.0)).collect());
        values
            .map(DurationList)
            .ok_or_else(|| "a list of at least one duration, such as [\"2s\", \"8s\", \"1m\"]".into())
    }
}
