//! What was found in a log, what was assumed, and what was not understood.

use std::collections::BTreeMap;

use serde::Serialize;

use super::measure::{Fit, Measured, QUANTILES};
use super::request::Why;
use super::walk::{All, Counts, Outages, Told};
use super::{FIRST_LINES, ImportError, Options, Pattern, written};
use crate::time::SECOND_NS;

/// What was found in a log. Numbers only: no address, no name.
#[derive(Default, Serialize)]
pub struct Imported {
    /// The version of this record.
    pub schema_version: u32,
    /// Lines, understood or not.
    pub lines: u64,
    /// Lines that are requests.
    pub requests: u64,
    /// Requests whose request line is none: what a scanner sends.
    pub no_request: u64,
    /// Requests with a stamp before that of a line above, in one log.
    pub out_of_order: u64,
    /// Uploads and status requests that name no client.
    pub without_client: u64,
    /// The first and the last request, in UTC.
    pub first: String,
    /// See `first`.
    pub last: String,
    /// The time between them, in nanoseconds.
    pub span_ns: u64,
    /// What the stamps can tell, in nanoseconds.
    pub resolution_ns: u64,
    /// Uploads, those that were assumed included.
    pub uploads: u64,
    /// Uploads that are assumed right before the first poll of a key, since the log has none.
    pub assumed_uploads: u64,
    /// Upload requests that were refused: they are in no trace.
    pub refused: u64,
    /// Uploads for whose status nobody asked.
    pub unpolled_uploads: u64,
    /// Names or ids.
    pub keys: u64,
    /// Status requests.
    pub polls: u64,
    /// Those that were answered 404 or 410.
    pub polls_not_found: u64,
    /// Sessions: polls without a gap longer than the session gap.
    pub sessions: u64,
    /// The session gap, in nanoseconds.
    pub session_gap_ns: u64,
    /// Uploads whose processing time the polls tell.
    pub inferred_processing: u64,
    /// Answers of 502, 503 and 504.
    pub down: u64,
    /// Runs of them, the longest ones.
    pub outages: Vec<Outage>,
    /// Runs that were too many to be kept.
    pub outages_dropped: u64,
    /// The longest times without any request.
    pub silences: Vec<Silence>,
    /// What was measured.
    pub measured: Vec<Measurement>,
    /// What was assumed, in sentences.
    pub assumptions: Vec<String>,
    /// Lines that were not understood, by reason.
    pub reasons: BTreeMap<Why, u64>,
    /// The first of them.
    pub first_lines: Vec<NotUnderstood>,
    /// Which minutes of an hour occur, a bit for each.
    #[serde(skip)]
    pub minutes: u64,
    /// The processing time of uploads that have none, as a scenario says it.
    pub processing: String,
}

/// A run of answers of 502, 503 and 504.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// When it began, in UTC.
    pub at: String,
    /// The same from the start of the trace, in nanoseconds, or that start if it goes on then; nothing if it was over before.
    pub at_ns: Option<u64>,
    /// From the first such answer to the last, in nanoseconds.
    pub for_ns: u64,
    /// The part of it that is in the trace.
    #[serde(skip)]
    pub within_ns: u64,
    /// How many there were.
    pub answers: u64,
}

/// A time without any request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// When it began, in UTC.
    pub at: String,
    /// How long it was, in nanoseconds.
    pub for_ns: u64,
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotUnderstood {
    /// In which log, by its number, from 1.
    pub log: u64,
    /// Which line, from 1.
    pub line: u64,
    /// Why.
    pub why: Why,
    /// Its beginning with every letter as `a` and every digit as `0`: files do not tell who it was about.
    pub shape: String,
    /// Its beginning, for the terminal of who has the log anyway.
    #[serde(skip)]
    pub text: String,
}

/// What was measured of one kind of duration.
#[derive(Serialize)]
pub struct Measurement {
    /// What: a word for files.
    pub name: &'static str,
    /// What, in a sentence.
    pub title: &'static str,
    /// How many.
    pub count: u64,
    /// How many of them were shorter than the log can tell.
    pub zeros: u64,
    /// The lognormal distribution that fits best, if there are enough samples.
    pub fit: Option<Fit>,
    /// Quantiles in nanoseconds.
    pub quantiles_ns: BTreeMap<&'static str, Option<u64>>,
    /// The distribution itself.
    #[serde(skip)]
    pub samples: Measured,
}

impl Serialize for Why {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.words())
    }
}

impl Measurement {
    fn new(name: &'static str, title: &'static str, samples: Measured) -> Measurement {
        Measurement {
            name,
            title,
            count: samples.count(),
            zeros: samples.zeros(),
            fit: samples.fit(),
            quantiles_ns: QUANTILES.map(|(name, quantile)| (name, samples.quantile(quantile))).into(),
            samples,
        }
    }
}

/// Quantiles that stand for a distribution that no lognormal one fits.
const EMPIRICAL: u32 = 20;

/// A scenario takes no larger one.
const SIGMA_MAX: f64 = 4.0;

/// To a millisecond, which no log tells more of.
fn rounded(ns: u64) -> u64 {
    (ns / 1_000_000).max(1) * 1_000_000
}

/// Characters of a line that are told.
const TOLD: usize = 60;

impl Imported {
    /// How many lines were not understood.
    #[must_use]
    pub fn not_understood(&self) -> u64 {
        self.reasons.values().sum()
    }

    /// That none of the requests is what it should be, with the kinds of which there are most.
    pub(super) fn nothing_matched(&self, what: &'static str, most: Vec<(String, u64)>) -> ImportError {
        let line = |found: &NotUnderstood| {
            let log = if found.log > 1 { format!("log {}, ", found.log) } else { String::new() };
            format!("{log}line {}: {}: {}", found.line, found.why.words(), found.text)
        };
        ImportError::NothingMatched {
            what,
            requests: self.requests,
            most,
            not_understood: self.not_understood(),
            first_lines: self.first_lines.iter().map(line).collect(),
        }
    }

    pub(super) fn note_not_understood(&mut self, log: u64, line: u64, why: Why, bytes: &[u8]) {
        *self.reasons.entry(why).or_default() += 1;
        if self.first_lines.len() < FIRST_LINES {
            let begin = String::from_utf8_lossy(&bytes[..bytes.len().min(TOLD * 4)]);
            let begin: String = begin.chars().take(TOLD).collect();
            let mask = |c: char| match c {
                '0'..='9' => '0',
                ' '..='~' if !c.is_ascii_alphabetic() => c,
                _ => 'a',
            };
            self.first_lines.push(NotUnderstood {
                log,
                line,
                why,
                shape: begin.chars().map(mask).collect(),
                text: begin.escape_debug().to_string(),
            });
        }
    }

    pub(super) fn fill(
        &mut self,
        options: &Options,
        told: &[Told],
        counts: Counts,
        measured: All,
        outages: Outages,
        start_ns: i64,
    ) {
        self.schema_version = 1;
        self.uploads = told.len() as u64;
        self.assumed_uploads = counts.assumed;
        self.refused = counts.refused;
        self.unpolled_uploads = told.iter().filter(|upload| !upload.has_polls).count() as u64;
        self.keys = u64::from(counts.keys);
        self.polls = counts.polls;
        self.polls_not_found = counts.not_found;
        self.sessions = counts.sessions;
        self.session_gap_ns = options.session_gap_ns;
        self.inferred_processing = told.iter().filter(|upload| upload.processing_ns.is_some()).count() as u64;
        self.down = outages.down;
        self.outages_dropped = outages.dropped;
        let outage = |&(from_ns, to_ns, answers): &(i64, i64, u64)| Outage {
            at: written(from_ns),
            // One that goes on at the trace's start is there from its start.
            at_ns: (to_ns >= start_ns).then(|| from_ns.max(start_ns).abs_diff(start_ns)),
            for_ns: from_ns.abs_diff(to_ns).max(self.resolution_ns),
            within_ns: from_ns.max(start_ns).abs_diff(to_ns).max(self.resolution_ns),
            answers,
        };
        self.outages = outages.found.iter().map(outage).collect();
        let silence = |&(from_ns, for_ns): &(i64, u64)| Silence { at: written(from_ns), for_ns };
        self.silences = outages.silences.iter().filter(|(_, for_ns)| *for_ns > 0).map(silence).collect();
        let All { arrival_gaps, processing, poll_gaps, pauses, absences, returns } = measured;
        self.measured = vec![
            Measurement::new("arrival_gap", "from one upload to the next", arrival_gaps),
            Measurement::new("processing", "from an upload to its end", processing),
            Measurement::new("poll_gap", "from one poll to the next, within a session", poll_gaps),
            Measurement::new("pause", "a gap ten times the usual, within a session", pauses),
            Measurement::new("absence", "from an upload to a first poll that came late", absences),
            Measurement::new("return", "from one session to the next", returns),
        ];
        self.assume(options);
    }

    /// What was measured of that name.
    #[must_use]
    pub fn measurement(&self, name: &str) -> Option<&Measurement> {
        self.measured.iter().find(|measured| measured.name == name).filter(|measured| measured.count > 0)
    }

    fn assume(&mut self, options: &Options) {
        let seconds = super::write::duration;
        let mut assumptions = Vec::new();
        if self.minutes.count_ones() == 1 && self.requests >= 100 && self.span_ns >= 6 * 3600 * SECOND_NS {
            assumptions.push(format!(
                "Beware: every stamp has the same minute of its hour, {:02}, as where the month was written in its place. Gaps within an hour \
                 are not real ones, and times to live of less than some hours cannot be judged.",
                self.minutes.trailing_zeros()
            ));
        }
        let is_by_client = |pattern: &Option<Pattern>| pattern.as_ref().is_some_and(|pattern| !pattern.has_key());
        if self.without_client > 0 && (is_by_client(&options.upload) || is_by_client(&options.status)) {
            assumptions.push(format!(
                "Beware: {} of {} uploads and status requests name no client: those of one user agent are taken for those of one client. In JSON, --json-field \
                 client=NAME says which field does.",
                self.without_client,
                self.uploads - self.assumed_uploads + self.refused + self.polls
            ));
        }
        if self.polls == 0 {
            assumptions.push(
                "The log has no status request: clients poll as those of the scenario `reference` do, every 3 s, and one in five is \
                 away first, for a median of 35 min."
                    .to_owned(),
            );
        }
        if self.assumed_uploads > 0 {
            assumptions.push(format!(
                "Not in the log: {} of {} uploads. Each is assumed right before the first poll of its key.",
                self.assumed_uploads, self.uploads
            ));
        }
        if self.polls > 0 {
            assumptions.push(format!(
                "A gap longer than {} is taken for a client that was gone and opened the page again.",
                seconds(options.session_gap_ns)
            ));
        }
        if self.inferred_processing > 0 {
            assumptions.push(format!(
                "Told by the polls: {} of {} processing times, each half-way between the last two polls of a client that polled regularly \
                 and then stopped, with an answer below 400.",
                self.inferred_processing, self.uploads
            ));
        }
        let known = self.measurement("processing").map(|processing| (processing.fit, &processing.samples));
        let (words, toml) = match (options.processing_ns, known) {
            (Some(time_ns), _) => {
                (format!("taken to be {}, as asked for", seconds(time_ns)), format!("\"{}\"", seconds(time_ns)))
            }
            (None, Some((Some(fit), _))) if !fit.is_rejected() && fit.sigma <= SIGMA_MAX => {
                let (median, sigma) = (seconds(rounded(fit.median_ns)), fit.sigma);
                (
                    format!("drawn from the distribution that fits the others, median {median}, sigma {sigma:.3}"),
                    format!("{{ kind = \"lognormal\", median = \"{median}\", sigma = {sigma:.3} }}"),
                )
            }
            (None, Some((Some(_), samples))) => {
                let quantiles =
                    (0..EMPIRICAL).filter_map(|part| samples.quantile((f64::from(part) + 0.5) / f64::from(EMPIRICAL)));
                let values: Vec<_> = quantiles.map(|ns| format!("\"{}\"", seconds(rounded(ns)))).collect();
                (
                    "drawn from quantiles of the others, which no lognormal distribution fits".to_owned(),
                    format!("{{ kind = \"empirical\", values = [{}] }}", values.join(", ")),
                )
            }
            (None, Some((None, samples))) => {
                let median = seconds(rounded(samples.quantile(0.5).unwrap_or_default()));
                (format!("taken to be the median of the others, {median}"), format!("\"{median}\""))
            }
            (None, _) if self.assumed_uploads == self.uploads => (
                "taken to be 0 s, so that what is asked for is there; --processing says otherwise".to_owned(),
                "\"0s\"".to_owned(),
            ),
            (None, _) => ("taken to be 1 s; --processing says otherwise".to_owned(), "\"1s\"".to_owned()),
        };
        let unknown = self.uploads - self.inferred_processing;
        if unknown > 0 {
            assumptions.push(format!("Not told by the log: {unknown} of {} processing times, {words}.", self.uploads));
        }
        assumptions.push("Processing never fails: the log does not tell which did.".to_owned());
        self.processing = toml;
        self.assumptions = assumptions;
    }
}
