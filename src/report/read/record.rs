//! `run.json`, and whether the files beside it are those that it tells of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::experiment::shard::Shard;
use crate::provenance::{RECORD_VERSION, SHARD, SWEEP, sha256_hex};
use crate::report::{files, grid};
use crate::scenario::shipped::BUILT_IN;

/// The name of the record in its folder.
pub(super) const NAME: &str = "run.json";

/// `run.json` as it is read back.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// The version of its form.
    pub schema_version: u32,
    /// What was made: a run or a diagnosis.
    pub kind: String,
    /// The program's version.
    pub version: String,
    /// The model's version.
    pub model_version: u32,
    /// The commit that the program was built from.
    pub commit: String,
    /// The scenario's name; of a diagnosis nothing.
    #[serde(default)]
    pub scenario: String,
    /// What the scenario shows; may be empty.
    #[serde(default)]
    pub title: String,
    /// Where it was read from.
    #[serde(default)]
    pub scenario_file: String,
    /// The fingerprint of what it means.
    #[serde(default)]
    pub scenario_fingerprint: String,
    /// The first replication's seed.
    #[serde(default)]
    pub seed: u64,
    /// Replications.
    #[serde(default)]
    pub replications: u32,
    /// Uploads per replication and policy.
    #[serde(default)]
    pub uploads: u32,
    /// The names of the policies.
    #[serde(default)]
    pub policies: Vec<String>,
    /// What a sweep varies.
    #[serde(default)]
    pub axes: Vec<String>,
    /// The cells of its whole grid.
    #[serde(default)]
    pub cells: usize,
    /// Which part of a sweep it is, if it is one.
    #[serde(default)]
    pub shard: Option<Shard>,
    /// The causes of a diagnosis.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Threads.
    pub jobs: usize,
    /// The files beside it.
    pub files: Vec<File>,
    /// When it was begun.
    pub started: String,
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// The operating system.
    pub os: String,
    /// The processor.
    pub arch: String,
    /// Debug or release.
    pub profile: String,
}

/// A file that belongs to a report.
#[derive(Clone, Debug, Deserialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// Why a folder's report cannot be read.
#[derive(Debug, Error)]
pub enum FolderError {
    /// There is none.
    #[error("there is no report in {}: no {NAME} in it, nor in a folder of it", folder.display())]
    NoReport {
        /// Where.
        folder: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The record itself is not whole.
    #[error("{} is no record of a run: {reason}", path.display())]
    Record {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The tables are there, and no record.
    #[error("{} has no {NAME}: nothing tells where its tables come from", folder.display())]
    NoRecord {
        /// Where.
        folder: PathBuf,
    },
    /// It is in the form of another version.
    #[error("{} has schema version {found}, this program reads {RECORD_VERSION}", path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A file is missing.
    #[error("{} is missing: {NAME} lists it", path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// A file is not what the run wrote.
    #[error("{} is not what the run wrote: {change}", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
        /// How it differs.
        change: String,
    },
    /// A file is there that the run did not write.
    #[error("{} is of another run: {NAME} does not list it", path.display())]
    Stray {
        /// Which.
        path: PathBuf,
    },
    /// A sweep has not come to its end.
    #[error("{} has an unfinished sweep", folder.display())]
    Unfinished {
        /// Where.
        folder: PathBuf,
    },
    /// A part of a sweep is not a sweep.
    #[error("{} has a part of a sweep, and no report without the others", folder.display())]
    Part {
        /// Where.
        folder: PathBuf,
    },
    /// Several runs are of several versions.
    #[error("{} was written by {other}, another run on the page by {first}", folder.display())]
    Mixed {
        /// Where.
        folder: PathBuf,
        /// What wrote one.
        first: String,
        /// What wrote the other.
        other: String,
    },
    /// A table cannot be read, though it is what the run wrote.
    #[error("{} cannot be read: {reason}", path.display())]
    Table {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Record {
    /// Whether a folder has the record of a part of a sweep, whole or not.
    pub(super) fn is_of_shard(folder: &Path) -> bool {
        #[derive(Deserialize)]
        struct Kind {
            kind: String,
        }
        let read = fs::read(folder.join(NAME)).ok();
        let kind = read.and_then(|bytes| serde_json::from_slice::<Kind>(&bytes).ok());
        kind.is_some_and(|record| record.kind == SHARD)
    }

    /// Whether a folder has a record.
    pub(super) fn is_in(folder: &Path) -> bool {
        folder.join(NAME).is_file()
    }

    /// Reads a folder's record, and makes sure that the tables beside it are those that it lists, no more and no less.
    pub(super) fn read(folder: &Path) -> Result<Record, FolderError> {
        let path = folder.join(NAME);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = folder.to_owned();
                return Err(match grid::is_unfinished(&folder) {
                    true => FolderError::Unfinished { folder },
                    false => FolderError::NoRecord { folder },
                });
            }
            read => read.map_err(|source| FolderError::Unreadable { path: path.clone(), source })?,
        };
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let broken = |error: serde_json::Error| FolderError::Record { path: path.clone(), reason: error.to_string() };
        let Version { schema_version } = serde_json::from_slice(&bytes).map_err(broken)?;
        if schema_version != RECORD_VERSION {
            return Err(FolderError::Version { path, found: schema_version });
        }
        let record: Record = serde_json::from_slice(&bytes).map_err(broken)?;
        for file in &record.files {
            if !files::may_write(&file.name) {
                let reason = format!("it lists `{}`, which is no file of a report", file.name.escape_debug());
                return Err(FolderError::Record { path, reason });
            }
        }
        for name in files::names().filter(|name| folder.join(name).exists()) {
            if !record.files.iter().any(|file| file.name == name) {
                return Err(FolderError::Stray { path: folder.join(name) });
            }
        }
        for file in &record.files {
            file.check(folder)?;
        }
        Ok(record)
    }

    /// What wrote it.
    #[must_use]
    pub fn versions(&self) -> String {
        format!("stillready {}, model {}", self.version, self.model_version)
    }

    /// How the scenario is named on the command line.
    #[must_use]
    pub fn argument(&self) -> &str {
        self.scenario_file.strip_suffix(BUILT_IN).unwrap_or(&self.scenario_file)
    }

    /// The command that runs it again.
    #[must_use]
    pub fn command(&self) -> String {
        let Record { seed, uploads, replications, .. } = self;
        if self.kind == SWEEP {
            return format!("stillready sweep {} --uploads {uploads}", self.argument());
        }
        format!("stillready run {} --seed {seed} --uploads {uploads} --replications {replications}", self.argument())
    }

    /// The bytes of a file that belongs to the report; nothing if none of that name does.
    pub(super) fn bytes_of(&self, folder: &Path, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        let Some(file) = self.files.iter().find(|file| file.name == name) else { return Ok(None) };
        file.check(folder).map(Some)
    }
}

impl File {
    /// Its bytes, if they are those that the run wrote.
    fn check(&self, folder: &Path) -> Result<Vec<u8>, FolderError> {
        let path = folder.join(&self.name);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FolderError::Missing { path }),
            read => read.map_err(|source| FolderError::Unreadable { path: path.clone(), source })?,
        };
        if sha256_hex(&bytes) == self.sha256 {
            return Ok(bytes);
        }
        let (is, was) = (bytes.len() as u64, self.bytes);
        let change = match is.cmp(&was) {
            std::cmp::Ordering::Less => format!("it was truncated or edited, to {is} of {was} bytes"),
            std::cmp::Ordering::Equal => format!("its {was} bytes were edited"),
            std::cmp::Ordering::Greater => format!("it was edited, and has {is} bytes instead of {was}"),
        };
        Err(FolderError::Changed { path, change })
    }
}
