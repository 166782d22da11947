//! `stillready diagnose`.

use std::path::{Path, PathBuf};

use clap::Args;
use stillready::diagnose::{self, likeness};
use stillready::exit::Exit;
use stillready::experiment::Options;
use stillready::provenance::Clock;
use stillready::report::{diagnose as report, files, number};
use stillready::scenario::{Scenario, shipped};

use super::console::{BOLD, Console, DIM, styled};
use super::failure::Failure;
use super::limits::{self, Limits};
use super::run::{jobs, stop_on_signals, wrap};
use super::scenarios::load;

#[derive(Args)]
pub(crate) struct DiagnoseArguments {
    /// Causes: scenario files, or names of those that come with the program; all of these by default.
    #[arg(value_name = "CAUSE")]
    causes: Vec<String>,

    /// Rank the causes by how well they explain the answers in this CSV file: `upload,seconds,answer`, with the seconds since the
    /// upload and `processing`, `ready`, `error` or `not_found`; all answers that each client got, of an unselected sample of all
    /// uploads, those included that had no trouble.
    #[arg(long, value_name = "FILE")]
    like: Option<PathBuf>,

    /// Uploads per cause and remedy, instead of the causes'.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uploads: Option<u32>,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// The folder to which `diagnose/matrix.csv` is written.
    #[arg(short, long, value_name = "DIR", default_value = "reports")]
    output: PathBuf,
}

/// Runs the causes under the remedies, or ranks the causes.
pub(super) fn diagnose(arguments: &DiagnoseArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let (causes, jobs) = (causes(arguments)?, jobs(arguments.jobs));
    for cause in &causes {
        match arguments.like {
            Some(_) => limits.check_one(cause, 0)?,
            None => limits.check(&diagnose::under_remedies(cause), jobs)?,
        }
    }
    if let Some(path) = &arguments.like {
        return rank(path, &causes, console);
    }
    let (stop, clock) = (stop_on_signals(), Clock::start());
    let folder = files::folder_of(&arguments.output, "diagnose")?;
    let mut rows = Vec::new();
    for cause in &causes {
        let total = u64::from(cause.uploads) * u64::from(cause.replications) * diagnose::remedies(cause).len() as u64;
        let bar = console.progress(&cause.name, total);
        let options = Options { jobs, upload_rows: false, on_progress: &|uploads| bar.inc(uploads), stop };
        rows.push(diagnose::run(cause, &options)?);
        bar.finish_and_clear();
    }
    let names = causes.iter().map(|cause| cause.name.clone()).collect();
    let paths = files::write_diagnosis(&folder, &report::csv(&rows), names, jobs, &clock)?;
    let uploads = number::count(causes.iter().map(|cause| cause.uploads).min().unwrap_or(0));
    let widest = number::percent(report::widest(&rows));
    let head = "Users who were told \"lost\" or something false, in per cent";
    console.result(&format!("{}\n", styled(head, BOLD)))?;
    console.result(&wrap(&format!(
        "{uploads} uploads per cell, the same in each cell of a row; 95 % intervals of at most ± {widest}"
    )))?;
    console.result(&format!("\n{}\n{}\n", report::table(&rows), report::legend(&rows)))?;
    for sentence in report::sentences(&rows) {
        console.result(&wrap(&sentence))?;
    }
    if let Some(conclusion) = report::conclusion(&rows) {
        console.result(&format!("\n{}", wrap(&conclusion)))?;
    }
    let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    console.result(&format!("\n{}\n", styled(&paths, DIM)))?;
    Ok(Exit::Pass)
}

/// The causes that were asked for, or all that come with the program.
fn causes(arguments: &DiagnoseArguments) -> Result<Vec<Scenario>, Failure> {
    let all = || shipped::causes().map(|cause| cause.name.to_owned()).collect();
    let names: Vec<String> = if arguments.causes.is_empty() { all() } else { arguments.causes.clone() };
    let cause = |name: &String| {
        // A cause may be named without its folder.
        let in_folder = format!("causes/{name}");
        let name = if shipped::find(&in_folder).is_some() { &in_folder } else { name };
        let (_, scenario) = load(name)?;
        if !diagnose::is_cause(&scenario) {
            return Err(Failure::Usage {
                message: format!("`{name}` is no cause: the remedies change one policy, on the dictionary"),
                help:
                    "name a scenario with one policy and `store = \"dict\"`; `stillready list` shows some under causes/"
                        .into(),
            });
        }
        Ok(scenario)
    };
    let mut causes = names.iter().map(cause).collect::<Result<Vec<_>, _>>()?;
    for cause in &mut causes {
        cause.uploads = arguments.uploads.unwrap_or(cause.uploads);
    }
    Ok(causes)
}

/// The longest file of observations, in MiB: some ten million answers.
const LONGEST_MIB: u64 = 256;

fn rank(path: &Path, causes: &[Scenario], console: &Console) -> Result<Exit, Failure> {
    let text =
        limits::read(path, LONGEST_MIB).map_err(|source| Failure::NoObservations { path: path.to_owned(), source })?;
    let observed = likeness::read(&text)
        .map_err(|source| Failure::InvalidObservations { path: path.to_owned(), source: Box::new(source) })?;
    let findings = likeness::rank(causes, &observed);
    let mut text = report::ranking(&findings.ranked);
    for paragraph in report::verdict(&findings) {
        let gap = if text.is_empty() { "" } else { "\n" };
        text += &format!("{gap}{}", wrap(&paragraph));
    }
    console.asked_for(&text)?;
    Ok(Exit::Pass)
}
