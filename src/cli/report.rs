//! `stillready report`, and the forms in which `run` tells what it found.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use stillready::exit::Exit;
use stillready::report::pages::{self, Form};
use stillready::report::read;

use super::console::{Console, DIM, styled};
use super::failure::Failure;

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// The folder of a run or a diagnosis, as in `reports/reference`, or one with several of them, as in `reports`.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// In which forms: `report.html`, `report.md`, `report.json`.
    #[arg(long, value_name = "FORM", value_enum, value_delimiter = ',', default_value = "html")]
    format: Vec<WrittenForm>,

    /// The folder to write to; the same by default.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// A form, as the command line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrittenForm(Form);

impl ValueEnum for WrittenForm {
    fn value_variants<'a>() -> &'a [Self] {
        &[WrittenForm(Form::Html), WrittenForm(Form::Markdown), WrittenForm(Form::Json)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

/// Writes a page about what is in a folder.
pub(super) fn report(arguments: &ReportArguments, console: &Console) -> Result<Exit, Failure> {
    let output = arguments.output.as_deref().unwrap_or(&arguments.folder);
    let paths = write(&arguments.folder, output, &arguments.format)?;
    for path in paths {
        console.result(&format!("{}\n", styled(&path.display().to_string(), DIM)))?;
    }
    Ok(Exit::Pass)
}

/// Reads what is in a folder and writes it in some forms.
pub(super) fn write(folder: &Path, output: &Path, forms: &[WrittenForm]) -> Result<Vec<PathBuf>, Failure> {
    let forms: Vec<Form> = forms.iter().map(|form| form.0).collect();
    Ok(pages::write(output, &read::read(folder)?, &forms)?)
}
