//! The catalogue of mutants: which level caught which, as a table and as CSV.

use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde::Serialize;

use super::csv::SCHEMA_VERSION;
use super::number;
use crate::harness::{Extent, Report};

/// What a store of the catalogue came to. Its fields are the columns of `mutants.csv`; it holds no time, which differs from run to
/// run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The version of the file.
    pub schema_version: u32,
    /// The store.
    pub store: String,
    /// `mutant` or `right`.
    pub kind: &'static str,
    /// `caught` or `survived`; of a right store `held` or `broken`.
    pub verdict: &'static str,
    /// The level that found something; empty if none did.
    pub level: &'static str,
    /// How many executions that level needed; where none found anything, how many there were in all levels.
    pub executions: u64,
    /// The property that broke, if one has a name for it.
    pub property: &'static str,
    /// What was found; of a right store how far the levels went.
    pub finding: String,
    /// The smallest program that shows it, as a token has it.
    pub program: String,
}

impl Row {
    /// What the report of a check says.
    #[must_use]
    pub fn new(report: &Report, is_mutant: bool) -> Row {
        let failure = report.failure.as_ref();
        let kind = if is_mutant { "mutant" } else { "right" };
        // A check that looked at too little has caught nothing, and a store that it looked at has not held.
        let verdict = match (is_mutant, failure) {
            (true, Some(failure)) if failure.fault.is_of_store() => "caught",
            (true, _) => "survived",
            (false, Some(_)) => "broken",
            (false, None) => "held",
        };
        let extents = || {
            let ended = report.rows.iter().filter(|row| row.extent != Extent::Sampled);
            ended.map(|row| format!("{} {}", row.level.name(), row.extent)).collect::<Vec<_>>().join("; ")
        };
        Row {
            schema_version: SCHEMA_VERSION,
            store: report.store.clone(),
            kind,
            verdict,
            level: failure.map_or("", |failure| failure.level.name()),
            executions: failure.map_or(report.executions(), |failure| failure.execution),
            property: failure.and_then(|failure| failure.fault.property()).map_or("", |property| property.name()),
            finding: failure.map_or_else(extents, |failure| failure.fault.to_string()),
            program: failure.map_or_else(String::new, |failure| failure.program.to_string()),
        }
    }

    /// Whether this is as it should be.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self.verdict, "caught" | "held")
    }
}

/// `mutants.csv`: a row per store.
#[must_use]
pub fn csv(rows: &[Row]) -> Vec<u8> {
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    for row in rows {
        csv.serialize(row).expect("a row is flat");
    }
    csv.into_inner().expect("memory takes what is written to it")
}

/// A line per store, with the time that it took.
#[must_use]
pub fn table(rows: &[(Row, Duration)]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["store", "", "level", "property", "executions", "time"]);
    for (row, time) in rows {
        let executions = number::count(row.executions);
        let time = format!("{:.2} s", time.as_secs_f64());
        table.add_row([&row.store, row.verdict, row.level, row.property, &executions, &time]);
    }
    for column in [4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
