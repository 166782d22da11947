//! The matrix of causes and remedies, on a terminal and as `matrix.csv`.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::csv::SCHEMA_VERSION;
use super::number::{self, percent};
use crate::diagnose::likeness::Likeness;
use crate::diagnose::{Cell, Remedy, Row, sentence};

/// The matrix: the share of users who were told "lost" or something false, a row per cause and a column per remedy.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["cause"].into_iter().chain(Remedy::ALL.map(Remedy::name)));
    for row in rows {
        let shares = row.cells.iter().map(|cell| cell.rate().map_or_else(String::new, |rate| share(rate.value)));
        table.add_row([row.cause.clone()].into_iter().chain(shares));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt() + "\n"
}

/// A share in per cent; none at all stands out.
fn share(value: f64) -> String {
    if value == 0.0 { "-".to_owned() } else { percent(value).replace(" %", "") }
}

/// What the columns mean.
#[must_use]
pub fn legend() -> String {
    let lines = Remedy::ALL.map(|remedy| format!("  {:<12} {}\n", remedy.name(), remedy.meaning()));
    lines.concat()
}

/// A sentence per cause.
#[must_use]
pub fn sentences(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| sentence(row, percent)).collect()
}

/// The half-width of the widest interval of the matrix, as a share.
#[must_use]
pub fn widest(rows: &[Row]) -> f64 {
    let rates = rows.iter().flat_map(|row| &row.cells).filter_map(Cell::rate);
    rates.map(|rate| (rate.high - rate.low) / 2.0).fold(0.0, f64::max)
}

/// `matrix.csv`: a row per cause and remedy.
#[must_use]
pub fn csv(rows: &[Row]) -> Vec<u8> {
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    let header = [
        "schema_version",
        "cause",
        "remedy",
        "seed",
        "uploads",
        "told_lost",
        "told_false",
        "lost_successes",
        "misled",
        "misled_rate",
        "misled_rate_low",
        "misled_rate_high",
        "difference",
        "difference_low",
        "difference_high",
        "effect",
    ];
    csv.write_record(header).expect("memory takes what is written to it");
    let float = |value: Option<f64>| value.map(|value| format!("{value:.9}"));
    for row in rows {
        for cell in &row.cells {
            let (rate, difference) = (cell.rate(), cell.difference);
            let effect = difference.map(|_| format!("{:?}", cell.effect(&row.cells[0])).to_lowercase());
            let record = (
                (SCHEMA_VERSION, &row.cause, cell.remedy.name(), row.seed),
                (cell.uploads, cell.told_lost, cell.told_false, cell.symptom, cell.misled()),
                [float(rate.map(|r| r.value)), float(rate.map(|r| r.low)), float(rate.map(|r| r.high))],
                [
                    float(difference.map(|d| d.value)),
                    float(difference.map(|d| d.low)),
                    float(difference.map(|d| d.high)),
                ],
                effect,
            );
            csv.serialize(record).expect("memory takes what is written to it");
        }
    }
    csv.into_inner().expect("memory takes what is written to it")
}

/// The ranking of causes by what was observed.
#[must_use]
pub fn ranking(ranked: &[Likeness]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["cause", "probability", "never simulated", "what it is"]);
    for one in ranked {
        let unseen = format!("{} of the uploads", percent(one.unseen));
        table.add_row([one.cause.clone(), percent(one.probability), unseen, one.title.clone()]);
    }
    table.trim_fmt() + "\n"
}

/// What the ranking says, honestly.
#[must_use]
pub fn verdict(ranked: &[Likeness], uploads: usize) -> String {
    let Some(best) = ranked.first() else { return String::new() };
    let rivals: Vec<_> = ranked.iter().filter(|one| one.probability > 0.05).map(|one| one.cause.as_str()).collect();
    if best.unseen > 0.1 {
        return format!(
            "None fits well: of {}, {} show answers that {} never gave in the simulation.",
            number::uploads(uploads as u64),
            percent(best.unseen),
            best.cause
        );
    }
    match rivals.as_slice() {
        [_, _, ..] => {
            let uploads = number::uploads(uploads as u64);
            format!("Several fit, and {uploads} cannot tell them apart: {}.", rivals.join(", "))
        }
        _ => format!("{} fits best: {}.", best.cause, best.title),
    }
}
