//! Writing a report: each file under a temporary name first, all of them renamed when all are complete.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::pages::Form;
use super::{csv, grid, witnesses};
use crate::experiment::{Results, rows};
use crate::provenance::{
    Clock, DiagnosisRecord, FileHash, Kind, Provenance, RunRecord, ScenarioRecord, hex, sha256_hex,
};
use crate::scenario::Scenario;

/// A file could not be written.
#[derive(Debug, Error)]
#[error("cannot write {}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl WriteError {
    /// That the file at `path` could not be written.
    #[must_use]
    pub fn new(path: PathBuf, source: io::Error) -> Self {
        WriteError { path, source }
    }
}

/// The folder of a scenario's reports in the one that was asked for. A link in its place would lead elsewhere.
///
/// # Errors
/// [`WriteError`] if it is a symbolic link.
pub fn folder_of(output: &Path, name: &str) -> Result<PathBuf, WriteError> {
    let folder = output.join(name);
    if folder.is_symlink() {
        let source = io::Error::other("it is a symbolic link, and nothing is written outside of the folder of reports");
        return Err(WriteError::new(folder, source));
    }
    Ok(folder)
}

/// What makes a table of results.
type Table = fn(&Results) -> Vec<u8>;

/// The tables of a report, in their order.
const TABLES: [(&str, Table); 8] = [
    ("summary.csv", csv::summary),
    ("comparison.csv", csv::comparison),
    ("replications.csv", csv::replications),
    ("properties.csv", csv::properties),
    ("told.csv", csv::told),
    ("absences.csv", csv::absences),
    ("entries.csv", csv::entries),
    ("witnesses.csv", witnesses::csv),
];

/// The table of a diagnosis.
const DIAGNOSIS_TABLE: &str = "matrix.csv";

/// The files of a report that need no more than the results, but for those that would have no row: no comparison where there is
/// one policy, no witness where no property broke.
#[must_use]
pub fn tables(results: &Results) -> Vec<(&'static str, Vec<u8>)> {
    let all = TABLES.into_iter().map(|(name, table)| (name, table(results)));
    all.filter(|(_, bytes)| !bytes.is_empty()).collect()
}

/// The names of all files that belong to a report, `run.json` and what is made from them aside.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().map(|(name, _)| name).chain(["uploads.csv", DIAGNOSIS_TABLE, grid::TABLE])
}

/// Whether a report may have a file of that name.
pub(super) fn may_write(name: &str) -> bool {
    names().any(|known| known == name)
}

/// Writes the report of a diagnosis into `folder`, and returns the paths, `run.json` last.
///
/// # Errors
/// [`WriteError`] if a file cannot be written. Unless the renaming itself failed in the middle, no file was changed then.
pub fn write_diagnosis(
    folder: &Path,
    matrix: &[u8],
    causes: Vec<String>,
    jobs: usize,
    clock: &Clock,
) -> Result<Vec<PathBuf>, WriteError> {
    let mut staged = Staged::new(folder)?;
    staged.add(DIAGNOSIS_TABLE, |file| file.write_all(matrix))?;
    let record = DiagnosisRecord { causes, jobs, files: staged.hashes()? };
    staged.add_record(&Provenance::new(record, clock))?;
    staged.rename()
}

/// Writes the report of a run into `folder`, and returns the paths, `run.json` last.
///
/// # Errors
/// [`WriteError`] if a file cannot be written. Unless the renaming itself failed in the middle, no file was changed then.
pub fn write_report(
    folder: &Path,
    results: &Results,
    scenario_file: &str,
    jobs: usize,
    clock: &Clock,
) -> Result<Vec<PathBuf>, WriteError> {
    let mut staged = Staged::new(folder)?;
    for (name, bytes) in tables(results) {
        staged.add(name, |file| file.write_all(&bytes))?;
    }
    let with_rows = results.replications.iter().any(|replication| replication.upload_rows.is_some());
    if with_rows {
        staged.add("uploads.csv", |file| upload_rows(results, file))?;
    }
    let scenario = &results.scenario;
    let record = RunRecord {
        source: record_of(scenario, scenario_file, scenario.fingerprint()),
        policies: scenario.policies.iter().map(|policy| policy.name.clone()).collect(),
        jobs,
        files: staged.hashes()?,
    };
    staged.add_record(&Provenance::new(record, clock))?;
    let paths = staged.rename()?;
    // What an earlier run left and this one has no say about would be mistaken for its result.
    for name in names().chain(Form::ALL.map(Form::file)) {
        let name = folder.join(name);
        if !paths.contains(&name) && name.exists() {
            fs::remove_file(&name).map_err(|source| WriteError { path: name, source })?;
        }
    }
    Ok(paths)
}

/// What a record says of a scenario.
#[must_use]
pub fn record_of(scenario: &Scenario, file: &str, fingerprint: String) -> ScenarioRecord {
    ScenarioRecord {
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        scenario_file: file.to_owned(),
        scenario_fingerprint: fingerprint,
        seed: scenario.seed,
        replications: scenario.replications,
        uploads: scenario.uploads,
    }
}

/// `uploads.csv`: the header, then the rows of each replication.
fn upload_rows(results: &Results, file: &mut File) -> io::Result<()> {
    writeln!(file, "{}", rows::header().join(","))?;
    for mut rows in results.replications.iter().filter_map(|replication| replication.upload_rows.as_ref()) {
        rows.seek(SeekFrom::Start(0))?;
        io::copy(&mut rows, file)?;
    }
    Ok(())
}

/// The fingerprint of the rows of `uploads.csv`, for comparing two runs; a constant if there are none.
///
/// # Errors
/// [`WriteError`] if the temporary files cannot be read back.
pub fn upload_rows_hash(results: &Results) -> Result<String, WriteError> {
    let mut hasher = Sha256::new();
    for mut rows in results.replications.iter().filter_map(|replication| replication.upload_rows.as_ref()) {
        rows.seek(SeekFrom::Start(0))
            .and_then(|_| io::copy(&mut rows, &mut hasher))
            .map_err(|source| WriteError { path: "the temporary rows of uploads.csv".into(), source })?;
    }
    Ok(hex(&hasher.finalize()))
}

/// Files under temporary names in the folder where they will be.
pub struct Staged {
    folder: PathBuf,
    files: Vec<(String, tempfile::NamedTempFile)>,
}

impl Staged {
    /// Nothing staged; the folder is made if need be.
    ///
    /// # Errors
    /// [`WriteError`] if the folder cannot be made.
    pub fn new(folder: &Path) -> Result<Self, WriteError> {
        fs::create_dir_all(folder).map_err(|source| WriteError { path: folder.to_owned(), source })?;
        Ok(Staged { folder: folder.to_owned(), files: Vec::new() })
    }

    /// Writes one file under a temporary name.
    ///
    /// # Errors
    /// [`WriteError`] if it cannot be written.
    pub fn add(&mut self, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), WriteError> {
        let staged = temporary_in(&self.folder).and_then(|mut file| write(file.as_file_mut()).map(|()| file));
        let file = staged.map_err(|source| WriteError { path: self.folder.join(name), source })?;
        self.files.push((name.to_owned(), file));
        Ok(())
    }

    /// Writes `run.json` under a temporary name.
    pub(super) fn add_record<R: Kind>(&mut self, record: &Provenance<R>) -> Result<(), WriteError> {
        self.add("run.json", |file| {
            serde_json::to_writer_pretty(&mut *file, record)?;
            file.write_all(b"\n")
        })
    }

    /// The names and hashes of what is staged.
    pub(super) fn hashes(&mut self) -> Result<Vec<FileHash>, WriteError> {
        let folder = &self.folder;
        let hash = |(name, file): &mut (String, tempfile::NamedTempFile)| {
            let mut hasher = Sha256::new();
            let copied = file.seek(SeekFrom::Start(0)).and_then(|_| io::copy(file.as_file_mut(), &mut hasher));
            let copied = copied.map_err(|source| WriteError { path: folder.join(&*name), source })?;
            Ok(FileHash { name: name.clone(), bytes: copied, sha256: hex(&hasher.finalize()) })
        };
        self.files.iter_mut().map(hash).collect()
    }

    /// Gives all files their names, and returns their paths.
    ///
    /// # Errors
    /// [`WriteError`] if a file cannot be renamed.
    pub fn rename(self) -> Result<Vec<PathBuf>, WriteError> {
        let mut paths = Vec::new();
        for (name, file) in self.files {
            let path = self.folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|source| WriteError { path: parent.to_owned(), source })?;
            }
            file.persist(&path).map_err(|error| WriteError { path: path.clone(), source: error.error })?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// A file's name, length and hash.
pub(super) fn hash(name: &str, bytes: &[u8]) -> FileHash {
    FileHash { name: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256_hex(bytes) }
}

/// A temporary file with the permissions of an ordinary one.
fn temporary_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".stillready-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
