//! Choosing a policy among the cells of a grid: the Pareto front, the cheapest that keeps the objectives, and how sure that is.

pub mod robust;
pub mod sensitivity;

use std::collections::BTreeMap;

use thiserror::Error;

use crate::measure::interval::{self, Estimate};
use crate::scenario::{Limit, Objective};

/// What a policy is judged by: the less of each, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// The share of users who are told `not_found` after a success.
    Harm,
    /// The most entries held at a time.
    Memory,
    /// Entries that a scan at each sweep visits, per poll.
    Work,
}

impl Criterion {
    /// All of them.
    pub const ALL: [Criterion; 3] = [Criterion::Harm, Criterion::Memory, Criterion::Work];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Criterion::Harm => "false_not_found_rate",
            Criterion::Memory => "live_entries_max",
            Criterion::Work => "visits_per_poll",
        }
    }
}

/// A cell of a grid, measured.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its number.
    pub cell: usize,
    /// Its value on each axis.
    pub values: Vec<String>,
    /// Its measurements, by their columns.
    measured: BTreeMap<String, f64>,
}

/// Why a table of a grid cannot be read.
#[derive(Debug, Error)]
pub enum InvalidGrid {
    /// It is no CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// Its counts cannot be true.
    #[error("row {row} has counts that cannot be true")]
    Impossible {
        /// Which row, from 1.
        row: usize,
    },
    /// A column is missing or has something else in it.
    #[error("row {row} has no number in the column `{column}`")]
    Cell {
        /// Which row, from 1.
        row: usize,
        /// Which column.
        column: String,
    },
}

/// The columns that every cell must have.
const NEEDED: [&str; 5] = ["uploads", "false_not_found", "live_entries_max", "entries_scanned", "polls"];

/// Reads `grid.csv`, whose axes stand after the first three columns.
///
/// # Errors
/// [`InvalidGrid`] if it is no table of a grid.
pub fn read(bytes: &[u8], axes: usize) -> Result<Vec<Candidate>, InvalidGrid> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers()?.clone();
    let mut candidates = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record?;
        let missing = |column: &str| InvalidGrid::Cell { row: number + 1, column: column.to_owned() };
        let cell = record.get(2).and_then(|cell| cell.parse().ok()).ok_or_else(|| missing("cell"))?;
        let values = record.iter().skip(3).take(axes).map(str::to_owned).collect();
        let columns = header.iter().zip(&record).skip(3 + axes);
        let measured: BTreeMap<_, _> =
            columns.filter_map(|(column, text)| Some((column.to_owned(), text.parse().ok()?))).collect();
        if let Some(column) = NEEDED.into_iter().find(|column| !measured.contains_key(*column)) {
            return Err(missing(column));
        }
        if measured["false_not_found"] > measured["uploads"] || measured.values().any(|value| *value < 0.0) {
            return Err(InvalidGrid::Impossible { row: number + 1 });
        }
        candidates.push(Candidate { cell, values, measured });
    }
    Ok(candidates)
}

impl Candidate {
    /// A measurement; `None` if there is none.
    #[must_use]
    pub fn measured(&self, column: &str) -> Option<f64> {
        self.measured.get(column).copied()
    }

    /// The share of users who were told `not_found` after a success; `None` without uploads.
    #[must_use]
    pub fn harm(&self) -> Option<Estimate> {
        let [uploads, hurt] =
            ["uploads", "false_not_found"].map(|column| self.measured.get(column).copied().unwrap_or(0.0));
        interval::rate(hurt as u64, uploads as u64)
    }

    /// What it comes to by a criterion.
    #[must_use]
    pub fn by(&self, criterion: Criterion) -> f64 {
        let of = |column| self.measured.get(column).copied().unwrap_or(0.0);
        match criterion {
            Criterion::Harm => self.harm().map_or(1.0, |rate| rate.value),
            Criterion::Memory => of("live_entries_max"),
            Criterion::Work => {
                if of("polls") > 0.0 {
                    of("entries_scanned") / of("polls")
                } else {
                    0.0
                }
            }
        }
    }

    /// Whether it is nowhere worse than another one, and somewhere better.
    #[must_use]
    pub fn dominates(&self, other: &Candidate) -> bool {
        let pairs = Criterion::ALL.map(|criterion| (self.by(criterion), other.by(criterion)));
        pairs.iter().all(|(mine, others)| mine <= others) && pairs.iter().any(|(mine, others)| mine < others)
    }

    /// The value by which an objective is judged: the far end of its 95 % interval where it has one, so that a limit that is kept is
    /// kept at 95 %. `None` if it was not measured.
    #[must_use]
    pub fn judged_by(&self, objective: &Objective) -> Option<f64> {
        let end = match objective.limit {
            Limit::Max(_) => "high",
            Limit::Min(_) => "low",
        };
        self.measured(&format!("{}_{end}", objective.metric)).or_else(|| self.measured(objective.metric))
    }

    /// Whether it keeps an objective; not if it was not measured.
    #[must_use]
    pub fn keeps(&self, objective: &Objective) -> bool {
        self.judged_by(objective).is_some_and(|value| match objective.limit {
            Limit::Max(max) => value <= max,
            Limit::Min(min) => value >= min,
        })
    }
}

/// A place on the Pareto front, and which cells are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first of them, among the candidates.
    pub candidate: usize,
    /// How many others come to the very same.
    pub alike: usize,
}

/// The Pareto front: what none of the others dominates, the smallest memory first.
#[must_use]
pub fn front(candidates: &[Candidate]) -> Vec<Place> {
    let mut best: Vec<usize> = (0..candidates.len())
        .filter(|&one| !candidates.iter().any(|other| other.dominates(&candidates[one])))
        .collect();
    let key = |number: usize| {
        [Criterion::Memory, Criterion::Work, Criterion::Harm].map(|criterion| candidates[number].by(criterion))
    };
    best.sort_by(|&one, &other| {
        let pairs = key(one).into_iter().zip(key(other));
        pairs.map(|(one, other)| one.total_cmp(&other)).find(|order| order.is_ne()).unwrap_or(one.cmp(&other))
    });
    let places = best.chunk_by(|&one, &other| key(one) == key(other));
    places.map(|places| Place { candidate: places[0], alike: places.len() - 1 }).collect()
}

/// Those that keep all objectives, the cheapest first: by what it costs, then by the other criteria, then in their order.
#[must_use]
pub fn ranked(candidates: &[Candidate], objectives: &[Objective], cost: Criterion) -> Vec<usize> {
    let keeps = |number: &usize| objectives.iter().all(|objective| candidates[*number].keeps(objective));
    let mut ranked: Vec<usize> = (0..candidates.len()).filter(keeps).collect();
    let others = [Criterion::Work, Criterion::Harm, Criterion::Memory];
    let key = |number: usize| [cost].into_iter().chain(others).map(move |criterion| candidates[number].by(criterion));
    ranked.sort_by(|&one, &other| {
        let pairs = key(one).zip(key(other));
        pairs.map(|(one, other)| one.total_cmp(&other)).find(|order| order.is_ne()).unwrap_or(one.cmp(&other))
    });
    ranked
}

/// What would have to be allowed for a cheaper cell to be chosen.
#[derive(Clone, Debug)]
pub struct Concession {
    /// The cell, among the candidates.
    pub candidate: usize,
    /// The one objective that it does not keep, by its number.
    pub objective: usize,
    /// What it comes to instead.
    pub value: f64,
}

/// Of the cells that are cheaper than the choice and miss one objective only, for each objective the one that misses it by least.
#[must_use]
pub fn concessions(
    candidates: &[Candidate],
    objectives: &[Objective],
    cost: Criterion,
    choice: usize,
) -> Vec<Concession> {
    let mut nearest: BTreeMap<usize, Concession> = BTreeMap::new();
    for (number, candidate) in candidates.iter().enumerate() {
        let missed: Vec<_> =
            (0..objectives.len()).filter(|&objective| !candidate.keeps(&objectives[objective])).collect();
        let [objective] = missed[..] else { continue };
        let Some(value) = candidate.judged_by(&objectives[objective]) else { continue };
        if candidate.by(cost) >= candidates[choice].by(cost) {
            continue;
        }
        let misses_less = |than: &Concession| match objectives[objective].limit {
            Limit::Max(_) => value < than.value,
            Limit::Min(_) => value > than.value,
        };
        if nearest.get(&objective).is_none_or(misses_less) {
            nearest.insert(objective, Concession { candidate: number, objective, value });
        }
    }
    nearest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(cell: usize, hurt: u64, entries: u64, work: u64) -> Candidate {
        let columns = [
            ("uploads", 1000),
            ("false_not_found", hurt),
            ("live_entries_max", entries),
            ("entries_scanned", work),
            ("polls", 1),
        ];
        let measured = columns.map(|(column, value)| (column.to_owned(), value as f64)).into_iter().collect();
        Candidate { cell, values: vec![cell.to_string()], measured }
    }

    #[test]
    fn the_front_is_what_nothing_dominates() {
        let all = [
            candidate(0, 10, 5, 5),
            candidate(1, 5, 10, 5),
            candidate(2, 10, 10, 5),
            candidate(3, 10, 5, 5),
            candidate(4, 50, 50, 1),
        ];
        let places: Vec<_> = front(&all).into_iter().map(|place| (place.candidate, place.alike)).collect();
        assert_eq!(places, [(0, 1), (1, 0), (4, 0)]);
    }

    #[test]
    fn the_cheapest_that_keeps_all_objectives_comes_first() {
        let max = |metric, max| Objective { metric, limit: Limit::Max(max) };
        let all = [candidate(0, 100, 5, 5), candidate(1, 0, 20, 5), candidate(2, 0, 10, 9), candidate(3, 0, 10, 5)];
        let objectives = [max("live_entries_max", 15.0)];
        assert_eq!(ranked(&all, &objectives, Criterion::Memory), [0, 3, 2]);
        assert_eq!(ranked(&all, &objectives, Criterion::Work), [3, 0, 2]);
        assert!(ranked(&all, &[max("told_lost_rate", 1.0)], Criterion::Memory).is_empty(), "not measured is not kept");
        let concessions =
            concessions(&all, &[max("live_entries_max", 9.0), max("entries_scanned", 6.0)], Criterion::Work, 2);
        let told: Vec<_> = concessions.iter().map(|one| (one.candidate, one.objective, one.value)).collect();
        assert_eq!(told, [(3, 0, 10.0)]);
    }
}
