//! Shards: a grid in parts that run by themselves, on whatever machines, and are merged afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::scenario::Grid;

/// Which part of a grid: written `3/8`, the third of eight. Cells are dealt out one after the other, so that parts take about as
/// long as each other also where one end of an axis takes longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: usize,
    of: usize,
}

/// A text is no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a shard is written K/N, K from 1 to N, N at most 100000, as in 3/8")]
pub struct InvalidShard;

impl Shard {
    /// The most parts that a grid can have: as many as cells.
    const MOST: usize = 100_000;

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        self.number
    }

    /// How many there are.
    #[must_use]
    pub fn of(self) -> usize {
        self.of
    }

    /// All shards of as many.
    pub fn siblings(self) -> impl Iterator<Item = Shard> {
        (1..=self.of).map(move |number| Shard { number, of: self.of })
    }

    /// Whether a cell is its own, by its number.
    #[must_use]
    pub fn has(self, cell: usize) -> bool {
        cell % self.of == self.number - 1
    }

    /// The numbers of its cells, of so many.
    pub fn cells(self, cells: usize) -> impl Iterator<Item = usize> {
        (0..cells).filter(move |&cell| self.has(cell))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let count = |text: &str| text.parse().ok().filter(|count| (1..=Self::MOST).contains(count));
        let (number, of) = text.split_once('/').ok_or(InvalidShard)?;
        let (number, of) = (count(number).ok_or(InvalidShard)?, count(of).ok_or(InvalidShard)?);
        if number <= of { Ok(Shard { number, of }) } else { Err(InvalidShard) }
    }
}

impl TryFrom<String> for Shard {
    type Error = InvalidShard;

    fn try_from(text: String) -> Result<Self, InvalidShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

/// The cells of a shard, and which grid they are of.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which part; `None`: all of it.
    pub shard: Option<Shard>,
    /// The grid with the cells of the part alone.
    pub grid: Grid,
    /// The fingerprint of the whole grid.
    pub fingerprint: String,
    /// The cells of the whole grid.
    pub of_cells: usize,
}

impl Part {
    /// A part of a grid, or all of it.
    #[must_use]
    pub fn new(shard: Option<Shard>, mut grid: Grid) -> Part {
        let (fingerprint, of_cells) = (grid.fingerprint(), grid.cells.len());
        grid.cells.retain(|cell| shard.is_none_or(|shard| shard.has(cell.number)));
        Part { shard, grid, fingerprint, of_cells }
    }
}
