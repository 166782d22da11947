//! The command line.

mod arguments;
mod console;
mod diagnose;
mod failure;
mod gate;
mod import;
mod limits;
mod merge;
mod mutants;
mod properties;
mod recommend;
mod replay;
mod report;
mod run;
mod scenarios;
mod sweep;
mod tour;
mod verify;

pub(crate) use arguments::Arguments;
use arguments::Command;
use console::Console;
use failure::Failure;
use limits::Limits;
use stillready::exit::Exit;

/// Does what the command line asks for.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let (console, limits) = (Console::new(arguments), Limits::new(arguments));
    match &arguments.command {
        None => run::run(&run::RunArguments::default(), limits, &console),
        Some(Command::Run(arguments)) => run::run(arguments, limits, &console),
        Some(Command::Replay(arguments)) => replay::replay(arguments, limits, &console),
        Some(Command::Verify(arguments)) => verify::run(arguments, limits, &console),
        Some(Command::Sweep(arguments)) => sweep::run(arguments, limits, &console),
        Some(Command::Merge(arguments)) => merge::merge(arguments, &console),
        Some(Command::Recommend(arguments)) => recommend::recommend(arguments, limits, &console),
        Some(Command::Report(arguments)) => report::report(arguments, &console),
        Some(Command::Gate(arguments)) => gate::gate(arguments, limits, &console),
        Some(Command::Properties(arguments)) => properties::properties(arguments, limits, &console),
        Some(Command::Diagnose(arguments)) => diagnose::diagnose(arguments, limits, &console),
        Some(Command::Import(arguments)) => import::import(arguments, &console),
        Some(Command::Mutants(arguments)) => mutants::mutants(arguments, &console),
        Some(Command::List) => tour::list(&console),
        Some(Command::Check { scenarios }) => tour::check(scenarios, &console),
        Some(Command::Init { folder, force }) => tour::init(folder, *force, &console),
        Some(Command::Manual { output }) => tour::manual(output.as_deref(), &console),
        Some(Command::Completions { shell }) => tour::completions(*shell, &console),
    }
}
