//! The incident's causes and remedies: what the matrix of `diagnose` says against calculations that do not trust the engine.

use std::sync::atomic::AtomicBool;

use stillready::diagnose::{self, Effect, Remedy, Row};
use stillready::experiment::Options;
use stillready::scenario::{Scenario, shipped};

use crate::rates::mean_over_processing;

fn cause(name: &str, uploads: u32) -> Row {
    let text = shipped::find(&format!("causes/{name}")).unwrap().text;
    let mut scenario = Scenario::parse(name, name, text).unwrap();
    scenario.uploads = uploads;
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 2, upload_rows: false, on_progress: &|_| (), stop: &stop };
    diagnose::run(&scenario, &options).unwrap()
}

fn effect(row: &Row, remedy: Remedy) -> Effect {
    row.cell(remedy).map_or(Effect::None, |cell| row.effect(cell))
}

/// The table of the write-up's second page: can the cause do it, does 60 min / 5 % help, what does.
#[test]
fn each_cause_does_what_is_known_of_it() {
    use Effect::{Cures, Helps, Hurts, None};
    let singles = [Remedy::Logical, Remedy::ReadFirst, Remedy::Shared, Remedy::Ids, Remedy::Tombstones];
    // The cause; whether it makes users lose a success; what 60 min / 5 % does, what all remedies together; what cures it alone.
    let known: [(&str, bool, Effect, Effect, &[Remedy]); 9] = [
        ("live-poller", false, None, None, &[]),
        ("sweep-every-poll", true, None, Cures, &[Remedy::Logical, Remedy::Tombstones]),
        ("workers", true, None, Cures, &[Remedy::Shared]),
        ("restarts", true, None, Cures, &[]),
        ("late-client", true, Helps, Cures, &[Remedy::Tombstones]),
        ("untimed-writer", true, Helps, Cures, &[Remedy::Ids, Remedy::Tombstones]),
        ("clear-endpoint", true, None, Hurts, &[]),
        ("odd-names", true, None, Cures, &[Remedy::Ids]),
        ("same-name", false, None, Cures, &[Remedy::Ids]),
    ];
    assert_eq!(known.len(), shipped::causes().count());
    for (name, loses_success, after, all, cures) in known {
        let row = cause(name, 10_000);
        assert_eq!(row.cells[0].symptom > 0, loses_success, "{name}");
        assert_eq!((effect(&row, Remedy::After), effect(&row, Remedy::All)), (after, all), "{name}");
        let alone: Vec<_> = singles.into_iter().filter(|&remedy| effect(&row, remedy) == Cures).collect();
        assert_eq!(alone, cures, "{name}");
    }
}

/// A name that is odd is never found: all such uploads but those whose client never polls after them are lost.
#[test]
fn odd_names_are_lost_in_their_share() {
    let row = cause("odd-names", 50_000);
    let rate = row.cells[0].rate().unwrap();
    assert!(rate.low <= 0.05 && 0.05 <= rate.high, "{rate:?}");
}

/// Two workers, processing lognormal with a median of 30 s: the recursion over attempts, integrated over the processing time.
#[test]
fn two_workers_lose_what_the_recursion_says() {
    // Only which attempt comes first after the end matters.
    let expected = mean_over_processing(|seconds| crate::workers::exact(2, libm::ceil(seconds) as u32));
    let row = cause("workers", 100_000);
    let rate = row.cells[0].rate().unwrap();
    let sigma = libm::sqrt(expected * (1.0 - expected) / 100_000.0);
    assert!((rate.value - expected).abs() < 4.0 * sigma, "{rate:?} for {expected}");
}
