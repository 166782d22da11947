//! What a check came to.

use std::fmt;
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use super::budget::{Extent, Meter};
use super::failure::{Failure, Level};
use super::monitor::Occasions;
use super::store::Calls;
use crate::scenario::{Kind, Property};

/// What a level came to.
#[derive(Clone, Debug)]
pub struct Row {
    /// The level.
    pub level: Level,
    /// How many programs it ran; generated sequences are none.
    pub programs: usize,
    /// How many executions there were.
    pub executions: u64,
    /// How far that is.
    pub extent: Extent,
    /// How long it took.
    pub time: Duration,
}

impl Row {
    pub(super) fn new(level: Level, programs: usize, meter: &Meter, extent: Extent) -> Row {
        Row { level, programs, executions: meter.executions(), extent, time: meter.elapsed() }
    }
}

/// What a check came to: its levels, and where it broke, if it did.
#[derive(Clone, Debug)]
pub struct Report {
    /// The store's name.
    pub store: String,
    /// A row for each level that ran.
    pub rows: Vec<Row>,
    /// How often each property had an occasion to break; of a `sometimes`, how often it came to pass.
    pub occasions: Vec<(Property, u64)>,
    /// What was not checked: the calls that the store does not have, and a capacity that the programs do not fill.
    pub not_checked: Vec<&'static str>,
    /// Where it broke.
    pub failure: Option<Failure>,
    /// How long it took, the search for the smallest program included.
    pub time: Duration,
}

impl Report {
    pub(super) fn new(
        store: &str,
        rows: Vec<Row>,
        occasions: Occasions,
        calls: Calls,
        fills: bool,
        failure: Option<Failure>,
    ) -> Report {
        let mut not_checked: Vec<_> = calls.missing().collect();
        if !fills {
            not_checked.push("a full store (promise a capacity of two to six)");
        }
        let occasions = Property::ALL.into_iter().map(|property| (property, occasions[property as usize])).collect();
        Report { store: store.to_owned(), rows, occasions, not_checked, failure, time: Duration::ZERO }
    }

    pub(super) fn failed(store: &str, failure: Failure) -> Report {
        let (rows, occasions, not_checked) = Default::default();
        Report { store: store.to_owned(), rows, occasions, not_checked, failure: Some(failure), time: Duration::ZERO }
    }

    /// How many executions there were, in all levels.
    #[must_use]
    pub fn executions(&self) -> u64 {
        self.rows.iter().map(|row| row.executions).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failure) = &self.failure {
            return failure.fmt(f);
        }
        writeln!(f, "{}: held\n", self.store)?;
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header([
            "level",
            "programs",
            "executions",
            "extent",
            "time",
        ]);
        for row in &self.rows {
            let programs = if row.programs == 0 { String::new() } else { row.programs.to_string() };
            let time = format!("{:.1} s", row.time.as_secs_f64());
            table.add_row([
                row.level.name().to_owned(),
                programs,
                row.executions.to_string(),
                row.extent.to_string(),
                time,
            ]);
        }
        writeln!(f, "{table}\n")?;
        for (property, times) in &self.occasions {
            let what = match (property.kind(), times) {
                (Kind::Sometimes, 0) => "never".to_owned(),
                (Kind::Sometimes, times) => counted(*times, "time"),
                (_, 0) => continue,
                (_, times) => format!("held on {}", counted(*times, "occasion")),
            };
            writeln!(f, "{:<12} {:<45} {what}", property.name(), property.meaning())?;
        }
        if !self.not_checked.is_empty() {
            writeln!(f, "\nnot checked: {}", self.not_checked.join(", "))?;
        }
        Ok(())
    }
}

/// A number of things.
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
