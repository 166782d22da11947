//! What can be said on the command line.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use stillready::exit::Exit;
use stillready::provenance::COMMIT;

use super::diagnose::DiagnoseArguments;
use super::gate::GateArguments;
use super::import::ImportArguments;
use super::merge::MergeArguments;
use super::mutants::MutantsArguments;
use super::properties::PropertiesArguments;
use super::recommend::RecommendArguments;
use super::replay::ReplayArguments;
use super::report::ReportArguments;
use super::run::RunArguments;
use super::sweep::SweepArguments;
use super::verify::VerifyArguments;

/// Simulates services that let a client upload something and poll for its status, and compares the policies by which they
/// forget.
///
/// Without a command, runs the scenario `reference`: 30 minutes / 10 % against 60 minutes / 5 %.
#[derive(Parser)]
#[command(name = "stillready", version, long_version = long_version(), styles = STYLES)]
#[command(max_term_width = 100, after_long_help = after_help(), disable_help_subcommand = true)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value_t, value_enum)]
    pub(super) color: When,

    /// When to show a progress bar on stderr.
    #[arg(long, global = true, value_name = "WHEN", default_value_t, value_enum)]
    pub(super) progress: When,

    /// Print nothing but errors; files are written all the same.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Say on stderr what is done, and how long it took.
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub(super) verbose: bool,

    /// Run also what would take more than about an hour or 4 GB, which is refused otherwise.
    #[arg(long, global = true)]
    pub(super) allow_huge: bool,
}

/// When to do something that suits a terminal only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            When::Auto => "auto",
            When::Always => "always",
            When::Never => "never",
        })
    }
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run scenarios, print what came of them, and write CSV files.
    Run(RunArguments),

    /// Print the timeline of one upload: every begin, finish, poll and answer, and the sweep that removed it.
    Replay(ReplayArguments),

    /// Measure a rate, however rare, in several ways: counted, smoothed or split, in closed form.
    ///
    /// Smoothed, each entry counts with the probability that its client would have come too late: rare losses show without waiting
    /// for one. Where that does not hold, several are followed on from those who are on the way to it. With `--at-most` a promise is judged: 10 if it is broken, 5 if that is not decided.
    Verify(VerifyArguments),

    /// Run every cell of a scenario's `[grid]`, and write a row for each as it goes.
    ///
    /// Survives being interrupted or killed: `--resume` goes on, and comes to the same bytes.
    Sweep(SweepArguments),

    /// Put the shards of a sweep together, to the bytes of a sweep in one piece.
    ///
    /// A shard that is missing, there twice, unfinished, changed or of another sweep is refused.
    Merge(MergeArguments),

    /// Choose among the cells of a sweep: the cheapest policy that keeps what is asked for, and how sure that is.
    ///
    /// A rate keeps a limit if the far end of its 95 % interval does. Ends with 5 if no cell keeps all.
    Recommend(RecommendArguments),

    /// Write a page about the results in a folder: what users were told, what was kept, which property broke and how.
    ///
    /// Needs no new simulation. A folder whose files are not all of one run, whole and unchanged, is refused.
    Report(ReportArguments),

    /// Run a scenario and print which of the properties S1 to S12 hold under each policy, and where each broke first.
    ///
    /// Fails if a policy's `holds` or `breaks` is disappointed.
    Properties(PropertiesArguments),

    /// Run the incident's possible causes under its possible remedies, and print who is misled by which cause under which remedy.
    Diagnose(DiagnoseArguments),

    /// Run scenarios and check them against their limits and their committed baselines.
    ///
    /// A check passes if what was measured leaves little doubt that the limit of the scenario's `[[gate]]` is kept: the chance that
    /// any passes wrongly is at most 2.5 %. A baseline passes if the run gives the very `summary.csv` that was accepted or, if the
    /// model changed, no rate that differs by more than chance explains. Whatever cannot be judged is no pass.
    Gate(GateArguments),

    /// Make a scenario of access logs: the uploads, polls, absences and restarts of real traffic, as a trace.
    ///
    /// Reads Common and Combined Log Format, nginx's default and JSON lines, packed with gzip or not, of any length. Clients and keys
    /// become numbers: no address, no name and no user agent is in any file that is written.
    Import(ImportArguments),

    /// Run faulty stores, and some that are right, through the test harness, and print which level catches which.
    ///
    /// Fails if a faulty store is not caught, or a right one is.
    Mutants(MutantsArguments),

    /// List the scenarios that can be run by name.
    List,

    /// Read scenarios and report everything that is wrong with them, without running them.
    Check {
        /// Scenario files, or names as `list` shows them.
        #[arg(value_name = "SCENARIO", required = true)]
        scenarios: Vec<String>,
    },

    /// Write the scenarios that come with the program to a folder, for editing.
    Init {
        /// The folder.
        #[arg(value_name = "FOLDER", default_value = "sims")]
        folder: PathBuf,

        /// Replace files that are already there.
        #[arg(long)]
        force: bool,
    },

    /// Print the manual page, for `man -l -`, or write the pages of all commands.
    Manual {
        /// The folder to write the pages of all commands to.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },

    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

fn long_version() -> String {
    format!("{} (commit {COMMIT})", env!("CARGO_PKG_VERSION"))
}

fn after_help() -> String {
    let codes = Exit::ALL.map(|exit| format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    format!(
        "Exit codes:\n{}\nExamples:\n  \
         stillready                                   answer the incident's question\n  \
         stillready run two-workers                   run a scenario that comes with the program\n  \
         stillready run my.toml --seed 7 -o results   run a file of one's own\n  \
         stillready replay reference --policy 30m/10% --upload 4\n                                               \
         see what became of one upload",
        codes.concat()
    )
}
