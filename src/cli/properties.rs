//! `stillready properties`.

use clap::Args;
use stillready::exit::Exit;
use stillready::experiment;
use stillready::property::{self, Outcome, Witness};
use stillready::report::{terminal, timeline};
use stillready::workload::Workload;

use super::console::{BAD, BOLD, Console, DIM, GOOD, styled};
use super::failure::Failure;
use super::limits::Limits;
use super::run::{jobs, simulate, stop_on_signals};
use super::scenarios::{ask_for_uploads, load};

/// Lines of a witness's timeline before and after the step where the property broke.
const BEFORE: usize = 5;
const AFTER: usize = 1;

#[derive(Args)]
pub(crate) struct PropertiesArguments {
    /// A scenario file, or a name as `list` shows it.
    #[arg(value_name = "SCENARIO")]
    scenario: String,

    /// Uploads per replication, instead of the scenario's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uploads: Option<u32>,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// Runs a scenario and prints the verdicts, with the first witness of each property that broke.
pub(super) fn properties(arguments: &PropertiesArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let (source, mut scenario) = load(&arguments.scenario)?;
    ask_for_uploads(&mut scenario, arguments.uploads)?;
    let jobs = jobs(arguments.jobs);
    limits.check(&scenario, jobs)?;
    let results = simulate(&scenario, jobs, false, stop_on_signals(), console, &scenario.name)?;
    console.result(&format!("{}\n{}\n", styled(&scenario.name, BOLD), terminal::properties(&results)))?;
    for (policy, verdicts) in scenario.policies.iter().zip(results.verdicts()) {
        for property in verdicts.with(Outcome::Broken) {
            let Some(Witness { seed, upload: number, at, what }) = verdicts.of(property).first.clone() else {
                continue;
            };
            let Some(upload) = Workload::new(&scenario, seed).nth(number as usize) else { continue };
            let (timeline, verdicts) = experiment::replay(&scenario, policy, seed, upload);
            let marks = timeline::marks(&verdicts, Some(property));
            let head = format!("{} under {}: {what}", property.name(), policy.name);
            let about = timeline::around(&timeline, at, BEFORE, AFTER, &marks);
            let command = format!(
                "stillready replay {} --policy '{}' --seed {seed} --upload {number} --property {}",
                source.argument,
                policy.name,
                property.name(),
            );
            console.result(&format!("\n{}\n{about}  {}\n", styled(&head, BOLD), styled(&command, DIM)))?;
        }
    }
    let disappointments = results.disappointments();
    console.result("\n")?;
    for sentence in &disappointments {
        console.result(&format!("{} {sentence}\n", styled("property", BAD)))?;
    }
    let expected: usize = scenario.policies.iter().map(property::expectations).sum();
    if expected == 0 {
        console.result("no policy states what it expects: `holds` and `breaks` would be checked\n")?;
        return Ok(Exit::Pass);
    }
    let style = if disappointments.is_empty() { GOOD } else { BAD };
    let met = expected - disappointments.len();
    console.result(&format!("{} of {expected} expectations\n", styled(&format!("met {met}"), style)))?;
    Ok(if disappointments.is_empty() { Exit::Pass } else { Exit::PropertyViolated })
}
