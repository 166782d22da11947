//! The incident's causes and remedies: what the matrix of `diagnose` says against calculations that do not trust the engine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;

use stillready::diagnose::{self, Cell, Effect, Remedy, Row, likeness};
use stillready::experiment::Options;
use stillready::measure::Fact;
use stillready::scenario::{Scenario, shipped};

use crate::{parse, run};

fn cause(name: &str, uploads: u32) -> Row {
    let text = shipped::find(&format!("causes/{name}")).unwrap().text;
    let mut scenario = Scenario::parse(name, name, text).unwrap();
    scenario.uploads = uploads;
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 2, upload_rows: false, on_progress: &|_| (), stop: &stop };
    diagnose::run(&scenario, &options).unwrap()
}

fn cell(row: &Row, remedy: Remedy) -> &Cell {
    row.cells.iter().find(|cell| cell.remedy == remedy).unwrap()
}

fn effect(row: &Row, remedy: Remedy) -> Effect {
    cell(row, remedy).effect(&row.cells[0])
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
    // The quantiles of the processing time at the middles of 20,000 equal slices: 30 s · exp(0.5 z).
    let slices = 20_000;
    let normal = |p: f64| {
        use statrs::distribution::{ContinuousCDF, Normal};
        Normal::standard().inverse_cdf(p)
    };
    let lost = |slice: u32| {
        let seconds = 30.0 * libm::exp(0.5 * normal((f64::from(slice) + 0.5) / f64::from(slices)));
        // Only which attempt comes first after the end matters.
        crate::workers::exact(2, seconds.ceil() as u32)
    };
    let expected = (0..slices).map(lost).sum::<f64>() / f64::from(slices);
    let row = cause("workers", 100_000);
    let rate = row.cells[0].rate().unwrap();
    let sigma = libm::sqrt(expected * (1.0 - expected) / 100_000.0);
    assert!((rate.value - expected).abs() < 4.0 * sigma, "{rate:?} for {expected}");
}

/// Recycling after every 97th request, counted by a queue of polls written here: which works are running when a life ends, and how
/// many polls it takes until all clients have ended.
#[test]
fn recycling_loses_the_works_that_run_when_a_life_ends() {
    let scenario = parse(
        r#"
        schema_version = 1
        uploads = 30_000
        [workload]
        arrivals = { kind = "fixed", every = "1m" }
        processing = "29s"
        [server]
        recycle = { requests = 97 }
        [client]
        interval = "3s"
        tolerate_not_found = 120
        [[policy]]
        name = "p"
        store = "dict"
        time_to_live = "30m"
        expiry = "physical"
        sweep = { trigger = "never" }
        "#,
    );
    let mut served = 0_u64;
    let mut lost = 0_u64;
    let mut polls: BTreeMap<u64, Vec<(u64, u32, bool)>> = BTreeMap::new();
    let mut works: Vec<(u64, u64)> = Vec::new();
    let mut store = BTreeSet::new();
    for upload in 0..30_000_u64 {
        polls.entry((upload + 1) * 60).or_default().push((upload, 0, true));
    }
    while let Some((at, events)) = polls.pop_first() {
        // Works end before the polls of their second; 29 is no multiple of 3, so nothing else is at that moment.
        works.retain(|&(_, end)| end > at);
        let mut queue: VecDeque<_> = events.into();
        while let Some((upload, attempt, is_upload)) = queue.pop_front() {
            served += 1;
            if is_upload {
                works.push((upload, at + 29));
                store.insert(upload);
                queue.push_back((upload, 0, false));
            } else {
                let ready = store.contains(&upload) && at >= (upload + 1) * 60 + 29;
                if !ready && attempt + 1 < 120 {
                    polls.entry(at + 3).or_default().push((upload, attempt + 1, false));
                }
            }
            if served.is_multiple_of(97) {
                lost += works.len() as u64;
                works.clear();
                store.clear();
            }
        }
    }
    assert!(lost > 1_000, "{lost}");
    let tally = run(&scenario).tallies().remove(0);
    assert_eq!(tally.count(Fact::Interrupted), lost);
    assert_eq!(tally.polls, served - 30_000);
}

/// Traces of two workers made here, by a few lines that know nothing of the engine, are told from all other causes.
#[test]
fn answers_that_come_from_two_workers_are_recognised() {
    let causes: Vec<_> = shipped::causes()
        .map(|cause| {
            let mut scenario = Scenario::parse(cause.short_name(), cause.name, cause.text).unwrap();
            scenario.uploads = 5_000;
            scenario
        })
        .collect();
    let mut csv = "upload,seconds,answer\n".to_owned();
    let mut state = 1_u64;
    let mut coin = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 0
    };
    for upload in 0..30 {
        for attempt in 0..120 {
            let answer = match (coin(), attempt * 3 >= 24) {
                (true, false) => "processing",
                (true, true) => "ready",
                (false, _) => "not_found",
            };
            csv += &format!("{upload},{},{answer}\n", attempt * 3);
            if answer == "ready" || (answer == "not_found" && attempt >= 15) {
                break;
            }
        }
    }
    let observed = likeness::read(csv.as_bytes()).unwrap();
    assert_eq!(observed.len(), 30);
    let ranked = likeness::rank(&causes, &observed);
    assert_eq!(ranked[0].cause, "workers");
    assert!(ranked[0].probability > 0.999 && ranked[0].unseen == 0.0, "{:?}", ranked[0]);
    // An upload of which all is well fits many causes.
    let fine = likeness::read(b"upload,seconds,answer\nx,1,processing\nx,4,ready\n").unwrap();
    let ranked = likeness::rank(&causes, &fine);
    assert!(ranked[0].probability < 0.3, "{:?}", ranked[0]);
    // Answers that no cause gives fit none.
    let odd = likeness::read(b"upload,seconds,answer\nx,1,error\nx,4,not_found\nx,5,error\nx,6,not_found\n").unwrap();
    assert_eq!(likeness::rank(&causes, &odd)[0].unseen, 1.0);
    for bad in [
        "",
        "upload,seconds,answer\n",
        "upload,seconds,answer\nx,-1,ready\n",
        "upload,seconds,answer\nx,1,redy\n",
        "upload,answer\nx,ready\n",
    ] {
        assert!(likeness::read(bad.as_bytes()).is_err(), "{bad}");
    }
}
