//! The committed baseline: the files that an accepted run gave, and which scenario and model they are of.
//!
//! A run is deterministic, so a run of the same scenario and model must give the same bytes. Where the model changed, its rates are
//! compared as those of two samples, and what differs by more than chance explains is no pass, unless it is better. Where the
//! scenario changed, the baseline says nothing, and a new one has to be accepted.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::table::Table;
use super::{Finding, Verdict, family};
use crate::measure::evidence;
use crate::provenance::MODEL_VERSION;
use crate::report::files::{Staged, WriteError};
use crate::report::sentences::quoted;
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

/// Why the numbers of a run need not be those of its baseline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unlike {
    /// Another model gave them.
    Model,
    /// They are of another seed.
    Seed,
}

/// Compares `summary.csv` of a run with the one of the baseline in `folder`.
#[must_use]
pub fn compare(scenario: &Scenario, file: &str, folder: &Path, summary: &[u8]) -> Finding {
    compare_as(scenario, None, file, folder, summary)
}

/// The same for a run of another seed than `scenario` has: by its rates.
#[must_use]
pub fn compare_other_seed(scenario: &Scenario, file: &str, folder: &Path, summary: &[u8]) -> Finding {
    compare_as(scenario, Some(Unlike::Seed), file, folder, summary)
}

fn compare_as(scenario: &Scenario, unlike: Option<Unlike>, file: &str, folder: &Path, summary: &[u8]) -> Finding {
    let accept = format!("to accept what this run gave: stillready gate {} --accept", quoted(file));
    let (verdict, value, advice) = match read(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (Verdict::NoData, format!("there is no baseline in {}", folder.display()), accept)
        }
        Err(error) => {
            (Verdict::NoData, format!("the baseline in {} cannot be read: {error}", folder.display()), accept)
        }
        Ok((origin, baseline)) => match changed(&origin, &Origin::of(scenario)) {
            Some(Changed::Model) => return by_rates(&baseline, summary, Unlike::Model, accept),
            Some(Changed::Scenario) => {
                (Verdict::NotComparable, "the scenario changed since the baseline was accepted".to_owned(), accept)
            }
            None if let Some(unlike) = unlike => return by_rates(&baseline, summary, unlike, accept),
            None if baseline == summary => (Verdict::Pass, "equal".to_owned(), String::new()),
            None => {
                let advice = format!("if the change is meant, say why in the changelog; {accept}");
                (Verdict::Fail, differences(&baseline, summary), advice)
            }
        },
    };
    finding(verdict, value, "exactly what was accepted".to_owned(), advice)
}

fn finding(verdict: Verdict, value: String, limit: String, advice: String) -> Finding {
    Finding { check: "baseline".to_owned(), verdict, value, limit, advice, doubt: None, line: None }
}

/// Which way a rate should go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Higher,
    Lower,
    /// Neither is better.
    Same,
}

fn wanted(measurement: &str) -> Wanted {
    match measurement {
        "saw_ready" => Wanted::Higher,
        "saw_error" => Wanted::Same,
        _ => Wanted::Lower,
    }
}

/// A rate that differs by more than chance explains.
struct Difference {
    what: String,
    is_better: bool,
}

/// Compares the rates of a run with those of a baseline whose numbers need not be the same.
fn by_rates(baseline: &[u8], summary: &[u8], unlike: Unlike, accept: String) -> Finding {
    let (then, now) = (Table::read(baseline), Table::read(summary));
    let percent = family::ALARM_ERROR * 100.0;
    let limit = format!(
        "no rate that differs by more than chance explains: a false alarm in at most {percent} % of comparisons"
    );
    let Some((compared, differ)) = differing(&then, &now) else {
        return finding(Verdict::NotComparable, "the baseline has other policies or rates".to_owned(), limit, accept);
    };
    let named = |is_better| {
        let named = differ.iter().filter(move |difference| difference.is_better == is_better);
        named.map(|difference| difference.what.as_str()).collect::<Vec<_>>()
    };
    let (better, worse) = (named(true), named(false));
    let stale = match unlike {
        Unlike::Model => format!("the baseline is of an earlier model: {accept}"),
        Unlike::Seed => String::new(),
    };
    match (&better[..], &worse[..]) {
        ([], []) => finding(Verdict::Pass, format!("none of {compared} rates differs"), limit, stale),
        (better, []) => finding(Verdict::Improved, better.join("; "), limit, stale),
        (_, worse) => {
            let advice = match unlike {
                Unlike::Model => format!("if the change is meant, say why in the changelog; {accept}"),
                Unlike::Seed => "one seed in a hundred may differ by chance: try others".to_owned(),
            };
            finding(Verdict::Fail, worse.join("; "), limit, advice)
        }
    }
}

/// More uploads than any run has: a file that says so was not written by one, and sums of two such numbers would not fit.
const UPLOADS_MAX: u64 = 1 << 53;

/// How many rates were compared, and which of them differ. `None` if the tables are not of the same policies and rates, or of no
/// uploads.
fn differing(then: &Table, now: &Table) -> Option<(usize, Vec<Difference>)> {
    let policies: Vec<&str> = then.column("policy").collect();
    let rates: Vec<&str> = then.columns().filter_map(|column| column.strip_suffix("_rate")).collect();
    if policies.is_empty() || rates.is_empty() || !now.column("policy").eq(policies.iter().copied()) {
        return None;
    }
    let mut all = Vec::new();
    for policy in policies {
        for &measurement in &rates {
            let count = |table: &Table| {
                let row = [("policy", policy)];
                let count = (table.count(&row, measurement)?, table.count(&row, "uploads")?);
                Some(count).filter(|&(events, uploads)| events <= uploads && (1..=UPLOADS_MAX).contains(&uploads))
            };
            all.push((policy, measurement, count(then)?, count(now)?));
        }
    }
    // Each rate may have gone up, and may have gone down.
    let chances = all.iter().flat_map(|&(_, _, was, is)| [evidence::higher(was, is), evidence::higher(is, was)]);
    let refuted = family::refuted(&chances.collect::<Vec<_>>(), family::ALARM_ERROR);
    let mut differ = Vec::new();
    for (&(policy, measurement, was, is), went) in all.iter().zip(refuted.chunks(2)) {
        if went.contains(&true) {
            let rate = |(events, uploads): (u64, u64)| events as f64 / uploads as f64;
            let what = format!("{measurement}_rate of {policy} was {} and is {}", rate(was), rate(is));
            let is_better = match wanted(measurement) {
                Wanted::Higher => went[0],
                Wanted::Lower => went[1],
                Wanted::Same => false,
            };
            differ.push(Difference { what, is_better });
        }
    }
    Some((all.len(), differ))
}

fn read(folder: &Path) -> io::Result<(Origin, Vec<u8>)> {
    let bytes_of = |name: &str| {
        fs::read(folder.join(name)).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
    };
    let origin = serde_json::from_slice(&bytes_of(ORIGIN)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{ORIGIN}: {error}")))?;
    Ok((origin, bytes_of(SUMMARY)?))
}

/// What makes two origins different.
enum Changed {
    Scenario,
    Model,
}

fn changed(then: &Origin, now: &Origin) -> Option<Changed> {
    if then.schema_version != now.schema_version || then.scenario_fingerprint != now.scenario_fingerprint {
        return Some(Changed::Scenario);
    }
    (then.model_version != now.model_version).then_some(Changed::Model)
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
