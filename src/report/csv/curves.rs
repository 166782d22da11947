//! The files behind the curves of a report: over the time since the upload, over absences, over the span.

use super::{MEAN_DIGITS, RATE_DIGITS, head, table};
use crate::closed_form::ClosedForm;
use crate::experiment::Results;
use crate::measure::{Last, interval};

/// `told.csv`: for each policy how many clients had ended, and on what, so long after their uploads. A row for each time at which
/// a number rises, to one sixteenth of an octave; none for a policy none of whose clients ended.
#[must_use]
pub fn told(results: &Results) -> Vec<u8> {
    let mut rows = Vec::new();
    for (policy, tally) in results.tallies().iter().enumerate() {
        for step in tally.told.steps() {
            let mut row = head(results, policy, results.scenario.seed);
            row.cell("after_ns", step.after_ns);
            row.cell("uploads", tally.uploads());
            for (last, ended) in Last::ALL.into_iter().zip(step.ended) {
                row.cell(last.name(), ended);
            }
            rows.push(row);
        }
    }
    table(&rows)
}

/// `absences.csv`: for each policy the clients that were away, in bins of about equally many by how long they were, and those of
/// them that were told `not_found` after a success, beside what the closed form says of them where there is one.
#[must_use]
pub fn absences(results: &Results) -> Vec<u8> {
    let mut rows = Vec::new();
    for (policy, tally) in results.tallies().iter().enumerate() {
        let closed_form = ClosedForm::of(&results.scenario, &results.scenario.policies[policy]).ok();
        for bin in tally.absences.bins() {
            let mut row = head(results, policy, results.scenario.seed);
            row.cell("away_ns_low", bin.low_ns);
            row.cell("away_ns_high", bin.high_ns);
            row.cell("uploads", bin.uploads);
            row.cell("false_not_found", bin.hurt);
            row.estimate("false_not_found_rate", interval::rate(bin.hurt, bin.uploads), RATE_DIGITS);
            let expected = closed_form.as_ref().map(|form| form.after_absence_between(bin.low_ns, bin.high_ns));
            row.float("closed_form_rate", expected, RATE_DIGITS);
            rows.push(row);
        }
    }
    table(&rows)
}

/// `entries.csv`: for each policy how many entries were held, and how many of them were due, on average over each part of the
/// span, and over all replications.
#[must_use]
pub fn entries(results: &Results) -> Vec<u8> {
    let mut rows = Vec::new();
    for (policy, tally) in results.tallies().iter().enumerate() {
        // Both are divided as the span asks for, and so alike.
        for (live, overdue) in tally.live.parts().zip(tally.overdue.parts()) {
            let mut row = head(results, policy, results.scenario.seed);
            row.cell("from_ns", live.from_ns);
            row.cell("to_ns", live.to_ns);
            row.float("live_entries_mean", Some(live.mean), MEAN_DIGITS);
            row.float("overdue_entries_mean", Some(overdue.mean), MEAN_DIGITS);
            rows.push(row);
        }
    }
    table(&rows)
}
