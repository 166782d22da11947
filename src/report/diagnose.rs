//! The matrix of causes and remedies, on a terminal and as `matrix.csv`.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::csv::SCHEMA_VERSION;
use super::number::{self, percent};
use crate::diagnose::likeness::{Findings, Likeness, UNSEEN_MAX};
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

/// The ranking of causes by what was observed; nothing if nothing was ranked.
#[must_use]
pub fn ranking(ranked: &[Likeness]) -> String {
    if ranked.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["cause", "if one of these", "fit", "never simulated", "what it is"]);
    for one in ranked {
        let unseen = format!("{} of the uploads", percent(one.unseen));
        let fit = one.fit.map_or_else(|| "too few to tell".to_owned(), chance);
        table.add_row([one.cause.clone(), percent(one.probability), fit, unseen, one.title.clone()]);
    }
    table.trim_fmt() + "\n"
}

/// The probability of a test.
fn chance(probability: f64) -> String {
    if probability < 0.001 { "p < 0.001".to_owned() } else { format!("p = {probability:.3}") }
}

/// What the comparison says, honestly: a paragraph each.
#[must_use]
pub fn verdict(findings: &Findings) -> Vec<String> {
    let Findings { compared, left_out, symptoms, ranked } = findings;
    let mut paragraphs = Vec::new();
    if *left_out > 0 {
        let (they, they_say) = if *left_out == 1 { ("It was", "it says") } else { ("They were", "they say") };
        paragraphs.push(format!(
            "Left out: {}. {they} told `error` and never `not_found`; no cause simulates failures, so {they_say} nothing about any.",
            number::uploads(*left_out)
        ));
    }
    let Some(best) = ranked.first() else {
        paragraphs.push(format!(
            "The observations show nothing to explain: of {}, none was told `not_found` or an answer that goes back on an earlier one.",
            number::uploads(*compared)
        ));
        return paragraphs;
    };
    let uploads = number::uploads(*compared);
    let likely: Vec<_> = ranked.iter().filter(|one| one.probability > 0.05).collect();
    let fitting: Vec<_> = likely.iter().filter(|one| one.fits()).map(|one| one.cause.as_str()).collect();
    paragraphs.push(match (fitting.as_slice(), best.unseen > UNSEEN_MAX) {
        ([], true) => format!(
            "None fits well: of {uploads}, {} show answers that {} never gave in the simulation.",
            percent(best.unseen),
            best.cause
        ),
        ([], false) => format!(
            "None fits well: {} is the nearest, but under it the kinds of answers come up in other shares ({}). Several causes may be \
             at work together, or one of them at another rate, or none of these.",
            best.cause,
            best.fit.map_or_else(String::new, chance)
        ),
        ([one], _) => {
            let title = likely.iter().find(|likely| likely.cause == *one).map_or("", |likely| likely.title.as_str());
            format!("{one} fits best: {title}.")
        }
        (several, _) => format!("Several fit, and {uploads} cannot tell them apart: {}.", several.join(", ")),
    });
    paragraphs.push(format!(
        "This takes the file for an unselected sample of all uploads, {} of them with a symptom, and for all answers that each client \
         got: traces that are cut short look like none of the causes.",
        number::count(*symptoms)
    ));
    paragraphs
}
