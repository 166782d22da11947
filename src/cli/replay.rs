//! `stillready replay`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stillready::exit::Exit;
use stillready::experiment;
use stillready::experiment::shrink::{self, Shrunk};
use stillready::report::files::{Staged, folder_of};
use stillready::report::{spacetime, timeline};
use stillready::scenario::{Arrivals, Policy, Property, Scenario, WorkloadSpec};
use stillready::workload::Workload;

use super::console::{BOLD, Console, DIM, styled};
use super::failure::Failure;
use super::limits::Limits;
use super::run::require_policy;
use super::scenarios::{Source, load};

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
    #[arg(long, value_name = "K", required_unless_present = "shrink")]
    upload: Option<u32>,

    /// Mark only where this property broke; all that broke by default.
    #[arg(long, value_name = "NAME", value_parser = property)]
    property: Option<Property>,

    /// Write the timeline to the scenario's folder in this one.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// In which forms to write it: `events.csv`, `events.svg`.
    #[arg(long, value_name = "FORM", value_enum, value_delimiter = ',', default_value = "csv", requires = "output")]
    format: Vec<Form>,

    /// Reduce the scenario as far as the property still breaks, and write the result as a scenario file to this path, where no
    /// file may be yet. Takes a property of `--property`, whatever upload it breaks for.
    #[arg(long, value_name = "FILE", requires = "property", conflicts_with_all = ["upload", "output", "format"])]
    shrink: Option<PathBuf>,
}

/// A form of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Csv,
    Svg,
}

fn property(name: &str) -> Result<Property, String> {
    let names = Property::ALL.map(Property::name);
    let found = Property::ALL.into_iter().find(|property| property.name() == name);
    found.ok_or_else(|| format!("allowed: {}", names.join(", ")))
}

/// Runs one replication again and prints the timeline of one upload.
pub(super) fn replay(arguments: &ReplayArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let (source, scenario) = load(&arguments.scenario)?;
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let policy = match &arguments.policy {
        Some(name) => require_policy(&scenario, name)?,
        None => 0,
    };
    limits.check_one(&scenario, policy)?;
    let policy = &scenario.policies[policy];
    if let (Some(path), Some(property)) = (&arguments.shrink, arguments.property) {
        return shrink(&source, policy, seed, property, path, console);
    }
    let number = arguments.upload.unwrap_or_default();
    let upload = Workload::new(&scenario, seed).nth(number as usize).ok_or_else(|| Failure::Usage {
        message: format!("there is no upload {number} in scenario `{}`", scenario.name),
        help: format!("allowed: 0 to {}", scenario.uploads - 1),
    })?;
    let folder = arguments.output.as_ref().map(|output| folder_of(output, &scenario.name)).transpose()?;
    let (timeline, verdicts) = experiment::replay(&scenario, policy, seed, upload);
    let marks = timeline::marks(&verdicts, arguments.property);
    let title = format!("{}, policy {}, seed {seed}, upload {}", scenario.name, policy.name, upload.number);
    console.asked_for(&format!("{}\n{}", styled(&title, BOLD), timeline::text(&timeline, &marks)))?;
    if let Some(folder) = folder {
        let events = timeline::events(&timeline, &marks, &scenario, policy, seed);
        let mut staged = Staged::new(&folder)?;
        for form in [Form::Csv, Form::Svg].into_iter().filter(|form| arguments.format.contains(form)) {
            let (name, events) = match form {
                Form::Csv => ("events.csv", timeline::csv(&events)),
                Form::Svg => ("events.svg", spacetime::file(&events, &title).into_bytes()),
            };
            staged.add(name, |file| file.write_all(&events))?;
        }
        for path in staged.rename()? {
            console.result(&format!("{}\n", styled(&path.display().to_string(), DIM)))?;
        }
    }
    Ok(Exit::Pass)
}

/// The folder and the name of the file that a reduced scenario is to become.
fn new_file(path: &Path) -> Result<(&Path, &str), Failure> {
    let place = path.display();
    let usage = |message: String| {
        let help = "name a file that is not there yet, as in `--shrink sims/regressions/lost.toml`".to_owned();
        Err(Failure::Usage { message, help })
    };
    let ends_as_folder = path.to_string_lossy().ends_with(std::path::is_separator);
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| !ends_as_folder && !path.is_dir());
    let Some(name) = name else { return usage(format!("`--shrink {place}` names a folder")) };
    if path.extension().is_none_or(|extension| extension != "toml") {
        return usage(format!("`--shrink {place}` names no scenario file: its name must end with `.toml`"));
    }
    if path.exists() {
        return usage(format!("{place} is already there; nothing was written"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder, name))
}

/// Reduces a scenario and writes the result.
fn shrink(
    source: &Source,
    policy: &Policy,
    seed: u64,
    property: Property,
    path: &Path,
    console: &Console,
) -> Result<Exit, Failure> {
    if let Ok(Scenario { workload: WorkloadSpec { arrivals: Arrivals::Recorded(_), .. }, .. }) = source.parse() {
        return Err(Failure::Usage {
            message: format!("`{}` has a trace, and cannot be reduced", source.name),
            help: "--shrink changes the scenario's file alone; a trace is reduced by its last rows, with `uploads`"
                .to_owned(),
        });
    }
    let (folder, name) = new_file(path)?;
    let shrunk = shrink::shrink(&source.name, &source.text, &policy.name, seed, property);
    let Some(Shrunk { text, witness, tried, kept }) = shrunk else {
        let message = format!("{} does not break under {} with seed {seed}", property.name(), policy.name);
        let help = format!("`stillready properties {}` shows what breaks", source.argument);
        return Err(Failure::Usage { message, help });
    };
    let head = format!(
        "# {} under {}: {}.\n# Reduced from `{}` by `stillready replay --shrink`.\n\n",
        property.name(),
        policy.name,
        witness.what,
        source.name
    );
    let mut staged = Staged::new(folder)?;
    staged.add(name, |file| file.write_all((head + &text).as_bytes()))?;
    let paths = staged.rename()?;
    let result = format!("{} still breaks, for upload {}: {}\n", property.name(), witness.upload, witness.what);
    console.result(&format!("{result}{kept} of {tried} reductions kept the breach\n"))?;
    for path in paths {
        console.result(&format!("{}\n", styled(&path.display().to_string(), DIM)))?;
        let command = format!("stillready properties {}", path.display());
        console.result(&format!("{}\n", styled(&command, DIM)))?;
    }
    Ok(Exit::Pass)
}
