//! That a gate is armed: each check is given an input that was made worse, and must fail.
//!
//! A limit that nothing can break, a metric that is read from the wrong column, a baseline that is compared with itself: such a
//! check passes for ever, and looks like any other.

use std::path::Path;

use super::table::Table;
use super::{Finding, Verdict, baseline, check};
use crate::scenario::{Check, Limit, Scenario};

/// A check that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Armed {
    /// What is checked, in words.
    pub check: String,
    /// What it was given.
    pub given: String,
    /// What it said. Only `fail` is right.
    pub verdict: Verdict,
}

/// Tries all checks of a scenario, and its baseline, from a run's `summary.csv` and `comparison.csv`.
#[must_use]
pub fn prove(scenario: &Scenario, file: &str, folder: &Path, summary: &[u8], comparison: &[u8]) -> Vec<Armed> {
    let mut armed = Vec::new();
    if !scenario.canary {
        let (worse, given) = another_number(summary);
        let Finding { check, verdict, .. } = baseline::compare(scenario, file, folder, &worse);
        armed.push(Armed { check, given, verdict });
    }
    for (number, check) in scenario.checks.iter().enumerate() {
        let (mut summary, mut comparison) = (Table::read(summary), Table::read(comparison));
        let value = worse(check);
        let name = |policy: usize| scenario.policies[policy].name.as_str();
        match check.versus.map(name) {
            None => alone(&mut summary, name(check.policy), check.metric, value),
            Some(versus) => against(&mut summary, &mut comparison, name(check.policy), versus, check.metric, value),
        }
        let found = check::judge(scenario, file, &summary.write(), &comparison.write());
        let Finding { check, verdict, .. } = found[number].clone();
        // No more digits than somebody would write.
        let given = (libm::round(value * 1e9) / 1e9).to_string();
        armed.push(Armed { check, given, verdict });
    }
    armed
}

/// A value that does not keep the limit of a check, if there is one: half as much again beyond it, and no rate outside of what rates
/// can be.
fn worse(check: &Check) -> f64 {
    let beyond = |limit: f64| (limit.abs() / 2.0).max(1e-6);
    let value = match check.limit {
        Limit::Max(max) => max + beyond(max),
        Limit::Min(min) => min - beyond(min),
    };
    let least = if check.versus.is_some() { -1.0 } else { 0.0 };
    if check.metric.ends_with("_rate") { value.clamp(least, 1.0) } else { value }
}

/// A policy's metric is another one.
fn alone(summary: &mut Table, policy: &str, metric: &str, value: f64) {
    let row = [("policy", policy)];
    let uploads = summary.number(&row, "uploads").unwrap_or(0.0);
    if let Some(events) = metric.strip_suffix("_rate") {
        summary.set(&row, events, libm::round(value * uploads).to_string());
    }
    for column in ["", "_low", "_high"].map(|end| format!("{metric}{end}")) {
        if summary.number(&row, &column).is_some() {
            summary.set(&row, &column, value.to_string());
        }
    }
}

/// The difference of two policies is another one.
fn against(summary: &mut Table, comparison: &mut Table, policy: &str, versus: &str, metric: &str, value: f64) {
    let Some(measurement) = metric.strip_suffix("_rate") else {
        let others = summary.number(&[("policy", versus)], metric).unwrap_or(0.0);
        return alone(summary, policy, metric, others + value);
    };
    for (policy, versus, value) in [(policy, versus, value), (versus, policy, -value)] {
        let row = [("policy", policy), ("versus", versus), ("clients", "all"), ("measurement", measurement)];
        for column in ["difference", "difference_low", "difference_high"] {
            comparison.set(&row, column, value.to_string());
        }
    }
}

/// A file in which one digit is another one, and where that is.
fn another_number(summary: &[u8]) -> (Vec<u8>, String) {
    let mut worse = summary.to_vec();
    if let Some(place) = worse.iter().rposition(u8::is_ascii_digit) {
        worse[place] = if worse[place] == b'9' { b'8' } else { worse[place] + 1 };
    }
    (worse, "another last digit".to_owned())
}
