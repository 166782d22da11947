//! Why the program could not do what it was asked, and with which exit code it ends.

use std::io;
use std::path::PathBuf;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use stillready::diagnose::likeness::InvalidObservations;
use stillready::exit::Exit;
use stillready::experiment::ExperimentError;
use stillready::import::ImportError;
use stillready::report::files::WriteError;
use stillready::report::grid::GridError;
use stillready::report::merge::MergeError;
use stillready::report::read::FolderError;
use stillready::scenario::InvalidScenario;
use stillready::scenario::size::TooLarge;
use thiserror::Error;

use super::arguments::Arguments;
use super::console::colors_on_stderr;

/// Why the program could not do what it was asked.
#[derive(Debug, Error, Diagnostic)]
pub(crate) enum Failure {
    #[error("there is no scenario `{name}`: neither a file of that name nor one that comes with the program")]
    #[diagnostic(help("{help}"))]
    NoScenario { name: String, help: String },

    #[error("cannot read {}", path.display())]
    #[diagnostic(help("name a TOML file in UTF-8, or a scenario that `stillready list` shows"))]
    Unreadable { path: PathBuf, source: io::Error },

    #[error("`{}` cannot be the name of a scenario", name.escape_debug())]
    #[diagnostic(help(
        "name the file with letters, digits, `-`, `_` and `.` only, the first a letter, a digit or `_`, as in \
         `my-endpoint.toml`; `baseline`, `diagnose`, `mutants` and names with `-sweep` at the end or before another `-` are taken"
    ))]
    BadName { name: String },

    #[error("two scenarios are named `{name}`, and their reports would go to the same folder")]
    #[diagnostic(help("rename one of the files, or run them one after the other with different --output folders"))]
    SameName { name: String },

    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(#[from] InvalidScenario),

    #[error("{}", match count { 1 => "1 scenario is not valid".to_owned(), more => format!("{more} scenarios are not valid") })]
    InvalidOnes { count: usize },

    #[error(transparent)]
    #[diagnostic(help("{}", .0.help()))]
    TooLarge(#[from] TooLarge),

    #[error("{message}")]
    #[diagnostic(help("{help}"))]
    Usage { message: String, help: String },

    #[error("no policy of scenario `{scenario}` is named `{policy}`, so nothing was run")]
    #[diagnostic(help("{help}"))]
    NothingRan { scenario: String, policy: String, help: String },

    #[error("cannot read {}", path.display())]
    #[diagnostic(help("name a CSV file with the columns upload,seconds,answer"))]
    NoObservations { path: PathBuf, source: io::Error },

    #[error("{} is no file of observations", path.display())]
    #[diagnostic(help(
        "one header line `upload,seconds,answer`, then a row per answer: seconds since the upload, and processing, ready, error \
         or not_found"
    ))]
    InvalidObservations { path: PathBuf, source: Box<InvalidObservations> },

    #[error("the folder `sims` has no scenario to judge")]
    #[diagnostic(help("name a scenario, as in `stillready gate reference`, or write some with `stillready init`"))]
    NothingToJudge,

    #[error("cannot read {}", path.display())]
    #[diagnostic(help("name an access log, or `-` for stdin"))]
    UnreadableLog { path: PathBuf, source: io::Error },

    #[error(transparent)]
    #[diagnostic(help("{}", import_help(.0)))]
    Import(#[from] ImportError),

    #[error(transparent)]
    #[diagnostic(help("{}", folder_help(.0)))]
    Folder(#[from] FolderError),

    #[error(transparent)]
    #[diagnostic(help("{}", grid_help(.0)))]
    Grid(#[from] GridError),

    #[error("interrupted; {rows} of {cells} cells are in {}", folder.display())]
    #[diagnostic(help("--resume goes on with it"))]
    SweepInterrupted { rows: usize, cells: usize, folder: PathBuf },

    #[error(transparent)]
    #[diagnostic(help("{}", merge_help(.0)))]
    Merge(#[from] MergeError),

    #[error(transparent)]
    Experiment(#[from] ExperimentError),

    #[error(transparent)]
    #[diagnostic(help("choose another place: --output, --junit, --regressions or, of a reduced scenario, --shrink"))]
    Write(#[from] WriteError),

    #[error("{}: two runs of one seed differ in {files}", scenario)]
    #[diagnostic(help("nothing was written; this is a bug of stillready: please report it with the scenario"))]
    Nondeterminism { scenario: String, files: String },

    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage { .. } | Failure::SameName { .. } => Exit::Usage,
            Failure::Grid(GridError::Write(_) | GridError::Busy { .. }) => Exit::CannotWrite,
            Failure::Grid(_) => Exit::Usage,
            Failure::Merge(MergeError::Write(_)) => Exit::CannotWrite,
            Failure::Merge(_) => Exit::InvalidScenario,
            Failure::NoScenario { .. }
            | Failure::NoObservations { .. }
            | Failure::InvalidObservations { .. }
            | Failure::Unreadable { .. }
            | Failure::BadName { .. }
            | Failure::Folder(_)
            | Failure::Invalid(_)
            | Failure::TooLarge(_)
            | Failure::InvalidOnes { .. } => Exit::InvalidScenario,
            Failure::NothingRan { .. }
            | Failure::NothingToJudge
            | Failure::Import(ImportError::NothingMatched { .. }) => Exit::NothingRan,
            Failure::Import(ImportError::Temporary(_)) => Exit::CannotWrite,
            Failure::Import(_) | Failure::UnreadableLog { .. } => Exit::InvalidScenario,
            Failure::Experiment(ExperimentError::Interrupted) | Failure::SweepInterrupted { .. } => Exit::Interrupted,
            Failure::Experiment(ExperimentError::Rows(_)) | Failure::Write(_) | Failure::Print(_) => Exit::CannotWrite,
            Failure::Nondeterminism { .. } => Exit::Nondeterminism,
        }
    }

    /// Whether the reader of the output has gone away, which is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Prints the failure on stderr.
    pub(crate) fn print(&self, arguments: &Arguments) {
        eprint!("{}", self.text(colors_on_stderr(arguments)));
    }

    /// The failure with its carets, as plain text or in colours; of a scenario, all problems and then their number.
    pub(super) fn text(&self, colors: bool) -> String {
        let theme = if colors { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_context_lines(1);
        let mut text = String::new();
        let mut render = |diagnostic: &dyn Diagnostic| {
            handler.render_report(&mut text, diagnostic).expect("a string takes what is written to it");
        };
        if let Failure::Invalid(invalid) = self {
            invalid.problems().iter().for_each(|problem| render(problem));
        }
        render(self);
        text
    }
}

/// What to do about a sweep that cannot begin or go on.
fn grid_help(error: &GridError) -> &'static str {
    match error {
        GridError::Unfinished { .. } => "--resume goes on with it, --restart begins anew",
        GridError::Busy { .. } => "wait for it, or choose another place: --output",
        GridError::Other { .. } => "--restart begins anew",
        GridError::Write(_) => "choose another place: --output",
    }
}

/// What to do about parts of a sweep that cannot be merged.
fn merge_help(error: &MergeError) -> &'static str {
    match error {
        MergeError::Folder(FolderError::NoReport { .. } | FolderError::Unreadable { .. }) => {
            "name folders of shards, or folders that have some: `stillready sweep SCENARIO --shard 1/8` writes one"
        }
        MergeError::Folder(_) | MergeError::Rows { .. } => "run that shard again, with --restart",
        MergeError::Unfinished { .. } => "run that shard to its end: `stillready sweep` with --shard and --resume",
        MergeError::Foreign { .. } => "name the shards of one sweep only, all made by one version of the program",
        MergeError::Repeated { .. } => "leave one of them out",
        MergeError::Whole { .. } => "there is nothing to merge: it is what merging comes to",
        MergeError::Lost { .. } => "run them, or name the folders in which they are",
        MergeError::InTheWay { .. } => "finish that sweep, or choose another place: --output",
        MergeError::Write(_) => "choose another place: --output",
    }
}

/// What to do about a log that cannot be imported.
fn import_help(error: &ImportError) -> String {
    match error {
        ImportError::Unreadable { .. } => "a packed log that ends too early was perhaps still being written".to_owned(),
        ImportError::Temporary(_) => "the folder for temporary files needs about 34 bytes for each request".to_owned(),
        ImportError::NothingMatched { most, not_understood, first_lines, .. } => {
            let most: Vec<_> = most.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            let most = if most.is_empty() { "none".to_owned() } else { most.join(", ") };
            let first_lines: String = first_lines.iter().map(|line| format!("\n  {line}")).collect();
            format!(
                "say --upload and --status as the log has them, or leave out what it has not; most of its other requests: {most}; lines \
                 not understood: {not_understood}{first_lines}"
            )
        }
        ImportError::TooMany | ImportError::TooManyRows { .. } => {
            "import a part of the log, or write a pattern that fits fewer requests".to_owned()
        }
        ImportError::TooLong { .. } => "a clock was wrong: leave its lines out".to_owned(),
    }
}

/// What to do about a folder whose report cannot be read.
fn folder_help(error: &FolderError) -> &'static str {
    match error {
        FolderError::Unfinished { .. } => {
            "finish it with `stillready sweep`, the same scenario and --resume, or begin anew with --restart"
        }
        FolderError::Part { .. } => "merge all of them, as in `stillready merge reports`",
        FolderError::NoReport { .. } | FolderError::Unreadable { .. } => {
            "name the folder that a run or a diagnosis wrote, as in `stillready report reports/reference`"
        }
        _ => "run it again, as in `stillready run reference`, or take the folder from where it is whole",
    }
}
