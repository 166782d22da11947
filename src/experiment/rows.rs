//! The rows of `uploads.csv`, one per upload and policy, kept in a temporary file while the experiment runs.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom};

use super::run::Outcome;
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

    /// Writes uploads in the order of their arrival; `outcomes` has the same uploads for each policy.
    pub(super) fn write(&mut self, outcomes: &[Vec<Outcome>]) -> std::io::Result<()> {
        let uploads = outcomes.iter().map(Vec::len).min().unwrap_or(0);
        for upload in 0..uploads {
            for (policy, outcomes) in outcomes.iter().enumerate() {
                self.write_row(policy, &outcomes[upload])?;
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
