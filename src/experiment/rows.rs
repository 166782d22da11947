//! The rows of `uploads.csv`, one per upload and policy, kept in a temporary file while the experiment runs.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom};

use super::run::{Outcome, Run};
use crate::measure::Fact;
use crate::scenario::{SCHEMA_VERSION, Scenario};

/// The header of `uploads.csv`.
pub fn header() -> Vec<&'static str> {
    let mut header = vec!["schema_version", "scenario", "policy", "seed", "upload", "key", "away"];
    header.extend(Fact::COLUMNS.map(Fact::name));
    header.extend(["polls", "arrived_ns", "processing_ns", "away_ns", "ready_to_seen_ns"]);
    header
}

/// Writes the rows of one replication, by upload and then by policy.
pub(super) struct RowWriter {
    csv: csv::Writer<BufWriter<File>>,
    scenario: String,
    policies: Vec<String>,
    seed: u64,
}

impl RowWriter {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> std::io::Result<Self> {
        Ok(RowWriter {
            csv: csv::Writer::from_writer(BufWriter::new(tempfile::tempfile()?)),
            scenario: scenario.name.clone(),
            policies: scenario.policies.iter().map(|policy| policy.name.clone()).collect(),
            seed,
        })
    }

    /// Writes the uploads that are over under every policy.
    pub(super) fn write(&mut self, runs: &mut [Box<dyn Run>]) -> std::io::Result<()> {
        let mut queues: Vec<_> = runs.iter_mut().filter_map(|run| run.outcomes().rows.as_mut()).collect();
        let over = queues.iter().map(|rows| rows.len()).min().unwrap_or(0);
        let mut drains: Vec<_> = queues.iter_mut().map(|rows| rows.drain(..over)).collect();
        for _ in 0..over {
            for (policy, outcomes) in drains.iter_mut().enumerate() {
                if let Some(outcome) = outcomes.next() {
                    self.write_row(policy, &outcome)?;
                }
            }
        }
        Ok(())
    }

    fn write_row(&mut self, policy: usize, outcome: &Outcome) -> std::io::Result<()> {
        let Outcome { upload, facts, polls, ready_to_seen_ns } = outcome;
        let flag = |fact| u8::from(facts.contains(fact));
        let row = (
            (SCHEMA_VERSION, &self.scenario, &self.policies[policy], self.seed),
            (upload.number, upload.key, flag(Fact::Away), Fact::COLUMNS.map(flag)),
            (polls, upload.at.as_ns(), upload.processing_ns, upload.away_ns, ready_to_seen_ns),
        );
        Ok(self.csv.serialize(row)?)
    }

    /// The file, from its beginning.
    pub(super) fn finish(self) -> std::io::Result<File> {
        let buffer = self.csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
        let mut file = buffer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}
