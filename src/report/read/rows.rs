//! The rows of a report's tables, as far as pages need them. Rates and intervals are computed from the counts once more.

use serde::{Deserialize, Serialize};

use crate::measure::{Cells, Last};

/// A row of `summary.csv`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "its fields are the columns of summary.csv, which the README explains")]
pub struct Summary {
    pub policy: String,
    pub uploads: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub interrupted: u64,
    pub polls: u64,
    pub sweeps: u64,
    pub entries_scanned: u64,
    pub entries_removed: u64,
    pub false_not_found: u64,
    pub told_lost: u64,
    pub saw_ready: u64,
    pub saw_expired: u64,
    pub saw_error: u64,
    pub timed_out: u64,
    pub fetch_gave_up: u64,
    pub false_ready: u64,
    pub foreign_ready: u64,
    pub masked_error: u64,
    pub ready_to_seen_ns_p50: Option<u64>,
    pub ready_to_seen_ns_p99: Option<u64>,
    pub live_entries_mean: Option<f64>,
    pub live_entries_max: u64,
    pub overdue_entries_mean: Option<f64>,
    pub overdue_ns_max: u64,
    pub sweep_scan_max: u64,
}

/// A row of `comparison.csv`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "its fields are the columns of comparison.csv, which the README explains")]
pub struct Comparison {
    pub policy: String,
    pub versus: String,
    pub clients: String,
    pub measurement: String,
    pub both: u64,
    pub policy_only: u64,
    pub versus_only: u64,
    pub neither: u64,
}

impl Comparison {
    /// Its cells, those of `versus` first.
    #[must_use]
    pub fn cells(&self) -> Cells {
        let &Comparison { both, policy_only, versus_only, neither, .. } = self;
        Cells { both, first_only: versus_only, second_only: policy_only, neither }
    }
}

/// A row of `properties.csv`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "its fields are the columns of properties.csv, which the README explains")]
pub struct PropertyRow {
    pub policy: String,
    pub property: String,
    pub kind: String,
    pub outcome: String,
    pub checked: u64,
    pub counted: u64,
    pub first_seed: Option<u64>,
    pub first_upload: Option<u32>,
    pub first_what: Option<String>,
}

/// A row of `told.csv`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "its fields are the columns of told.csv, which the README explains")]
pub struct Told {
    pub policy: String,
    pub after_ns: u64,
    pub uploads: u64,
    pub ready: u64,
    pub lost: u64,
    pub expired: u64,
    pub error: u64,
    pub no_answer: u64,
    pub failed: u64,
}

impl Told {
    /// How many had ended so.
    #[must_use]
    pub fn ended(&self, last: Last) -> u64 {
        match last {
            Last::Ready => self.ready,
            Last::Lost => self.lost,
            Last::Expired => self.expired,
            Last::Error => self.error,
            Last::NoAnswer => self.no_answer,
            Last::Failed => self.failed,
        }
    }
}

/// A row of `absences.csv`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "its fields are the columns of absences.csv, which the README explains")]
pub struct Absence {
    pub policy: String,
    pub away_ns_low: u64,
    pub away_ns_high: u64,
    pub uploads: u64,
    pub false_not_found: u64,
    pub closed_form_rate: Option<f64>,
}

/// A row of `entries.csv`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "its fields are the columns of entries.csv, which the README explains")]
pub struct Entries {
    pub policy: String,
    pub from_ns: u64,
    pub to_ns: u64,
    pub live_entries_mean: f64,
    pub overdue_entries_mean: f64,
}

/// A row of `matrix.csv`; without uploads where the remedy has nothing to change.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "its fields are the columns of matrix.csv, which the README explains")]
pub struct MatrixCell {
    pub cause: String,
    pub remedy: String,
    pub uploads: Option<u64>,
    pub misled: Option<u64>,
    pub lost_successes: Option<u64>,
    pub effect: Option<String>,
}
