//! The part of a page about one run: verdict, comparison, curves, sweep work, witnesses.

use maud::{Markup, html};

use super::{bars, curves, heading, named, subheading};
use crate::measure::interval;
use crate::report::read::{PropertyRow, RunReport};
use crate::report::timeline::Event;
use crate::report::{number, spacetime};

/// Everything about one run.
pub(super) fn section(run: &RunReport, id: &str, is_alone: bool) -> Markup {
    let record = &run.record;
    let size = match record.replications {
        1 => format!("{} under every policy, seed {}", number::uploads(record.uploads), record.seed),
        more => format!(
            "{more} replications of {} under every policy, from seed {} on",
            number::uploads(record.uploads),
            record.seed
        ),
    };
    html! {
        section aria-labelledby=(id) {
            (heading(is_alone, id, &named(record)))
            p.verdict { (run.verdict()) }
            p.soft { (size) "; intervals at 95 %." }
            (subheading(is_alone, "The policies compared"))
            (policies(run))
            @for sentence in run.sentences() { p { (sentence) } }
            @for sentence in run.savings() { p.soft { (sentence) } }
            (subheading(is_alone, "What users were told, over the time since the upload"))
            (curves::told(run, id))
            @if !run.absences.is_empty() {
                (subheading(is_alone, "False not_found against the length of an absence"))
                (curves::absences(run, id))
            }
            (subheading(is_alone, "Entries over time"))
            (curves::entries(run, id))
            (subheading(is_alone, "Sweep work"))
            (bars::sweep_work(run, id))
            (subheading(is_alone, "Properties"))
            (properties(run))
            @if !run.witnesses.is_empty() {
                (subheading(is_alone, "Witnesses"))
                (witnesses(run, id))
            }
        }
    }
}

fn policies(run: &RunReport) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="The policies compared" {
            table {
                caption { "A row per policy, over the same uploads" }
                thead { tr {
                    th scope="col" { "policy" } th scope="col" { "false not_found" } th scope="col" { "users were told" }
                    th scope="col" { "false ready" } th.number scope="col" { "entries held" } th.number scope="col" { "longest overdue" }
                } }
                tbody {
                    @for row in &run.summary {
                        tr {
                            th scope="row" { (row.policy) }
                            td { (rate(row.false_not_found, row.uploads)) }
                            td { @for ending in row.endings() { div { (ending) } } }
                            td { (rate(row.false_ready, row.uploads)) }
                            td.number {
                                div { (number::count(row.live_entries_max)) " at most" }
                                @if let Some(mean) = row.live_entries_mean { div { (super::scale::amount(mean)) " on average" } }
                            }
                            td.number { (super::scale::seconds(row.overdue_ns_max as f64 / 1e9)) }
                        }
                    }
                }
            }
        }
    }
}

/// A share and its interval, in two lines.
fn rate(events: u64, uploads: u64) -> Markup {
    html! {
        @match interval::rate(events, uploads) {
            Some(rate) => { div { (number::percent(rate.value)) } div { (number::percent_interval(rate)) } }
            None => "no uploads",
        }
    }
}

fn properties(run: &RunReport) -> Markup {
    let policies = &run.record.policies;
    let names: Vec<&str> =
        run.properties.iter().filter(|row| row.policy == policies[0]).map(|row| row.property.as_str()).collect();
    let cell = |policy: &str, property: &str| {
        run.properties.iter().find(|row| row.policy == policy && row.property == property)
    };
    html! {
        @for sentence in run.broken() { p { (sentence) } }
        details {
            summary { "All properties" }
            div.scroll tabindex="0" role="group" aria-label="All properties" {
                table {
                    caption { "What came of each property; of a sometimes, how often it happened" }
                    thead { tr { th scope="col" { "property" } th scope="col" { "kind" } @for policy in policies { th scope="col" { (policy) } } } }
                    tbody {
                        @for name in names {
                            tr {
                                th scope="row" { (name) " " span.soft { (meaning(name)) } }
                                td { (cell(&policies[0], name).map_or("", |row| &row.kind)) }
                                @for policy in policies { td { @if let Some(row) = cell(policy, name) { (outcome(row)) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn meaning(name: &str) -> &'static str {
    let known = crate::scenario::Property::ALL.into_iter().find(|property| property.name() == name);
    known.map_or("", crate::scenario::Property::meaning)
}

fn outcome(row: &PropertyRow) -> Markup {
    html! {
        @match (row.outcome.as_str(), row.kind.as_str()) {
            ("broken", _) => {
                span.bad { "✗ broken " (number::count(row.counted)) " times" }
                @if let Some(what) = &row.first_what { div { (what) } }
            }
            ("held", "sometimes") => { (number::count(row.counted)) " times" }
            ("held", _) => span.good { "✓ held" },
            (other, _) => span.soft { (other) },
        }
    }
}

fn witnesses(run: &RunReport, id: &str) -> Markup {
    let of = |one: &Event, next: &Event| (&one.policy, one.seed) == (&next.policy, next.seed);
    html! {
        p { "The first upload for which a property broke, under each policy that broke one: requests are arrows from the client to the "
            "worker that answered, and a cross is where an entry was removed." }
        @for (number, events) in run.witnesses.chunk_by(of).enumerate() {
            @let Event { policy, seed, .. } = &events[0];
            @let upload = events.iter().find(|event| event.place == crate::trace::timeline::Where::Client).and_then(|event| event.upload);
            @let title = format!("{policy}, seed {seed}, upload {}", upload.unwrap_or_default());
            figure {
                figcaption { (title) }
                div.scroll tabindex="0" role="group" aria-label={ "Timeline of " (title) } {
                    (spacetime::drawing(events, &format!("{id}-witness{number}"), &title))
                }
                details {
                    summary { "Data" }
                    div.scroll tabindex="0" role="group" aria-label={ "Steps of " (title) } {
                        table {
                            caption { "Steps of " (title) }
                            thead { tr { th scope="col" { "at" } th scope="col" { "where" } th scope="col" { "what" } th scope="col" { "breaks" } } }
                            tbody { @for event in events { tr {
                                th scope="row" { (crate::time::SimTime::from_ns(event.at_ns)) }
                                td { (event.place) } td { (event.text) } td { (event.broken) }
                            } } }
                        }
                    }
                }
                p.soft { "To see it again: " code { "stillready replay " (run.record.argument()) " --policy '" (policy) "' --seed " (seed)
                    " --upload " (upload.unwrap_or_default()) } }
            }
        }
    }
}
