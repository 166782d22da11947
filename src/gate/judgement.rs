//! What a gate came to, all scenarios together.

use std::path::PathBuf;

use super::{Finding, Verdict, settle};
use crate::exit::Exit;

/// A scenario that was judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// The file that it came from, if it came from one.
    pub file: Option<String>,
    /// What came of its checks.
    pub findings: Vec<Finding>,
    /// The files of a baseline that was accepted.
    pub accepted: Vec<PathBuf>,
}

/// What a gate came to.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The scenarios, in order.
    pub scenarios: Vec<Judged>,
    /// How many of the checks are estimates.
    pub estimates: usize,
    /// How the program ends.
    pub exit: Exit,
}

impl Judgement {
    /// Decides about all checks together. A gate that was to accept baselines passes without a check, any other does not.
    #[must_use]
    pub fn new(mut scenarios: Vec<Judged>, accepts: bool) -> Judgement {
        let estimates = settle(scenarios.iter_mut().flat_map(|judged| &mut judged.findings));
        let findings = || scenarios.iter().flat_map(|judged| &judged.findings);
        let exit = if accepts && findings().next().is_none() { Exit::Pass } else { super::exit(findings()) };
        Judgement { scenarios, estimates, exit }
    }

    /// All checks, each with its scenario.
    pub fn checks(&self) -> impl Iterator<Item = (&Judged, &Finding)> {
        self.scenarios.iter().flat_map(|judged| judged.findings.iter().map(move |finding| (judged, finding)))
    }

    /// How many checks passed, and how many there are.
    #[must_use]
    pub fn passed(&self) -> (usize, usize) {
        (self.checks().filter(|(_, finding)| finding.passes()).count(), self.checks().count())
    }

    /// The judgement in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self.exit {
            Exit::Pass => "the gate passes",
            Exit::GateFailed => "the gate fails",
            _ => "the gate does not pass",
        }
    }

    /// How sure a pass is, in a sentence; nothing where nothing was estimated.
    #[must_use]
    pub fn certainty(&self) -> Option<String> {
        let percent = super::family::PASS_ERROR * 100.0;
        let estimates = match self.estimates {
            0 => return None,
            1 => "1 estimate".to_owned(),
            more => format!("{more} estimates"),
        };
        Some(format!(
            "{estimates}; that any of them passes although its limit is not kept: a chance of at most {percent} % (Holm)"
        ))
    }

    /// The checks that did not pass, the worst first.
    #[must_use]
    pub fn broken(&self) -> Vec<(&Judged, &Finding)> {
        let rank = |finding: &Finding| match finding.verdict {
            Verdict::Fail => 0,
            Verdict::NoData => 1,
            Verdict::NotComparable => 2,
            Verdict::NotDecided => 3,
            Verdict::Improved | Verdict::Pass => 4,
        };
        let mut broken: Vec<_> = self.checks().filter(|(_, finding)| !finding.passes()).collect();
        broken.sort_by_key(|(_, finding)| rank(finding));
        broken
    }
}
