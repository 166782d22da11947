//! `grid.csv`: a row per cell, written as a sweep goes, so that whatever ends the program loses at most the cells under way.
//!
//! While a sweep is unfinished, `sweep.json` tells which, and its writer holds a lock; a last line without its end is dropped when
//! it is resumed. Once all cells are there, `run.json` takes its place.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::files::{Staged, WriteError};
use super::{csv, read};
use crate::experiment::Results;
use crate::experiment::shard::{Part, Shard};
use crate::provenance::{Clock, MODEL_VERSION, Provenance, SweepRecord};
use crate::scenario::{Cell, Grid};

/// The table of a sweep.
pub const TABLE: &str = "grid.csv";

/// What follows the name of a scenario in the folder of its sweep.
const SWEPT: &str = "-sweep";

/// What the names of the folders of parts have, between the scenario's and the part's number.
pub(super) const SHARD_OF: &str = "-sweep-";

/// The name of the folder of a scenario's sweep, or of a part of it.
#[must_use]
pub fn folder_name(scenario: &str, shard: Option<Shard>) -> String {
    match shard {
        None => format!("{scenario}{SWEPT}"),
        Some(shard) => format!("{scenario}{SHARD_OF}{}-of-{}", shard.number(), shard.of()),
    }
}

/// Whether a scenario must not be named so, since a folder of a sweep may be.
#[must_use]
pub fn takes(name: &str) -> bool {
    name.ends_with(SWEPT) || name.contains(SHARD_OF)
}

/// What tells of an unfinished sweep.
const STATE: &str = "sweep.json";

/// The contents of `sweep.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    schema_version: u32,
    model_version: u32,
    fingerprint: String,
    shard: Option<Shard>,
    /// Of the shard.
    cells: usize,
}

/// What a writer holds for as long as it lives, however it ends. Never taken away: who waits for it might hold one that is gone.
const LOCK: &str = ".stillready-sweep.lock";

/// A sweep's table while it grows.
pub struct Growing {
    folder: PathBuf,
    file: File,
    rows: usize,
    state: State,
    /// Let go by the operating system when the process ends.
    _lock: File,
}

/// Why a sweep cannot begin or go on.
#[derive(Debug, Error)]
pub enum GridError {
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// There is an unfinished sweep, and nobody said what to do with it.
    #[error("{} has an unfinished sweep, {rows} of {cells} cells", folder.display())]
    Unfinished {
        /// Where.
        folder: PathBuf,
        /// Cells that are there.
        rows: usize,
        /// All cells.
        cells: usize,
    },
    /// Another process is at it.
    #[error("another process is writing a sweep in {}", folder.display())]
    Busy {
        /// Where.
        folder: PathBuf,
    },
    /// What is there is another sweep, or was changed.
    #[error("{} cannot be resumed: {why}", path.display())]
    Other {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The row of a cell, with its end of line.
#[must_use]
pub fn row(axes: &[String], cell: &Cell, results: &Results) -> Vec<u8> {
    let table = csv::cell(axes, cell.number, &cell.values, results);
    let header = table.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    table[header..].to_vec()
}

/// The columns of a grid, with their end of line.
#[must_use]
pub fn header(grid: &Grid) -> Vec<u8> {
    let mut bytes = csv::cell_header(&grid.axes, &grid.cells[0].scenario);
    bytes.push(b'\n');
    bytes
}

/// What to do where a sweep may have been before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Begin, unless there is an unfinished one.
    Begin,
    /// Begin, whatever there is.
    Restart,
    /// Go on with an unfinished one, be content with one that is finished, else begin.
    Resume,
}

impl Growing {
    /// Begins a table in a folder, or goes on with it after its last whole row; `None` if it is finished and that is enough.
    ///
    /// # Errors
    /// [`GridError`] if somebody else is at it, there is an unfinished one that is not to be replaced, what is to be gone on with is
    /// another grid's or was changed, or a file cannot be written.
    pub fn open(folder: &Path, part: &Part, mode: Mode) -> Result<Option<Growing>, GridError> {
        let lock = lock(folder)?;
        if mode == Mode::Resume && is_finished(folder, part) {
            // Whoever finished it was stopped right before it took this away.
            remove(&folder.join(STATE))?;
            return Ok(None);
        }
        match State::read(folder) {
            Some(before) if mode == Mode::Begin => {
                let rows = fs::read(folder.join(TABLE)).map_or(0, |bytes| lines(&bytes).saturating_sub(1));
                Err(GridError::Unfinished { folder: folder.to_owned(), rows, cells: before.cells })
            }
            Some(before) if mode == Mode::Resume => Growing::resume(folder, part, &before, lock).map(Some),
            _ => Growing::begin(folder, part, lock).map(Some),
        }
    }

    fn begin(folder: &Path, part: &Part, lock: File) -> Result<Growing, GridError> {
        let state = State::of(part);
        let mut staged = Staged::new(folder)?;
        staged.add(STATE, |file| Ok(serde_json::to_writer_pretty(file, &state)?))?;
        staged.add(TABLE, |file| file.write_all(&header(&part.grid)))?;
        // Of an earlier one, the record would tell of files that are gone, and its rows would be taken for those of this one.
        remove(&folder.join("run.json"))?;
        remove(&folder.join(TABLE))?;
        staged.rename()?;
        let file = append(&folder.join(TABLE))?;
        Ok(Growing { folder: folder.to_owned(), file, rows: 0, state, _lock: lock })
    }

    fn resume(folder: &Path, part: &Part, before: &State, lock: File) -> Result<Growing, GridError> {
        let (state, grid) = (State::of(part), &part.grid);
        let path = folder.join(TABLE);
        let other = |why: &str| GridError::Other { path: path.clone(), why: why.to_owned() };
        if *before != state {
            return Err(other("it was begun with another grid or shard, or by another version of the program"));
        }
        let bytes = match fs::read(&path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|source| WriteError::new(path.clone(), source))?,
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let columns = header(grid);
        if whole == 0 && columns.starts_with(&bytes) {
            // It was stopped before its first line was there.
            return Growing::begin(folder, part, lock);
        }
        if !bytes[..whole].starts_with(&columns) {
            return Err(other("it does not begin with the columns of this grid"));
        }
        let rows = lines(&bytes[..whole]) - 1;
        let mut reader = ::csv::Reader::from_reader(&bytes[..whole]);
        let in_order = reader.records().enumerate().all(|(place, record)| {
            let Some(Cell { number, values, scenario }) = grid.cells.get(place) else { return false };
            record.is_ok_and(|record| {
                let is_it = |cell: usize, value: &str| record.get(cell) == Some(value);
                let values = values.iter().enumerate().all(|(axis, value)| is_it(3 + axis, value));
                is_it(1, &scenario.name) && is_it(2, &number.to_string()) && values
            })
        });
        if rows > grid.cells.len() || !in_order {
            return Err(other("its rows are not those of the first cells in their order"));
        }
        let file = append(&path)?;
        file.set_len(whole as u64).map_err(|source| WriteError::new(path, source))?;
        Ok(Growing { folder: folder.to_owned(), file, rows, state, _lock: lock })
    }

    /// How many rows are there.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds the next row.
    ///
    /// # Errors
    /// [`WriteError`] if it cannot be written.
    pub fn add(&mut self, row: &[u8]) -> Result<(), WriteError> {
        self.rows += 1;
        self.file.write_all(row).map_err(|source| WriteError::new(self.folder.join(TABLE), source))
    }

    /// All rows are there: writes `run.json`, and returns the paths.
    ///
    /// # Errors
    /// [`WriteError`] if a file cannot be written.
    ///
    /// # Panics
    /// If rows are missing.
    pub fn finish(self, record: SweepRecord, clock: &Clock) -> Result<Vec<PathBuf>, WriteError> {
        assert_eq!(self.rows, self.state.cells, "a sweep is finished when all rows are there");
        let table = self.folder.join(TABLE);
        self.file.sync_all().map_err(|source| WriteError::new(table.clone(), source))?;
        let bytes = fs::read(&table).map_err(|source| WriteError::new(table.clone(), source))?;
        let record = SweepRecord { files: vec![super::files::hash(TABLE, &bytes)], ..record };
        let mut staged = Staged::new(&self.folder)?;
        staged.add_record(&Provenance::new(record, clock))?;
        let paths = staged.rename()?;
        remove(&self.folder.join(STATE))?;
        Ok([vec![table], paths].concat())
    }
}

impl State {
    fn of(part: &Part) -> State {
        State {
            schema_version: 1,
            model_version: MODEL_VERSION,
            fingerprint: part.fingerprint.clone(),
            shard: part.shard,
            cells: part.grid.cells.len(),
        }
    }

    /// What a folder has; nothing if it has none that can be read.
    fn read(folder: &Path) -> Option<State> {
        serde_json::from_slice(&fs::read(folder.join(STATE)).ok()?).ok()
    }
}

/// Whether a folder has what was asked for, whole.
fn is_finished(folder: &Path, part: &Part) -> bool {
    let record = match part.shard {
        None => read::sweep(folder).map(|swept| swept.record),
        Some(_) => read::shard(folder).map(|(record, _)| record),
    };
    record.is_ok_and(|record| record.scenario_fingerprint == part.fingerprint)
}

/// Whether a sweep was begun in a folder and has not come to its end.
pub(super) fn is_unfinished(folder: &Path) -> bool {
    folder.join(STATE).exists()
}

/// Makes sure that nobody else writes a sweep in a folder.
fn lock(folder: &Path) -> Result<File, GridError> {
    let path = folder.join(LOCK);
    let opened = fs::create_dir_all(folder).and_then(|()| File::create(&path));
    let file = opened.map_err(|source| WriteError::new(path.clone(), source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(GridError::Busy { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(WriteError::new(path, source).into()),
    }
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

fn append(path: &Path) -> Result<File, WriteError> {
    OpenOptions::new().append(true).open(path).map_err(|source| WriteError::new(path.to_owned(), source))
}

fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(WriteError::new(path.to_owned(), source)),
        _ => Ok(()),
    }
}
