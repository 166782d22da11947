//! The commands around the scenarios: list, check, init, completions.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use clap::CommandFactory;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use stillready::exit::Exit;
use stillready::report::files::Staged;
use stillready::report::number::uploads;
use stillready::scenario::shipped;

use super::arguments::Arguments;
use super::console::{Console, GOOD, styled};
use super::failure::Failure;
use super::scenarios::load;

/// Prints the scenarios that have a name: those in the folder `sims` and those that come with the program.
pub(super) fn list(console: &Console) -> Result<Exit, Failure> {
    let mut names: BTreeSet<String> = shipped::SHIPPED.iter().map(|scenario| scenario.name.to_owned()).collect();
    for folder in ["", "causes", "eras", "regressions"] {
        for entry in fs::read_dir(Path::new("sims").join(folder)).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "toml")
                && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.insert(if folder.is_empty() { stem.to_owned() } else { format!("{folder}/{stem}") });
            }
        }
    }
    // Those of the folder itself first.
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|name| name.contains('/'));
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
    for name in &names {
        let (title, place) = match load(name) {
            Ok((source, scenario)) if source.file.ends_with(shipped::BUILT_IN) => {
                (scenario.title, "built in".to_owned())
            }
            Ok((source, scenario)) => (scenario.title, source.file),
            Err(_) => ("not valid: see `stillready check`".to_owned(), String::new()),
        };
        table.add_row([name, &title, &place]);
    }
    console.asked_for(&format!("{}\n", table.trim_fmt()))?;
    Ok(Exit::Pass)
}

/// Reads scenarios and prints everything that is wrong with them.
pub(super) fn check(scenarios: &[String], console: &Console) -> Result<Exit, Failure> {
    let mut faulty = 0;
    for argument in scenarios {
        match load(argument).and_then(|(source, scenario)| {
            // What is swept is part of the file, too.
            source.grid()?;
            Ok((source, scenario))
        }) {
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

/// Prints the manual page, or writes those of all commands.
pub(super) fn manual(output: Option<&Path>, console: &Console) -> Result<Exit, Failure> {
    let page = |command: clap::Command| {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map(|()| page)
    };
    let mut program = Arguments::command();
    let Some(folder) = output else {
        console.asked_for(&String::from_utf8_lossy(&page(program)?))?;
        return Ok(Exit::Pass);
    };
    program.build();
    let mut staged = Staged::new(folder)?;
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help").cloned();
    for command in [program.clone()].into_iter().chain(commands) {
        let name = command.get_display_name().unwrap_or(command.get_name()).replace(' ', "-");
        let page = page(command)?;
        staged.add(&format!("{name}.1"), |file| file.write_all(&page))?;
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
