//! The choice of a policy, as tables and sentences.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::number::{count, percent};
use crate::choice::{self, Candidate, Criterion, concessions, sensitivity};
use crate::scenario::{Limit, Objective};

/// A cell's values in one phrase: `time_to_live 30m, sweep.chance 0.1`.
#[must_use]
pub fn settings(axes: &[String], candidate: &Candidate) -> String {
    let pairs = axes.iter().zip(&candidate.values).filter(|(_, value)| !value.is_empty());
    pairs.map(|(axis, value)| format!("{axis} {value}")).collect::<Vec<_>>().join(", ")
}

/// What a cell comes to by each criterion, as cells of a table.
fn measured(candidate: &Candidate) -> [String; 3] {
    let harm = candidate.harm().map_or_else(
        || "no uploads".to_owned(),
        |rate| match rate.value {
            0.0 => format!("≤{}", percent(rate.high)),
            value => percent(value),
        },
    );
    [harm, count(candidate.by(Criterion::Memory) as u64), format!("{:.1}", candidate.by(Criterion::Work))]
}

const MEASURED: [&str; 3] = ["false\nnot_found", "entries", "visits\na poll"];

fn table(header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
    table.set_header(header.into_iter().collect::<Vec<_>>());
    table
}

fn names(fixed: &[&str], axes: &[String]) -> Vec<String> {
    fixed.iter().map(|name| (*name).to_owned()).chain(axes.iter().cloned()).chain(MEASURED.map(str::to_owned)).collect()
}

/// The Pareto front: the cells that no other one beats in harm, memory and work at once.
#[must_use]
pub fn front(axes: &[String], candidates: &[Candidate]) -> String {
    let front = choice::front(candidates);
    let mut table = table(names(&["cell"], axes));
    for place in &front {
        let candidate = &candidates[place.candidate];
        let cell =
            if place.alike > 0 { format!("{} +{}", candidate.cell, place.alike) } else { candidate.cell.to_string() };
        table.add_row([cell].into_iter().chain(candidate.values.clone()).chain(measured(candidate)));
    }
    right(&mut table, 1 + axes.len());
    let cells: usize = front.iter().map(|place| 1 + place.alike).sum();
    let head = format!(
        "{cells} on the Pareto front: none is better in one and worse in nothing\n(+: others alike; ≤: nobody was hurt, at most so many at 95 %)"
    );
    format!("{head}\n\n{}\n", table.trim_fmt())
}

/// Numbers on the right, from a column on, and never folded.
fn right(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

/// A limit in words.
fn limit(objective: &Objective) -> String {
    match objective.limit {
        Limit::Max(max) => format!("{} of at most {}", objective.metric, short(max)),
        Limit::Min(min) => format!("{} of at least {}", objective.metric, short(min)),
    }
}

/// Of which metrics some cells have no value, a sentence each: these cells keep no limit on it.
fn unmeasured(candidates: &[Candidate], objectives: &[Objective]) -> impl Iterator<Item = String> {
    objectives.iter().filter_map(|objective| {
        let without = candidates.iter().filter(|candidate| candidate.judged_by(objective).is_none()).count();
        (without > 0).then(|| {
            format!(
                "In {without} of {} cells there is no {}: nothing happened that it could be measured by. They count as cells that do not \
                 keep its limit.",
                candidates.len(),
                objective.metric
            )
        })
    })
}

/// The choice, the runner-up, and what it would take to change it, a sentence each.
#[must_use]
pub fn recommendation(
    axes: &[String],
    candidates: &[Candidate],
    objectives: &[Objective],
    cost: Criterion,
    ranked: &[usize],
) -> Vec<String> {
    let asked = objectives.iter().map(limit).collect::<Vec<_>>().join(" and ");
    let phrase = |number: usize| {
        let [harm, entries, work] = measured(&candidates[number]);
        format!(
            "cell {} ({}): false not_found {harm}, {entries} entries, {work} visits a poll",
            candidates[number].cell,
            settings(axes, &candidates[number])
        )
    };
    let Some(&choice) = ranked.first() else {
        let nearest = candidates
            .iter()
            .map(|candidate| objectives.iter().filter(|objective| candidate.keeps(objective)).count())
            .max();
        let none = format!(
            "No cell keeps {asked} (rates by the far ends of their 95 % intervals); the best keep {} of {}.",
            nearest.unwrap_or(0),
            objectives.len()
        );
        return [none].into_iter().chain(unmeasured(candidates, objectives)).collect();
    };
    let mut sentences = vec![format!(
        "Of {} cells {} keep {asked} (rates by the far ends of their 95 % intervals). The cheapest by {} is {}.",
        candidates.len(),
        ranked.len(),
        cost.name(),
        phrase(choice)
    )];
    sentences.push(match ranked.get(1) {
        Some(&second) => format!("The runner-up is {}.", phrase(second)),
        None => "There is no runner-up: no other cell keeps them all.".to_owned(),
    });
    for concession in concessions(candidates, objectives, cost, choice) {
        let objective = &objectives[concession.objective];
        sentences.push(format!(
            "It would change if a {} of {} were allowed: to {}.",
            objective.metric,
            short(concession.value),
            phrase(concession.candidate)
        ));
    }
    let margins = objectives.iter().filter_map(|objective| {
        let value = candidates[choice].judged_by(objective)?;
        Some(format!(
            "{} is {} (limit {})",
            objective.metric,
            short(value),
            match objective.limit {
                Limit::Max(limit) | Limit::Min(limit) => short(limit),
            }
        ))
    });
    sentences.push(format!("Its margins: {}.", margins.collect::<Vec<_>>().join(", ")));
    sentences.extend(unmeasured(candidates, objectives));
    sentences
}

/// A number with three digits that say something.
fn short(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        _ if value.abs() >= 1000.0 => count(value.abs() as u128),
        _ if value.abs() >= 0.0001 => format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        _ => format!("{value:.2e}"),
    }
}

/// How much of each criterion's variance over the grid each axis explains.
#[must_use]
pub fn sensitivity(axes: &[String], candidates: &[Candidate]) -> String {
    let indices = Criterion::ALL.map(|criterion| sensitivity::sobol(candidates, criterion));
    if indices.iter().all(Option::is_none) {
        return "\nNo Sobol indices: they are those of a full factorial over which something varies.\n".to_owned();
    }
    let mut table = table(["axis".to_owned()].into_iter().chain(MEASURED.map(str::to_owned)));
    for (axis, name) in axes.iter().enumerate() {
        let cells = indices.iter().map(|indices| match indices {
            Some(indices) => format!("{:.2} / {:.2}", indices[axis].first, indices[axis].total),
            None => "constant".to_owned(),
        });
        table.add_row([name.clone()].into_iter().chain(cells));
    }
    right(&mut table, 1);
    format!(
        "\nShare of the variance over the grid, by itself / with the others (Sobol\nindices):\n\n{}\n",
        table.trim_fmt()
    )
}

/// What one step away from the choice changes.
#[must_use]
pub fn neighbours(
    axes: &[String],
    candidates: &[Candidate],
    objectives: &[Objective],
    neighbours: &[(usize, usize)],
) -> String {
    if neighbours.is_empty() {
        return String::new();
    }
    let header = ["one step away", "to"].into_iter().chain(MEASURED).chain(["misses"]);
    let mut table = table(header.map(str::to_owned));
    for &(axis, number) in neighbours {
        let candidate = &candidates[number];
        let missed =
            objectives.iter().filter(|objective| !candidate.keeps(objective)).map(|objective| objective.metric);
        let missed = missed.collect::<Vec<_>>().join(", ");
        let row = [axes[axis].clone(), candidate.values[axis].clone()];
        table.add_row(row.into_iter().chain(measured(candidate)).chain([missed]));
    }
    // What is missed is told in full.
    if let Some(column) = table.column_mut(5) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    format!("\n{}\n", table.trim_fmt())
}

/// The choice in each world, and whether the one of this world would do there.
#[must_use]
pub fn robustness(
    axes: &[String],
    choices: &[(&str, Option<Candidate>, Option<Candidate>)],
    objectives: &[Objective],
) -> String {
    let mut table = table(["world", "cell", "chosen there", "the choice of here"].map(str::to_owned));
    let here = choices.first().and_then(|(_, choice, _)| choice.as_ref()).map(|choice| choice.cell);
    let mut flips = Vec::new();
    for (world, choice, ours) in choices {
        let cell = choice.as_ref().map(|choice| choice.cell);
        if cell != here {
            flips.push(*world);
        }
        let does = match ours {
            None => String::new(),
            Some(ours) => {
                let missed: Vec<_> = objectives
                    .iter()
                    .filter(|objective| !ours.keeps(objective))
                    .map(|objective| objective.metric)
                    .collect();
                if missed.is_empty() { "would do".to_owned() } else { format!("misses {}", missed.join(", ")) }
            }
        };
        let (cell, chosen) = choice.as_ref().map_or_else(
            || (String::new(), "none".to_owned()),
            |choice| (choice.cell.to_string(), settings(axes, choice)),
        );
        table.add_row([(*world).to_owned(), cell, chosen, does]);
    }
    let verdict = if flips.is_empty() {
        "The choice is the same in all of them.".to_owned()
    } else {
        format!("The choice is another one with {}.", flips.join(", "))
    };
    format!("\n{}\n\n{verdict}\n", table.trim_fmt())
}
