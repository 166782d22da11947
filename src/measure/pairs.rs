//! Two policies over the same uploads.

use std::collections::BTreeMap;

use super::facts::{Fact, Facts};

/// How many uploads ended with which facts under one policy and with which under another.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    counts: BTreeMap<(Facts, Facts), u64>,
}

/// Which uploads a comparison looks at. Who goes away is the workload's doing, so the groups are the same under every
/// policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// All of them.
    All,
    /// Those whose clients went away right after the upload.
    Late,
    /// Those whose clients kept polling.
    Live,
}

/// Of how many uploads something is true under both of two policies, under one only, under neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// Under both.
    pub both: u64,
    /// Under the first only.
    pub first_only: u64,
    /// Under the second only.
    pub second_only: u64,
    /// Under neither.
    pub neither: u64,
}

impl Cells {
    /// All uploads of the comparison.
    #[must_use]
    pub fn uploads(self) -> u64 {
        self.both + self.first_only + self.second_only + self.neither
    }

    /// Those of which it is true under the first policy.
    #[must_use]
    pub fn first(self) -> u64 {
        self.both + self.first_only
    }

    /// Those of which it is true under the second policy.
    #[must_use]
    pub fn second(self) -> u64 {
        self.both + self.second_only
    }
}

impl Pairs {
    /// Counts one upload.
    pub fn count(&mut self, first: Facts, second: Facts) {
        *self.counts.entry((first, second)).or_default() += 1;
    }

    /// Adds what another replication counted.
    pub fn merge(&mut self, other: &Pairs) {
        for (&pair, &count) in &other.counts {
            *self.counts.entry(pair).or_default() += count;
        }
    }

    /// The four cells of one fact.
    #[must_use]
    pub fn cells(&self, fact: Fact, group: Group) -> Cells {
        self.cells_where(|facts| facts.contains(fact), group)
    }

    /// The four cells of something that the facts tell.
    pub fn cells_where(&self, is: impl Fn(Facts) -> bool, group: Group) -> Cells {
        let mut cells = Cells::default();
        for (&(first, second), &count) in &self.counts {
            let wanted = match group {
                Group::All => true,
                Group::Late => first.contains(Fact::Away),
                Group::Live => !first.contains(Fact::Away),
            };
            if wanted {
                *match (is(first), is(second)) {
                    (true, true) => &mut cells.both,
                    (true, false) => &mut cells.first_only,
                    (false, true) => &mut cells.second_only,
                    (false, false) => &mut cells.neither,
                } += count;
            }
        }
        cells
    }
}
