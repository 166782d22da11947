//! JUnit's XML, as most CI systems show it: a suite for each scenario, a case for each check.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::gate::{Judgement, Verdict};

/// A judgement as XML. What could not be judged is an error; what was not kept, a failure.
///
/// # Errors
/// If it cannot be written as XML.
pub fn junit(judgement: &Judgement) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("stillready gate");
    for judged in &judgement.scenarios {
        let mut suite = TestSuite::new(judged.name.as_str());
        for finding in &judged.findings {
            let status = if finding.passes() {
                TestCaseStatus::success()
            } else {
                let kind = match finding.verdict {
                    Verdict::Fail | Verdict::NotDecided => NonSuccessKind::Failure,
                    _ => NonSuccessKind::Error,
                };
                let mut status = TestCaseStatus::non_success(kind);
                status.set_type(finding.verdict.to_string());
                status.set_message(format!("{}, {}", finding.value, finding.limit));
                status.set_description(finding.advice.as_str());
                status
            };
            let mut case = TestCase::new(finding.check.as_str(), status);
            case.set_classname(format!("gate.{}", judged.name));
            if finding.passes() {
                case.set_system_out(format!("{}: {}, {}", finding.verdict, finding.value, finding.limit));
            }
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    // The schema of Jenkins' xUnit plugin, which others follow, has this attribute of a suite, not of all suites together.
    Ok(report.to_string()?.replacen(" skipped=\"0\"", "", 1))
}
