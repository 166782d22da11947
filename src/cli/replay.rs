//! `stillready replay`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use stillready::exit::Exit;
use stillready::experiment;
use stillready::report::files::Staged;
use stillready::report::timeline;
use stillready::workload::Workload;

use super::console::{BOLD, Console, DIM, styled};
use super::failure::Failure;
use super::run::require_policy;
use super::scenarios::load;

#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// A scenario file, or a name as `list` shows it.
    #[arg(value_name = "SCENARIO")]
    scenario: String,

    /// The seed of the replication, as in the column `seed` of `replications.csv`; the scenario's by default.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// The policy; the scenario's first by default.
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,

    /// The upload, counted from 0, as in the column `upload` of `uploads.csv`.
    #[arg(long, value_name = "K")]
    upload: u32,

    /// Write `events.csv` to the scenario's folder in this one.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Runs one replication again and prints the timeline of one upload.
pub(super) fn replay(arguments: &ReplayArguments, console: &Console) -> Result<Exit, Failure> {
    let (_, scenario) = load(&arguments.scenario)?;
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let policy = match &arguments.policy {
        Some(name) => require_policy(&scenario, name)?,
        None => 0,
    };
    let policy = &scenario.policies[policy];
    let upload = Workload::new(&scenario, seed).nth(arguments.upload as usize).ok_or_else(|| Failure::Usage {
        message: format!("there is no upload {} in scenario `{}`", arguments.upload, scenario.name),
        help: format!("allowed: 0 to {}", scenario.uploads - 1),
    })?;
    let timeline = experiment::replay(&scenario, policy, seed, upload);
    let title = format!("{}, policy {}, seed {seed}, upload {}", scenario.name, policy.name, upload.number);
    console.asked_for(&format!("{}\n{}", styled(&title, BOLD), timeline::text(&timeline)))?;
    if let Some(output) = &arguments.output {
        let mut staged = Staged::new(&output.join(&scenario.name))?;
        let events = timeline::csv(&timeline, &scenario, policy, seed);
        staged.add("events.csv", |file| file.write_all(&events))?;
        for path in staged.rename()? {
            console.result(&format!("{}\n", styled(&path.display().to_string(), DIM)))?;
        }
    }
    Ok(Exit::Pass)
}
