//! `stillready merge`.

use std::path::PathBuf;

use clap::Args;
use stillready::exit::Exit;
use stillready::provenance::Clock;
use stillready::report::merge::merge as merge_parts;

use super::console::{Console, DIM, styled};
use super::failure::Failure;
use super::sweep::folder;

#[derive(Args)]
pub(crate) struct MergeArguments {
    /// Folders of shards, or folders that have such folders.
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// The folder to which a folder of the scenario's name, with `-sweep` behind it, is written.
    #[arg(short, long, value_name = "DIR", default_value = "reports")]
    output: PathBuf,
}

/// Puts the parts of a sweep together.
pub(super) fn merge(arguments: &MergeArguments, console: &Console) -> Result<Exit, Failure> {
    let clock = Clock::start();
    let merged = merge_parts(&arguments.folders)?;
    let (cells, name) = (merged.cells(), merged.scenario().to_owned());
    let paths = merged.write(&folder(&arguments.output, &name, None)?, &clock)?;
    console.result(&format!("{cells} cells of {name}\n"))?;
    let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    console.result(&format!("{}\n", styled(&paths, DIM)))?;
    Ok(Exit::Pass)
}
