//! The forms of a report that are made from its files: a page of HTML, Markdown, JSON.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::files::{Staged, WriteError};
use super::read::Report;
use super::{html, json, markdown};

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One self-contained page.
    Html,
    /// For pull requests and job summaries.
    Markdown,
    /// Of the schema `schemas/report.json`.
    Json,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 3] = [Form::Html, Form::Markdown, Form::Json];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Form::Html => "html",
            Form::Markdown => "markdown",
            Form::Json => "json",
        }
    }

    /// The name of its file.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Form::Html => "report.html",
            Form::Markdown => "report.md",
            Form::Json => "report.json",
        }
    }

    fn render(self, report: &Report) -> String {
        match self {
            Form::Html => html::page(report),
            Form::Markdown => markdown::page(report),
            Form::Json => json::document(report),
        }
    }
}

/// Writes forms of a report into `folder`, each once, and returns their paths.
///
/// # Errors
/// [`WriteError`] if a file cannot be written. Unless the renaming itself failed in the middle, no file was changed then.
pub fn write(folder: &Path, report: &Report, forms: &[Form]) -> Result<Vec<PathBuf>, WriteError> {
    let mut staged = Staged::new(folder)?;
    for form in Form::ALL.into_iter().filter(|form| forms.contains(form)) {
        staged.add(form.file(), |file| file.write_all(form.render(report).as_bytes()))?;
    }
    staged.rename()
}
