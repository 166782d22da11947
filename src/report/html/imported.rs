//! The page about an access log: what was found in it, what was assumed, and how its durations are distributed.

use maud::{Markup, html};

use super::plot::{Curve, Plot, Point};
use super::scale::{Axis, Quantity, seconds};
use crate::import::{Imported, Measurement};
use crate::report::imported::{found, verdict};
use crate::report::number;

const SECOND_NS: f64 = 1e9;

/// Points of a curve, at most.
const POINTS: usize = 200;

/// The page. `command` runs the scenario.
#[must_use]
pub fn page(imported: &Imported, name: &str, command: &str) -> String {
    let title = format!("{name}: what an access log tells");
    let body = html! {
        h1 { (title) }
        p.verdict { (number::uploads(imported.uploads)) " and " (number::count(imported.polls)) " status requests, among "
            (number::count(imported.requests)) " requests from " (imported.first) " to " (imported.last) "." }
        p { "The scenario and its trace lie beside this page. What a policy would have answered to these clients: " code { (command) } }
        p.soft { "Clients and keys are numbers in all of these files: no address, no name and no user agent is in them." }
        h2 { "Found" }
        dl { @for (what, amount) in found(imported) { dt { (what) } dd { (amount) } } }
        h2 { "Assumed" }
        ul { @for assumption in &imported.assumptions { li { (assumption) } } }
        h2 { "Not understood" }
        (not_understood(imported))
        h2 { "Durations" }
        p { "Measured, and the lognormal distribution that fits best. The distance is that of Kolmogorov and Smirnov; above the critical value,
            the sample says at 5 % that it is no lognormal distribution (Lilliefors). A rejected fit of very many samples may still be close: see
            the plot. All numbers are in " code { "fits.csv" } ", the distributions in " code { "durations.csv" } "." }
        (table(imported))
        @for measured in imported.measured.iter().filter(|measured| measured.count > 1) { (plot(measured)) }
    };
    super::around(&title, &body)
}

fn not_understood(imported: &Imported) -> Markup {
    html! {
        @if imported.not_understood() == 0 {
            p { "Every line was understood." }
        } @else {
            p { (number::count(imported.not_understood())) " of " (number::count(imported.lines)) " lines are in none of these files:" }
            ul { @for (why, count) in &imported.reasons { li { (number::count(*count)) ": " (why) } } }
            p { "The first of them, every letter as " code { "a" } " and every digit as " code { "0" } ":" }
            ul { @for line in &imported.first_lines {
                li { "log " (line.log) ", line " (line.line) ", " (line.why) ": " code { (line.shape) } }
            } }
        }
    }
}

fn time(ns: u64) -> String {
    seconds(ns as f64 / SECOND_NS)
}

fn table(imported: &Imported) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="Durations" {
            table {
                caption { "Durations" }
                thead { tr {
                    th scope="col" { "what" } th.number scope="col" { "count" } th.number scope="col" { "median" }
                    th.number scope="col" { "90 % below" } th.number scope="col" { "longest" } th scope="col" { "lognormal fit" }
                } }
                tbody {
                    @for measured in &imported.measured {
                        @let quantile = |quantile| measured.samples.quantile(quantile).map(time).unwrap_or_default();
                        tr {
                            th scope="row" { (measured.title) }
                            td.number { (number::count(measured.count)) }
                            td.number { (quantile(0.5)) }
                            td.number { (quantile(0.9)) }
                            td.number { (quantile(1.0)) }
                            td {
                                @match measured.fit {
                                    Some(fit) => {
                                        div { "median " (time(fit.median_ns)) ", sigma " (format!("{:.2}", fit.sigma)) }
                                        div { "distance " (format!("{:.3}", fit.ks_distance)) ", critical "
                                            (format!("{:.3}", fit.ks_critical)) ": " (verdict(&fit)) }
                                    }
                                    None => div { "too few or all alike" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The share of durations up to each, measured and fitted.
fn plot(measured: &Measurement) -> Markup {
    let shares: Vec<_> = measured.samples.shares().collect();
    let every = shares.len().div_ceil(POINTS).max(1);
    let (first, last) =
        (shares.first().map_or(1.0, |share| share.0.0 as f64), shares.last().map_or(1.0, |share| share.0.0 as f64));
    let points = shares
        .iter()
        .enumerate()
        .filter(|(number, _)| number % every == every - 1 || number + 1 == shares.len())
        .map(|(_, &((ns, _), share))| Point { x: ns as f64 / SECOND_NS, y: share, band: None });
    let mut curves = vec![Curve {
        name: "measured".to_owned(),
        style: 0,
        is_step: true,
        is_expected: false,
        points: std::iter::once(Point { x: first / SECOND_NS, y: 0.0, band: None }).chain(points).collect(),
    }];
    if let Some(fit) = measured.fit {
        let place = |number: usize| first * libm::pow(last / first, number as f64 / (POINTS - 1) as f64);
        let points = (0..POINTS).map(place);
        curves.push(Curve {
            name: format!("lognormal, median {}, sigma {:.2}", time(fit.median_ns), fit.sigma),
            style: 1,
            is_step: false,
            is_expected: true,
            points: points.map(|ns| Point { x: ns / SECOND_NS, y: fit.share_below(ns), band: None }).collect(),
        });
    }
    let half = measured.samples.quantile(0.5).map(time).unwrap_or_default();
    let plot = Plot {
        id: format!("import-{}", measured.name),
        title: format!("Up to this long: {}", measured.title),
        description: format!("Half are up to {half}, all up to {}.", time(last as u64)),
        x: Axis::log("time", Quantity::Time, [first / SECOND_NS, last / SECOND_NS].into_iter()),
        y: Axis { label: "share".to_owned(), quantity: Quantity::Share, low: 0.0, high: 1.0, is_log: false },
        curves,
        file: "durations.csv",
    };
    plot.render()
}
