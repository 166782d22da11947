//! Edits of real files, of the kinds that people, merges and broken disks make.

use proptest::prelude::*;
use proptest::sample::Index;

/// Numbers at and beyond the edges of every type that is read.
pub(crate) const EXTREMES: &[&str] = &[
    "0",
    "-1",
    "-0",
    "1",
    "0.5",
    "1e-320",
    "1e308",
    "1e400",
    "nan",
    "inf",
    "255",
    "256",
    "65536",
    "1001",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "0x10",
    "1_0",
    "00",
    "",
    "\"7\"",
    "1.5.5",
    "١",
];

const UNITS: &[&str] =
    &["ns", "us", "ms", "s", "m", "min", "h", "d", "w", "month", "y", "", "parsecs", "/s", "/h", "/ns"];

/// What stands between things, and what does not belong anywhere.
const PIECES: &[&str] = &[
    "\n", "\r\n", "\0", "\"", "\"\"\"", "'", "[", "]", "[[", "]]", "{", "}", "=", ",", ",,", "#", "\u{feff}", "é",
    "大", "\u{202e}", "\\u", " ", "\t", "never", "none", "-",
];

#[derive(Clone, Debug)]
pub(crate) enum Edit {
    DeleteLine(Index),
    DuplicateLine(Index),
    SwapLines(Index, Index),
    /// A line of another file.
    Splice(Index, Index),
    Number(Index, Index),
    Unit(Index, Index),
    Insert(Index, Index),
    DeleteBytes(Index, u8),
    Byte(Index, u8),
    Truncate(Index),
}

/// A few edits.
pub(crate) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let place = any::<Index>;
    let edit = prop_oneof![
        1 => place().prop_map(Edit::DeleteLine),
        1 => place().prop_map(Edit::DuplicateLine),
        1 => (place(), place()).prop_map(|(one, other)| Edit::SwapLines(one, other)),
        2 => (place(), place()).prop_map(|(at, from)| Edit::Splice(at, from)),
        6 => (place(), place()).prop_map(|(at, to)| Edit::Number(at, to)),
        3 => (place(), place()).prop_map(|(at, to)| Edit::Unit(at, to)),
        1 => (place(), place()).prop_map(|(at, what)| Edit::Insert(at, what)),
        1 => (place(), 1u8..40).prop_map(|(at, length)| Edit::DeleteBytes(at, length)),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        1 => place().prop_map(Edit::Truncate),
    ];
    prop::collection::vec(edit, 1..8)
}

/// A text after edits; `donor` is where lines are taken from.
pub(crate) fn apply(text: &[u8], edits: &[Edit], donor: &[u8]) -> Vec<u8> {
    edits.iter().fold(text.to_vec(), |text, edit| if text.is_empty() { text } else { one(&text, edit, donor) })
}

fn one(text: &[u8], edit: &Edit, donor: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    match edit {
        Edit::DeleteLine(at) => drop(lines.remove(at.index(lines.len()))),
        Edit::DuplicateLine(at) => lines.insert(at.index(lines.len()), lines[at.index(lines.len())]),
        Edit::SwapLines(one, other) => {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
        }
        Edit::Splice(at, from) => {
            let donors: Vec<&[u8]> = donor.split_inclusive(|&byte| byte == b'\n').collect();
            lines.insert(at.index(lines.len()), donors[from.index(donors.len())]);
        }
        Edit::Number(at, to) => return replaced(text, u8::is_ascii_digit, *at, EXTREMES[to.index(EXTREMES.len())]),
        Edit::Unit(at, to) => return replaced(text, u8::is_ascii_alphabetic, *at, UNITS[to.index(UNITS.len())]),
        Edit::Insert(at, what) => {
            let (before, after) = text.split_at(at.index(text.len()));
            return [before, PIECES[what.index(PIECES.len())].as_bytes(), after].concat();
        }
        Edit::DeleteBytes(at, length) => {
            let from = at.index(text.len());
            let to = (from + usize::from(*length)).min(text.len());
            return [&text[..from], &text[to..]].concat();
        }
        Edit::Byte(at, byte) => {
            let mut text = text.to_vec();
            let at = at.index(text.len());
            text[at] = *byte;
            return text;
        }
        Edit::Truncate(at) => return text[..at.index(text.len())].to_vec(),
    }
    lines.concat()
}

/// A text with another word in place of one whose bytes are all of a kind.
fn replaced(text: &[u8], is_of: fn(&u8) -> bool, at: Index, by: &str) -> Vec<u8> {
    let begins = |&place: &usize| is_of(&text[place]) && (place == 0 || !is_of(&text[place - 1]));
    let places: Vec<usize> = (0..text.len()).filter(begins).collect();
    if places.is_empty() {
        return text.to_vec();
    }
    let from = places[at.index(places.len())];
    let length = text[from..].iter().take_while(|byte| is_of(byte)).count();
    [&text[..from], by.as_bytes(), &text[from + length..]].concat()
}
