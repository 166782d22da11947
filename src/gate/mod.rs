//! The regression gate: checks of a scenario and its committed baseline, judged from the CSV files of a run.
//!
//! A check passes only if the whole interval of its value keeps the limit. What cannot be judged never passes.

mod baseline;
mod check;
mod table;

use std::fmt;

pub use baseline::{accept, compare};
pub use check::judge;

use crate::exit::Exit;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// The value keeps the limit, but its interval does not.
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
            Verdict::Fail => "fail",
            Verdict::NotDecided => "not_decided",
            Verdict::NoData => "no_data",
            Verdict::NotComparable => "not_comparable",
        })
    }
}

/// A check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was checked, in words.
    pub check: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The value with its interval, or what differs.
    pub value: String,
    /// What is allowed.
    pub limit: String,
    /// What to do about it, if it did not pass.
    pub advice: String,
}

/// The exit code of a gate: what failed counts first, then what could not be judged. No finding at all is no pass.
#[must_use]
pub fn exit<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Exit {
    let worst = |exit: Option<Exit>, finding: &Finding| {
        let this = match finding.verdict {
            Verdict::Pass => Exit::Pass,
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
            Finding { check: text(), verdict, value: text(), limit: text(), advice: text() }
        };
        exit(&verdicts.iter().map(finding).collect::<Vec<_>>())
    }

    #[test]
    fn only_passes_pass_and_nothing_is_no_pass() {
        use Verdict::{Fail, NoData, NotComparable, NotDecided, Pass};
        assert_eq!(exit_of(&[Pass, Pass]), Exit::Pass);
        assert_eq!(exit_of(&[]), Exit::NothingRan);
        assert_eq!(exit_of(&[Pass, NoData, NotDecided]), Exit::NothingRan);
        assert_eq!(exit_of(&[Pass, NotComparable]), Exit::NotDecided);
        assert_eq!(exit_of(&[NoData, Fail, Pass]), Exit::GateFailed);
    }
}
