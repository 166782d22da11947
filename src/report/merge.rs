//! Merging the parts of a sweep that ran by themselves. Each must be there, whole, once, and of the same grid: a table with a hole,
//! or with rows of two programs, would be believed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::files::{Staged, WriteError};
use super::grid::{self, TABLE};
use super::read::{self, FolderError, Record};
use crate::experiment::shard::Shard;
use crate::provenance::{Clock, Provenance, ScenarioRecord, SweepRecord};

/// Why parts cannot be merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// A part is not whole, or was changed.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It is no part.
    #[error("{} is a whole sweep, not a shard of one", folder.display())]
    Whole {
        /// Where.
        folder: PathBuf,
    },
    /// A part is still being written, or its writer was stopped.
    #[error("{} is not finished", folder.display())]
    Unfinished {
        /// Where.
        folder: PathBuf,
    },
    /// A part is of another sweep than the first.
    #[error("{} does not belong to {}: another {what}", folder.display(), first.display())]
    Foreign {
        /// Where.
        folder: PathBuf,
        /// Where the first one is.
        first: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// A part is there twice.
    #[error("shard {shard} is there twice, in {} and in {}", first.display(), second.display())]
    Repeated {
        /// Which.
        shard: Shard,
        /// Where it was found first.
        first: PathBuf,
        /// Where else.
        second: PathBuf,
    },
    /// Parts are missing.
    #[error("{} of {} shards are missing: {}", missing.len(), shards, list(missing))]
    Lost {
        /// Which.
        missing: Vec<Shard>,
        /// How many there should be.
        shards: usize,
    },
    /// A part has other rows than it should.
    #[error("{} has not the rows of shard {shard}, of {cells} cells in all", path.display())]
    Rows {
        /// Which file.
        path: PathBuf,
        /// Of which part.
        shard: Shard,
        /// Cells of the whole grid.
        cells: usize,
    },
    /// What is in the place of the result is not finished.
    #[error("{} has an unfinished sweep", folder.display())]
    InTheWay {
        /// Where.
        folder: PathBuf,
    },
    /// The result cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The first few of many.
fn list(shards: &[Shard]) -> String {
    const SHOWN: usize = 8;
    let mut text = shards.iter().take(SHOWN).map(Shard::to_string).collect::<Vec<_>>().join(", ");
    if shards.len() > SHOWN {
        text += ", …";
    }
    text
}

/// A part that is whole.
struct Found {
    folder: PathBuf,
    record: Record,
    table: Vec<u8>,
}

/// The parts of one sweep, all of them.
pub struct Merged {
    record: SweepRecord,
    table: Vec<u8>,
}

/// Reads the parts in some folders, and puts their rows in order.
///
/// # Errors
/// [`MergeError`] if a part is missing, repeated, foreign, unfinished or was changed.
pub fn merge(folders: &[PathBuf]) -> Result<Merged, MergeError> {
    let mut parts: BTreeMap<Shard, Found> = BTreeMap::new();
    let mut first: Option<(Shard, PathBuf, Record)> = None;
    for folder in folders {
        for folder in read::shards(folder)? {
            let (record, table) = match read::shard(&folder) {
                Err(_) if grid::is_unfinished(&folder) => return Err(MergeError::Unfinished { folder }),
                Err(_) if read::sweep(&folder).is_ok() => return Err(MergeError::Whole { folder }),
                read => read?,
            };
            let Some(shard) = record.shard else { return Err(FolderError::NoReport { folder }.into()) };
            let (known, at, like) = first.get_or_insert_with(|| (shard, folder.clone(), record.clone()));
            let other_number = (shard.of() != known.of()).then_some("number of shards");
            if let Some(what) = difference(&record, like).or(other_number) {
                return Err(MergeError::Foreign { folder, first: at.clone(), what });
            }
            if let Some(Found { folder: first, .. }) = parts.get(&shard) {
                return Err(MergeError::Repeated { shard, first: first.clone(), second: folder });
            }
            parts.insert(shard, Found { folder, record, table });
        }
    }
    let Some((shard, _, like)) = first else {
        return Err(FolderError::NoReport { folder: folders.first().cloned().unwrap_or_default() }.into());
    };
    let missing: Vec<_> = shard.siblings().filter(|shard| !parts.contains_key(shard)).collect();
    if !missing.is_empty() {
        return Err(MergeError::Lost { missing, shards: shard.of() });
    }
    let header = parts[&shard].table.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
    let mut rows: Vec<&[u8]> = vec![&[]; like.cells];
    for (&shard, part) in &parts {
        let wrong = || MergeError::Rows { path: part.folder.join(TABLE), shard, cells: like.cells };
        let body = part.table.strip_prefix(&header[..]).ok_or_else(wrong)?;
        let lines: Vec<_> = body.split_inclusive(|byte| *byte == b'\n').collect();
        let cells: Vec<_> = shard.cells(like.cells).collect();
        if lines.len() != cells.len() {
            return Err(wrong());
        }
        for (cell, line) in cells.into_iter().zip(lines) {
            if cell_of(line) != Some(cell) {
                return Err(wrong());
            }
            rows[cell] = line;
        }
    }
    let jobs = parts.values().map(|part| part.record.jobs).max().unwrap_or(1);
    let table = [&header[..], &rows.concat()].concat();
    Ok(Merged { record: record(like, jobs), table })
}

/// What differs between the records of two parts that ought to be of one sweep.
fn difference(one: &Record, other: &Record) -> Option<&'static str> {
    let differs = [
        (one.scenario != other.scenario, "scenario"),
        (one.versions() != other.versions(), "version of the program"),
        (one.uploads != other.uploads, "number of uploads"),
        (one.scenario_fingerprint != other.scenario_fingerprint || one.cells != other.cells, "grid"),
    ];
    differs.into_iter().find_map(|(differs, what)| differs.then_some(what))
}

/// The number of the cell that a row is about: its third column. The two before it have no comma.
fn cell_of(line: &[u8]) -> Option<usize> {
    std::str::from_utf8(line.split(|byte| *byte == b',').nth(2)?).ok()?.parse().ok()
}

/// The record of the whole.
fn record(like: Record, jobs: usize) -> SweepRecord {
    SweepRecord {
        source: ScenarioRecord {
            scenario: like.scenario,
            title: like.title,
            scenario_file: like.scenario_file,
            scenario_fingerprint: like.scenario_fingerprint,
            seed: like.seed,
            replications: like.replications,
            uploads: like.uploads,
        },
        axes: like.axes,
        shard: None,
        cells: like.cells,
        jobs,
        files: Vec::new(),
    }
}

impl Merged {
    /// The scenario's name.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.record.source.scenario
    }

    /// How many cells there are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.record.cells
    }

    /// Writes the whole into a folder, as a sweep that ran in one piece would have, and returns the paths.
    ///
    /// # Errors
    /// [`MergeError`] if an unfinished sweep is there, or a file cannot be written.
    pub fn write(self, folder: &Path, clock: &Clock) -> Result<Vec<PathBuf>, MergeError> {
        if grid::is_unfinished(folder) && read::sweep(folder).is_err() {
            return Err(MergeError::InTheWay { folder: folder.to_owned() });
        }
        let Merged { record, table } = self;
        let mut staged = Staged::new(folder)?;
        staged.add(TABLE, |file| file.write_all(&table))?;
        let record = SweepRecord { files: staged.hashes()?, ..record };
        staged.add_record(&Provenance::new(record, clock))?;
        Ok(staged.rename()?)
    }
}
