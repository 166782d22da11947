//! `stillready sweep`.

use std::path::{Path, PathBuf};

use clap::Args;
use stillready::exit::Exit;
use stillready::experiment::ExperimentError;
use stillready::experiment::shard::{Part, Shard};
use stillready::experiment::sweep::{SweepOptions, sweep};
use stillready::provenance::{Clock, SweepRecord};
use stillready::report::files;
use stillready::report::grid::{self, Growing, Mode};
use stillready::scenario::Grid;

use super::console::{Console, DIM, styled};
use super::failure::Failure;
use super::limits::Limits;
use super::report::{self, WrittenForm};
use super::run::{jobs, stop_on_signals};
use super::scenarios::{Source, ask_for_uploads, find};

#[derive(Args)]
pub(crate) struct SweepArguments {
    /// A scenario with a `[grid]`: a file, or a name as `list` shows it.
    #[arg(value_name = "SCENARIO")]
    scenario: String,

    /// Go on with a sweep that was interrupted, after its last whole row; do nothing if it is finished, begin if there is none.
    #[arg(long, conflicts_with = "restart")]
    resume: bool,

    /// Begin anew where an unfinished sweep is.
    #[arg(long)]
    restart: bool,

    /// Run one part of so many, such as `3/8`, to a folder of its own; `stillready merge` puts the parts together.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,

    /// Uploads per replication, instead of the scenario's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uploads: Option<u32>,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// The folder to which a folder of the scenario's name, with `-sweep` behind it, is written.
    #[arg(short, long, value_name = "DIR", default_value = "reports")]
    output: PathBuf,

    /// Write the report in these forms too: `report.html`, `report.md`, `report.json`.
    #[arg(long, value_name = "FORM", value_enum, value_delimiter = ',')]
    format: Vec<WrittenForm>,
}

/// Runs every cell of a scenario's grid.
pub(super) fn run(arguments: &SweepArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let (source, mut grid) = load(&arguments.scenario)?;
    for cell in &mut grid.cells {
        ask_for_uploads(&mut cell.scenario, arguments.uploads)?;
    }
    let (clock, stop) = (Clock::start(), stop_on_signals());
    let jobs = jobs(arguments.jobs);
    let part = Part::new(arguments.shard, grid);
    if let Some(shard) = part.shard.filter(|_| part.grid.cells.is_empty()) {
        return Err(Failure::Usage {
            message: format!("shard {shard} has no cell: the grid has {} in all", part.of_cells),
            help: format!("make at most {} shards", part.of_cells),
        });
    }
    limits.check_grid(&part.grid, jobs)?;
    let folder = folder(&arguments.output, &source.name, part.shard)?;
    let mode = match (arguments.resume, arguments.restart) {
        (true, _) => Mode::Resume,
        (_, true) => Mode::Restart,
        _ => Mode::Begin,
    };
    let Some(mut growing) = Growing::open(&folder, &part, mode)? else {
        console.result(&format!("the sweep in {} is finished\n", folder.display()))?;
        return Ok(Exit::Pass);
    };
    let grid = &part.grid;
    let from = growing.rows();
    console.note(&format!("{} cells, from cell {from} on, {jobs} at a time", grid.cells.len()));
    let uploads =
        |cell: &stillready::scenario::Cell| u64::from(cell.scenario.uploads) * u64::from(cell.scenario.replications);
    let bar = console.progress(&source.name, grid.cells[from..].iter().map(uploads).sum());
    let options = SweepOptions { jobs, from, on_progress: &|uploads| bar.inc(uploads), stop };
    let done = sweep(
        grid,
        &options,
        |cell, results| grid::row(&grid.axes, cell, results),
        |place, row| {
            bar.set_prefix(format!("{}: {} of {} cells,", source.name, place + 1, grid.cells.len()));
            growing.add(&row).map_err(Failure::from)
        },
    );
    bar.finish_and_clear();
    if let Err(error) = done {
        let (rows, cells) = (growing.rows(), grid.cells.len());
        return Err(match error {
            Failure::Experiment(ExperimentError::Interrupted) => Failure::SweepInterrupted { rows, cells, folder },
            other => other,
        });
    }
    let mut paths = growing.finish(record(&source, &part, jobs), &clock)?;
    if !arguments.format.is_empty() {
        paths.extend(report::write(&folder, &folder, &arguments.format)?);
    }
    let cells = match part.shard {
        None => grid.cells.len().to_string(),
        Some(shard) => format!("shard {shard}, {} of {}", grid.cells.len(), part.of_cells),
    };
    console.result(&format!("{cells} cells of {}: {}\n", source.name, grid.axes.join(", ")))?;
    let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    console.result(&format!("{}\n", styled(&paths, DIM)))?;
    Ok(Exit::Pass)
}

/// Where a scenario's sweep is, or a part of it.
pub(super) fn folder(output: &Path, name: &str, shard: Option<Shard>) -> Result<PathBuf, Failure> {
    Ok(files::folder_of(output, &grid::folder_name(name, shard))?)
}

/// Finds and reads a scenario that has a grid.
pub(super) fn load(argument: &str) -> Result<(Source, Grid), Failure> {
    let source = find(argument)?;
    match source.grid()? {
        Some(grid) => Ok((source, grid)),
        None => Err(Failure::Usage {
            message: format!("scenario `{}` has no grid, so there is nothing to sweep", source.name),
            help: "add [grid.axes] with a list of values for each key that is varied, as in \
                   `time_to_live = [\"30m\", \"60m\"]`; sims/choice.toml has one"
                .to_owned(),
        }),
    }
}

fn record(source: &Source, part: &Part, jobs: usize) -> SweepRecord {
    SweepRecord {
        source: files::record_of(&part.grid.cells[0].scenario, &source.file, part.fingerprint.clone()),
        axes: part.grid.axes.clone(),
        shard: part.shard.map(|shard| shard.to_string()),
        cells: part.of_cells,
        jobs,
        files: Vec::new(),
    }
}
