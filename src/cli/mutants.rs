//! `stillready mutants`, and the same list for the gate.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rayon::prelude::*;
use stillready::exit::Exit;
use stillready::gate::{Finding, Verdict};
use stillready::harness::{Budget, Level};
use stillready::report::files::Staged;
use stillready::report::mutants::{self as report, Row};
use stillready::report::number;

use super::console::{BAD, BOLD, Console, DIM, GOOD, styled};
use super::failure::Failure;
use super::run::jobs;

#[path = "../../tests/mutants/catalogue.rs"]
mod catalogue;

use catalogue::{Narrow, SUBJECTS, Subject};

/// The name of the list on the gate's command line.
pub(super) const NAME: &str = "mutants";

/// The file, in the folder of reports and among the baselines.
pub(super) const FILE: &str = "mutants.csv";

#[derive(Args)]
pub(crate) struct MutantsArguments {
    /// Stores of the catalogue; all by default.
    #[arg(value_name = "STORE")]
    stores: Vec<String>,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// The most executions of each level, instead of the harness's budget.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_executions: Option<u64>,

    /// The folder to which `mutants.csv` is written, if all stores are run.
    #[arg(short, long, value_name = "DIR", default_value = "reports")]
    output: PathBuf,
}

/// Runs the stores of the catalogue through the harness, and prints what caught which.
pub(super) fn mutants(arguments: &MutantsArguments, console: &Console) -> Result<Exit, Failure> {
    let subjects = subjects(&arguments.stores)?;
    let jobs = jobs(arguments.jobs);
    let rows = run(&subjects, jobs, arguments.max_executions, console);
    console.result(&format!("{}\n\n{}\n", styled(HEAD, BOLD), report::table(&rows)))?;
    let rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
    for row in rows.iter().filter(|row| !row.is_well()) {
        console.result(&format!("\n{} {}: {}\n", row.store, styled(row.verdict, BAD), row.finding))?;
    }
    let (caught, held) = (count(&rows, "caught"), count(&rows, "held"));
    let (mutants, right) = (rows.iter().filter(|row| row.kind == "mutant").count(), rows.len());
    let right = right - mutants;
    let style = if rows.iter().all(Row::is_well) { GOOD } else { BAD };
    let caught = styled(&format!("{caught} of {mutants} mutants caught"), style);
    console.result(&format!("\n{caught}, {held} of {right} right stores held\n"))?;
    if arguments.stores.is_empty() && arguments.max_executions.is_none() {
        for path in write(&arguments.output, &rows)? {
            console.result(&format!("{}\n", styled(&path.display().to_string(), DIM)))?;
        }
    }
    Ok(if rows.iter().all(Row::is_well) { Exit::Pass } else { Exit::GateFailed })
}

const HEAD: &str = "Faulty stores, and which level of the harness catches them";

fn count(rows: &[Row], verdict: &str) -> usize {
    rows.iter().filter(|row| row.verdict == verdict).count()
}

fn write(folder: &Path, rows: &[Row]) -> Result<Vec<PathBuf>, Failure> {
    let mut staged = Staged::new(folder)?;
    staged.add(FILE, |file| file.write_all(&report::csv(rows)))?;
    Ok(staged.rename()?)
}

/// The stores that were asked for, or all.
fn subjects(names: &[String]) -> Result<Vec<&'static Subject>, Failure> {
    if names.is_empty() {
        return Ok(SUBJECTS.iter().collect());
    }
    let find = |name: &String| {
        SUBJECTS.iter().find(|subject| subject.name == name).ok_or_else(|| {
            let near = SUBJECTS.iter().map(|subject| subject.name);
            let near = near.max_by(|one, other| strsim::jaro(one, name).total_cmp(&strsim::jaro(other, name)));
            Failure::Usage {
                message: format!("there is no store `{name}` in the catalogue"),
                help: format!("did you mean `{}`? `stillready mutants` shows all", near.unwrap_or_default()),
            }
        })
    };
    names.iter().map(find).collect()
}

/// Runs the levels that repeat exactly, in the order of the catalogue.
fn run(subjects: &[&Subject], jobs: usize, max_executions: Option<u64>, console: &Console) -> Vec<(Row, Duration)> {
    let bar = console.progress("mutants", subjects.len() as u64);
    // A budget of time would make the result depend on the machine.
    let (max_time, max_call) = (Duration::from_secs(3600), Duration::from_secs(2));
    let max_executions = max_executions.unwrap_or(Budget::default().max_executions);
    let budget = Budget { max_executions, max_time, max_call };
    let levels: Vec<Level> = Level::ALL.into_iter().filter(|&level| level != Level::Threads).collect();
    let check = |subject: &&Subject| {
        let report = (subject.check)(Narrow { levels: levels.clone(), budget, ..Narrow::default() });
        bar.inc(1);
        (Row::new(&report, subject.is_mutant), report.time)
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().expect("threads can be started");
    let rows = pool.install(|| subjects.par_iter().map(check).collect());
    bar.finish_and_clear();
    rows
}

/// Runs the whole catalogue for the gate, and writes its file: every mutant must be caught, every right store must hold, and
/// all must be as it was accepted, or is accepted now.
pub(super) fn judge(
    output: &Path,
    baseline: &Path,
    accept: bool,
    jobs: usize,
    console: &Console,
) -> Result<Vec<Finding>, Failure> {
    let subjects: Vec<_> = SUBJECTS.iter().collect();
    let rows: Vec<Row> = run(&subjects, jobs, None, console).into_iter().map(|(row, _)| row).collect();
    write(output, &rows)?;
    if accept {
        write(baseline, &rows)?;
    }
    let of = |kind, verdict, what: &str| {
        let all = rows.iter().filter(|row| row.kind == kind).count();
        let amiss: Vec<_> =
            rows.iter().filter(|row| row.kind == kind && !row.is_well()).map(|row| row.store.as_str()).collect();
        Finding {
            check: what.to_owned(),
            verdict: if amiss.is_empty() && all > 0 { Verdict::Pass } else { Verdict::Fail },
            value: match amiss[..] {
                [] => format!("{} of {all} {verdict}", count(&rows, verdict)),
                _ => format!("not {verdict}: {}", amiss.join(", ")),
            },
            limit: "all of them".to_owned(),
            advice: match amiss[..] {
                [] => String::new(),
                _ => format!("to see it again: stillready mutants {}", amiss.join(" ")),
            },
            doubt: None,
            line: None,
        }
    };
    let file = baseline.join(FILE);
    let accepted = fs::read(&file);
    let help = "to accept what this run gave: stillready gate mutants --accept".to_owned();
    let (verdict, value) = match accepted {
        Err(error) => (Verdict::NoData, format!("{} cannot be read: {error}", file.display())),
        Ok(bytes) if bytes == report::csv(&rows) => (Verdict::Pass, "equal".to_owned()),
        Ok(bytes) => (Verdict::Fail, difference(&bytes, &report::csv(&rows))),
    };
    let limit = "exactly what was accepted".to_owned();
    let help = if verdict == Verdict::Pass { String::new() } else { help };
    Ok(vec![
        Finding { check: "baseline".to_owned(), verdict, value, limit, advice: help, doubt: None, line: None },
        of("mutant", "caught", "every mutant is caught"),
        of("right", "held", "every right store holds"),
    ])
}

/// The first line that differs.
fn difference(accepted: &[u8], now: &[u8]) -> String {
    let (accepted, now) = (String::from_utf8_lossy(accepted), String::from_utf8_lossy(now));
    let (was, is) = (accepted.lines(), now.lines());
    match was.zip(is).find(|(was, is)| was != is) {
        Some((was, is)) => format!("`{was}` is now `{is}`"),
        None => {
            let lines = |text: &str| number::count(text.lines().count() as u64);
            format!("{} lines are now {}", lines(&accepted), lines(&now))
        }
    }
}
