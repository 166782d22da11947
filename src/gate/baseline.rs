//! The committed baseline: the files that an accepted run gave, and which scenario and model they are of.
//!
//! A run is deterministic, so a run of the same scenario and model must give the same bytes. Where either changed, the baseline
//! says nothing, and a new one has to be accepted.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check::quoted;
use super::table::Table;
use super::{Finding, Verdict};
use crate::provenance::MODEL_VERSION;
use crate::report::files::{Staged, WriteError};
use crate::scenario::Scenario;

/// The contents of `baseline.json`: what the files beside it are of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    schema_version: u32,
    scenario_fingerprint: String,
    model_version: u32,
}

const ORIGIN: &str = "baseline.json";
const SUMMARY: &str = "summary.csv";

impl Origin {
    fn of(scenario: &Scenario) -> Self {
        Origin { schema_version: 1, scenario_fingerprint: scenario.fingerprint(), model_version: MODEL_VERSION }
    }
}

/// Compares `summary.csv` of a run with the one of the baseline in `folder`.
#[must_use]
pub fn compare(scenario: &Scenario, file: &str, folder: &Path, summary: &[u8]) -> Finding {
    let accept = format!("to accept what this run gave: stillready gate {} --accept", quoted(file));
    let (verdict, value, advice) = match read(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (Verdict::NoData, format!("there is no baseline in {}", folder.display()), accept)
        }
        Err(error) => {
            (Verdict::NoData, format!("the baseline in {} cannot be read: {error}", folder.display()), accept)
        }
        Ok((origin, baseline)) => match changed(&origin, &Origin::of(scenario)) {
            Some(what) => (Verdict::NotComparable, format!("{what} since the baseline was accepted"), accept),
            None if baseline == summary => (Verdict::Pass, "equal".to_owned(), String::new()),
            None => {
                let advice = format!("if the change is meant, say why in the changelog; {accept}");
                (Verdict::Fail, differences(&baseline, summary), advice)
            }
        },
    };
    Finding { check: "baseline".to_owned(), verdict, value, limit: "exactly what was accepted".to_owned(), advice }
}

fn read(folder: &Path) -> io::Result<(Origin, Vec<u8>)> {
    let origin = serde_json::from_slice(&fs::read(folder.join(ORIGIN))?)?;
    Ok((origin, fs::read(folder.join(SUMMARY))?))
}

/// What makes two origins different, if anything does.
fn changed(then: &Origin, now: &Origin) -> Option<&'static str> {
    if then.schema_version != now.schema_version || then.model_version != now.model_version {
        return Some("the model of this program changed");
    }
    (then.scenario_fingerprint != now.scenario_fingerprint).then_some("the scenario changed")
}

/// The first cells that differ, and how many there are.
fn differences(baseline: &[u8], summary: &[u8]) -> String {
    let (then, now) = (Table::read(baseline), Table::read(summary));
    let cells: Vec<_> = then.differences(&now).collect();
    let Some([policy, column, was, is]) = cells.first() else {
        return "the files differ in their rows or columns".to_owned();
    };
    let more = if cells.len() > 1 { format!(", and {} more cells", cells.len() - 1) } else { String::new() };
    format!("{column} of {policy} was {was} and is {is}{more}")
}

/// Makes what a run gave the baseline in `folder`, and returns the paths of its files.
///
/// # Errors
/// [`WriteError`] if a file cannot be written.
pub fn accept(scenario: &Scenario, folder: &Path, summary: &[u8]) -> Result<Vec<PathBuf>, WriteError> {
    let mut staged = Staged::new(folder)?;
    staged.add(SUMMARY, |file| file.write_all(summary))?;
    staged.add(ORIGIN, |file| {
        serde_json::to_writer_pretty(&mut *file, &Origin::of(scenario))?;
        file.write_all(b"\n")
    })?;
    staged.rename()
}
