//! Which axis of a grid decides how much: Sobol indices, exact for a full factorial whose values are equally likely (I. M. Sobol',
//! Mathematics and Computers in Simulation 55, 2001), and what one step along each axis changes.

use std::collections::BTreeMap;

use super::{Candidate, Criterion};

/// How much of a criterion's variance an axis explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sobol {
    /// By itself: the first-order index.
    pub first: f64,
    /// Together with the other axes: the total index.
    pub total: f64,
}

/// The indices of each axis; `None` where the cells are no full factorial, or the criterion does not vary.
#[must_use]
pub fn sobol(candidates: &[Candidate], criterion: Criterion) -> Option<Vec<Sobol>> {
    let axes = candidates.first()?.values.len();
    let values: Vec<f64> = candidates.iter().map(|candidate| candidate.by(criterion)).collect();
    let sizes = (0..axes).map(|axis| {
        let distinct: std::collections::BTreeSet<_> =
            candidates.iter().map(|candidate| &candidate.values[axis]).collect();
        distinct.len()
    });
    let distinct: std::collections::BTreeSet<_> = candidates.iter().map(|candidate| &candidate.values).collect();
    if sizes.product::<usize>() != candidates.len() || distinct.len() != candidates.len() {
        return None;
    }
    let all = variance(&values);
    if all <= 0.0 {
        return None;
    }
    // The variance of the means over all cells that agree on some axes.
    let between = |agree: &dyn Fn(usize) -> bool| {
        let mut groups: BTreeMap<Vec<&str>, (f64, f64)> = BTreeMap::new();
        for (candidate, value) in candidates.iter().zip(&values) {
            let key = (0..axes).filter(|&axis| agree(axis)).map(|axis| candidate.values[axis].as_str()).collect();
            let (sum, count) = groups.entry(key).or_default();
            *sum += value;
            *count += 1.0;
        }
        variance(&groups.into_values().map(|(sum, count)| sum / count).collect::<Vec<_>>())
    };
    let indices = (0..axes).map(|axis| Sobol {
        first: between(&|other| other == axis) / all,
        // Rounding may leave a little less than nothing.
        total: (1.0 - between(&|other| other != axis) / all).max(0.0),
    });
    Some(indices.collect())
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / values.len() as f64
}

/// The cells that differ from one on a single axis, by the axis.
#[must_use]
pub fn neighbours(candidates: &[Candidate], choice: usize) -> Vec<(usize, usize)> {
    let chosen = &candidates[choice].values;
    let mut found = Vec::new();
    for (number, candidate) in candidates.iter().enumerate() {
        let mut differing = (0..chosen.len()).filter(|&axis| candidate.values[axis] != chosen[axis]);
        if let (Some(axis), None) = (differing.next(), differing.next()) {
            found.push((axis, number));
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = 3a + b + ab over a, b ∈ {−1, 1}: variances 9, 1 and 1 of 11.
    #[test]
    fn indices_are_those_of_the_exact_decomposition() {
        let all: Vec<_> = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
            .into_iter()
            .map(|(a, b): (i32, i32)| {
                let entries = f64::from(3 * a + b + a * b + 10);
                let columns = [
                    ("uploads", 1.0),
                    ("false_not_found", 0.0),
                    ("live_entries_max", entries),
                    ("entries_scanned", 1.0),
                    ("polls", 1.0),
                ];
                let measured = columns.map(|(column, value)| (column.to_owned(), value)).into_iter().collect();
                Candidate { cell: 0, values: vec![a.to_string(), b.to_string()], measured }
            })
            .collect();
        let indices = sobol(&all, Criterion::Memory).unwrap();
        let near = |one: f64, other: f64| (one - other).abs() < 1e-12;
        assert!(near(indices[0].first, 9.0 / 11.0) && near(indices[0].total, 10.0 / 11.0), "{indices:?}");
        assert!(near(indices[1].first, 1.0 / 11.0) && near(indices[1].total, 2.0 / 11.0), "{indices:?}");
        assert_eq!(sobol(&all, Criterion::Harm), None, "it does not vary");
        assert_eq!(sobol(&all[..3], Criterion::Memory), None, "no full factorial");
        assert_eq!(neighbours(&all, 0), [(0, 2), (1, 1)]);
    }
}
