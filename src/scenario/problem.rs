//! What is wrong with a scenario file, said with carets.

use std::ops::Range;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// All that is wrong with one scenario file.
#[derive(Debug, Error, Diagnostic)]
#[error("{file}: {}", count(problems.len()))]
pub struct InvalidScenario {
    file: String,
    problems: Vec<Problem>,
}

impl InvalidScenario {
    /// The problems, in the order of their places.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn new(file: &str, source: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
        let problems = faults.into_iter().map(|fault| fault.located(file, source)).collect();
        InvalidScenario { file: file.to_owned(), problems }
    }
}

fn count(problems: usize) -> String {
    match problems {
        1 => "1 problem".to_owned(),
        more => format!("{more} problems"),
    }
}

/// One thing that is wrong, with its place.
#[derive(Debug, Error, Diagnostic)]
#[error("{place}: {message}")]
pub struct Problem {
    /// `file:line:column`, counted from 1, columns in characters.
    place: String,
    message: String,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("{label}")]
    span: SourceSpan,
    label: String,
    #[help]
    help: Option<String>,
}

/// A problem before its file is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    /// Stands at the caret.
    pub(super) label: String,
    /// What is allowed, or what to do.
    pub(super) help: Option<String>,
}

impl Fault {
    fn located(self, file: &str, source: &str) -> Problem {
        let start = self.span.start.min(source.len());
        let before = &source[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Problem {
            place: format!("{file}:{line}:{column}"),
            message: self.message,
            source_code: NamedSource::new(file, source.to_owned()),
            span: (start, self.span.end.saturating_sub(start)).into(),
            label: self.label,
            help: self.help,
        }
    }
}

/// The name of `known` that `word` was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|&(distance, name)| distance <= (name.chars().count().max(word.chars().count()) / 3).max(1))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}
