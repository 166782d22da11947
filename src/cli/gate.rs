//! `stillready gate`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use stillready::exit::Exit;
use stillready::gate::{self, Finding, Verdict};
use stillready::provenance::Clock;
use stillready::report::files;
use stillready::scenario::Scenario;

use super::console::{BAD, BOLD, Console, DIM, GOOD, styled};
use super::failure::Failure;
use super::mutants;
use super::run::{all_cores, simulate, stop_on_signals};
use super::scenarios::{Source, load_all};

#[derive(Args)]
pub(crate) struct GateArguments {
    /// Scenario files, or names as `list` shows them, or `mutants`; by default all of the folder `sims` but the canaries, and
    /// `mutants` if there is a baseline of them.
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,

    /// The folder of the committed baselines, a folder for each scenario.
    #[arg(long, value_name = "DIR", default_value = "reports/baseline")]
    baseline: PathBuf,

    /// Make what the scenarios give now their baselines, instead of comparing.
    #[arg(long)]
    accept: bool,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// The folder to which each scenario's folder of reports is written.
    #[arg(short, long, value_name = "DIR", default_value = "reports")]
    output: PathBuf,
}

/// Runs scenarios and judges them. All files are written before a verdict becomes the exit code.
pub(super) fn gate(arguments: &GateArguments, console: &Console) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    let stop = stop_on_signals();
    let jobs = arguments.jobs.map_or_else(all_cores, usize::from);
    let mutants_too = match arguments.scenarios[..] {
        [] => arguments.baseline.join(mutants::FILE).exists(),
        _ => arguments.scenarios.iter().any(|name| name == mutants::NAME),
    };
    for (source, scenario) in scenarios(arguments)? {
        let clock = Clock::start();
        let results = simulate(&scenario, jobs, false, stop, console, &scenario.name)?;
        files::write_report(&arguments.output.join(&scenario.name), &results, &source.file, jobs, &clock)?;
        let tables = files::tables(&results);
        let table = |name| tables.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, bytes)| bytes);
        let folder = arguments.baseline.join(&scenario.name);
        console.result(&format!("{}\n", styled(&scenario.name, BOLD)))?;
        let mut found = gate::judge(&scenario, &source.argument, table("summary.csv"), table("comparison.csv"));
        if arguments.accept {
            for path in gate::accept(&scenario, &folder, table("summary.csv"))? {
                console.result(&format!("  accepted        {}\n", styled(&path.display().to_string(), DIM)))?;
            }
        } else if !scenario.canary {
            found.insert(0, gate::compare(&scenario, &source.argument, &folder, table("summary.csv")));
        }
        for finding in &found {
            console.result(&block(finding))?;
        }
        findings.extend(found);
    }
    if mutants_too {
        console.result(&format!("{}\n", styled(mutants::NAME, BOLD)))?;
        let found = mutants::judge(&arguments.output, &arguments.baseline, arguments.accept, jobs, console)?;
        for finding in &found {
            console.result(&block(finding))?;
        }
        findings.extend(found);
    }
    let exit = match (findings.is_empty(), arguments.accept) {
        (true, true) => Exit::Pass,
        _ => gate::exit(&findings),
    };
    let passed = findings.iter().filter(|finding| finding.verdict == Verdict::Pass).count();
    let style = if exit == Exit::Pass { GOOD } else { BAD };
    let judgement = match exit {
        Exit::Pass => "the gate passes",
        Exit::GateFailed => "the gate fails",
        _ => "the gate does not pass",
    };
    let checks = findings.len();
    console.result(&format!("\n{}: {passed} of {checks} checks passed\n", styled(judgement, style)))?;
    Ok(exit)
}

/// The scenarios that were asked for, or all of the folder `sims` that are not canaries.
fn scenarios(arguments: &GateArguments) -> Result<Vec<(Source, Scenario)>, Failure> {
    if !arguments.scenarios.is_empty() {
        let names = arguments.scenarios.iter().filter(|name| *name != mutants::NAME);
        return load_all(&names.cloned().collect::<Vec<_>>());
    }
    let entries = fs::read_dir("sims").into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let mut names: Vec<_> = files.map(|path| path.display().to_string()).collect();
    names.sort();
    let mut scenarios = load_all(&names)?;
    scenarios.retain(|(_, scenario)| !scenario.canary);
    if scenarios.is_empty() { Err(Failure::NothingToJudge) } else { Ok(scenarios) }
}

/// A line for what passed, a block for what did not.
fn block(finding: &Finding) -> String {
    let Finding { check, verdict, value, limit, advice } = finding;
    let style = if *verdict == Verdict::Pass { GOOD } else { BAD };
    let word = styled(&format!("{verdict:<14}"), style);
    match verdict {
        Verdict::Pass => format!("  {word}  {check}: {value}, {limit}\n"),
        _ => format!("  {word}  {check}\n    value   {value}\n    limit   {limit}\n    {advice}\n"),
    }
}
