//! JSON, of the schema `schemas/gate.json`.

use serde::Serialize;

use crate::gate::{Judgement, family};

#[derive(Serialize)]
struct Gate<'a> {
    schema_version: u32,
    verdict: &'static str,
    exit_code: u8,
    checks: usize,
    passed: usize,
    /// The chance, at most, that a limit that passes is in truth broken.
    pass_error: f64,
    scenarios: Vec<Scenario<'a>>,
}

#[derive(Serialize)]
struct Scenario<'a> {
    name: &'a str,
    file: Option<&'a str>,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    check: &'a str,
    verdict: String,
    value: &'a str,
    limit: &'a str,
    advice: Option<&'a str>,
    doubt: Option<f64>,
    line: Option<usize>,
}

/// A judgement as JSON, with a newline at its end.
#[must_use]
pub fn json(judgement: &Judgement) -> String {
    let (passed, checks) = judgement.passed();
    let scenarios = judgement.scenarios.iter().map(|judged| Scenario {
        name: &judged.name,
        file: judged.file.as_deref(),
        checks: judged
            .findings
            .iter()
            .map(|finding| Check {
                check: &finding.check,
                verdict: finding.verdict.to_string(),
                value: &finding.value,
                limit: &finding.limit,
                advice: Some(finding.advice.as_str()).filter(|advice| !advice.is_empty()),
                doubt: finding.doubt,
                line: finding.line,
            })
            .collect(),
    });
    let gate = Gate {
        schema_version: 1,
        verdict: if judgement.exit.code() == 0 { "pass" } else { "fail" },
        exit_code: judgement.exit.code(),
        checks,
        passed,
        pass_error: family::PASS_ERROR,
        scenarios: scenarios.collect(),
    };
    serde_json::to_string_pretty(&gate).expect("its keys are text") + "\n"
}
