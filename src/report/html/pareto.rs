//! The Pareto front of a sweep: harm against memory, the front marked, and its cells as a table.

use maud::{Markup, html};

use super::plane::Plane;
use super::plot::marker;
use super::scale::{Axis, Quantity, amount};
use super::{heading, subheading};
use crate::choice::{self, Candidate, Criterion};
use crate::report::number;
use crate::report::read::Sweep;

/// The part about one sweep.
pub(super) fn section(sweep: &Sweep, id: &str, is_alone: bool) -> Markup {
    let Sweep { record, candidates } = sweep;
    let front = choice::front(candidates);
    html! {
        section aria-labelledby=(id) {
            (heading(is_alone, id, &format!("{}, swept over {}", record.scenario, record.axes.join(", "))))
            p.soft { (number::count(candidates.len() as u64)) " cells of " (number::uploads(record.uploads)) ", seed " (record.seed) "." }
            (subheading(is_alone, "The Pareto front"))
            p { "Each dot is a policy; those that are marked are on the front: no other policy is better in harm, memory or work, and worse in none. "
                "Harm is drawn at the upper end of its 95 % interval, so that nobody hurt is still not nothing." }
            (drawing(candidates, &front, id))
            div.scroll tabindex="0" role="group" aria-label="Policies on the Pareto front" {
                table {
                    caption { "Policies on the Pareto front, the smallest memory first" }
                    thead { tr {
                        th scope="col" { "cell" }
                        @for axis in &record.axes { th scope="col" { (axis) } }
                        th scope="col" { "false not_found" } th.number scope="col" { "entries at most" } th.number scope="col" { "visits a poll" }
                    } }
                    tbody { @for place in &front { (row(&candidates[place.candidate], place.alike)) } }
                }
            }
        }
    }
}

fn row(candidate: &Candidate, alike: usize) -> Markup {
    html! {
        tr {
            th scope="row" { (candidate.cell) @if alike > 0 { " and " (alike) " alike" } }
            @for value in &candidate.values { td { (value) } }
            td { @if let Some(rate) = candidate.harm() {
                div { (number::percent(rate.value)) } div { (number::percent_interval(rate)) }
            } }
            td.number { (number::count(candidate.by(Criterion::Memory) as u64)) }
            td.number { (amount(candidate.by(Criterion::Work))) }
        }
    }
}

fn drawing(candidates: &[Candidate], front: &[choice::Place], id: &str) -> Markup {
    let harm = |candidate: &Candidate| candidate.harm().map_or(1.0, |rate| rate.high);
    let x = Axis::log("entries held, at most", Quantity::Count, candidates.iter().map(|one| one.by(Criterion::Memory)));
    let y = Axis::log("users hurt, at most", Quantity::Share, candidates.iter().map(harm));
    let plane = Plane { x: &x, y: &y };
    let at = |candidate: &Candidate| plane.at(candidate.by(Criterion::Memory), harm(candidate));
    let title = "Harm against memory";
    let (title_id, desc_id) = (format!("{id}-pareto-title"), format!("{id}-pareto-desc"));
    html! {
        figure {
            figcaption { (title) }
            ul.legend {
                li { svg.key viewBox="0 0 34 12" aria-hidden="true" { (marker(0, 17.0, 6.0)) } "on the front" }
                li { svg.key viewBox="0 0 34 12" aria-hidden="true" { circle.other cx="17" cy="6" r="2.5" {} } "other policies" }
            }
            div.scroll tabindex="0" role="group" aria-labelledby=(title_id) {
                svg viewBox=(Plane::view_box()) role="img" aria-labelledby={ (title_id) " " (desc_id) } {
                    title id=(title_id) { (title) }
                    desc id=(desc_id) { (candidates.len()) " policies; the " (front.len()) " places on the front are in the table below." }
                    (plane.axes())
                    @for candidate in candidates { @let (x, y) = at(candidate); circle.other cx=(x) cy=(y) r="2.5" {} }
                    @for place in front { @let (x, y) = at(&candidates[place.candidate]); (marker(0, x, y)) }
                }
            }
        }
    }
}
