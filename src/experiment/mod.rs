//! Experiments: replications of all policies of a scenario, compared upload by upload.
//!
//! One replication runs all policies side by side, a slice of arrivals at a time, so that the fate of each upload under one
//! policy can be compared with its fate under the others and then be forgotten. The work is spread over threads by
//! replication and policy; every result is a sum of integers or is put in order, so the number of threads decides nothing.

pub mod precision;
pub mod rows;
mod run;
pub mod shard;
pub mod shrink;
pub mod splitting;
pub mod sweep;
pub mod verify;

use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use thiserror::Error;

use crate::measure::{Pairs, Tally};
use crate::property::Verdicts;
use crate::scenario::Scenario;
use rows::RowWriter;
use run::{Run, follow, new_run};
pub use run::{observe, replay};

/// How many uploads arrive before the policies wait for each other.
const SLICE: u32 = 1 << 16;

/// What an experiment does besides measuring.
pub struct Options<'a> {
    /// Threads, at least 1.
    pub jobs: usize,
    /// Whether to write a row for every upload and policy to a temporary file.
    pub upload_rows: bool,
    /// Told how many uploads of one policy have arrived since it was told last; may be called from any thread.
    pub on_progress: &'a (dyn Fn(u64) + Sync),
    /// Set by somebody else to stop the experiment.
    pub stop: &'a AtomicBool,
}

/// What came of an experiment.
pub struct Results {
    /// What was run.
    pub scenario: Scenario,
    /// One per replication, in the order of their seeds.
    pub replications: Vec<Replication>,
}

/// What came of one replication.
pub struct Replication {
    /// Its seed.
    pub seed: u64,
    /// One tally per policy, in the scenario's order.
    pub tallies: Vec<Tally>,
    /// One comparison per pair of policies, in the order of [`pairs_of`].
    pub pairs: Vec<Pairs>,
    /// The verdicts on the properties, one set per policy.
    pub verdicts: Vec<Verdicts>,
    /// The rows of `uploads.csv`, without the header, if they were asked for.
    pub upload_rows: Option<File>,
}

/// Why an experiment has no results.
#[derive(Debug, Error)]
pub enum ExperimentError {
    /// It was stopped.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// The rows of `uploads.csv` could not be kept.
    #[error("cannot keep the rows of uploads.csv in a temporary file; free some space or set TMPDIR")]
    Rows(#[from] std::io::Error),
}

/// The pairs of `policies` policies that are compared: each with each that comes after it.
pub fn pairs_of(policies: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..policies).flat_map(move |first| (first + 1..policies).map(move |second| (first, second)))
}

impl Results {
    /// One tally per policy over all replications.
    #[must_use]
    pub fn tallies(&self) -> Vec<Tally> {
        let mut total = vec![Tally::default(); self.scenario.policies.len()];
        for replication in &self.replications {
            for (sum, tally) in total.iter_mut().zip(&replication.tallies) {
                sum.merge(tally);
            }
        }
        total
    }

    /// The verdicts on the properties over all replications, one set per policy.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdicts> {
        let mut total = vec![Verdicts::default(); self.scenario.policies.len()];
        for replication in &self.replications {
            for (sum, verdicts) in total.iter_mut().zip(&replication.verdicts) {
                sum.merge(verdicts);
            }
        }
        total
    }

    /// The number of the replication with a seed.
    pub(crate) fn order_of(&self, seed: u64) -> Option<usize> {
        self.replications.iter().position(|replication| replication.seed == seed)
    }

    /// Notes that everything was run twice, and came out the same.
    pub fn note_replay(&mut self) {
        self.replications.iter_mut().flat_map(|replication| &mut replication.verdicts).for_each(Verdicts::note_replay);
    }

    /// What the policies' expectations have against these results, a sentence each.
    #[must_use]
    pub fn disappointments(&self) -> Vec<String> {
        let policies = self.scenario.policies.iter().zip(self.verdicts());
        let all = policies.flat_map(|(policy, verdicts)| {
            let sentences = verdicts.disappointments(policy);
            sentences.into_iter().map(|sentence| format!("{}: {sentence}", policy.name)).collect::<Vec<_>>()
        });
        all.collect()
    }

    /// One comparison per pair of policies over all replications, with the numbers of the two policies.
    #[must_use]
    pub fn pairs(&self) -> Vec<((usize, usize), Pairs)> {
        let mut total: Vec<_> = pairs_of(self.scenario.policies.len()).map(|pair| (pair, Pairs::default())).collect();
        for replication in &self.replications {
            for ((_, sum), pairs) in total.iter_mut().zip(&replication.pairs) {
                sum.merge(pairs);
            }
        }
        total
    }
}

/// The seed of a replication, counted from 0: the scenario's seed and those after it.
#[must_use]
pub fn replication_seed(scenario: &Scenario, replication: u32) -> u64 {
    scenario.seed.wrapping_add(u64::from(replication))
}

/// Runs all replications of a scenario.
///
/// # Errors
/// [`ExperimentError::Interrupted`] if it was stopped, [`ExperimentError::Rows`] if upload rows were asked for and could not
/// be kept.
///
/// # Panics
/// If the operating system cannot start the threads.
pub fn run(scenario: &Scenario, options: &Options<'_>) -> Result<Results, ExperimentError> {
    let replications = run_replications(scenario, 0..scenario.replications, options)?;
    Ok(Results { scenario: scenario.clone(), replications })
}

/// Runs some of a scenario's replications, or more than it has, by their numbers.
fn run_replications(
    scenario: &Scenario,
    numbers: Range<u32>,
    options: &Options<'_>,
) -> Result<Vec<Replication>, ExperimentError> {
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .expect("the operating system can start a few threads");
    threads.install(|| {
        numbers
            .into_par_iter()
            .map(|number| replicate(scenario, replication_seed(scenario, number), options))
            .collect::<Result<Vec<_>, _>>()
    })
}

fn replicate(scenario: &Scenario, seed: u64, options: &Options<'_>) -> Result<Replication, ExperimentError> {
    let mut runs: Vec<Box<dyn Run>> =
        scenario.policies.iter().map(|policy| new_run(scenario, policy, seed, options.upload_rows)).collect();
    let mut pairs: Vec<_> = pairs_of(runs.len()).map(|_| Pairs::default()).collect();
    let mut rows = options.upload_rows.then(|| RowWriter::new(scenario, seed)).transpose()?;
    let mut arrivals = 0;
    let mut done = false;
    while !done {
        if options.stop.load(Ordering::Relaxed) {
            return Err(ExperimentError::Interrupted);
        }
        let slice = SLICE.min(scenario.uploads - arrivals);
        arrivals += slice;
        // The slice after the last arrival lets everything come to its end.
        let until = if slice == 0 { u32::MAX } else { arrivals };
        done = runs.par_iter_mut().map(|run| run.advance(until)).reduce(|| true, |a, b| a & b);
        (options.on_progress)(u64::from(slice) * runs.len() as u64);
        // What is over under every policy is compared, and forgotten.
        let over = runs.iter_mut().map(|run| run.outcomes().over()).min().unwrap_or(0);
        let (facts, outcomes): (Vec<_>, Vec<_>) = runs.iter_mut().map(|run| run.outcomes().take(over)).unzip();
        for ((first, second), pairs) in pairs_of(runs.len()).zip(&mut pairs) {
            for (&first, &second) in facts[first].iter().zip(&facts[second]) {
                pairs.count(first, second);
            }
        }
        if let Some(rows) = &mut rows {
            rows.write(&outcomes)?;
        }
    }
    let (tallies, verdicts) = runs.into_iter().map(Run::finish).unzip();
    Ok(Replication { seed, tallies, pairs, verdicts, upload_rows: rows.map(RowWriter::finish).transpose()? })
}
