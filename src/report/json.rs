//! A report as JSON, of the schema `schemas/report.json`: what the CSV files say, as numbers.

use serde::Serialize;

use super::read::{Absence, Comparison, Entries, MatrixCell, PropertyRow, Report, RunReport, Summary, Told};

/// The version of the schema.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    runs: Vec<Run<'a>>,
    diagnosis: Option<&'a [MatrixCell]>,
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
    let document = Document { schema_version: SCHEMA_VERSION, runs, diagnosis };
    serde_json::to_string_pretty(&document).expect("its keys are text") + "\n"
}
