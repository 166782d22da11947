//! The same choice in another world: arrivals, processing times and absences half as many or as long, and half as many or as long
//! again.

use std::sync::Arc;

use crate::scenario::{Arrivals, Distribution, Grid, Scenario};

/// A change of what the policies are not responsible for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct World {
    /// What it is called.
    pub name: &'static str,
    what: What,
    by: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Arrivals,
    Processing,
    Absences,
}

/// The worlds that are looked at.
pub const WORLDS: [World; 6] = [
    World { name: "arrivals -50 %", what: What::Arrivals, by: 0.5 },
    World { name: "arrivals +50 %", what: What::Arrivals, by: 1.5 },
    World { name: "processing -50 %", what: What::Processing, by: 0.5 },
    World { name: "processing +50 %", what: What::Processing, by: 1.5 },
    World { name: "absences -50 %", what: What::Absences, by: 0.5 },
    World { name: "absences +50 %", what: What::Absences, by: 1.5 },
];

impl World {
    /// The grid in this world.
    #[must_use]
    pub fn of(self, grid: &Grid) -> Grid {
        let mut grid = grid.clone();
        grid.cells.iter_mut().for_each(|cell| self.change(&mut cell.scenario));
        grid
    }

    fn change(self, scenario: &mut Scenario) {
        match self.what {
            What::Arrivals => more(&mut scenario.workload.arrivals, self.by),
            What::Processing => longer(&mut scenario.workload.processing, self.by),
            What::Absences => longer(&mut scenario.client.away_time, self.by),
        }
    }
}

fn times(ns: u64, by: f64) -> u64 {
    (ns as f64 * by + 0.5) as u64
}

/// So many times as many arrivals.
fn more(arrivals: &mut Arrivals, by: f64) {
    match arrivals {
        Arrivals::Poisson { mean_gap_ns } => *mean_gap_ns /= by,
        Arrivals::Fixed { every_ns } | Arrivals::Burst { every_ns, .. } => {
            *every_ns = times(*every_ns, 1.0 / by).max(1);
        }
        Arrivals::Daily { rates } => rates.iter_mut().for_each(|rate| *rate *= by),
        Arrivals::Trace { at_ns } => at_ns.iter_mut().for_each(|at| *at = times(*at, 1.0 / by)),
        Arrivals::Recorded(recording) => *recording = Arc::new(recording.quicker(by)),
    }
}

/// Durations so many times as long.
fn longer(distribution: &mut Distribution, by: f64) {
    match distribution {
        Distribution::Constant { value_ns } => *value_ns = times(*value_ns, by),
        Distribution::Exponential { mean_ns } => *mean_ns = times(*mean_ns, by),
        Distribution::Lognormal { median_ns, .. } => *median_ns = times(*median_ns, by),
        Distribution::Empirical { values_ns } => values_ns.iter_mut().for_each(|value| *value = times(*value, by)),
    }
}
