//! Sorting more events than the memory holds: runs are sorted in memory, spilled to a temporary file, and merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// What of a request is kept. In the order of the fields: by time, then uploads before polls, then as the log has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    /// In nanoseconds since 1970.
    pub(super) at_ns: i64,
    pub(super) kind: Kind,
    /// Its number in the log.
    pub(super) line: u64,
    /// A hash of the client, and one of the key; whose they are cannot be read from them.
    pub(super) client: u64,
    pub(super) key: u64,
    pub(super) answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Upload,
    Poll,
    Other,
}

/// The response, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    Fine,
    NotFound,
    /// 502, 503 and 504: there is nobody behind the proxy.
    Down,
    /// All others of 400 and above, and 0, of a client that went away before there was any.
    Error,
}

/// Bytes of an event in a file.
const BYTES: usize = 34;

/// The most runs that are merged at once; each has a buffer.
const RUNS_MAX: usize = 256;
const RUN_BUFFER: usize = 1 << 14;

/// Events that are being collected.
pub(super) struct Sorter {
    here: Vec<Event>,
    here_max: usize,
    runs: Vec<File>,
    spilled: u64,
}

/// Events in order, to be gone through more than once.
pub(super) struct Sorted {
    here: Vec<Event>,
    runs: Vec<File>,
}

impl Sorter {
    /// Keeps at most so many events in memory.
    pub(super) fn new(here_max: usize) -> Sorter {
        Sorter { here: Vec::new(), here_max: here_max.max(1), runs: Vec::new(), spilled: 0 }
    }

    pub(super) fn add(&mut self, event: Event) -> io::Result<()> {
        if self.here.len() == self.here_max {
            self.spill()?;
        }
        self.here.push(event);
        Ok(())
    }

    /// How many events went to files.
    #[cfg(test)]
    fn spilled(&self) -> u64 {
        self.spilled
    }

    fn spill(&mut self) -> io::Result<()> {
        self.here.sort_unstable();
        let mut file = BufWriter::new(tempfile::tempfile()?);
        for event in &self.here {
            file.write_all(&event.bytes())?;
        }
        self.spilled += self.here.len() as u64;
        self.here.clear();
        self.runs.push(file.into_inner().map_err(io::IntoInnerError::into_error)?);
        if self.runs.len() == RUNS_MAX {
            self.merge_runs()?;
        }
        Ok(())
    }

    /// All runs become one.
    fn merge_runs(&mut self) -> io::Result<()> {
        let all = Sorted { here: Vec::new(), runs: std::mem::take(&mut self.runs) };
        let mut file = BufWriter::new(tempfile::tempfile()?);
        all.walk(|event| file.write_all(&event.bytes()))?;
        self.runs.push(file.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }

    pub(super) fn sorted(mut self) -> Sorted {
        self.here.sort_unstable();
        Sorted { here: self.here, runs: self.runs }
    }
}

impl Sorted {
    /// Goes through the events in order.
    pub(super) fn walk<E: From<io::Error>>(&self, mut each: impl FnMut(Event) -> Result<(), E>) -> Result<(), E> {
        let mut here = self.here.iter().copied();
        let mut runs = Vec::with_capacity(self.runs.len());
        for file in &self.runs {
            let mut file = file;
            file.seek(SeekFrom::Start(0))?;
            runs.push(BufReader::with_capacity(RUN_BUFFER, file));
        }
        let mut next: BinaryHeap<Reverse<(Event, usize)>> = BinaryHeap::new();
        let here_run = runs.len();
        next.extend(here.next().map(|event| Reverse((event, here_run))));
        for (run, file) in runs.iter_mut().enumerate() {
            next.extend(Event::read(file)?.map(|event| Reverse((event, run))));
        }
        while let Some(Reverse((event, run))) = next.pop() {
            let after = if run == here_run { here.next() } else { Event::read(&mut runs[run])? };
            next.extend(after.map(|event| Reverse((event, run))));
            each(event)?;
        }
        Ok(())
    }
}

impl Event {
    fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.at_ns.to_le_bytes());
        bytes[8] = self.kind as u8;
        bytes[9] = self.answer as u8;
        bytes[10..18].copy_from_slice(&self.line.to_le_bytes());
        bytes[18..26].copy_from_slice(&self.client.to_le_bytes());
        bytes[26..].copy_from_slice(&self.key.to_le_bytes());
        bytes
    }

    /// The next event of a file; `None` at its end.
    fn read(file: &mut impl Read) -> io::Result<Option<Event>> {
        let mut bytes = [0; BYTES];
        match file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let word = |from: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[from..from + 8]);
            word
        };
        Ok(Some(Event {
            at_ns: i64::from_le_bytes(word(0)),
            kind: match bytes[8] {
                0 => Kind::Upload,
                1 => Kind::Poll,
                _ => Kind::Other,
            },
            answer: match bytes[9] {
                0 => Answer::Fine,
                1 => Answer::NotFound,
                2 => Answer::Down,
                _ => Answer::Error,
            },
            line: u64::from_le_bytes(word(10)),
            client: u64::from_le_bytes(word(18)),
            key: u64::from_le_bytes(word(26)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{PerAttempt, Source};

    #[test]
    fn what_is_spilled_comes_back_in_order_twice() {
        let draws = PerAttempt::new(7, Source::Sample);
        let mut sorter = Sorter::new(3);
        let mut expected = Vec::new();
        for line in 0..2000 {
            let draw = draws.draw(line, 0);
            let kind = [Kind::Upload, Kind::Poll, Kind::Other][(draw % 3) as usize];
            let answer = [Answer::Fine, Answer::NotFound, Answer::Down, Answer::Error][(draw % 4) as usize];
            let at_ns = (draw >> 32) as i64 % 100 - 50;
            let event = Event { at_ns, kind, line, client: draw, key: draw.rotate_left(9), answer };
            sorter.add(event).expect("there is room for temporary files");
            expected.push(event);
        }
        assert!(sorter.spilled() > 1900 && sorter.runs.len() < RUNS_MAX);
        expected.sort_unstable();
        let sorted = sorter.sorted();
        for _ in 0..2 {
            let mut found = Vec::new();
            sorted
                .walk::<io::Error>(|event| {
                    found.push(event);
                    Ok(())
                })
                .expect("temporary files can be read");
            assert_eq!(found, expected);
        }
    }
}
