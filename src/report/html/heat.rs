//! The causes under the remedies, as a heat map with the numbers in its cells.

use maud::{Markup, html};

use super::{heading, subheading};
use crate::measure::interval;
use crate::report::number;
use crate::report::read::{Diagnosis, MatrixCell};

const CELL: (f64, f64) = (62.0, 34.0);
const LEFT: f64 = 140.0;
const TOP: f64 = 96.0;

/// Shades from nobody to everybody: one hue, from light to dark, so that they can be told apart without colour.
const SHADES: [&str; 7] = ["#f7f7f7", "#fee8d8", "#fdcdac", "#f9a46f", "#e4733a", "#b44a14", "#7a2e07"];

/// From which share on a cell has which shade.
const FROM: [f64; 7] = [0.0, 1e-9, 0.01, 0.05, 0.15, 0.4, 0.8];

/// The matrix.
pub(super) fn section(diagnosis: &Diagnosis, is_alone: bool) -> Markup {
    let names = |of: fn(&MatrixCell) -> &String| {
        let mut names: Vec<&str> = Vec::new();
        for cell in &diagnosis.cells {
            if !names.contains(&of(cell).as_str()) {
                names.push(of(cell));
            }
        }
        names
    };
    let (causes, remedies) = (names(|cell| &cell.cause), names(|cell| &cell.remedy));
    let find =
        |cause: &str, remedy: &str| diagnosis.cells.iter().find(|cell| cell.cause == cause && cell.remedy == remedy);
    let (width, height) = (LEFT + CELL.0 * remedies.len() as f64, TOP + CELL.1 * causes.len() as f64);
    let title = "Users told \"lost\" or something false, in per cent";
    html! {
        section aria-labelledby="causes" {
            (heading(is_alone, "causes", "Causes under remedies"))
            p { "Each cause of a false answer under each remedy, over the same uploads. A frame marks a cell in which the remedy makes it worse." }
            (subheading(is_alone, "Who is told something false"))
            figure {
                figcaption { (title) }
                div.scroll tabindex="0" role="group" aria-labelledby="heat-title" {
                    svg.heat viewBox=(format!("0 0 {width} {height}")) role="img" aria-labelledby="heat-title heat-desc" {
                        title id="heat-title" { (title) }
                        desc id="heat-desc" { (causes.len()) " causes, a row each, under " (remedies.len()) " remedies, a column each; the numbers are in the table below." }
                        @for (column, remedy) in remedies.iter().enumerate() {
                            @let x = LEFT + CELL.0 * column as f64 + CELL.0 / 2.0 + 4.0;
                            text x=(x) y=(TOP - 8.0) transform=(format!("rotate(-45 {x} {})", TOP - 8.0)) { (remedy) }
                        }
                        @for (row, cause) in causes.iter().enumerate() {
                            @let y = TOP + CELL.1 * row as f64;
                            text x=(LEFT - 8.0) y=(y + 21.0) text-anchor="end" { (cause) }
                            @for (column, remedy) in remedies.iter().enumerate() {
                                @if let Some(cell) = find(cause, remedy) { (drawn(cell, LEFT + CELL.0 * column as f64, y)) }
                            }
                        }
                    }
                }
                details {
                    summary { "Data" }
                    div.scroll tabindex="0" role="group" aria-label=(title) {
                        table {
                            caption { (title) ", with 95 % intervals" }
                            thead { tr { th scope="col" { "cause" } @for remedy in &remedies { th scope="col" { (remedy) } } } }
                            tbody { @for cause in &causes { tr {
                                th scope="row" { (cause) }
                                @for remedy in &remedies { td { @if let Some(cell) = find(cause, remedy) { (written(cell)) } } }
                            } } }
                        }
                    }
                }
            }
        }
    }
}

/// The share of the users of a cell who were misled; `None` where the remedy has nothing to change.
fn share(cell: &MatrixCell) -> Option<interval::Estimate> {
    interval::rate(cell.misled?, cell.uploads?)
}

fn drawn(cell: &MatrixCell, x: f64, y: f64) -> Markup {
    let share = share(cell).map(|rate| rate.value);
    let shade = share.map(|share| FROM.iter().rposition(|from| share >= *from).unwrap_or(0));
    let text = match share {
        None => "n/a".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(share) if share < 1e-4 => "<0.01".to_owned(),
        Some(share) if share < 0.1 => format!("{:.2}", share * 100.0),
        Some(share) if share < 0.9995 => format!("{:.1}", share * 100.0),
        Some(_) => "100".to_owned(),
    };
    let is_dark = shade.is_some_and(|shade| shade >= 5);
    html! {
        @match shade {
            Some(shade) => rect x=(x) y=(y) width=(CELL.0) height=(CELL.1) fill=(SHADES[shade]) {},
            None => rect x=(x) y=(y) width=(CELL.0) height=(CELL.1) fill="none" {},
        }
        @if cell.effect.as_deref() == Some("hurts") {
            rect class={ "worse " (if is_dark { "light" } else { "dark" }) } x=(x + 3.0) y=(y + 3.0) width=(CELL.0 - 6.0) height=(CELL.1 - 6.0) {}
        }
        text class=(if is_dark { "over" } else if shade.is_some() { "under" } else { "" }) x=(x + CELL.0 / 2.0) y=(y + 21.0) text-anchor="middle" { (text) }
    }
}

fn written(cell: &MatrixCell) -> Markup {
    html! {
        @match share(cell) {
            None => "n/a",
            Some(rate) => {
                div { (number::percent(rate.value)) @if cell.effect.as_deref() == Some("hurts") { " (worse)" } }
                div { (number::percent_interval(rate)) }
            }
        }
    }
}
