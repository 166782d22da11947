//! What was found in an access log, for a terminal.

use super::{html, number};
use crate::import::Imported;
use crate::import::measure::Fit;

fn time(ns: u64) -> String {
    html::seconds(ns as f64 / 1e9)
}

/// Whether a fit is good enough, in a word or two.
pub(super) fn verdict(fit: &Fit) -> &'static str {
    if fit.is_rejected() { "rejected" } else { "not rejected" }
}

/// What was found: a few words and an amount each; what was not is left out.
#[must_use]
pub fn found(imported: &Imported) -> Vec<(String, String)> {
    let count = |count: u64| number::count(count);
    let mut found = vec![
        ("lines".to_owned(), count(imported.lines)),
        ("requests".to_owned(), count(imported.requests)),
        ("span".to_owned(), format!("{} to {}", imported.first, imported.last)),
        ("stamps".to_owned(), format!("to {}", time(imported.resolution_ns))),
        ("uploads".to_owned(), count(imported.uploads)),
        ("names or ids".to_owned(), count(imported.keys)),
        ("status requests".to_owned(), count(imported.polls)),
        ("sessions".to_owned(), count(imported.sessions)),
    ];
    let optional = [
        ("uploads that were assumed", imported.assumed_uploads),
        ("uploads that were refused", imported.refused),
        ("uploads nobody asked about", imported.unpolled_uploads),
        ("polls answered 404", imported.polls_not_found),
        ("processing times inferred", imported.inferred_processing),
        ("stamps out of order", imported.out_of_order),
        ("requests that are nonsense", imported.no_request),
        ("answers 502, 503 and 504", imported.down),
    ];
    found.extend(
        optional.into_iter().filter(|(_, amount)| *amount > 0).map(|(what, amount)| (what.to_owned(), count(amount))),
    );
    for outage in &imported.outages {
        let answers = count(outage.answers);
        let what = if outage.at_ns.is_none() { "restart before the trace" } else { "restart" };
        found.push((what.to_owned(), format!("{}: {}, {answers} answers", outage.at, time(outage.for_ns))));
    }
    if imported.outages_dropped > 0 {
        found.push(("shorter restarts".to_owned(), format!("{}, left out", count(imported.outages_dropped))));
    }
    for silence in &imported.silences {
        found.push(("silence".to_owned(), format!("{}: {}", silence.at, time(silence.for_ns))));
    }
    found
}

/// What is printed, in lines of at most 80 columns but for what is wrapped by `wrap`.
#[must_use]
pub fn text(imported: &Imported, wrap: impl Fn(&str) -> String) -> String {
    let mut text = "Found\n".to_owned();
    for (what, amount) in found(imported) {
        text += &format!("  {what:<26} {amount}\n");
    }
    text += "\nDurations           count    median  90% below  lognormal fit\n";
    for measured in imported.measured.iter().filter(|measured| measured.count > 0) {
        let quantile = |quantile| measured.samples.quantile(quantile).map(time).unwrap_or_default();
        let fit = match measured.fit {
            Some(fit) => format!("{}, {:.2}: {}", time(fit.median_ns), fit.sigma, verdict(&fit)),
            None => "too few or all alike".to_owned(),
        };
        let name = measured.name.replace('_', " ");
        let count = number::count(measured.count);
        text += format!("  {name:<12} {count:>10} {:>9}  {:>9}  {fit}\n", quantile(0.5), quantile(0.9)).as_str();
    }
    text += "\nAssumed\n";
    for assumption in &imported.assumptions {
        text += &wrap(&format!("* {assumption}"));
    }
    text += "\n";
    let not_understood = imported.not_understood();
    if not_understood == 0 {
        return text + "Every line was understood.\n";
    }
    text += &format!("Not understood: {} of {} lines\n", number::count(not_understood), number::count(imported.lines));
    for (why, count) in &imported.reasons {
        text += &format!("  {:>10}  {why}\n", number::count(*count));
    }
    for line in &imported.first_lines {
        let place = format!("  log {}, line {}: ", line.log, line.line);
        let room = 80_usize.saturating_sub(place.chars().count());
        text += &format!("{place}{}\n", line.text.chars().take(room).collect::<String>());
    }
    text
}
