//! The matrix of causes and remedies, on a terminal and as `matrix.csv`.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::csv::SCHEMA_VERSION;
use super::number::{self, percent, percent_interval};
use crate::diagnose::likeness::{Findings, Likeness, UNSEEN_MAX};
use crate::diagnose::{self, Cell, Remedy, Row, Style, sentence};
use crate::measure::interval::{self, Estimate};

/// How numbers are written in sentences.
const STYLE: Style = Style { share: percent, interval: percent_interval, count: |count| number::count(count) };

/// The matrix: the share of users who were told "lost" or something false, a row per cause and a column per remedy.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["cause".to_owned()].into_iter().chain(Remedy::ALL.map(heading)));
    for row in rows {
        let shares = Remedy::ALL.map(|remedy| match row.cell(remedy) {
            None => "n/a".to_owned(),
            Some(cell) => cell.rate().map_or_else(String::new, |rate| share(rate.value)),
        });
        table.add_row([row.cause.clone()].into_iter().chain(shares));
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        column.set_padding((1, 0));
        if number > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt() + "\n"
}

/// A remedy over its column, narrow enough for all columns to fit into a terminal.
fn heading(remedy: Remedy) -> String {
    match remedy {
        Remedy::Tombstones => "tomb-\nstones".to_owned(),
        Remedy::DeployedBefore => "dep.\nbefore".to_owned(),
        Remedy::DeployedAfter => "dep.\nafter".to_owned(),
        Remedy::ReadFirst => "read\nfirst".to_owned(),
        other => other.name().to_owned(),
    }
}

/// A share in per cent, in four characters.
fn share(value: f64) -> String {
    let percent = value * 100.0;
    match percent {
        0.0 => "0".to_owned(),
        _ if percent < 0.01 => "<.01".to_owned(),
        _ if percent < 10.0 => format!("{percent:.2}"),
        _ if percent < 99.95 => format!("{percent:.1}"),
        _ => "100".to_owned(),
    }
}

/// What the columns mean, and what a zero.
#[must_use]
pub fn legend(rows: &[Row]) -> String {
    let mut legend = Remedy::ALL.map(|remedy| format!("  {:<15} {}\n", remedy.name(), remedy.meaning())).concat();
    let fewest = rows.iter().flat_map(|row| &row.cells).map(|cell| cell.uploads).min();
    if let Some(bound) = fewest.and_then(|uploads| interval::rate(0, uploads)) {
        legend.push_str(&format!("  {:<15} nobody; {} at 95 %\n", "0", percent_interval(bound)));
    }
    legend
}

/// A sentence or two per cause.
#[must_use]
pub fn sentences(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| sentence(row, STYLE)).collect()
}

/// What all of it says, where it is more than one cause.
#[must_use]
pub fn conclusion(rows: &[Row]) -> Option<String> {
    (rows.len() > 1).then(|| diagnose::conclusion(rows, STYLE))
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
        "lost_successes_effect",
        "deployed_difference",
        "deployed_difference_low",
        "deployed_difference_high",
    ];
    csv.write_record(header).expect("memory takes what is written to it");
    let float = |value: Option<f64>| value.map(|value| format!("{value:.9}"));
    let interval = |estimate: Option<Estimate>| {
        let parts = [estimate.map(|e| e.value), estimate.map(|e| e.low), estimate.map(|e| e.high)];
        parts.map(float)
    };
    for row in rows {
        for remedy in Remedy::ALL {
            let start = (SCHEMA_VERSION, &row.cause, remedy.name(), row.seed);
            let Some(cell) = row.cell(remedy) else {
                let (none, nothing) = ([None::<u64>; 5], [None::<u64>; 6]);
                csv.serialize((start, none, nothing, "not_applicable", "not_applicable", [None::<u64>; 3]))
                    .expect("memory takes what is written to it");
                continue;
            };
            let deployed = row.deployed.filter(|_| remedy == Remedy::DeployedAfter);
            let effects = cell.difference.map(|_| (row.effect(cell).name(), row.symptom_effect(cell).name()));
            let record = (
                start,
                [cell.uploads, cell.told_lost, cell.told_false, cell.symptom, cell.misled()],
                (interval(cell.rate()), interval(cell.difference)),
                (effects.map(|effects| effects.0), effects.map(|effects| effects.1)),
                interval(deployed),
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
