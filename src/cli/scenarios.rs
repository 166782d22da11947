//! From what was said on the command line to a scenario.

use std::fs;
use std::path::Path;

use stillready::scenario::{Scenario, nearest, shipped};

use super::failure::Failure;

/// A scenario's text and where it comes from.
pub(super) struct Source {
    pub(super) name: String,
    /// What messages call it.
    pub(super) file: String,
    text: String,
}

/// Finds a scenario: a path, else a name in the folder `sims`, else a name among those that come with the program.
pub(super) fn find(argument: &str) -> Result<Source, Failure> {
    let path = Path::new(argument);
    let is_path = path.extension().is_some_and(|extension| extension == "toml") || path.components().count() > 1;
    if is_path {
        return read(path);
    }
    let local = Path::new("sims").join(format!("{argument}.toml"));
    if local.is_file() {
        return read(&local);
    }
    match shipped::find(argument) {
        Some(scenario) => Ok(Source {
            name: scenario.name.to_owned(),
            file: format!("{}.toml (built in)", scenario.name),
            text: scenario.text.to_owned(),
        }),
        None => Err(Failure::NoScenario { name: argument.to_owned(), help: help(argument) }),
    }
}

fn help(argument: &str) -> String {
    let names = shipped::SHIPPED.iter().map(|scenario| scenario.name);
    let meant = match nearest(argument, names) {
        Some(name) => format!("did you mean `{name}`? "),
        None => String::new(),
    };
    format!("{meant}`stillready list` shows the names; a file is named with its ending, as in `my.toml`")
}

fn read(path: &Path) -> Result<Source, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    // The name is that of a folder, and a column of every report.
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !name.starts_with(['.', '-']);
    if !fits || name.is_empty() {
        return Err(Failure::BadName { name });
    }
    Ok(Source { name, file: path.display().to_string(), text })
}

impl Source {
    pub(super) fn parse(&self) -> Result<Scenario, Failure> {
        Ok(Scenario::parse(&self.name, &self.file, &self.text)?)
    }
}

/// Finds and reads a scenario.
pub(super) fn load(argument: &str) -> Result<(Source, Scenario), Failure> {
    let source = find(argument)?;
    let scenario = source.parse()?;
    Ok((source, scenario))
}
