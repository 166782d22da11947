//! From CSV to a [`Recording`].

use std::io::{self, BufReader, Read};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::super::units::LONGEST_NS;
use super::{NO_TIME, Recorded, RecordedPoll, Recording};
use crate::lines::Lines;
use crate::provenance::hex;

/// The version of the format that this program reads and writes.
pub const VERSION: u64 = 1;

/// The first line of a trace.
pub const HEADER: &str = "schema_version,at_ns,kind,upload,key,session,processing_ns";

/// The most rows of a trace: while it is read they take 24 bytes each.
pub const ROWS_MAX: u64 = 50_000_000;

/// The longest row: seven numbers of 20 digits are shorter.
const LONGEST_ROW: usize = 200;

/// What is wrong with a trace, and in which line.
#[derive(Debug, Error)]
pub enum InvalidRecording {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// A line is not as it must be.
    #[error("line {line}: {what}")]
    Row {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// It has no upload.
    #[error("it has no upload")]
    Empty,
}

/// A poll before it is known where it belongs.
struct Loose {
    upload: u32,
    poll: RecordedPoll,
}

/// What is read so far.
#[derive(Default)]
struct Rows {
    uploads: Vec<Recorded>,
    polls: Vec<Loose>,
    /// Of each upload, its latest session.
    sessions: Vec<u32>,
    now_ns: u64,
}

impl Recording {
    /// Reads a trace, in one pass and with a memory that its rows bound.
    ///
    /// # Errors
    /// [`InvalidRecording`] at the first line that is not as it must be.
    pub fn read(source: impl Read) -> Result<Recording, InvalidRecording> {
        let hashed = Hashed { source, hash: Sha256::new() };
        let mut lines = Lines::new(BufReader::with_capacity(1 << 16, hashed), LONGEST_ROW);
        let mut rows = Rows::default();
        let mut has_header = false;
        while let Some(line) = lines.next_line()? {
            let wrong = |what: String| InvalidRecording::Row { line: line.number, what };
            if line.is_cut {
                return Err(wrong(format!("it is longer than {LONGEST_ROW} bytes")));
            }
            let text = std::str::from_utf8(line.bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
            if !has_header {
                // What spreadsheets put before it.
                if text.trim_start_matches('\u{feff}') != HEADER {
                    return Err(wrong("it is not the header".to_owned()));
                }
                has_header = true;
                continue;
            }
            if line.number > ROWS_MAX {
                return Err(wrong(format!("a trace has at most {ROWS_MAX} lines")));
            }
            rows.add(text).map_err(wrong)?;
        }
        if rows.uploads.is_empty() {
            return Err(InvalidRecording::Empty);
        }
        Ok(rows.sorted(hex(&lines.into_inner().into_inner().hash.finalize())))
    }
}

impl Rows {
    fn add(&mut self, text: &str) -> Result<(), String> {
        let mut cells = text.split(',');
        let mut row = [""; 7];
        for cell in &mut row {
            *cell = cells.next().ok_or("it has fewer than seven cells")?;
        }
        if cells.next().is_some() {
            return Err("it has more than seven cells".to_owned());
        }
        let [version, at, kind, upload, key, session, processing] = row;
        if number("schema_version", version, u64::MAX)? != VERSION {
            return Err(format!("this program does not read traces of version {version}"));
        }
        let at_ns = number("at_ns", at, LONGEST_NS)?;
        if at_ns < self.now_ns {
            return Err(format!("`at_ns` is {at_ns}, before that of the row above, {}", self.now_ns));
        }
        self.now_ns = at_ns;
        let upload = number("upload", upload, u64::from(u32::MAX))?;
        match kind {
            "upload" => {
                if upload != self.uploads.len() as u64 {
                    return Err(format!("`upload` is {upload}; the next number is {}", self.uploads.len()));
                }
                let key = number("key", key, u64::from(u32::MAX >> 1))? as u32;
                let processing_ns =
                    if processing.is_empty() { NO_TIME } else { number("processing_ns", processing, LONGEST_NS)? };
                must_be_empty("session", session, kind)?;
                self.uploads.push(Recorded { at_ns, processing_ns, key, polls_end: 0 });
                self.sessions.push(0);
            }
            "poll" => {
                let Some(of) = self.uploads.get(upload as usize) else {
                    return Err(format!("upload {upload} has not come yet"));
                };
                must_be_empty("key", key, kind)?;
                must_be_empty("processing_ns", processing, kind)?;
                let session = number("session", session, u64::from(u32::MAX))? as u32;
                let before = std::mem::replace(&mut self.sessions[upload as usize], session);
                if session < before {
                    return Err(format!("`session` is {session}, after session {before} of the same upload"));
                }
                let poll = RecordedPoll::new(at_ns - of.at_ns, session > before);
                self.polls.push(Loose { upload: upload as u32, poll });
            }
            _ => return Err(format!("`kind` is \"{}\"; allowed: upload, poll", kind.escape_debug())),
        }
        Ok(())
    }

    /// Puts the polls of each upload together, in their order.
    fn sorted(mut self, sha256: String) -> Recording {
        for loose in &self.polls {
            self.uploads[loose.upload as usize].polls_end += 1;
        }
        let mut end = 0;
        for upload in &mut self.uploads {
            // For now, where its next poll goes.
            let count = std::mem::replace(&mut upload.polls_end, end);
            end += count;
        }
        let mut polls = vec![RecordedPoll::new(0, false); self.polls.len()];
        for Loose { upload, poll } in self.polls {
            let place = &mut self.uploads[upload as usize].polls_end;
            polls[*place as usize] = poll;
            *place += 1;
        }
        Recording { uploads: self.uploads, polls, sha256 }
    }
}

fn number(name: &str, text: &str, most: u64) -> Result<u64, String> {
    let number =
        Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).and_then(|text| text.parse().ok());
    number
        .filter(|&number| number <= most)
        .ok_or_else(|| format!("`{name}` is \"{}\"; allowed: a whole number from 0 to {most}", text.escape_debug()))
}

fn must_be_empty(name: &str, text: &str, kind: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    Err(format!("`{name}` is \"{}\"; it must be empty in a row of kind {kind}", text.escape_debug()))
}

/// Hashes what is read from it.
struct Hashed<R> {
    source: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
