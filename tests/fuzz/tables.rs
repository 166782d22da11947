//! The tables of a run and the committed baseline, as the gate reads them.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use proptest::sample::Index;
use stillready::experiment::{self, Options, Results};
use stillready::gate::{self, Finding, Judged, Judgement, armed, formats};
use stillready::report::files;
use stillready::scenario::{Scenario, shipped};

use crate::edits::{EXTREMES, Edit, apply, edits};
use crate::{cases, soon};

/// A scenario with limits of all kinds.
pub(crate) fn scenario() -> Scenario {
    let limits = "[[gate]]\npolicy = \"logical\"\nversus = \"30m/10%\"\nmetric = \"told_lost_rate\"\nmax = 0.0\n\
                  [[gate]]\npolicy = \"60m/5%\"\nmetric = \"live_entries_mean\"\nmin = 1.0\n\
                  [[gate]]\npolicy = \"60m/5%\"\nmetric = \"ready_to_seen_ns_p99\"\nmax = 1e12\n";
    let text = format!("{}\n{limits}", shipped::find("smoke").unwrap().text);
    Scenario { uploads: 60, replications: 2, ..Scenario::parse("smoke", "smoke.toml", &text).unwrap() }
}

/// What it comes to.
pub(crate) fn results() -> &'static Results {
    static RESULTS: OnceLock<Results> = OnceLock::new();
    RESULTS.get_or_init(|| {
        let stop = AtomicBool::new(false);
        let options = Options { jobs: 1, upload_rows: false, on_progress: &|_| {}, stop: &stop };
        experiment::run(&scenario(), &options).unwrap()
    })
}

pub(crate) fn table(name: &str) -> Vec<u8> {
    files::tables(results()).into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// Judges tables, and a baseline, all of which may be edited.
pub(crate) fn judge(summary: &[u8], comparison: &[u8], baseline: &[u8], origin: Option<&[u8]>) -> Vec<Finding> {
    let scenario = scenario();
    let folder = tempfile::tempdir().unwrap();
    gate::accept(&scenario, folder.path(), baseline).unwrap();
    if let Some(origin) = origin {
        fs::write(folder.path().join("baseline.json"), origin).unwrap();
    }
    let mut findings = gate::judge(&scenario, "smoke", summary, comparison);
    findings.push(gate::compare(&scenario, "smoke", folder.path(), summary));
    findings.push(gate::compare_other_seed(&scenario, "smoke", folder.path(), summary));
    for finding in &findings {
        assert!(!finding.check.is_empty() && !finding.value.is_empty() && !finding.limit.is_empty(), "{finding:?}");
    }
    let armed = armed::prove(&scenario, "smoke", folder.path(), summary, comparison);
    assert_eq!(armed.len(), scenario.checks.len() + 1);
    let judged = Judged {
        name: "smoke".to_owned(),
        file: Some("smoke.toml".to_owned()),
        findings: findings.clone(),
        accepted: Vec::new(),
    };
    let judgement = Judgement::new(vec![judged], false);
    assert!(!formats::json(&judgement).is_empty() && formats::junit(&judgement).is_ok());
    assert!(!formats::github::summary(&judgement).is_empty());
    findings
}

/// A table with some of its cells replaced.
pub(crate) fn with_cells(table: &[u8], cells: &[(Index, Index, Index)]) -> Vec<u8> {
    let mut rows: Vec<Vec<String>> =
        String::from_utf8_lossy(table).lines().map(|row| row.split(',').map(str::to_owned).collect()).collect();
    for (row, column, to) in cells {
        let row = row.index(rows.len() - 1) + 1;
        let column = column.index(rows[row].len() - 4) + 4;
        rows[row][column] = EXTREMES[to.index(EXTREMES.len())].to_owned();
    }
    rows.iter().map(|row| row.join(",") + "\n").collect::<String>().into_bytes()
}

/// What `baseline.json` says, edited.
fn origin(edits: &[Edit]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    gate::accept(&scenario(), folder.path(), b"").unwrap();
    apply(&fs::read(folder.path().join("baseline.json")).unwrap(), edits, b"{}\n")
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn edited_tables_are_judged_without_a_panic(summary in edits(), comparison in edits(), baseline in edits()) {
        let edited = |name, edits: &[Edit]| apply(&table(name), edits, &table("told.csv"));
        let (summary, baseline) = (edited("summary.csv", &summary), edited("summary.csv", &baseline));
        let comparison = edited("comparison.csv", &comparison);
        soon(move || judge(&summary, &comparison, &baseline, None));
    }

    #[test]
    fn extreme_numbers_are_judged_without_a_panic(
        summary in prop::collection::vec(any::<(Index, Index, Index)>(), 0..12),
        comparison in prop::collection::vec(any::<(Index, Index, Index)>(), 0..12),
        baseline in prop::collection::vec(any::<(Index, Index, Index)>(), 0..12),
    ) {
        let (summary, baseline) = (with_cells(&table("summary.csv"), &summary), with_cells(&table("summary.csv"), &baseline));
        let comparison = with_cells(&table("comparison.csv"), &comparison);
        soon(move || judge(&summary, &comparison, &baseline, None));
    }

    #[test]
    fn an_edited_origin_or_any_bytes_are_no_pass(edits in edits(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (origin, summary) = (origin(&edits), table("summary.csv"));
        soon(move || {
            judge(&summary, &bytes, &bytes, Some(&origin));
            judge(&bytes, &bytes, &summary, Some(&bytes));
        });
    }
}
