//! The regression gate: checks of a scenario and its committed baseline, judged from the CSV files of a run.
//!
//! A check passes only if what was measured leaves little doubt that its limit is kept; the more checks there are, the less, so that
//! the chance that any passes wrongly stays below one bound ([`family`]). What cannot be judged never passes.

pub mod armed;
mod baseline;
mod check;
pub mod family;
pub mod formats;
mod judgement;
mod table;

use std::fmt;

pub use baseline::{accept, compare, compare_other_seed};
pub use check::judge;
pub use judgement::{Judged, Judgement};

use crate::exit::Exit;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It is better than the baseline, which is out of date.
    Improved,
    /// It does not hold.
    Fail,
    /// The value keeps the limit, but it may do so by chance.
    NotDecided,
    /// There is nothing to judge.
    NoData,
    /// The baseline is that of another scenario or model.
    NotComparable,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Improved => "improved",
            Verdict::Fail => "fail",
            Verdict::NotDecided => "not_decided",
            Verdict::NoData => "no_data",
            Verdict::NotComparable => "not_comparable",
        })
    }
}

/// A check and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was checked, in words.
    pub check: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The value with its interval, or what differs.
    pub value: String,
    /// What is allowed.
    pub limit: String,
    /// What to do about it, if there is something to do.
    pub advice: String,
    /// For an estimate: if its limit were just not kept, how probable would be a value that keeps it so well?
    pub doubt: Option<f64>,
    /// Where the check stands in its scenario, counted from 1.
    pub line: Option<usize>,
}

impl Finding {
    /// Whether it lets a gate pass.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self.verdict, Verdict::Pass | Verdict::Improved)
    }
}

/// Decides about the estimates of a gate, all together: those pass of whose limits there is so little doubt that the chance that
/// any of them is not kept is at most [`family::PASS_ERROR`]. Returns how many estimates there are.
pub fn settle<'a>(findings: impl IntoIterator<Item = &'a mut Finding>) -> usize {
    let mut estimates: Vec<_> = findings.into_iter().filter(|finding| finding.doubt.is_some()).collect();
    let doubts: Vec<f64> = estimates.iter().filter_map(|finding| finding.doubt).collect();
    for (finding, sure) in estimates.iter_mut().zip(family::refuted(&doubts, family::PASS_ERROR)) {
        if sure && finding.verdict == Verdict::NotDecided {
            (finding.verdict, finding.advice) = (Verdict::Pass, String::new());
        }
    }
    estimates.len()
}

/// The exit code of a gate: what failed counts first, then what could not be judged. No finding at all is no pass.
#[must_use]
pub fn exit<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Exit {
    let worst = |exit: Option<Exit>, finding: &Finding| {
        let this = match finding.verdict {
            Verdict::Pass | Verdict::Improved => Exit::Pass,
            Verdict::Fail => Exit::GateFailed,
            Verdict::NotDecided | Verdict::NotComparable => Exit::NotDecided,
            Verdict::NoData => Exit::NothingRan,
        };
        let rank = |exit| match exit {
            Exit::GateFailed => 3,
            Exit::NothingRan => 2,
            Exit::NotDecided => 1,
            _ => 0,
        };
        match exit {
            Some(exit) if rank(exit) >= rank(this) => Some(exit),
            _ => Some(this),
        }
    };
    findings.into_iter().fold(None, worst).unwrap_or(Exit::NothingRan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_of(verdicts: &[Verdict]) -> Exit {
        let finding = |&verdict| {
            let text = String::new;
            let (doubt, line) = (None, None);
            Finding { check: text(), verdict, value: text(), limit: text(), advice: text(), doubt, line }
        };
        exit(&verdicts.iter().map(finding).collect::<Vec<_>>())
    }

    #[test]
    fn only_passes_pass_and_nothing_is_no_pass() {
        use Verdict::{Fail, Improved, NoData, NotComparable, NotDecided, Pass};
        assert_eq!(exit_of(&[Pass, Improved]), Exit::Pass);
        assert_eq!(exit_of(&[]), Exit::NothingRan);
        assert_eq!(exit_of(&[Pass, NoData, NotDecided]), Exit::NothingRan);
        assert_eq!(exit_of(&[Pass, NotComparable]), Exit::NotDecided);
        assert_eq!(exit_of(&[NoData, Fail, Pass]), Exit::GateFailed);
    }
}
