//! Judging the checks of a scenario.

use super::table::Table;
use super::{Finding, Verdict};
use crate::scenario::{Check, Limit, Scenario};

/// A value and the interval that it lies in; a point where none was measured.
#[derive(Clone, Copy)]
struct Value {
    value: f64,
    low: f64,
    high: f64,
}

/// Judges the checks of a scenario from the contents of `summary.csv` and `comparison.csv`. `file` is how the scenario is named
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
            Verdict::Pass => String::new(),
            Verdict::NoData => "there are no samples: give the scenario uploads that the metric is about".to_owned(),
            Verdict::NotDecided => format!("more uploads narrow the interval; {}", replay(file, scenario, check)),
            Verdict::Fail | Verdict::NotComparable => replay(file, scenario, check),
        };
        Finding {
            check: of,
            verdict,
            value: value.map_or("nothing measured".to_owned(), text),
            limit: limit(check.limit),
            advice,
        }
    };
    scenario.checks.iter().map(judge).collect()
}

fn verdict(Value { value, low, high }: Value, limit: Limit) -> Verdict {
    let (holds, value_holds) = match limit {
        Limit::Max(max) => (high <= max, value <= max),
        Limit::Min(min) => (low >= min, value >= min),
    };
    match (holds, value_holds) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::NotDecided,
        (false, false) => Verdict::Fail,
    }
}

fn alone(summary: &Table, policy: &str, metric: &str) -> Option<Value> {
    let row = [("policy", policy)];
    if summary.number(&row, "uploads")? == 0.0 {
        return None;
    }
    let value = summary.number(&row, metric)?;
    let end = |end: &str| summary.number(&row, &format!("{metric}_{end}")).unwrap_or(value);
    Some(Value { value, low: end("low"), high: end("high") })
}

/// The difference of two policies: of a rate with its paired interval, of anything else a plain one.
fn against(summary: &Table, comparison: &Table, policy: &str, versus: &str, metric: &str) -> Option<Value> {
    let (mine, others) = (alone(summary, policy, metric)?, alone(summary, versus, metric)?);
    let value = mine.value - others.value;
    let Some(measurement) = metric.strip_suffix("_rate") else {
        return Some(Value { value, low: value, high: value });
    };
    let paired = |policy: &str, versus: &str, end: &str| {
        let row = [("policy", policy), ("versus", versus), ("clients", "all"), ("measurement", measurement)];
        comparison.number(&row, &format!("difference{end}"))
    };
    let read = |policy, versus| {
        let [value, low, high] = ["", "_low", "_high"].map(|end| paired(policy, versus, end));
        Some(Value { value: value?, low: low?, high: high? })
    };
    // A pair is compared once; the other way round the signs change.
    let reversed = |Value { value, low, high }| Value { value: -value, low: -high, high: -low };
    read(policy, versus).or_else(|| read(versus, policy).map(reversed))
}

fn text(Value { value, low, high }: Value) -> String {
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

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./%+:,=".contains(c));
    if plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
