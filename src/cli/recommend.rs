//! `stillready recommend`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stillready::choice::{self, Candidate, Criterion, robust, sensitivity};
use stillready::exit::Exit;
use stillready::experiment::ExperimentError;
use stillready::experiment::sweep::{SweepOptions, sweep};
use stillready::report::choice as report;
use stillready::report::{grid, read};
use stillready::scenario::{Grid, Limit, METRICS, Objective, nearest};

use super::console::{BOLD, Console, styled};
use super::failure::Failure;
use super::limits::Limits;
use super::run::{jobs, stop_on_signals, wrap};
use super::scenarios::ask_for_uploads;
use super::sweep::{folder, load};

#[derive(Args)]
pub(crate) struct RecommendArguments {
    /// A scenario whose grid was swept: a file, or a name as `list` shows it.
    #[arg(value_name = "SCENARIO")]
    scenario: String,

    /// What is asked for, instead of the scenario's `[[objective]]`s, as in `false_not_found_rate<=0.001`; may be given several
    /// times.
    #[arg(long = "objective", value_name = "METRIC<=N", value_parser = objective)]
    objectives: Vec<Objective>,

    /// What is cheap.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Cost::Memory)]
    cost: Cost,

    /// Choose again with arrivals, processing times and absences half as many or long, and half as many or long again.
    #[arg(long)]
    robust: bool,

    /// Uploads per cell, as the sweep had them, instead of the scenario's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uploads: Option<u32>,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// The folder that the sweep was written to.
    #[arg(short, long, value_name = "DIR", default_value = "reports")]
    output: PathBuf,
}

/// What a policy costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Cost {
    /// The most entries held at a time.
    Memory,
    /// Entries that a scan at each sweep visits, per poll.
    Work,
}

impl Cost {
    fn criterion(self) -> Criterion {
        match self {
            Cost::Memory => Criterion::Memory,
            Cost::Work => Criterion::Work,
        }
    }
}

fn objective(text: &str) -> Result<Objective, String> {
    let (metric, limit) = match (text.split_once("<="), text.split_once(">=")) {
        (Some((metric, max)), None) => (metric, max.trim().parse().map(Limit::Max)),
        (None, Some((metric, min))) => (metric, min.trim().parse().map(Limit::Min)),
        _ => return Err("write METRIC<=NUMBER or METRIC>=NUMBER".to_owned()),
    };
    let metric = metric.trim();
    let known = METRICS.iter().find(|known| **known == metric).ok_or_else(|| {
        let meant =
            nearest(metric, METRICS.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        format!("there is no metric `{metric}`: {meant}allowed: {}", METRICS.join(", "))
    })?;
    let limit = limit.ok().filter(|&(Limit::Max(limit) | Limit::Min(limit))| limit.is_finite() && limit >= 0.0);
    Ok(Objective { metric: known, limit: limit.ok_or("the limit must be a number, at least 0")? })
}

/// Chooses among the cells of a sweep.
pub(super) fn recommend(arguments: &RecommendArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let (source, mut grid) = load(&arguments.scenario)?;
    for cell in &mut grid.cells {
        ask_for_uploads(&mut cell.scenario, arguments.uploads)?;
    }
    let folder = folder(&arguments.output, &source.name, None)?;
    let swept = read::sweep(&folder)?;
    if swept.record.scenario_fingerprint != grid.fingerprint() {
        return Err(Failure::Usage {
            message: format!(
                "{} has the sweep of another grid than that of scenario `{}`",
                folder.display(),
                source.name
            ),
            help: format!(
                "sweep it anew: `stillready sweep {}`; of another number of uploads: --uploads",
                source.argument
            ),
        });
    }
    let objectives =
        if arguments.objectives.is_empty() { grid.objectives.clone() } else { arguments.objectives.clone() };
    if objectives.is_empty() {
        return Err(Failure::Usage {
            message: format!("nothing is asked of a policy in scenario `{}`", source.name),
            help: "add [[objective]] with a metric and `max` or `min`, or --objective 'false_not_found_rate<=0.001'"
                .to_owned(),
        });
    }
    let cost = arguments.cost.criterion();
    let candidates = &swept.candidates;
    console.result(&format!("{}\n", styled(&format!("{}: {} cells", source.name, candidates.len()), BOLD)))?;
    let mut text = report::front(&grid.axes, candidates);
    let ranked = choice::ranked(candidates, &objectives, cost);
    for sentence in report::recommendation(&grid.axes, candidates, &objectives, cost, &ranked) {
        text += &format!("\n{}", wrap(&sentence));
    }
    text += &report::sensitivity(&grid.axes, candidates);
    if let Some(&choice) = ranked.first() {
        text += &report::neighbours(&grid.axes, candidates, &objectives, &sensitivity::neighbours(candidates, choice));
    }
    console.result(&text)?;
    if arguments.robust {
        if grid.cells.iter().any(|cell| cell.scenario.workload.arrivals.recorded_polls().is_some()) {
            return Err(Failure::Usage {
                message: "--robust changes absences and processing times, and those of a trace are what they were"
                    .to_owned(),
                help: "leave it out, or describe the workload instead of taking it from a trace".to_owned(),
            });
        }
        let jobs = jobs(arguments.jobs);
        limits.check_grid(&grid, jobs)?;
        console.result(&robustness(&grid, candidates, &objectives, cost, jobs, console)?)?;
    }
    Ok(if ranked.is_empty() { Exit::NotDecided } else { Exit::Pass })
}

/// The choice in each of the other worlds.
fn robustness(
    grid: &Grid,
    candidates: &[Candidate],
    objectives: &[Objective],
    cost: Criterion,
    jobs: usize,
    console: &Console,
) -> Result<String, Failure> {
    let stop = stop_on_signals();
    let here = choice::ranked(candidates, objectives, cost).first().copied();
    let mut choices = vec![(
        "as measured",
        here.map(|choice| candidates[choice].clone()),
        here.map(|choice| candidates[choice].clone()),
    )];
    for world in robust::WORLDS {
        let there = world.of(grid);
        let uploads = |cell: &stillready::scenario::Cell| {
            u64::from(cell.scenario.uploads) * u64::from(cell.scenario.replications)
        };
        let bar = console.progress(world.name, there.cells.iter().map(uploads).sum());
        let options = SweepOptions { jobs, from: 0, on_progress: &|uploads| bar.inc(uploads), stop };
        let mut table = grid::header(&there);
        let add = |_, row: Vec<u8>| {
            table.extend(row);
            Ok::<(), ExperimentError>(())
        };
        sweep(&there, &options, |cell, results| grid::row(&there.axes, cell, results), add)?;
        bar.finish_and_clear();
        let measured = choice::read(&table, there.axes.len()).expect("it was just written");
        let choice = choice::ranked(&measured, objectives, cost).first().map(|&choice| measured[choice].clone());
        choices.push((world.name, choice, here.map(|here| measured[here].clone())));
    }
    Ok(report::robustness(&grid.axes, &choices, objectives))
}
