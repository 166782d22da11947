//! Lines of a text of any length, read with a memory that has a bound.

use std::io::{self, BufRead};

/// Reads a text line by line. Of a line longer than the bound no more than that is kept.
pub struct Lines<R> {
    source: R,
    longest: usize,
    line: Vec<u8>,
    number: u64,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// Its bytes without its end, LF or CRLF.
    pub bytes: &'a [u8],
    /// Whether it was longer than the bound, and `bytes` is its beginning.
    pub is_cut: bool,
}

impl<R: BufRead> Lines<R> {
    /// The lines of a text, of which at most so many bytes each are kept.
    pub fn new(source: R, longest: usize) -> Self {
        Lines { source, longest, line: Vec::new(), number: 0 }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// What the source could not do.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut length: u64 = 0;
        loop {
            let bytes = match self.source.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                if length == 0 {
                    return Ok(None);
                }
                break;
            }
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            let room = (self.longest + 1).saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(&piece[..room]);
            let taken = end.map_or(piece.len(), |end| end + 1);
            length += taken as u64;
            self.source.consume(taken);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        if self.line.len() <= self.longest && self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        let is_cut = self.line.len() > self.longest;
        self.line.truncate(self.longest);
        Ok(Some(Line { number: self.number, bytes: &self.line, is_cut }))
    }

    /// What it reads from.
    pub fn into_inner(self) -> R {
        self.source
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(text: &str, longest: usize) -> Vec<(u64, String, bool)> {
        // A buffer of three bytes: lines lie across its borders.
        let mut lines = Lines::new(BufReader::with_capacity(3, text.as_bytes()), longest);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().expect("memory can be read") {
            found.push((line.number, String::from_utf8_lossy(line.bytes).into_owned(), line.is_cut));
        }
        found
    }

    #[test]
    fn lines_end_with_either_end_or_with_the_text() {
        let line = |number, text: &str| (number, text.to_owned(), false);
        assert_eq!(lines("one\r\ntwo\n\nfour", 9), [line(1, "one"), line(2, "two"), line(3, ""), line(4, "four")]);
        assert_eq!(lines("", 9), []);
        assert_eq!(lines("\n", 9), [line(1, "")]);
    }

    #[test]
    fn a_line_longer_than_the_bound_is_cut_and_the_next_one_is_whole() {
        let text = format!("{}\nnext\n", "x".repeat(100));
        assert_eq!(lines(&text, 4), [(1, "xxxx".to_owned(), true), (2, "next".to_owned(), false)]);
        assert_eq!(lines("abcd\r\n", 4)[0].1, "abcd");
    }
}
