//! A report as one page of HTML: readable without scripts, on paper, in the dark and by ear; it asks for nothing from elsewhere.
//!
//! All markup comes from templates, which escape every name and text; numbers are those of the CSV files.

mod bars;
mod curves;
mod heat;
#[cfg(feature = "import")]
mod imported;
mod pareto;
mod plane;
mod plot;
mod run;
mod scale;
mod trust;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::read::{Record, Report};
use super::{number, spacetime};
#[cfg(feature = "import")]
pub use imported::page as import_page;
#[cfg(feature = "import")]
pub(super) use scale::seconds;

const STYLE: &str = include_str!("style.css");

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let title = title(report);
    let body = html! {
        @if !is_alone(report) { h1 { (title) } (contents(report)) }
        @for (number, run) in report.runs.iter().enumerate() {
            (run::section(run, &format!("run{number}"), is_alone(report)))
        }
        @if let Some(diagnosis) = &report.diagnosis { (heat::section(diagnosis, is_alone(report))) }
        @for (number, sweep) in report.sweeps.iter().enumerate() {
            (pareto::section(sweep, &format!("sweep{number}"), is_alone(report)))
        }
        (trust::section())
        (provenance(report))
    };
    around(&title, &body)
}

/// The page around what it is about.
fn around(title: &str, body: &Markup) -> String {
    let style = format!("{STYLE}{}", spacetime::STYLE);
    // The one style that the page may use is this one, and nothing else may be loaded or run.
    let policy = format!("default-src 'none'; style-src 'sha256-{}'", STANDARD.encode(Sha256::digest(&style)));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "stillready " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body {
                main { (body) }
            }
        }
    };
    page.into_string() + "\n"
}

fn is_alone(report: &Report) -> bool {
    report.runs.len() + report.sweeps.len() + usize::from(report.diagnosis.is_some()) == 1
}

fn title(report: &Report) -> String {
    if let ([one], true) = (&report.runs[..], is_alone(report)) {
        return named(&one.record);
    }
    let runs = report.runs.iter().map(|run| run.record.scenario.clone());
    let diagnosis = report.diagnosis.iter().map(|_| "causes under remedies".to_owned());
    let sweeps = report.sweeps.iter().map(|sweep| format!("{}, swept", sweep.record.scenario));
    runs.chain(diagnosis).chain(sweeps).collect::<Vec<_>>().join("; ")
}

/// A scenario's name and what it shows.
fn named(record: &Record) -> String {
    if record.title.is_empty() { record.scenario.clone() } else { format!("{}: {}", record.scenario, record.title) }
}

fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label="Parts" { ul {
            @for (number, run) in report.runs.iter().enumerate() { li { a href={ "#run" (number) } { (run.record.scenario) } } }
            @if report.diagnosis.is_some() { li { a href="#causes" { "causes under remedies" } } }
            @for (number, sweep) in report.sweeps.iter().enumerate() {
                li { a href={ "#sweep" (number) } { (sweep.record.scenario) ", swept" } }
            }
            li { a href="#trust" { "how the store itself is checked" } }
        } }
    }
}

/// A heading on the level that the page's parts have: the first where there is one part, the second where there are several.
fn heading(is_first: bool, id: &str, text: &str) -> Markup {
    html! { @if is_first { h1 id=(id) { (text) } } @else { h2 id=(id) { (text) } } }
}

/// A heading within such a part.
fn subheading(is_first: bool, text: &str) -> Markup {
    html! { @if is_first { h2 { (text) } } @else { h3 { (text) } } }
}

/// Where everything comes from, folded away.
fn provenance(report: &Report) -> Markup {
    let runs = report.runs.iter().map(|run| &run.record);
    let diagnosis = report.diagnosis.iter().map(|diagnosis| &diagnosis.record);
    let records = runs.chain(diagnosis).chain(report.sweeps.iter().map(|sweep| &sweep.record));
    html! {
        h2 { "Provenance" }
        @for record in records {
            details {
                summary { (if record.scenario.is_empty() { "diagnosis" } else { &record.scenario }) }
                dl {
                    dt { "program" } dd { (record.versions()) }
                    @if record.scenario.is_empty() {
                        dt { "causes" } dd { (record.causes.join(", ")) }
                    } @else {
                        dt { "scenario" } dd { (record.scenario_file) }
                        dt { "fingerprint" } dd { code { (record.scenario_fingerprint) } }
                        dt { "seed" } dd { (record.seed) @if record.replications > 1 { ", " (record.replications) " replications" } }
                        dt { "uploads" } dd { (number::count(record.uploads)) " in each replication, under every policy" }
                        dt { "to run it again" } dd { code { (record.command()) } }
                    }
                    @for file in &record.files {
                        dt { (file.name) } dd { code { (file.sha256) } }
                    }
                }
                p.soft { "When and where it was run, and from which commit, stands in " code { "run.json" } " alone: it changes no byte of this page." }
            }
        }
    }
}
