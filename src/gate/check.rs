//! Judging the checks of a scenario.

use super::table::Table;
use super::{Finding, Verdict};
use crate::measure::evidence;
use crate::report::sentences::quoted;
use crate::scenario::{Check, Limit, Scenario};

/// A value and the interval that it lies in; a point where none was measured.
#[derive(Clone, Copy)]
struct Value {
    value: f64,
    low: f64,
    high: f64,
    /// Of a rate, how many events there were among how many.
    count: Option<(u64, u64)>,
}

impl Value {
    /// If the limit were just not kept, how probable would be a value that keeps it so well? `None` for what is no estimate.
    fn doubt(&self, limit: Limit) -> Option<f64> {
        if self.low == self.high {
            return None;
        }
        // The interval of a difference is of one standard error to both sides of its middle, times the quantile.
        let (centre, error) = (f64::midpoint(self.low, self.high), (self.high - self.low) / (2.0 * QUANTILE));
        Some(match (self.count, limit) {
            (Some((events, of)), Limit::Max(max)) => evidence::so_few(events, of, max),
            (Some((events, of)), Limit::Min(min)) => evidence::so_many(events, of, min),
            (None, Limit::Max(max)) => evidence::so_low(centre, error, max),
            (None, Limit::Min(min)) => evidence::so_low(-centre, error, -min),
        })
    }
}

/// The 97.5 % quantile of the standard normal distribution: the intervals are at 95 %.
const QUANTILE: f64 = 1.959_963_984_540_054;

/// Judges the checks of a scenario, as far as that can be done for each of them alone ([`settle`](super::settle)), from the contents of `summary.csv` and `comparison.csv`. `file` is how the scenario is named
/// on a command line.
#[must_use]
pub fn judge(scenario: &Scenario, file: &str, summary: &[u8], comparison: &[u8]) -> Vec<Finding> {
    let (summary, comparison) = (Table::read(summary), Table::read(comparison));
    let name = |policy: usize| scenario.policies[policy].name.as_str();
    let judge = |check: &Check| {
        let policy = name(check.policy);
        let (of, value) = match check.versus.map(name) {
            None => (format!("{} of {policy}", check.metric), alone(&summary, policy, check.metric)),
            Some(versus) => {
                let value = against(&summary, &comparison, policy, versus, check.metric);
                (format!("{} of {policy} less that of {versus}", check.metric), value)
            }
        };
        let verdict = value.map_or(Verdict::NoData, |value| verdict(value, check.limit));
        let advice = match verdict {
            Verdict::NoData => "there are no samples: give the scenario uploads that the metric is about".to_owned(),
            Verdict::NotDecided => format!("more uploads narrow the interval; {}", replay(file, scenario, check)),
            Verdict::Fail => replay(file, scenario, check),
            Verdict::Pass | Verdict::Improved | Verdict::NotComparable => String::new(),
        };
        Finding {
            check: of,
            verdict,
            value: value.map_or("nothing measured".to_owned(), text),
            limit: limit(check.limit),
            advice,
            doubt: value.and_then(|value| value.doubt(check.limit)),
            line: Some(check.line),
        }
    };
    scenario.checks.iter().map(judge).collect()
}

/// An estimate that keeps its limit is not decided before it is known how many others there are.
fn verdict(value: Value, limit: Limit) -> Verdict {
    let keeps = match limit {
        Limit::Max(max) => value.value <= max,
        Limit::Min(min) => value.value >= min,
    };
    match (keeps, value.doubt(limit)) {
        (true, None) => Verdict::Pass,
        (true, Some(_)) => Verdict::NotDecided,
        (false, _) => Verdict::Fail,
    }
}

fn alone(summary: &Table, policy: &str, metric: &str) -> Option<Value> {
    let row = [("policy", policy)];
    let uploads = summary.count(&row, "uploads").filter(|&uploads| uploads > 0)?;
    let value = summary.number(&row, metric)?;
    let end = |end: &str| summary.number(&row, &format!("{metric}_{end}")).unwrap_or(value);
    let events = metric.strip_suffix("_rate").and_then(|events| summary.count(&row, events));
    let count = events.filter(|&events| events <= uploads).map(|events| (events, uploads));
    Some(Value { value, low: end("low"), high: end("high"), count })
}

/// The difference of two policies: of a rate with its paired interval, of anything else a plain one.
fn against(summary: &Table, comparison: &Table, policy: &str, versus: &str, metric: &str) -> Option<Value> {
    let (mine, others) = (alone(summary, policy, metric)?, alone(summary, versus, metric)?);
    let value = mine.value - others.value;
    let Some(measurement) = metric.strip_suffix("_rate") else {
        return Some(Value { value, low: value, high: value, count: None });
    };
    let paired = |policy: &str, versus: &str, end: &str| {
        let row = [("policy", policy), ("versus", versus), ("clients", "all"), ("measurement", measurement)];
        comparison.number(&row, &format!("difference{end}"))
    };
    let read = |policy, versus| {
        let [value, low, high] = ["", "_low", "_high"].map(|end| paired(policy, versus, end));
        Some(Value { value: value?, low: low?, high: high?, count: None })
    };
    // A pair is compared once; the other way round the signs change.
    let reversed = |Value { value, low, high, .. }| Value { value: -value, low: -high, high: -low, count: None };
    read(policy, versus).or_else(|| read(versus, policy).map(reversed))
}

fn text(Value { value, low, high, .. }: Value) -> String {
    if low == high { format!("{value}") } else { format!("{value} (95 %: {low} to {high})") }
}

fn limit(limit: Limit) -> String {
    match limit {
        Limit::Max(max) => format!("at most {max}"),
        Limit::Min(min) => format!("at least {min}"),
    }
}

fn replay(file: &str, scenario: &Scenario, check: &Check) -> String {
    let policies = [Some(check.policy), check.versus].into_iter().flatten();
    let policies: String =
        policies.map(|policy| format!(" --policy {}", quoted(&scenario.policies[policy].name))).collect();
    format!("replay: stillready run {} --seed {}{policies}", quoted(file), scenario.seed)
}
