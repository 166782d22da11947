//! Whether the numbers of a row can be true together: a page computes with them.
//!
//! Hashes say that a file is what its record lists, and nothing of whether any run wrote both.

use std::path::Path;

use super::FolderError;
use super::rows::{Absence, Comparison, Entries, MatrixCell, Summary, Told};
use crate::measure::Last;

/// A row of which that can be told.
pub(super) trait Sound {
    /// What cannot be true, if anything.
    fn fault(&self) -> Option<&'static str>;
}

/// The rows of a table, if all are sound.
pub(super) fn sound<R: Sound>(folder: &Path, name: &str, rows: Vec<R>) -> Result<Vec<R>, FolderError> {
    let fault = rows.iter().zip(1..).find_map(|(row, number)| Some((number, row.fault()?)));
    match fault {
        None => Ok(rows),
        Some((number, fault)) => {
            let reason = format!("row {number} cannot be true: {fault}");
            Err(FolderError::Table { path: folder.join(name), reason })
        }
    }
}

/// The sum, if there is one.
fn sum(counts: impl IntoIterator<Item = u64>) -> Option<u64> {
    counts.into_iter().try_fold(0, u64::checked_add)
}

fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

impl Sound for Summary {
    fn fault(&self) -> Option<&'static str> {
        let ends = sum([self.succeeded, self.failed, self.interrupted]);
        let seen = [self.false_not_found, self.told_lost, self.saw_ready, self.saw_expired, self.saw_error];
        let others = [self.timed_out, self.fetch_gave_up, self.false_ready, self.foreign_ready, self.masked_error];
        let means = [self.live_entries_mean, self.overdue_entries_mean];
        if ends.is_none_or(|ends| ends > self.uploads) {
            return Some("more uploads ended than there were");
        }
        if seen.iter().chain(&others).any(|&count| count > self.uploads) {
            return Some("more uploads were told something than there were");
        }
        (!means.into_iter().flatten().all(is_amount)).then_some("a mean is no number of entries")
    }
}

impl Sound for Comparison {
    fn fault(&self) -> Option<&'static str> {
        let all = sum([self.both, self.policy_only, self.versus_only, self.neither]);
        all.is_none().then_some("there are more uploads than can be counted")
    }
}

impl Sound for Told {
    fn fault(&self) -> Option<&'static str> {
        let ended = sum(Last::ALL.map(|last| self.ended(last)));
        ended.is_none_or(|ended| ended > self.uploads).then_some("more uploads ended than there were")
    }
}

impl Sound for Absence {
    fn fault(&self) -> Option<&'static str> {
        if self.away_ns_low > self.away_ns_high {
            return Some("`away_ns_low` is above `away_ns_high`");
        }
        if self.closed_form_rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
            return Some("`closed_form_rate` is no rate");
        }
        (self.false_not_found > self.uploads).then_some("more uploads were told `not_found` than there were")
    }
}

impl Sound for Entries {
    fn fault(&self) -> Option<&'static str> {
        if self.from_ns > self.to_ns {
            return Some("`from_ns` is above `to_ns`");
        }
        let are_amounts = is_amount(self.live_entries_mean) && is_amount(self.overdue_entries_mean);
        (!are_amounts).then_some("a mean is no number of entries")
    }
}

impl Sound for MatrixCell {
    fn fault(&self) -> Option<&'static str> {
        let most = self.misled.max(self.lost_successes);
        (most > self.uploads).then_some("more uploads were misled than there were")
    }
}
