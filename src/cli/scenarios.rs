//! From what was said on the command line to a scenario.

use std::io;
use std::path::Path;

use stillready::report::grid;
use stillready::scenario::shipped::{self, BUILT_IN};
use stillready::scenario::{Grid, Scenario, Traces, nearest};

use super::failure::Failure;
use super::{limits, mutants};

/// A scenario's text and where it comes from.
pub(super) struct Source {
    /// The word of the command line that found it.
    pub(super) argument: String,
    pub(super) name: String,
    /// What messages call it.
    pub(super) file: String,
    pub(super) text: String,
    /// The traces beside it, if it is a file.
    pub(super) traces: Traces,
}

/// Finds a scenario: a path, else a name in the folder `sims`, else a name among those that come with the program.
pub(super) fn find(argument: &str) -> Result<Source, Failure> {
    if let Some(scenario) = shipped::find(argument)
        && !Path::new("sims").join(format!("{argument}.toml")).is_file()
    {
        return Ok(Source {
            argument: argument.to_owned(),
            name: scenario.short_name().to_owned(),
            file: format!("{}{BUILT_IN}", scenario.name),
            text: scenario.text.to_owned(),
            traces: Traces::none(),
        });
    }
    let path = Path::new(argument);
    let is_path = path.extension().is_some_and(|extension| extension == "toml") || path.components().count() > 1;
    let local = Path::new("sims").join(format!("{argument}.toml"));
    if local.is_file() {
        return read(argument, &local);
    }
    if is_path {
        return read(argument, path);
    }
    Err(Failure::NoScenario { name: argument.to_owned(), help: help(argument) })
}

fn help(argument: &str) -> String {
    let names = shipped::SHIPPED.iter().map(|scenario| scenario.name);
    let meant = match nearest(argument, names) {
        Some(name) => format!("did you mean `{name}`? "),
        None => String::new(),
    };
    format!("{meant}`stillready list` shows the names; a file is named with its ending, as in `my.toml`")
}

/// What has a place of its own among the reports.
const TAKEN: [&str; 3] = ["baseline", "diagnose", mutants::NAME];

/// The longest scenario file, in MiB: room for a million arrivals.
const LONGEST_MIB: u64 = 16;

/// The text of a scenario file.
fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(limits::read(path, LONGEST_MIB)?).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8"))
    })
}

/// Whether a scenario may be called that: it is the name of a folder, and a column of every report.
pub(super) fn is_name(name: &str) -> bool {
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !name.starts_with(['.', '-']);
    let is_taken = TAKEN.contains(&name.to_ascii_lowercase().as_str()) || grid::takes(name);
    fits && !name.is_empty() && !is_taken
}

fn read(argument: &str, path: &Path) -> Result<Source, Failure> {
    let text = read_text(path).map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if !is_name(&name) {
        return Err(Failure::BadName { name });
    }
    let traces = Traces::in_folder(path.parent().unwrap_or(Path::new("")));
    Ok(Source { argument: argument.to_owned(), name, file: path.display().to_string(), text, traces })
}

impl Source {
    pub(super) fn parse(&self) -> Result<Scenario, Failure> {
        Ok(Scenario::parse_with(&self.name, &self.file, &self.text, &self.traces)?)
    }

    /// The scenario's grid, if it has one.
    pub(super) fn grid(&self) -> Result<Option<Grid>, Failure> {
        Ok(Grid::parse_with(&self.name, &self.file, &self.text, &self.traces)?)
    }
}

/// Changes how many uploads there are, if that was asked for; a list of them may be too short for it.
pub(super) fn ask_for_uploads(scenario: &mut Scenario, uploads: Option<u32>) -> Result<(), Failure> {
    let Some(uploads) = uploads else { return Ok(()) };
    if let Some(listed) = scenario.workload.arrivals.listed().filter(|&listed| listed < uploads) {
        let message = format!("`--uploads {uploads}` asks for more uploads than `{}` lists", scenario.name);
        return Err(Failure::Usage { message, help: format!("allowed: 1 to {listed}") });
    }
    scenario.uploads = uploads;
    Ok(())
}

/// Finds and reads scenarios, all of them or none; each must have a name of its own.
pub(super) fn load_all(arguments: &[String]) -> Result<Vec<(Source, Scenario)>, Failure> {
    let mut scenarios: Vec<(Source, Scenario)> = Vec::new();
    for argument in arguments {
        let (source, scenario) = load(argument)?;
        if scenarios.iter().any(|(known, _)| known.name == source.name) {
            return Err(Failure::SameName { name: source.name });
        }
        scenarios.push((source, scenario));
    }
    Ok(scenarios)
}

/// Finds and reads a scenario.
pub(super) fn load(argument: &str) -> Result<(Source, Scenario), Failure> {
    let source = find(argument)?;
    let scenario = source.parse()?;
    Ok((source, scenario))
}
