//! Access logs of real traffic as workloads.
//!
//! A log is read once, line by line, with a memory that has a bound: lines are cut at 64 KiB, events are sorted with temporary files,
//! and what is known of an upload takes about 150 bytes. Of clients and keys nothing but numbers leaves this module: no address, no name,
//! no user agent is written to any file. What is not understood is counted, by reason, and its first lines are told.

pub mod json;
pub mod measure;
mod pattern;
mod request;
mod sort;
pub mod source;
mod summary;
mod text;
mod walk;
pub mod write;

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::lines::Lines;
use crate::scenario::ROWS_MAX;
use json::FieldNames;
pub use pattern::{InvalidPattern, Pattern};
use request::Request;
pub use request::Why;
use sort::{Answer, Event, Kind, Sorted, Sorter};
pub use summary::{Imported, Measurement, NotUnderstood, Outage, Silence};
pub use walk::UPLOADS_MAX;
use walk::{Outages, Row, Rules, Told, TooMany, Walk};

/// The longest line that is looked at.
pub const LINE_MAX: usize = 1 << 16;

/// The longest span of a trace: ten years.
const SPAN_MAX_NS: u64 = 10 * 365 * 86_400 * crate::time::SECOND_NS;

/// Lines that are not understood and told in full.
pub const FIRST_LINES: usize = 5;

/// What some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Kinds of requests that are counted at once for a hint.
const HINTS_MAX: usize = 500;

/// How a log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON where a line begins with a brace, else text.
    #[default]
    Auto,
    /// Common or Combined Log Format, or nginx's default.
    Text,
    /// An object per line.
    Json,
}

/// What is asked of an import.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the log is written.
    pub format: Format,
    /// Names of fields in JSON.
    pub fields: FieldNames,
    /// Which requests are uploads.
    pub upload: Option<Pattern>,
    /// Which requests ask for a status.
    pub status: Option<Pattern>,
    /// A longer gap begins a new session, in nanoseconds.
    pub session_gap_ns: u64,
    /// How long processing takes where the log does not tell, in nanoseconds.
    pub processing_ns: Option<u64>,
    /// Events that are held in memory at most, 48 bytes each.
    pub events_in_memory: usize,
}

impl Options {
    /// With a session gap of 5 minutes and a million events in memory.
    #[must_use]
    pub fn new(upload: Option<Pattern>, status: Option<Pattern>) -> Options {
        Options {
            format: Format::Auto,
            fields: Vec::new(),
            upload,
            status,
            session_gap_ns: 300 * crate::time::SECOND_NS,
            processing_ns: None,
            events_in_memory: 1 << 20,
        }
    }
}

/// Why nothing was imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A log cannot be read.
    #[error("cannot read {name}, behind line {line}")]
    Unreadable {
        /// What it is called.
        name: String,
        /// The line before.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// Temporary files cannot be used.
    #[error("cannot sort the log: temporary files cannot be used")]
    Temporary(#[from] io::Error),
    /// No request is what a pattern says.
    #[error("none of {requests} requests is {what}")]
    NothingMatched {
        /// What none is.
        what: &'static str,
        /// How many requests there are.
        requests: u64,
        /// The kinds of which there are most, with how many.
        most: Vec<(String, u64)>,
        /// How many lines were not understood.
        not_understood: u64,
        /// The first of them, in words.
        first_lines: Vec<String>,
    },
    /// There are too many uploads.
    #[error("the log has more than {UPLOADS_MAX} uploads")]
    TooMany,
    /// There are too many uploads and polls.
    #[error("the log has {rows} uploads and polls, a trace {ROWS_MAX} lines at most")]
    TooManyRows {
        /// How many.
        rows: u64,
    },
    /// It spans too much time.
    #[error("the log spans more than ten years, from {first} to {last}")]
    TooLong {
        /// The first request that was matched.
        first: String,
        /// The last one.
        last: String,
    },
}

impl From<TooMany> for ImportError {
    fn from(_: TooMany) -> Self {
        ImportError::TooMany
    }
}

/// A log that was read, ready to be written as a trace.
pub struct Import {
    /// What was found.
    pub imported: Imported,
    sorted: Sorted,
    rules: Rules,
    told: Vec<Told>,
    start_ns: i64,
}

/// Reading logs.
pub struct Reader<'a> {
    options: &'a Options,
    imported: Imported,
    sorter: Sorter,
    hints: BTreeMap<String, u64>,
    /// Logs read so far, the current one included.
    logs: u64,
    /// The latest stamp of the current one.
    latest_ns: i64,
    lines_before: u64,
    has_fraction: bool,
    matched: Option<(i64, i64)>,
    uploads: u64,
    polls: u64,
}

impl<'a> Reader<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(options: &'a Options) -> Reader<'a> {
        Reader {
            options,
            imported: Imported::default(),
            sorter: Sorter::new(options.events_in_memory),
            hints: BTreeMap::new(),
            logs: 0,
            latest_ns: i64::MIN,
            lines_before: 0,
            has_fraction: false,
            matched: None,
            uploads: 0,
            polls: 0,
        }
    }

    /// Reads a log to its end; several are one.
    ///
    /// # Errors
    /// [`ImportError::Unreadable`] and [`ImportError::Temporary`].
    pub fn read(&mut self, name: &str, log: impl BufRead) -> Result<(), ImportError> {
        let mut lines = Lines::new(log, LINE_MAX);
        let mut number = 0;
        self.logs += 1;
        self.latest_ns = i64::MIN;
        loop {
            let line = match lines.next_line() {
                Ok(None) => break,
                Ok(Some(line)) => line,
                Err(source) => return Err(ImportError::Unreadable { name: name.to_owned(), line: number, source }),
            };
            number = line.number;
            let bytes =
                if number == 1 { line.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line.bytes) } else { line.bytes };
            let parsed = if line.is_cut { Err(Why::TooLong) } else { self.parse(bytes) };
            self.imported.lines += 1;
            match parsed {
                Ok(request) => self.add(&request, self.lines_before + number)?,
                Err(why) => self.imported.note_not_understood(self.logs, number, why, bytes),
            }
        }
        self.lines_before += number;
        Ok(())
    }

    fn parse<'l>(&self, line: &'l [u8]) -> Result<Request<'l>, Why> {
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() {
            return Err(Why::Empty);
        }
        match self.options.format {
            Format::Auto if trimmed.starts_with(b"{") => json::parse(trimmed, &self.options.fields),
            Format::Json => json::parse(trimmed, &self.options.fields),
            Format::Auto | Format::Text => text::parse(trimmed),
        }
    }

    fn add(&mut self, request: &Request<'_>, line: u64) -> Result<(), ImportError> {
        let Options { upload, status, .. } = self.options;
        let imported = &mut self.imported;
        imported.requests += 1;
        imported.minutes |= 1 << request.at_ns.div_euclid(60_000_000_000).rem_euclid(60);
        imported.no_request += u64::from(request.method.is_empty());
        imported.out_of_order += u64::from(request.at_ns < self.latest_ns);
        self.latest_ns = self.latest_ns.max(request.at_ns);
        self.has_fraction |= request.has_fraction;
        let (mut kind, mut key, mut client) = (Kind::Other, 0, 0);
        let found = |pattern: &Option<Pattern>| pattern.as_ref().and_then(|pattern| pattern.matches(request));
        let matched = match (found(upload), found(status)) {
            (Some(name), _) => Some((Kind::Upload, name)),
            (None, Some(name)) => Some((Kind::Poll, name)),
            (None, None) => None,
        };
        if let Some((what, name)) = matched {
            kind = what;
            self.uploads += u64::from(kind == Kind::Upload);
            self.polls += u64::from(kind == Kind::Poll);
            imported.without_client += u64::from(matches!(&*request.client, b"" | b"-"));
            client = hash(&[&request.client, &request.agent]);
            // Where no pattern names a key, a client has one.
            key = if name.is_empty() { client } else { hash(&[&name]) };
            let (first, last) = self.matched.unwrap_or((request.at_ns, request.at_ns));
            self.matched = Some((first.min(request.at_ns), last.max(request.at_ns)));
        } else {
            self.hint(request);
        }
        let answer = match request.status {
            404 | 410 => Answer::NotFound,
            502..=504 => Answer::Down,
            0 | 400.. => Answer::Error,
            _ => Answer::Fine,
        };
        Ok(self.sorter.add(Event { at_ns: request.at_ns, kind, line, client, key, answer })?)
    }

    /// Counts the kinds of requests that occur most, with a memory that has a bound (J. Misra and D. Gries, 1982).
    fn hint(&mut self, request: &Request<'_>) {
        let kind = kind_of(request);
        if let Some(count) = self.hints.get_mut(&kind) {
            *count += 1;
        } else if self.hints.len() < HINTS_MAX {
            self.hints.insert(kind, 1);
        } else {
            self.hints.retain(|_, count| {
                *count -= 1;
                *count > 0
            });
        }
    }

    /// What was found in all of it.
    ///
    /// # Errors
    /// [`ImportError`], but for what cannot be read.
    pub fn finish(self) -> Result<Import, ImportError> {
        let Reader { options, mut imported, sorter, hints, has_fraction, matched, uploads, polls, .. } = self;
        // A pattern that fits nothing is mistyped: whoever knows that there is none leaves it out.
        let missing = match (&options.upload, &options.status) {
            _ if uploads + polls == 0 => Some("an upload or a status request"),
            (Some(_), _) if uploads == 0 => Some("an upload as --upload has it"),
            (_, Some(_)) if polls == 0 => Some("a status request as --status has it"),
            _ => None,
        };
        let (None, Some((start_ns, last_ns))) = (missing, matched) else {
            let what = missing.unwrap_or("an upload or a status request");
            let mut most: Vec<_> = hints.into_iter().collect();
            most.sort_by(|(one, count), (other, more)| more.cmp(count).then_with(|| one.cmp(other)));
            most.truncate(5);
            return Err(imported.nothing_matched(what, most));
        };
        if start_ns.abs_diff(last_ns) > SPAN_MAX_NS {
            return Err(ImportError::TooLong { first: written(start_ns), last: written(last_ns) });
        }
        let rules = Rules {
            session_gap_ns: options.session_gap_ns,
            // Of uploads that say no key and of whose clients nobody polls, each has a name of its own.
            upload_has_key: options.upload.as_ref().is_none_or(Pattern::has_key)
                || options.status.as_ref().is_some_and(|status| !status.has_key()),
            resolution_ns: if has_fraction { 1_000_000 } else { 1_000_000_000 },
        };
        let sorted = sorter.sorted();
        let (mut walk, mut outages) = (Walk::new(rules), Outages::default());
        let (mut begin_ns, mut end_ns) = (None, start_ns);
        sorted.walk::<ImportError>(|event| {
            begin_ns.get_or_insert(event.at_ns);
            end_ns = event.at_ns;
            outages.step(&event);
            Ok(walk.step(event, |_| ())?)
        })?;
        outages.finish();
        let (told, counts, measured) = walk.finish(end_ns);
        imported.first = written(begin_ns.unwrap_or(start_ns));
        imported.last = written(end_ns);
        imported.span_ns = begin_ns.unwrap_or(start_ns).abs_diff(end_ns);
        imported.resolution_ns = rules.resolution_ns;
        imported.fill(options, &told, counts, measured, outages, start_ns);
        let rows = imported.uploads + imported.polls;
        if rows >= ROWS_MAX {
            return Err(ImportError::TooManyRows { rows });
        }
        if imported.uploads == 0 {
            let most = vec![("uploads, all of them refused".to_owned(), imported.refused)];
            return Err(imported.nothing_matched("an upload that was taken", most));
        }
        Ok(Import { imported, sorted, rules, told, start_ns })
    }
}

/// The longest method that is told.
const METHOD_MAX: usize = 32;

/// The kind of a request: its method and its path, with the names of its parameters; whatever has a digit in it is taken for an id.
fn kind_of(request: &Request<'_>) -> String {
    let target = String::from_utf8_lossy(&request.target);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let segment = |part: &str| {
        let is_id = part.len() > 32 || part.bytes().any(|byte| byte.is_ascii_digit());
        if is_id { "*".to_owned() } else { part.escape_debug().to_string() }
    };
    let method: String = String::from_utf8_lossy(&request.method).chars().take(METHOD_MAX).collect();
    let mut kind = format!("{} ", method.escape_debug());
    kind += &path.split('/').take(8).map(segment).collect::<Vec<_>>().join("/");
    for (number, parameter) in query.split('&').filter(|parameter| !parameter.is_empty()).take(4).enumerate() {
        let name = parameter.split('=').next().unwrap_or_default();
        kind += &format!("{}{}=…", if number == 0 { '?' } else { '&' }, segment(name));
    }
    kind
}

/// A number that says nothing of the texts but whether they are the same.
fn hash(texts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_le_bytes(first)
}

/// A moment as people read it, in UTC.
fn written(at_ns: i64) -> String {
    let moment = Timestamp::from_nanosecond(i128::from(at_ns)).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

impl Import {
    /// Goes through the rows of the trace, in order.
    fn rows(&self, mut each: impl FnMut(Row) -> io::Result<()>) -> Result<(), ImportError> {
        let mut walk = Walk::new(self.rules);
        self.sorted.walk::<ImportError>(|event| {
            let mut rows = [None, None];
            walk.step(event, |row| {
                let place = usize::from(rows[0].is_some());
                rows[place] = Some(row);
            })?;
            for row in rows.into_iter().flatten() {
                each(row)?;
            }
            Ok(())
        })
    }
}
