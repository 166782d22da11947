//! The CSV files: RFC 4180, UTF-8, LF, one header line, `snake_case`, unit last, empty where nothing was measured.

mod curves;

pub use curves::{absences, entries, told};

use crate::experiment::{Replication, Results};
use crate::measure::interval::{self, Estimate};
use crate::measure::{Fact, Group, Tally};
use crate::scenario::{Property, Scenario};

/// The version of the CSV files, in their first column.
pub const SCHEMA_VERSION: u32 = 1;

/// One row, as pairs of column and value; all rows of a file have the same columns.
#[derive(Default)]
struct Row(Vec<(String, String)>);

impl Row {
    fn cell(&mut self, column: &str, value: impl ToString) {
        self.0.push((column.to_owned(), value.to_string()));
    }

    fn optional(&mut self, column: &str, value: Option<impl ToString>) {
        self.0.push((column.to_owned(), value.map(|value| value.to_string()).unwrap_or_default()));
    }

    fn float(&mut self, column: &str, value: Option<f64>, digits: usize) {
        self.optional(column, value.map(|value| format!("{value:.digits$}")));
    }

    /// The lower and upper end of an interval.
    fn interval(&mut self, column: &str, estimate: Option<Estimate>, digits: usize) {
        self.float(&format!("{column}_low"), estimate.map(|estimate| estimate.low), digits);
        self.float(&format!("{column}_high"), estimate.map(|estimate| estimate.high), digits);
    }

    fn estimate(&mut self, column: &str, estimate: Option<Estimate>, digits: usize) {
        self.float(column, estimate.map(|estimate| estimate.value), digits);
        self.interval(column, estimate, digits);
    }
}

/// Digits behind the point of rates and their differences.
const RATE_DIGITS: usize = 9;
/// Digits behind the point of means, quantiles and ratios.
const MEAN_DIGITS: usize = 6;

fn table(rows: &[Row]) -> Vec<u8> {
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    let header = rows.first().map(|row| row.0.iter().map(|(column, _)| column));
    let records = rows.iter().map(|row| row.0.iter().map(|(_, value)| value));
    for record in header.into_iter().map(Vec::from_iter).chain(records.map(Vec::from_iter)) {
        csv.write_record(record).expect("all rows of a file have the same columns");
    }
    csv.into_inner().expect("memory takes what is written to it")
}

/// `summary.csv`: a row per policy, over all replications.
#[must_use]
pub fn summary(results: &Results) -> Vec<u8> {
    let rows: Vec<_> = results
        .tallies()
        .iter()
        .enumerate()
        .map(|(policy, tally)| measurements(results, policy, results.scenario.seed, tally, &results.replications))
        .collect();
    table(&rows)
}

/// A row of `grid.csv` with its header: the cell's number, its value on each axis, and the measurements of its one policy.
pub(super) fn cell(axes: &[String], number: usize, values: &[String], results: &Results) -> Vec<u8> {
    let tally = &results.tallies()[0];
    let measured = measurements(results, 0, results.scenario.seed, tally, &results.replications);
    let mut row = Row::default();
    row.cell("schema_version", SCHEMA_VERSION);
    row.cell("scenario", &results.scenario.name);
    row.cell("cell", number);
    for (axis, value) in axes.iter().zip(values) {
        row.cell(&column(axis), value);
    }
    row.0.extend(measured.0.into_iter().skip(HEAD));
    table(&[row])
}

/// The header of `grid.csv`, without its end of line.
pub(super) fn cell_header(axes: &[String], scenario: &Scenario) -> Vec<u8> {
    let nothing = Results { scenario: scenario.clone(), replications: Vec::new() };
    let mut header = cell(axes, 0, axes, &nothing);
    header.truncate(header.iter().position(|byte| *byte == b'\n').unwrap_or(header.len()));
    header
}

/// The column of an axis: `sweep.chance` is `sweep_chance`.
#[must_use]
pub fn column(axis: &str) -> String {
    axis.replace(['.', '-'], "_")
}

/// `properties.csv`: a row per policy and property, over all replications.
#[must_use]
pub fn properties(results: &Results) -> Vec<u8> {
    let mut rows = Vec::new();
    for (policy, verdicts) in results.verdicts().iter().enumerate() {
        for property in Property::ALL {
            let verdict = verdicts.of(property);
            let first = verdict.first.as_ref();
            let mut row = head(results, policy, results.scenario.seed);
            row.cell("property", property.name());
            row.cell("kind", property.kind().name());
            row.cell("outcome", verdict.outcome(property).name());
            row.cell("checked", verdict.checked);
            row.cell("counted", verdict.counted);
            row.optional("first_seed", first.map(|first| first.seed));
            row.optional("first_upload", first.map(|first| first.upload));
            row.optional("first_what", first.map(|first| first.what));
            row.optional("first_at_ns", first.map(|first| first.at.as_ns()));
            rows.push(row);
        }
    }
    table(&rows)
}

/// `replications.csv`: a row per replication and policy.
#[must_use]
pub fn replications(results: &Results) -> Vec<u8> {
    let mut rows = Vec::new();
    for replication in &results.replications {
        for (policy, tally) in replication.tallies.iter().enumerate() {
            rows.push(measurements(results, policy, replication.seed, tally, &[]));
        }
    }
    table(&rows)
}

/// The measurements of one policy; their intervals over `replications`, where there are several.
fn measurements(results: &Results, policy: usize, seed: u64, tally: &Tally, replications: &[Replication]) -> Row {
    let over_replications = |measure: &dyn Fn(&Tally) -> Option<f64>| {
        let values: Option<Vec<f64>> =
            replications.iter().map(|replication| measure(&replication.tallies[policy])).collect();
        values.and_then(|values| interval::mean(&values))
    };
    let uploads = tally.uploads();
    let mut row = head(results, policy, seed);
    row.cell("uploads", uploads);
    for fact in [Fact::Succeeded, Fact::Failed, Fact::Interrupted] {
        row.cell(fact.name(), tally.count(fact));
    }
    row.cell("polls", tally.polls);
    row.cell("sweeps", tally.sweeps);
    row.cell("entries_scanned", tally.entries_scanned);
    row.cell("entries_removed", tally.entries_removed);
    for fact in &Fact::COLUMNS[3..] {
        let count = tally.count(*fact);
        row.cell(fact.name(), count);
        row.estimate(&format!("{}_rate", fact.name()), interval::rate(count, uploads), RATE_DIGITS);
    }
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        let column = format!("ready_to_seen_ns_{name}");
        row.optional(&column, tally.ready_to_seen_ns(quantile));
        let over = over_replications(&|tally| tally.ready_to_seen_ns(quantile).map(|ns| ns as f64));
        row.interval(&column, over, MEAN_DIGITS);
    }
    row.optional("ready_to_seen_ns_max", tally.ready_to_seen_ns_max);
    row.float("live_entries_mean", tally.live_mean(), MEAN_DIGITS);
    row.interval("live_entries_mean", over_replications(&Tally::live_mean), MEAN_DIGITS);
    row.cell("live_entries_max", tally.live.max);
    row.float("overdue_entries_mean", tally.overdue_mean(), MEAN_DIGITS);
    row.interval("overdue_entries_mean", over_replications(&Tally::overdue_mean), MEAN_DIGITS);
    row.cell("overdue_entries_max", tally.overdue.max);
    row.cell("overdue_ns_max", tally.overdue_ns_max);
    row.cell("sweep_scan_max", tally.sweep_scan_max);
    row.optional("stationary_from_ns", tally.stationary_from_ns());
    for (name, mean) in [
        ("live_entries_stationary_mean", Tally::live_stationary_mean as fn(&Tally) -> Option<f64>),
        ("overdue_entries_stationary_mean", Tally::overdue_stationary_mean),
    ] {
        row.float(name, mean(tally), MEAN_DIGITS);
        row.interval(name, over_replications(&mean), MEAN_DIGITS);
    }
    row
}

/// How many columns tell what a row is about.
const HEAD: usize = 4;

fn head(results: &Results, policy: usize, seed: u64) -> Row {
    let mut row = Row::default();
    row.cell("schema_version", SCHEMA_VERSION);
    row.cell("scenario", &results.scenario.name);
    row.cell("policy", &results.scenario.policies[policy].name);
    row.cell("seed", seed);
    row
}

/// `comparison.csv`: a row per pair of policies, group of clients and measurement, over the same uploads. Differences and
/// ratios are those of `policy` against `versus`.
#[must_use]
pub fn comparison(results: &Results) -> Vec<u8> {
    let mut rows = Vec::new();
    for ((first, second), pairs) in results.pairs() {
        for (group, name) in [(Group::All, "all"), (Group::Late, "late"), (Group::Live, "live")] {
            for fact in Fact::COLUMNS {
                let cells = pairs.cells(fact, group);
                let uploads = cells.uploads();
                let mut row = head(results, second, results.scenario.seed);
                row.cell("versus", &results.scenario.policies[first].name);
                row.cell("clients", name);
                row.cell("measurement", fact.name());
                row.cell("uploads", uploads);
                row.cell("both", cells.both);
                row.cell("policy_only", cells.second_only);
                row.cell("versus_only", cells.first_only);
                row.cell("neither", cells.neither);
                row.estimate("policy_rate", interval::rate(cells.second(), uploads), RATE_DIGITS);
                row.estimate("versus_rate", interval::rate(cells.first(), uploads), RATE_DIGITS);
                row.estimate("difference", interval::difference(cells), RATE_DIGITS);
                row.estimate("ratio", interval::ratio(cells), MEAN_DIGITS);
                row.float("variance_ratio", interval::variance_ratio(cells), MEAN_DIGITS);
                rows.push(row);
            }
        }
    }
    table(&rows)
}
