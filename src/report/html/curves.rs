//! The curves of a run: what users were told over time, false `not_found` against absence, entries over time.

use maud::{Markup, html};

use super::plot::{Curve, Plot, Point};
use super::scale::{Axis, Quantity};
use crate::measure::{Last, interval};
use crate::report::number;
use crate::report::read::{Absence, Entries, RunReport, Told};

const SECOND_NS: f64 = 1e9;

/// A plot per policy: the share of all users who had been told something final, by what they were told, and of those still waiting.
pub(super) fn told(run: &RunReport, id: &str) -> Markup {
    let times = run.told.iter().map(|row| row.after_ns as f64 / SECOND_NS);
    let x = Axis::log("time since the upload", Quantity::Time, times);
    let y = Axis { label: "share of users".to_owned(), quantity: Quantity::Share, low: 0.0, high: 1.0, is_log: false };
    let plots = run.record.policies.iter().enumerate().filter_map(|(number, policy)| {
        let rows: Vec<_> = run.told.iter().filter(|row| row.policy == *policy).collect();
        let last = rows.last()?;
        let point = |row: &&Told, ended: u64| Point {
            x: row.after_ns as f64 / SECOND_NS,
            y: ended as f64 / row.uploads as f64,
            band: None,
        };
        let waiting = |row: &Told| row.uploads - Last::ALL.map(|last| row.ended(last)).iter().sum::<u64>();
        let mut curves = vec![Curve {
            name: "still waiting".to_owned(),
            style: 5,
            is_step: true,
            is_expected: false,
            points: rows.iter().map(|row| point(row, waiting(row))).collect(),
        }];
        let seen: Vec<_> = Last::ALL.into_iter().filter(|ending| last.ended(*ending) > 0).collect();
        for last in seen.iter().copied() {
            curves.push(Curve {
                name: format!("told {}", wording(last)),
                style: style(last),
                is_step: true,
                is_expected: false,
                points: rows.iter().map(|row| point(row, row.ended(last))).collect(),
            });
        }
        let share = |ended: u64| number::percent(ended as f64 / last.uploads as f64);
        let ends = seen.iter().map(|ending| format!("{} {}", share(last.ended(*ending)), wording(*ending)));
        Some(Plot {
            id: format!("{id}-told{number}"),
            title: format!("{policy}: users by what they had been told"),
            description: format!("In the end: {}.", ends.collect::<Vec<_>>().join(", ")),
            x: x.clone(),
            y: y.clone(),
            curves,
            file: "told.csv",
        })
    });
    html! { @for plot in plots { (plot.render()) } }
}

fn wording(last: Last) -> &'static str {
    match last {
        Last::Ready => "ready",
        Last::Lost => "not_found, and gave up",
        Last::Expired => "expired",
        Last::Error => "error",
        Last::NoAnswer => "nothing final, and gave up",
        Last::Failed => "nothing: requests failed",
    }
}

/// An ending's style: the same in every plot.
fn style(last: Last) -> usize {
    match last {
        Last::Ready => 2,
        Last::Lost => 1,
        Last::Expired => 0,
        Last::Error => 3,
        Last::NoAnswer | Last::Failed => 4,
    }
}

/// The share of the clients that were away for so long who were told `not_found` after a success, a curve per policy.
pub(super) fn absences(run: &RunReport, id: &str) -> Markup {
    let of = |policy: &str| run.absences.iter().filter(move |row| row.policy == policy).collect::<Vec<_>>();
    let middle = |row: &Absence| (row.away_ns_low as f64 + row.away_ns_high as f64) / 2.0 / SECOND_NS;
    let mut curves: Vec<_> = run
        .record
        .policies
        .iter()
        .enumerate()
        .map(|(style, policy)| {
            let points = of(policy).into_iter().filter_map(|row| {
                let rate = interval::rate(row.false_not_found, row.uploads)?;
                Some(Point { x: middle(row), y: rate.value, band: Some((rate.low, rate.high)) })
            });
            Curve { name: policy.clone(), style, is_step: false, is_expected: false, points: points.collect() }
        })
        .collect();
    let measured = curves.len();
    for (style, policy) in run.record.policies.iter().enumerate() {
        let expected = of(policy)
            .into_iter()
            .filter_map(|row| Some(Point { x: middle(row), y: row.closed_form_rate?, band: None }));
        let points: Vec<_> = expected.collect();
        if !points.is_empty() {
            let name = format!("{policy}, closed form");
            curves.push(Curve { name, style, is_step: false, is_expected: true, points });
        }
    }
    let is_compared = curves.len() > measured;
    let most = |policy: &String| {
        let rows = of(policy);
        let first = rows.iter().find(|row| row.false_not_found > 0)?;
        Some(format!(
            "Under {policy} from absences of {} on",
            super::scale::seconds(first.away_ns_low as f64 / SECOND_NS)
        ))
    };
    let some: Vec<_> = run.record.policies.iter().filter_map(most).collect();
    let plot = Plot {
        id: format!("{id}-absences"),
        title: "Users told not_found after a success, by how long they were away".to_owned(),
        description: if some.is_empty() {
            "Nobody, under any policy.".to_owned()
        } else {
            format!("{}.", some.join("; "))
        },
        x: Axis::log("absence", Quantity::Time, run.absences.iter().map(middle)),
        y: Axis::from_zero(
            "share of those away so long",
            Quantity::Share,
            curves.iter().flat_map(|curve| &curve.points).map(|point| point.band.map_or(point.y, |(_, high)| high)),
        ),
        curves,
        file: "absences.csv",
    };
    html! {
        p { "Only users who went away right after their upload. Each point stands for about a fortieth of them, its band for the 95 % interval."
            @if is_compared { " The dotted lines are the closed form, which needs no simulation." } }
        (plot.render())
    }
}

/// Entries held, and those of them that were due, over the span.
pub(super) fn entries(run: &RunReport, id: &str) -> Markup {
    let plot = |what: &str, title: &str, of: fn(&Entries) -> f64| {
        let curves = run.record.policies.iter().enumerate().map(|(style, policy)| {
            let rows = run.entries.iter().filter(|row| row.policy == *policy);
            let points = rows.map(|row| Point {
                x: (row.from_ns as f64 + row.to_ns as f64) / 2.0 / SECOND_NS,
                y: of(row),
                band: None,
            });
            Curve { name: policy.clone(), style, is_step: false, is_expected: false, points: points.collect() }
        });
        let most = run.record.policies.iter().map(|policy| {
            let rows = run.entries.iter().filter(|row| row.policy == *policy);
            format!("{policy} up to {}", super::scale::amount(rows.map(of).fold(0.0, f64::max)))
        });
        let plot = Plot {
            id: format!("{id}-{what}"),
            title: title.to_owned(),
            description: format!("{}.", most.collect::<Vec<_>>().join(", ")),
            x: Axis::from_zero("time", Quantity::Time, run.entries.iter().map(|row| row.to_ns as f64 / SECOND_NS)),
            y: Axis::from_zero("entries", Quantity::Count, run.entries.iter().map(of)),
            curves: curves.collect(),
            file: "entries.csv",
        };
        plot.render()
    };
    html! {
        p { "Averages over parts of the span, from the first upload's arrival to the last one's"
            @if run.record.replications > 1 { ", and over the replications" } "." }
        (plot("live", "Entries held", |row| row.live_entries_mean))
        (plot("overdue", "Entries due and still there", |row| row.overdue_entries_mean))
    }
}
