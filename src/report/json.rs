//! A report as JSON, of the schema `schemas/report.json`: what the CSV files say, as numbers.

use serde::Serialize;

use super::read::{Absence, Comparison, Entries, MatrixCell, PropertyRow, Report, RunReport, Summary, Sweep, Told};
use crate::choice::{Candidate, Criterion};

/// The version of the schema.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    runs: Vec<Run<'a>>,
    diagnosis: Option<&'a [MatrixCell]>,
    sweeps: Vec<SweptGrid<'a>>,
}

#[derive(Serialize)]
struct SweptGrid<'a> {
    scenario: &'a str,
    fingerprint: &'a str,
    axes: &'a [String],
    cells: Vec<Cell<'a>>,
}

#[derive(Serialize)]
struct Cell<'a> {
    cell: usize,
    values: &'a [String],
    false_not_found_rate: f64,
    live_entries_max: f64,
    visits_per_poll: f64,
    on_front: bool,
}

impl<'a> SweptGrid<'a> {
    fn new(sweep: &'a Sweep) -> Self {
        let candidates = &sweep.candidates;
        let cell = |candidate: &'a Candidate| Cell {
            cell: candidate.cell,
            values: &candidate.values,
            false_not_found_rate: candidate.by(Criterion::Harm),
            live_entries_max: candidate.by(Criterion::Memory),
            visits_per_poll: candidate.by(Criterion::Work),
            on_front: !candidates.iter().any(|other| other.dominates(candidate)),
        };
        let (scenario, fingerprint) = (&sweep.record.scenario, &sweep.record.scenario_fingerprint);
        SweptGrid { scenario, fingerprint, axes: &sweep.record.axes, cells: candidates.iter().map(cell).collect() }
    }
}

#[derive(Serialize)]
struct Run<'a> {
    scenario: &'a str,
    title: &'a str,
    fingerprint: &'a str,
    model_version: u32,
    seed: u64,
    replications: u32,
    uploads: u32,
    policies: &'a [String],
    verdict: String,
    summary: &'a [Summary],
    comparisons: &'a [Comparison],
    properties: &'a [PropertyRow],
    told: &'a [Told],
    absences: &'a [Absence],
    entries: &'a [Entries],
}

impl<'a> Run<'a> {
    fn new(run: &'a RunReport) -> Self {
        let record = &run.record;
        Run {
            scenario: &record.scenario,
            title: &record.title,
            fingerprint: &record.scenario_fingerprint,
            model_version: record.model_version,
            seed: record.seed,
            replications: record.replications,
            uploads: record.uploads,
            policies: &record.policies,
            verdict: run.verdict(),
            summary: &run.summary,
            comparisons: &run.comparisons,
            properties: &run.properties,
            told: &run.told,
            absences: &run.absences,
            entries: &run.entries,
        }
    }
}

/// The document, with a newline at its end.
#[must_use]
pub(super) fn document(report: &Report) -> String {
    let runs = report.runs.iter().map(Run::new).collect();
    let diagnosis = report.diagnosis.as_ref().map(|diagnosis| &diagnosis.cells[..]);
    let document = Document {
        schema_version: SCHEMA_VERSION,
        runs,
        diagnosis,
        sweeps: report.sweeps.iter().map(SweptGrid::new).collect(),
    };
    serde_json::to_string_pretty(&document).expect("its keys are text") + "\n"
}
