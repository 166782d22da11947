//! Which cause do observed answers look like?
//!
//! Each upload's answers are put into a class: what came last, whether `not_found` came after `ready` or in turn with other
//! answers, how often, and when first. A cause's simulated uploads say how likely each class is under it, and the likelihood of a
//! cause is that of all observed uploads, taken as independent. Classes are coarse, so that clocks and intervals that differ a
//! little from the simulation's do not matter.
//!
//! The most likely of several causes may still be none: whether the classes come up as often as under a cause is tested as well
//! (Pearson's chi-squared test of homogeneity, 1900; rare classes together). All this takes the observed uploads for an unselected
//! sample of all uploads, with all answers that each client got.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};
use thiserror::Error;

use crate::experiment;
use crate::scenario::Scenario;
use crate::store::Answer;
use crate::time::{SECOND_NS, SimTime};
use crate::trace::{Event, Observer};

/// An answer as it is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// The work is going on.
    Processing,
    /// The work ended well.
    Ready,
    /// The work failed.
    Error,
    /// No entry.
    NotFound,
}

/// One row of a file of observations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    upload: String,
    seconds: f64,
    answer: Observed,
}

/// The answers of one upload with their times in seconds since the upload, ascending.
pub type Trace = Vec<(f64, Observed)>;

/// A file of observations cannot be read.
#[derive(Debug, Error)]
pub enum InvalidObservations {
    /// It is not the CSV that it should be.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// A time makes no sense.
    #[error("row {row}: {seconds} is no time since an upload")]
    Seconds {
        /// Counted from 1, without the header.
        row: usize,
        /// The time.
        seconds: f64,
    },
    /// It has no rows.
    #[error("there are no observations")]
    Empty,
}

/// Reads observations from CSV: `upload,seconds,answer`, in any order of rows. Returns the uploads' traces.
///
/// # Errors
/// [`InvalidObservations`] with the place of the first fault.
pub fn read(text: &[u8]) -> Result<Vec<Trace>, InvalidObservations> {
    let mut uploads: BTreeMap<String, Trace> = BTreeMap::new();
    for (number, row) in csv::Reader::from_reader(text).into_deserialize().enumerate() {
        let Row { upload, seconds, answer } = row?;
        if !(0.0..=1e9).contains(&seconds) {
            return Err(InvalidObservations::Seconds { row: number + 1, seconds });
        }
        uploads.entry(upload).or_default().push((seconds, answer));
    }
    if uploads.is_empty() {
        return Err(InvalidObservations::Empty);
    }
    for trace in uploads.values_mut() {
        trace.sort_by(|(first, _), (second, _)| first.total_cmp(second));
    }
    Ok(uploads.into_values().collect())
}

/// The class of an upload's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    last: Option<Observed>,
    /// `not_found` after `ready` or `error`.
    lost_after_end: bool,
    /// See [`contradicts`].
    contradicts: bool,
    /// How often answers went from `not_found` to another one or back: never, once, twice or three times, more.
    turns: u8,
    /// The share of `not_found`: none, below a quarter, below three quarters, more, all.
    share: u8,
    /// When `not_found` came first: never, within 3 s, a minute, 10 minutes, 60 minutes, later.
    first: u8,
}

/// Whether an answer other than `not_found` goes back on `ready` or `error`.
fn contradicts(trace: &[(f64, Observed)]) -> bool {
    let mut ended = None;
    trace.iter().any(|&(_, answer)| match answer {
        Observed::NotFound => false,
        Observed::Processing => ended.is_some(),
        Observed::Ready | Observed::Error => *ended.get_or_insert(answer) != answer,
    })
}

fn has(trace: &[(f64, Observed)], wanted: Observed) -> bool {
    trace.iter().any(|&(_, answer)| answer == wanted)
}

fn class(trace: &[(f64, Observed)]) -> Class {
    let is_missing = |&(_, answer): &(f64, Observed)| answer == Observed::NotFound;
    let missing = trace.iter().filter(|row| is_missing(row)).count();
    let turns = trace.windows(2).filter(|pair| is_missing(&pair[0]) != is_missing(&pair[1])).count();
    let ended = trace.iter().position(|&(_, answer)| matches!(answer, Observed::Ready | Observed::Error));
    let lost_after_end = ended.is_some_and(|place| trace[place..].iter().any(is_missing));
    let share = match missing as f64 / trace.len().max(1) as f64 {
        0.0 => 0,
        share if share < 0.25 => 1,
        share if share < 0.75 => 2,
        share if share < 1.0 => 3,
        _ => 4,
    };
    let first = trace.iter().find(|row| is_missing(row)).map_or(0, |&(seconds, _)| match seconds {
        seconds if seconds < 3.0 => 1,
        seconds if seconds < 60.0 => 2,
        seconds if seconds < 600.0 => 3,
        seconds if seconds < 3600.0 => 4,
        _ => 5,
    });
    let turns = match turns {
        0 | 1 => turns as u8,
        2 | 3 => 2,
        _ => 3,
    };
    let last = trace.last().map(|&(_, answer)| answer);
    Class { last, lost_after_end, contradicts: contradicts(trace), turns, share, first }
}

/// Collects the answers of all uploads of a run.
#[derive(Default)]
struct Answers {
    open: BTreeMap<u32, (SimTime, Trace)>,
    classes: BTreeMap<Class, u64>,
    uploads: u64,
}

impl Observer for Answers {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        match event {
            Event::Arrived(upload) => {
                self.open.insert(upload.number, (at, Vec::new()));
            }
            Event::Read { upload, answer, .. } => {
                let answer = match answer {
                    Answer::Processing => Observed::Processing,
                    Answer::Ready { .. } => Observed::Ready,
                    Answer::Error | Answer::Interrupted => Observed::Error,
                    Answer::Expired(_) | Answer::NotFound => Observed::NotFound,
                };
                if let Some((arrived, trace)) = self.open.get_mut(&upload) {
                    trace.push((at.since(*arrived) as f64 / SECOND_NS as f64, answer));
                }
            }
            Event::Over { upload, .. } => {
                if let Some((_, trace)) = self.open.remove(&upload.number) {
                    *self.classes.entry(class(&trace)).or_default() += 1;
                    self.uploads += 1;
                }
            }
            _ => {}
        }
    }
}

/// How well a cause explains the observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    /// The cause's name.
    pub cause: String,
    /// The cause in a few words.
    pub title: String,
    /// The logarithm of its likelihood.
    pub log_likelihood: f64,
    /// Its probability, if all causes were equally likely before and one of them is the cause.
    pub probability: f64,
    /// The share of observed uploads whose class its simulated uploads never showed.
    pub unseen: f64,
    /// The probability that classes come up as unlike the simulated ones as the observed ones do, if this is the cause; `None` if
    /// there are too few observations to tell.
    pub fit: Option<f64>,
}

/// Below which probability a cause does not fit.
pub const FIT_MIN: f64 = 0.01;

/// Above which share of observed uploads that it never simulates a cause does not fit.
pub const UNSEEN_MAX: f64 = 0.1;

impl Likeness {
    /// Whether the observations may well come from this cause.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.unseen <= UNSEEN_MAX && self.fit.is_none_or(|fit| fit >= FIT_MIN)
    }
}

/// What came of a comparison of observations with causes.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// Uploads that were compared.
    pub compared: u64,
    /// Uploads that were told `error` and never `not_found`. No cause simulates failures, so that they say nothing about any.
    pub left_out: u64,
    /// Uploads of those compared that were told `not_found`, or an answer that goes back on an earlier one.
    pub symptoms: u64,
    /// The causes by their likelihood, each under its own policy, the best one first; empty if there are no symptoms.
    pub ranked: Vec<Likeness>,
}

/// Compares observations with causes.
#[must_use]
pub fn rank(causes: &[Scenario], observed: &[Trace]) -> Findings {
    let says_nothing =
        |trace: &&Trace| has(trace, Observed::Error) && !has(trace, Observed::NotFound) && !contradicts(trace);
    let compared: Vec<_> = observed.iter().filter(|trace| !says_nothing(trace)).collect();
    let symptoms = compared.iter().filter(|trace| has(trace, Observed::NotFound) || contradicts(trace)).count();
    let mut ranked = Vec::new();
    if symptoms > 0 {
        let mut classes = BTreeMap::new();
        for trace in &compared {
            *classes.entry(class(trace)).or_default() += 1;
        }
        ranked.extend(causes.iter().map(|cause| likeness(cause, &classes)));
    }
    let best = ranked.iter().map(|one| one.log_likelihood).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = ranked.iter().map(|one| libm::exp(one.log_likelihood - best)).sum();
    for one in &mut ranked {
        one.probability = libm::exp(one.log_likelihood - best) / total;
    }
    ranked.sort_by(|first, second| second.log_likelihood.total_cmp(&first.log_likelihood));
    let left_out = (observed.len() - compared.len()) as u64;
    Findings { compared: compared.len() as u64, left_out, symptoms: symptoms as u64, ranked }
}

/// How many uploads are of each class.
type Counts = BTreeMap<Class, u64>;

fn likeness(cause: &Scenario, observed: &Counts) -> Likeness {
    let Answers { classes, uploads, .. } =
        experiment::observe(cause, &cause.policies[0], cause.seed, Answers::default());
    // A class that the simulation never showed is rare, not impossible: half an upload for each class (Krichevsky and Trofimov).
    let kinds = classes.len() as f64 + 1.0;
    let seen = |class: &Class| classes.get(class).copied().unwrap_or(0) as f64;
    let probability = |class: &Class| (seen(class) + 0.5) / (uploads as f64 + 0.5 * kinds);
    let total: u64 = observed.values().sum();
    let unseen: u64 = observed.iter().filter(|(class, _)| seen(class) == 0.0).map(|(_, count)| count).sum();
    Likeness {
        cause: cause.name.clone(),
        title: cause.title.clone(),
        log_likelihood: observed.iter().map(|(class, &count)| count as f64 * libm::log(probability(class))).sum(),
        probability: 0.0,
        unseen: unseen as f64 / total as f64,
        fit: homogeneity(observed, &classes),
    }
}

/// The fewest uploads of a class that are expected for the chi-squared distribution to hold (Cochran's rule).
const EXPECTED_MIN: f64 = 5.0;

/// The probability that two samples from one population differ as much as these two; `None` if that cannot be told.
fn homogeneity(first: &Counts, second: &Counts) -> Option<f64> {
    let totals = [first, second].map(|counts| counts.values().sum::<u64>() as f64);
    let [fewer, all] = [totals[0].min(totals[1]), totals[0] + totals[1]];
    let classes: BTreeSet<_> = first.keys().chain(second.keys()).collect();
    let cell = |class| [first, second].map(|counts| counts.get(class).copied().unwrap_or(0) as f64);
    let expected = |cell: &[f64; 2]| fewer * (cell[0] + cell[1]) / all;
    let (mut cells, rare): (Vec<_>, Vec<_>) =
        classes.into_iter().map(cell).partition(|cell| expected(cell) >= EXPECTED_MIN);
    cells.sort_by(|first, second| expected(first).total_cmp(&expected(second)));
    // All rare ones are one class and, should that be rare still, one with the next.
    let rest = rare.iter().fold([0.0, 0.0], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]]);
    match cells.first_mut() {
        _ if expected(&rest) >= EXPECTED_MIN => cells.push(rest),
        Some(next) => *next = [next[0] + rest[0], next[1] + rest[1]],
        None => return None,
    }
    let freedom = cells.len().checked_sub(1).filter(|&freedom| freedom > 0)? as f64;
    let term = |cell: &[f64; 2], sample: usize| {
        let expected = totals[sample] * (cell[0] + cell[1]) / all;
        (cell[sample] - expected) * (cell[sample] - expected) / expected
    };
    let statistic: f64 = cells.iter().map(|cell| term(cell, 0) + term(cell, 1)).sum();
    Some(ChiSquared::new(freedom).ok()?.sf(statistic))
}
