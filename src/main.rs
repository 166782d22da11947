//! The program `stillready`: parse, run, exit.
#![expect(clippy::duplicate_mod, reason = "`mutants` mounts its stores over std, loom and shuttle")]

mod cli;

use std::process::ExitCode;

use clap::Parser;
use stillready::exit::Exit;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("stillready has a bug: {panic}\nPlease report it together with the command line and the scenario.");
    }));
    let arguments = cli::Arguments::parse();
    match cli::run(&arguments) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) if failure.is_broken_pipe() => ExitCode::from(Exit::Pass.code()),
        Err(failure) => {
            failure.print(&arguments);
            ExitCode::from(failure.exit().code())
        }
    }
}
