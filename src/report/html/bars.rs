//! Sweep work: what each policy's sweeps cost, as bars.

use maud::{Markup, html};

use super::plane::round;
use super::plot::STYLES;
use super::scale::amount;
use crate::report::number;
use crate::report::read::{RunReport, Summary};

const ROW: f64 = 42.0;
const WIDTH: f64 = 680.0;
/// Room for the number behind the longest bar.
const RIGHT: f64 = 90.0;

/// What a bar's length is.
struct Measure {
    id: &'static str,
    title: &'static str,
    of: fn(&Summary) -> f64,
}

const MEASURES: [Measure; 2] = [
    Measure {
        id: "visited",
        title: "Entries that a scan at each sweep visits, per poll",
        of: |row| if row.polls == 0 { 0.0 } else { row.entries_scanned as f64 / row.polls as f64 },
    },
    Measure { id: "at-once", title: "Entries that one sweep visits, at most", of: |row| row.sweep_scan_max as f64 },
];

/// The cost of sweeping, as bars and in numbers.
pub(super) fn sweep_work(run: &RunReport, id: &str) -> Markup {
    html! {
        @for measure in MEASURES { (bars(run, id, &measure)) }
        details {
            summary { "Data" }
            div.scroll tabindex="0" role="group" aria-label="Sweep work in numbers" {
                table {
                    caption { "Sweep work, over all replications" }
                    thead { tr {
                        th scope="col" { "policy" }
                        @for name in ["polls", "sweeps", "entries visited", "entries removed", "visited by one sweep, at most"] {
                            th.number scope="col" { (name) }
                        }
                    } }
                    tbody { @for row in &run.summary { tr {
                        th scope="row" { (row.policy) }
                        @for value in [row.polls, row.sweeps, row.entries_scanned, row.entries_removed, row.sweep_scan_max] {
                            td.number { (number::count(value)) }
                        }
                    } } }
                }
            }
        }
    }
}

fn bars(run: &RunReport, id: &str, measure: &Measure) -> Markup {
    let longest = run.summary.iter().map(measure.of).fold(0.0, f64::max);
    let length = |row: &Summary| if longest > 0.0 { (measure.of)(row) / longest * (WIDTH - RIGHT) } else { 0.0 };
    let height = ROW * run.summary.len() as f64;
    let (title, desc) = (format!("{id}-{}-title", measure.id), format!("{id}-{}-desc", measure.id));
    let told = run.summary.iter().map(|row| format!("{}: {}", row.policy, amount((measure.of)(row))));
    html! {
        figure {
            figcaption { (measure.title) }
            div.scroll tabindex="0" role="group" aria-labelledby=(title) {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-labelledby={ (title) " " (desc) } {
                    title id=(title) { (measure.title) }
                    desc id=(desc) { (told.collect::<Vec<_>>().join("; ")) }
                    @for (number, row) in run.summary.iter().enumerate() {
                        @let y = ROW * number as f64;
                        text x="0" y=(y + 14.0) { (shortened(&row.policy)) }
                        rect class={ "bar s" (number % STYLES) } x="0" y=(y + 20.0) width=(round(length(row).max(1.0))) height="16" {}
                        text x=(round(length(row) + 8.0)) y=(y + 33.0) { (amount((measure.of)(row))) }
                    }
                }
            }
        }
    }
}

/// A name in the room that there is for it.
fn shortened(name: &str) -> String {
    const LETTERS: usize = 60;
    if name.chars().count() <= LETTERS {
        name.to_owned()
    } else {
        name.chars().take(LETTERS - 1).chain(['…']).collect()
    }
}
