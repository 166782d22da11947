//! What is wrong with a scenario file, said with carets.

use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// All that is wrong with one scenario file.
#[derive(Debug, Error, Diagnostic)]
#[error("{file}: {}", count(*found, problems.len()))]
pub struct InvalidScenario {
    file: String,
    /// How many were found.
    found: usize,
    problems: Vec<Problem>,
}

/// The most problems that are told of one file: who has more will mend these first.
const TOLD: usize = 100;

impl InvalidScenario {
    /// The problems, in the order of their places; of very many, the first ones.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn new(file: &str, source: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
        let (found, source) = (faults.len(), Arc::<str>::from(source));
        let problems = faults.into_iter().take(TOLD).map(|fault| fault.located(file, &source)).collect();
        InvalidScenario { file: file.to_owned(), found, problems }
    }
}

fn count(found: usize, told: usize) -> String {
    match found {
        1 => "1 problem".to_owned(),
        more if more > told => format!("{more} problems; these are the first {told}"),
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
    source_code: NamedSource<Arc<str>>,
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

/// A file that a scenario names and that cannot be used.
#[derive(Debug)]
pub(super) struct NotThere {
    /// Stands at the caret.
    pub(super) label: String,
    /// What to do.
    pub(super) help: String,
}

impl Fault {
    fn located(self, file: &str, source: &Arc<str>) -> Problem {
        let start = self.span.start.min(source.len());
        let before = &source[..start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Problem {
            place: format!("{file}:{line}:{column}"),
            message: self.message,
            source_code: NamedSource::new(file, Arc::clone(source)),
            span: (start, self.span.end.saturating_sub(start)).into(),
            label: self.label,
            help: self.help,
        }
    }
}

/// The longest word that is compared with names: what is longer is none, and comparing takes time by the product of the lengths.
const LONGEST_WORD: usize = 200;

/// The name of `known` that `word` was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.into_iter().take_while(|_| word.len() <= LONGEST_WORD);
    known
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|&(distance, name)| distance <= (name.chars().count().max(word.chars().count()) / 3).max(1))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}
