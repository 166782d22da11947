//! What a run may ask for: nothing that takes days or fills the memory, unless it was meant so.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use stillready::scenario::size::Size;
use stillready::scenario::{Grid, Scenario};

use super::arguments::Arguments;
use super::failure::Failure;

/// Whether runs of any size were asked for.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    allow_huge: bool,
}

impl Limits {
    pub(super) fn new(arguments: &Arguments) -> Self {
        Limits { allow_huge: arguments.allow_huge }
    }

    /// Fails if a scenario asks for too much; before anything runs, or is written.
    pub(super) fn check(self, scenario: &Scenario, jobs: usize) -> Result<(), Failure> {
        if self.allow_huge {
            return Ok(());
        }
        Ok(Size::of(scenario, jobs).check(scenario)?)
    }

    /// The same for a sweep over a grid.
    pub(super) fn check_grid(self, grid: &Grid, jobs: usize) -> Result<(), Failure> {
        if self.allow_huge {
            return Ok(());
        }
        Ok(Size::of_grid(grid, jobs).check(&grid.cells[0].scenario)?)
    }

    /// The same for one replication of one of its policies.
    pub(super) fn check_one(self, scenario: &Scenario, policy: usize) -> Result<(), Failure> {
        let policies = vec![scenario.policies[policy].clone()];
        self.check(&Scenario { policies, replications: 1, ..scenario.clone() }, 1)
    }
}

/// The bytes of a file that is not too long for what it should be: a device or a pipe may have no end.
pub(super) fn read(path: &Path, longest_mib: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let longest = longest_mib << 20;
    File::open(path)?.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {longest_mib} MiB")));
    }
    Ok(bytes)
}
