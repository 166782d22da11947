//! A trace: uploads that somebody really made, and the moments at which their clients polled.
//!
//! It is a CSV file, a row per event in the order of time, which `stillready import` makes of an access log. In memory an upload
//! takes 24 bytes and a poll 8, shared by all replications, policies and cells; its `Debug` form is the SHA-256 of its bytes, so that
//! a scenario's fingerprint covers its content.

mod read;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use read::{HEADER, InvalidRecording, ROWS_MAX, VERSION};

use super::problem::NotThere;
use crate::provenance::sha256_hex;
use crate::time::SimTime;

/// Where a poll's delay says that it begins a session: ten years fit below.
const NEW_SESSION: u64 = 1 << 63;

/// Where an upload has no processing time of its own.
const NO_TIME: u64 = u64::MAX;

/// Uploads as they came, in order.
#[derive(Clone, PartialEq)]
pub struct Recording {
    uploads: Vec<Recorded>,
    /// The polls of the first upload, then those of the second, and so on.
    polls: Vec<RecordedPoll>,
    sha256: String,
}

/// An upload.
#[derive(Clone, Copy, PartialEq)]
struct Recorded {
    at_ns: u64,
    processing_ns: u64,
    key: u32,
    /// Where the polls of the next one begin.
    polls_end: u32,
}

/// A poll of an upload.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordedPoll(u64);

impl RecordedPoll {
    fn new(after_ns: u64, is_new_session: bool) -> Self {
        RecordedPoll(after_ns | if is_new_session { NEW_SESSION } else { 0 })
    }

    /// How long after its upload, in nanoseconds.
    #[must_use]
    pub fn after_ns(self) -> u64 {
        self.0 & !NEW_SESSION
    }

    /// Whether the client had been gone before it, and came back with it.
    #[must_use]
    pub fn begins_session(self) -> bool {
        self.0 & NEW_SESSION != 0
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sha256)
    }
}

impl Recording {
    /// How many uploads there are.
    #[must_use]
    pub fn uploads(&self) -> u32 {
        u32::try_from(self.uploads.len()).expect("no more rows are read")
    }

    /// How many polls there are; if none, a scenario's clients poll as it says.
    #[must_use]
    pub fn polls(&self) -> u64 {
        self.polls.len() as u64
    }

    /// When an upload came.
    #[must_use]
    pub fn at(&self, upload: u32) -> SimTime {
        SimTime::from_ns(self.uploads[upload as usize].at_ns)
    }

    /// When each upload came, in nanoseconds, ascending.
    pub fn arrivals_ns(&self) -> impl Iterator<Item = u64> + Clone {
        self.uploads.iter().map(|upload| upload.at_ns)
    }

    /// The name of an upload, as a number; equal numbers are equal names.
    #[must_use]
    pub fn key(&self, upload: u32) -> u32 {
        self.uploads[upload as usize].key
    }

    /// How long the processing of an upload took, in nanoseconds, if that is known.
    #[must_use]
    pub fn processing_ns(&self, upload: u32) -> Option<u64> {
        Some(self.uploads[upload as usize].processing_ns).filter(|&time_ns| time_ns != NO_TIME)
    }

    /// The polls of an upload, in order.
    #[must_use]
    pub fn polls_of(&self, upload: u32) -> &[RecordedPoll] {
        let upload = upload as usize;
        let begin = upload.checked_sub(1).map_or(0, |before| self.uploads[before].polls_end);
        &self.polls[begin as usize..self.uploads[upload].polls_end as usize]
    }

    /// For how long the client of an upload was gone right after it, in nanoseconds, if it was.
    #[must_use]
    pub fn away_ns(&self, upload: u32) -> Option<u64> {
        self.polls_of(upload).first().filter(|poll| poll.begins_session()).map(|poll| poll.after_ns())
    }

    /// The same with so many times as many uploads in the same time; each client polls as long after its upload as before.
    #[must_use]
    pub fn quicker(&self, by: f64) -> Recording {
        let mut quicker = self.clone();
        quicker.uploads.iter_mut().for_each(|upload| upload.at_ns = (upload.at_ns as f64 / by + 0.5) as u64);
        quicker.sha256 = sha256_hex(format!("{} quicker by {by}", self.sha256).as_bytes());
        quicker
    }

    /// The bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.uploads.len() * size_of::<Recorded>() + self.polls.len() * size_of::<RecordedPoll>()) as u64
    }
}

/// The traces that the scenarios of a folder name. Each is read once.
#[derive(Debug, Default)]
pub struct Traces {
    folder: Option<PathBuf>,
    known: RefCell<BTreeMap<String, Arc<Recording>>>,
}

impl Traces {
    /// No trace: those of a text that is no file.
    #[must_use]
    pub fn none() -> Self {
        Traces::default()
    }

    /// The traces beside a scenario's file.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Traces { folder: Some(folder.to_owned()), known: RefCell::default() }
    }

    /// The trace of that name, a path from the folder on.
    pub(super) fn find(&self, name: &str) -> Result<Arc<Recording>, NotThere> {
        if let Some(known) = self.known.borrow().get(name) {
            return Ok(Arc::clone(known));
        }
        let Some(folder) = &self.folder else {
            return Err(NotThere {
                label: "this scenario is no file, and has no folder".to_owned(),
                help: "write the scenario to a file beside the trace, and name that file".to_owned(),
            });
        };
        let path = folder.join(name);
        let unreadable = |why: String| NotThere {
            label: format!("{}: {why}", path.display()),
            help: "name a trace as `stillready import` writes it, with its path from the scenario's folder on"
                .to_owned(),
        };
        // A device or a pipe may have no end.
        let file = match path.metadata() {
            Ok(metadata) if metadata.is_file() => File::open(&path).map_err(|error| unreadable(why(&error)))?,
            Ok(_) => return Err(unreadable("this is no file".to_owned())),
            Err(error) => return Err(unreadable(why(&error))),
        };
        let recording = Recording::read(file).map_err(|invalid| NotThere {
            label: format!("{}, {invalid}", path.display()),
            help: format!("the first line is `{HEADER}`, then comes a row per event in the order of time"),
        })?;
        let recording = Arc::new(recording);
        self.known.borrow_mut().insert(name.to_owned(), Arc::clone(&recording));
        Ok(recording)
    }
}

/// Why a file cannot be read, in words that no platform changes.
fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    }
}
