//! `grid.csv`: a row per cell, written as a sweep goes, so that whatever ends the program loses at most the cells under way.
//!
//! While a sweep is unfinished, `sweep.json` tells which; a last line without its end is dropped when it is resumed. Once all cells
//! are there, `run.json` takes its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::csv;
use super::files::{Staged, WriteError};
use crate::experiment::Results;
use crate::provenance::{Clock, MODEL_VERSION, Provenance, SweepRecord, sha256_hex};
use crate::scenario::Grid;

/// The table of a sweep.
pub const TABLE: &str = "grid.csv";

/// What tells of an unfinished sweep.
const STATE: &str = "sweep.json";

/// The contents of `sweep.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    schema_version: u32,
    model_version: u32,
    fingerprint: String,
    cells: usize,
}

/// A sweep's table while it grows.
pub struct Growing {
    folder: PathBuf,
    file: File,
    rows: usize,
    state: State,
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
    /// There is nothing to resume.
    #[error("there is no unfinished sweep in {}", folder.display())]
    NothingToResume {
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

/// A fingerprint of all that decides the rows of a grid: 64 hexadecimal digits (SHA-256).
#[must_use]
pub fn fingerprint(grid: &Grid) -> String {
    let cells = grid.cells.iter().map(|cell| format!("{} {:?}\n", cell.scenario.fingerprint(), cell.values));
    sha256_hex(format!("{:?}\n{}", grid.axes, cells.collect::<String>()).as_bytes())
}

/// The row of a cell, with its end of line.
#[must_use]
pub fn row(grid: &Grid, number: usize, results: &Results) -> Vec<u8> {
    let table = csv::cell(&grid.axes, number, &grid.cells[number].values, results);
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

impl Growing {
    /// Begins a table in a folder, in the place of one that is finished or, if so wanted, of an unfinished one.
    ///
    /// # Errors
    /// [`GridError`] if there is an unfinished one and it is not to be replaced, or a file cannot be written.
    pub fn begin(folder: &Path, grid: &Grid, replaces: bool) -> Result<Growing, GridError> {
        let state = State::of(grid);
        if let Some(before) = State::read(folder).filter(|_| !replaces) {
            let rows = fs::read(folder.join(TABLE)).map_or(0, |bytes| lines(&bytes).saturating_sub(1));
            return Err(GridError::Unfinished { folder: folder.to_owned(), rows, cells: before.cells });
        }
        let mut staged = Staged::new(folder)?;
        staged.add(STATE, |file| Ok(serde_json::to_writer_pretty(file, &state)?))?;
        staged.add(TABLE, |file| file.write_all(&header(grid)))?;
        // The record of an earlier one would tell of files that are gone.
        remove(&folder.join("run.json"))?;
        staged.rename()?;
        let file = append(&folder.join(TABLE))?;
        Ok(Growing { folder: folder.to_owned(), file, rows: 0, state })
    }

    /// Goes on with a table, after its last whole row.
    ///
    /// # Errors
    /// [`GridError`] if there is none, it is another grid's or was changed, or a file cannot be written.
    pub fn resume(folder: &Path, grid: &Grid) -> Result<Growing, GridError> {
        let state = State::of(grid);
        let Some(before) = State::read(folder) else {
            return Err(GridError::NothingToResume { folder: folder.to_owned() });
        };
        let path = folder.join(TABLE);
        let other = |why: &str| GridError::Other { path: path.clone(), why: why.to_owned() };
        if before != state {
            return Err(other("it was begun with another grid, or by another version of the program"));
        }
        let bytes = fs::read(&path).map_err(|source| WriteError::new(path.clone(), source))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let columns = header(grid);
        if !bytes[..whole].starts_with(&columns) {
            return Err(other("it does not begin with the columns of this grid"));
        }
        let rows = lines(&bytes[..whole]) - 1;
        let mut reader = ::csv::Reader::from_reader(&bytes[..whole]);
        let in_order = reader.records().enumerate().all(|(number, record)| {
            let values = &grid.cells.get(number).map(|cell| &cell.values);
            record.is_ok_and(|record| {
                let is_it = |cell: usize, value: &str| record.get(cell) == Some(value);
                let values =
                    values.is_some_and(|values| values.iter().enumerate().all(|(axis, value)| is_it(3 + axis, value)));
                is_it(2, &number.to_string()) && values
            })
        });
        if rows > grid.cells.len() || !in_order {
            return Err(other("its rows are not those of the first cells in their order"));
        }
        let file = append(&path)?;
        file.set_len(whole as u64).map_err(|source| WriteError::new(path, source))?;
        Ok(Growing { folder: folder.to_owned(), file, rows, state })
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
    fn of(grid: &Grid) -> State {
        State {
            schema_version: 1,
            model_version: MODEL_VERSION,
            fingerprint: fingerprint(grid),
            cells: grid.cells.len(),
        }
    }

    /// What a folder has; nothing if it has none that can be read.
    fn read(folder: &Path) -> Option<State> {
        serde_json::from_slice(&fs::read(folder.join(STATE)).ok()?).ok()
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
