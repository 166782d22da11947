//! Reading reports back: from the files of a folder alone, so that a page needs no new simulation. A folder whose files are not
//! all of one run, whole and as they were written, is refused.

mod record;
mod rows;
mod sound;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use record::{FolderError, Record};
pub use rows::{Absence, Comparison, Entries, MatrixCell, PropertyRow, Summary, Told};

use super::grid;
use super::timeline::Event;
use crate::choice::{self, Candidate};
use crate::provenance::{DIAGNOSIS, RUN, SHARD, SWEEP};
use sound::sound;

/// What one or several runs came to, as their files say.
pub struct Report {
    /// The runs, by their folders' names.
    pub runs: Vec<RunReport>,
    /// The causes under the remedies.
    pub diagnosis: Option<Diagnosis>,
    /// The grids that were swept.
    pub sweeps: Vec<Sweep>,
}

/// A grid that was swept.
pub struct Sweep {
    /// `run.json`.
    pub record: Record,
    /// A row per cell.
    pub candidates: Vec<Candidate>,
}

/// What a run came to.
pub struct RunReport {
    /// `run.json`.
    pub record: Record,
    /// A row per policy.
    pub summary: Vec<Summary>,
    /// A row per pair of policies, group of clients and measurement.
    pub comparisons: Vec<Comparison>,
    /// A row per policy and property.
    pub properties: Vec<PropertyRow>,
    /// What clients were told, over the time since the upload.
    pub told: Vec<Told>,
    /// Clients by how long they were away.
    pub absences: Vec<Absence>,
    /// Entries over time.
    pub entries: Vec<Entries>,
    /// The steps of the first witnesses.
    pub witnesses: Vec<Event>,
}

/// The causes under the remedies.
pub struct Diagnosis {
    /// `run.json`.
    pub record: Record,
    /// A row per cause and remedy.
    pub cells: Vec<MatrixCell>,
}

/// Reads the report in a folder: a run, a diagnosis, or folders of these.
///
/// # Errors
/// [`FolderError`] if there is none, or one is not whole.
pub fn read(folder: &Path) -> Result<Report, FolderError> {
    let mut report = Report { runs: Vec::new(), diagnosis: None, sweeps: Vec::new() };
    let mut versions: Option<String> = None;
    for folder in folders(folder)? {
        let record = Record::read(&folder)?;
        let (first, other) = (versions.get_or_insert_with(|| record.versions()).clone(), record.versions());
        if first != other {
            return Err(FolderError::Mixed { folder, first, other });
        }
        match record.kind.as_str() {
            SHARD => return Err(FolderError::Part { folder }),
            DIAGNOSIS => {
                report.diagnosis = Some(Diagnosis {
                    cells: sound(&folder, "matrix.csv", rows(&folder, &record, "matrix.csv")?)?,
                    record,
                });
            }
            SWEEP => report.sweeps.push(candidates(&folder, record)?),
            RUN => report.runs.push(run(&folder, record)?),
            other => {
                let reason = format!("its kind is `{}`, of which this program knows nothing", other.escape_debug());
                return Err(FolderError::Record { path: folder.join(record::NAME), reason });
            }
        }
    }
    Ok(report)
}

/// The folders of parts of a sweep, finished or not, in a folder: itself, or those in it whose records or names say so.
pub(super) fn shards(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    if has_tables(folder) || Record::is_in(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = |source| FolderError::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_named = path.file_name().is_some_and(|name| name.to_string_lossy().contains(grid::SHARD_OF));
        // A folder that was made for one and has nothing yet is none.
        let has_some = || has_tables(&path) || Record::is_in(&path) || grid::is_unfinished(&path);
        if path.is_dir() && (is_named && has_some() || Record::is_of_shard(&path)) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(FolderError::NoReport { folder: folder.to_owned() });
    }
    Ok(found)
}

/// Reads the table of one part of a sweep, and its record.
///
/// # Errors
/// [`FolderError`] if there is none, or it is not whole.
pub fn shard(folder: &Path) -> Result<(Record, Vec<u8>), FolderError> {
    let record = Record::read(folder)?;
    match record.bytes_of(folder, grid::TABLE)? {
        Some(table) if record.kind == SHARD => Ok((record, table)),
        _ => Err(FolderError::NoReport { folder: folder.to_owned() }),
    }
}

/// Reads the sweep in a folder.
///
/// # Errors
/// [`FolderError`] if there is none, or it is not whole.
pub fn sweep(folder: &Path) -> Result<Sweep, FolderError> {
    let record = Record::read(folder)?;
    if record.kind != SWEEP {
        return Err(FolderError::NoReport { folder: folder.to_owned() });
    }
    candidates(folder, record)
}

fn candidates(folder: &Path, record: Record) -> Result<Sweep, FolderError> {
    let bytes = record.bytes_of(folder, grid::TABLE)?.unwrap_or_default();
    let wrong =
        |error: choice::InvalidGrid| FolderError::Table { path: folder.join(grid::TABLE), reason: error.to_string() };
    Ok(Sweep { candidates: choice::read(&bytes, record.axes.len()).map_err(wrong)?, record })
}

fn run(folder: &Path, record: Record) -> Result<RunReport, FolderError> {
    let summary: Vec<Summary> = sound(folder, "summary.csv", rows(folder, &record, "summary.csv")?)?;
    if !summary.iter().map(|row| &row.policy).eq(&record.policies) {
        let reason = "its policies are not those that the record names".to_owned();
        return Err(FolderError::Table { path: folder.join("summary.csv"), reason });
    }
    Ok(RunReport {
        summary,
        comparisons: sound(folder, "comparison.csv", rows(folder, &record, "comparison.csv")?)?,
        properties: rows(folder, &record, "properties.csv")?,
        told: sound(folder, "told.csv", rows(folder, &record, "told.csv")?)?,
        absences: sound(folder, "absences.csv", rows(folder, &record, "absences.csv")?)?,
        entries: sound(folder, "entries.csv", rows(folder, &record, "entries.csv")?)?,
        witnesses: rows(folder, &record, "witnesses.csv")?,
        record,
    })
}

/// The folder itself if it is that of a run, else those of its folders that are, by their names.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    if Record::is_in(folder) || has_tables(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let unreadable = |source| FolderError::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() && Record::is_in(&path) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(FolderError::NoReport { folder: folder.to_owned() });
    }
    Ok(found)
}

/// Whether a folder has tables of a run, though no record of it.
fn has_tables(folder: &Path) -> bool {
    ["summary.csv", "properties.csv", "matrix.csv", grid::TABLE].iter().any(|name| folder.join(name).is_file())
}

/// The rows of a table; none if the run did not write it.
fn rows<R: DeserializeOwned>(folder: &Path, record: &Record, name: &str) -> Result<Vec<R>, FolderError> {
    let Some(bytes) = record.bytes_of(folder, name)? else { return Ok(Vec::new()) };
    let path = folder.join(name);
    let wrong = |error: csv::Error| FolderError::Table { path: path.clone(), reason: error.to_string() };
    csv::Reader::from_reader(&bytes[..]).into_deserialize().collect::<Result<_, _>>().map_err(wrong)
}
