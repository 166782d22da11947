//! A report as Markdown, for pull requests and job summaries: verdict, comparison, properties, provenance.

use super::number::{self, percent, percent_interval};
use super::read::{Diagnosis, Report, RunReport, Sweep};
use crate::choice::{self, Criterion};
use crate::measure::interval;

/// The page.
#[must_use]
pub(super) fn page(report: &Report) -> String {
    let runs = report.runs.iter().map(run);
    let parts: Vec<_> =
        runs.chain(report.diagnosis.iter().map(diagnosis)).chain(report.sweeps.iter().map(sweep)).collect();
    parts.join("\n")
}

/// A text in which nothing is markup: of a table's cell, a heading or a sentence.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => plain.push(' '),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '@' => plain.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => plain.extend(['\\', letter]),
            _ => plain.push(letter),
        }
    }
    plain
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut table = line(&header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    table += &format!("|{}\n", " --- |".repeat(header.len()));
    rows.for_each(|row| table += &line(&row));
    table
}

fn run(run: &RunReport) -> String {
    let record = &run.record;
    let title = if record.title.is_empty() { String::new() } else { format!(": {}", record.title) };
    let mut page = format!("## {}\n\n**{}**\n\n", plain(&format!("{}{title}", record.scenario)), plain(&run.verdict()));
    let rows = run.summary.iter().map(|row| {
        let share = interval::rate(row.false_not_found, row.uploads);
        let share =
            share.map_or_else(String::new, |rate| format!("{} ({})", percent(rate.value), percent_interval(rate)));
        vec![
            plain(&row.policy),
            share,
            row.endings().join(", "),
            number::count(row.live_entries_max),
            number::count(row.sweep_scan_max),
        ]
    });
    let header = ["policy", "false not\\_found", "users were told", "entries at most", "visited by one sweep at most"];
    page += &table(&header, rows);
    for sentence in run.sentences() {
        page += &format!("\n{}\n", plain(&sentence));
    }
    for sentence in run.broken() {
        page += &format!("\n{}\n", plain(&sentence));
    }
    page + &format!(
        "\n<sub>{} under every policy in each of {} replications, seed {}, model {}, fingerprint {}</sub>\n",
        number::uploads(record.uploads),
        record.replications,
        record.seed,
        record.model_version,
        plain(&record.scenario_fingerprint)
    )
}

fn sweep(sweep: &Sweep) -> String {
    let axes: Vec<String> = sweep.record.axes.iter().map(|axis| plain(axis)).collect();
    let measured = ["false not\\_found", "entries at most", "visits a poll"];
    let header: Vec<&str> = ["cell"].into_iter().chain(axes.iter().map(String::as_str)).chain(measured).collect();
    let rows = choice::front(&sweep.candidates).into_iter().map(|place| {
        let candidate = &sweep.candidates[place.candidate];
        let harm = candidate
            .harm()
            .map_or_else(String::new, |rate| format!("{} ({})", percent(rate.value), percent_interval(rate)));
        let measured = [
            harm,
            number::count(candidate.by(Criterion::Memory) as u64),
            format!("{:.1}", candidate.by(Criterion::Work)),
        ];
        [candidate.cell.to_string()]
            .into_iter()
            .chain(candidate.values.iter().map(|value| plain(value)))
            .chain(measured)
            .collect()
    });
    format!(
        "## {}: the Pareto front of {} policies\n\n{}",
        plain(&sweep.record.scenario),
        sweep.candidates.len(),
        table(&header, rows)
    )
}

fn diagnosis(diagnosis: &Diagnosis) -> String {
    let cells = &diagnosis.cells;
    let first = cells.first().map_or("", |cell| &cell.cause);
    let remedies: Vec<_> =
        cells.iter().take_while(|cell| cell.cause == first).map(|cell| plain(&cell.remedy)).collect();
    let header: Vec<&str> = ["cause"].into_iter().chain(remedies.iter().map(String::as_str)).collect();
    let rows = cells.chunk_by(|one, next| one.cause == next.cause).map(|row| {
        let shares = row.iter().map(|cell| match (cell.misled, cell.uploads) {
            (Some(misled), Some(uploads)) if uploads > 0 => percent(misled as f64 / uploads as f64),
            _ => "n/a".to_owned(),
        });
        [plain(&row[0].cause)].into_iter().chain(shares).collect()
    });
    format!("## Causes under remedies: users told \"lost\" or something false\n\n{}", table(&header, rows))
}
