//! The commands around the scenarios: list, check, init, completions.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use clap::CommandFactory;
use stillready::exit::Exit;
use stillready::report::files::Staged;
use stillready::report::number::uploads;
use stillready::scenario::shipped;

use super::arguments::Arguments;
use super::console::{BOLD, Console, DIM, GOOD, styled};
use super::failure::Failure;
use super::scenarios::load;

/// Prints the scenarios that have a name: those in the folder `sims` and those that come with the program.
pub(super) fn list(console: &Console) -> Result<Exit, Failure> {
    let mut names: BTreeMap<String, ()> =
        shipped::SHIPPED.iter().map(|scenario| (scenario.name.to_owned(), ())).collect();
    for entry in fs::read_dir("sims").into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.insert(stem.to_owned(), ());
        }
    }
    let width = names.keys().map(std::string::String::len).max().unwrap_or(0);
    for name in names.keys() {
        let line = match load(name) {
            Ok((source, scenario)) => format!("{}  {}\n", scenario.title, styled(&source.file, DIM)),
            Err(_) => "not valid: see `stillready check`\n".to_owned(),
        };
        console.asked_for(&format!("{}{}  {line}", styled(name, BOLD), " ".repeat(width - name.len())))?;
    }
    Ok(Exit::Pass)
}

/// Reads scenarios and prints everything that is wrong with them.
pub(super) fn check(scenarios: &[String], console: &Console) -> Result<Exit, Failure> {
    let mut faulty = 0;
    for argument in scenarios {
        match load(argument) {
            Ok((source, scenario)) => {
                let uploads = uploads(scenario.uploads);
                let policies = scenario.policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>();
                let ok = styled("ok", GOOD);
                console.result(&format!("{}: {ok} ({uploads}; {})\n", source.file, policies.join(", ")))?;
            }
            Err(failure) => {
                eprint!("{}", failure.text(console.colors_on_stderr));
                faulty += 1;
            }
        }
    }
    if faulty > 0 { Err(Failure::InvalidOnes { count: faulty }) } else { Ok(Exit::Pass) }
}

/// Writes the shipped scenarios to a folder: all of them or none.
pub(super) fn init(folder: &Path, force: bool, console: &Console) -> Result<Exit, Failure> {
    let files: Vec<_> =
        shipped::SHIPPED.iter().map(|scenario| (format!("{}.toml", scenario.name), scenario.text)).collect();
    let there: Vec<_> = files
        .iter()
        .map(|(name, _)| folder.join(name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !force && !there.is_empty() {
        return Err(Failure::Usage {
            message: format!("{} already there; nothing was written", there.join(", ")),
            help: "replace them with --force, or name another folder, as in `stillready init my-sims`".to_owned(),
        });
    }
    let mut staged = Staged::new(folder)?;
    for (name, text) in &files {
        staged.add(name, |file| file.write_all(text.as_bytes()))?;
    }
    for path in staged.rename()? {
        console.result(&format!("{}\n", path.display()))?;
    }
    Ok(Exit::Pass)
}

/// Prints the completions for a shell.
pub(super) fn completions(shell: clap_complete::Shell, console: &Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "stillready", &mut script);
    console.asked_for(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Pass)
}
