//! How often causes mislead, by calculations of their own: closed forms over the processing time, and a plain program.
//!
//! All causes here have the app's own client, works lognormal with a median of 30 s and sigma 0.5, and uploads at 360 per hour. A
//! work of T seconds ends in the gap before its client's poll number m = ⌈T / 3⌉, of g = 3 m − T seconds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use statrs::distribution::{ContinuousCDF, Normal};
use stillready::diagnose::Remedy;
use stillready::measure::{Fact, Tally};
use stillready::scenario::{Scenario, shipped};

use crate::run;

/// Uploads per second.
const ARRIVALS: f64 = 0.1;
const INTERVAL_S: f64 = 3.0;
const TOLERANCE: f64 = 15.0;

/// A processing time in seconds, by its quantile.
fn processing_s(quantile: f64) -> f64 {
    30.0 * libm::exp(0.5 * Normal::standard().inverse_cdf(quantile))
}

/// The mean of something over all processing times: the middles of 20,000 slices of equal probability.
pub(crate) fn mean_over_processing(of: impl Fn(f64) -> f64) -> f64 {
    let slices = 20_000;
    let middle = |slice: i32| (f64::from(slice) + 0.5) / f64::from(slices);
    (0..slices).map(|slice| of(processing_s(middle(slice)))).sum::<f64>() / f64::from(slices)
}

/// A cause under a remedy.
fn cause(name: &str, remedy: Remedy, uploads: u32) -> Tally {
    let text = shipped::find(&format!("causes/{name}")).unwrap().text;
    let scenario = Scenario::parse(name, name, text).unwrap();
    let policies = vec![remedy.applied_to(&scenario.policies[0])];
    run(&Scenario { policies, uploads, ..scenario }).tallies().remove(0)
}

/// The share of lost uploads where an entry that has ended goes with the first poll that sweeps, each with a chance.
///
/// In the gap the own client does not poll, and others' polls are a Poisson process: clients are independent of each other, and
/// in less than 3 s none polls twice. Its rate is λ times the mean number of polls per upload, which depends on who is lost, since
/// who is lost polls until the 16th attempt: a fixed point. None of the polls that sweep may come in the gap, nor, where it sweeps
/// before it reads, may the own one sweep.
fn lost_to_sweeps(chance: f64, sweeps_first: bool) -> f64 {
    let own = if sweeps_first { 1.0 - chance } else { 1.0 };
    let lost = |seconds: f64, polls: f64| {
        let gap = INTERVAL_S * libm::ceil(seconds / INTERVAL_S) - seconds;
        1.0 - own * libm::exp(-chance * ARRIVALS * polls * gap)
    };
    let mut polls = 11.0;
    for _ in 0..20 {
        polls = mean_over_processing(|seconds| {
            let attempt = libm::ceil(seconds / INTERVAL_S);
            let lost = lost(seconds, polls);
            (1.0 - lost) * (attempt + 1.0) + lost * (attempt.max(TOLERANCE) + 1.0)
        });
    }
    mean_over_processing(|seconds| lost(seconds, polls))
}

/// Compares a share with what it ought to be, `spread` times the deviation of independent uploads allowed for four times.
fn assert_share(what: &str, (events, uploads): (u64, u64), expected: f64, spread: f64) {
    let share = events as f64 / uploads as f64;
    let sigma = (expected * (1.0 - expected) / uploads as f64).sqrt();
    assert!((share - expected).abs() < 4.0 * spread * sigma, "{what}: {share} for {expected}");
}

/// Losses to one sweep go together, but few entries have ended and are not yet read at any moment.
const NEIGHBOURS: f64 = 1.2;

#[test]
fn a_status_without_a_timestamp_is_lost_to_the_sweeps_before_its_read() {
    let tally = cause("untimed-writer", Remedy::Before, 100_000);
    let expected = lost_to_sweeps(0.1, true);
    assert_share("untimed-writer", (tally.count(Fact::ToldLost), tally.uploads()), expected, NEIGHBOURS);
    assert!((0.25..0.27).contains(&expected), "{expected}");
}

#[test]
fn a_sweep_on_every_poll_after_the_read_loses_an_entry_to_the_others_alone() {
    let tally = cause("sweep-every-poll", Remedy::ReadFirst, 100_000);
    let expected = lost_to_sweeps(1.0, false);
    assert_share("sweep-every-poll", (tally.count(Fact::ToldLost), tally.uploads()), expected, NEIGHBOURS);
    assert!((0.78..0.81).contains(&expected), "{expected}");
    // With the sweep first, the own one takes it.
    assert_eq!(lost_to_sweeps(1.0, true), 1.0);
}

/// A clear of everything, twice an hour at random: who is lost had one in the gap, when the entry was not written again; or during
/// the work, so late in it that a poll after the clear and before the end is no longer tolerated. The 16th poll, at 45 s, is the first
/// such one, and the last one is at 3 (m − 1), so this is any time up to there if m − 1 ≥ 15.
#[test]
fn a_clear_loses_those_who_are_about_to_be_told() {
    let clears_per_s = 2.0 / 3600.0;
    let expected = mean_over_processing(|seconds| {
        let attempt = libm::ceil(seconds / INTERVAL_S);
        let gap = INTERVAL_S * attempt - seconds;
        let early = if attempt - 1.0 >= TOLERANCE { INTERVAL_S * (attempt - 1.0) } else { 0.0 };
        1.0 - libm::exp(-clears_per_s * (gap + early))
    });
    let uploads = 400_000;
    let tally = cause("clear-endpoint", Remedy::Before, uploads);
    // Each clear loses a Poisson number of uploads, so that the variance is that of independent ones times 1 plus its mean.
    let per_clear = expected * ARRIVALS / clears_per_s;
    let spread = (1.0 + per_clear).sqrt();
    assert_share("clear-endpoint", (tally.count(Fact::ToldLost), u64::from(uploads)), expected, spread);
    assert!((0.007..0.008).contains(&expected), "{expected}");
}

/// What happens in the plain program, by upload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Arrives,
    Ends,
    Polls,
}

/// A plain program: uploads draw one of 30 names, a dictionary has the last writer of each name and whether it has ended, and a
/// client that is told `ready` stops. It has no sweep: a poll after the own end comes within 3 s, and takes what is there.
fn told_of_another(uploads: u32, seed: u64) -> u64 {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let microseconds = |seconds: f64| (seconds * 1e6) as u64;
    let mut names = Vec::new();
    let mut events = BinaryHeap::new();
    let (mut clock, mut told) = (0.0, 0);
    for upload in 0..uploads as usize {
        clock -= libm::log(uniform()) / ARRIVALS;
        names.push(((uniform() * 30.0) as usize, microseconds(processing_s(uniform()))));
        events.push(Reverse((microseconds(clock), Next::Arrives, upload)));
    }
    let mut status: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
    while let Some(Reverse((at, next, upload))) = events.pop() {
        let (name, processing) = names[upload];
        match next {
            Next::Arrives => {
                status.insert(name, (upload, false));
                events.push(Reverse((at + processing, Next::Ends, upload)));
                events.push(Reverse((at, Next::Polls, upload)));
            }
            Next::Ends => drop(status.insert(name, (upload, true))),
            Next::Polls => match status[&name] {
                (_, false) => events.push(Reverse((at + 3_000_000, Next::Polls, upload))),
                (of, true) => told += u64::from(of != upload),
            },
        }
    }
    told
}

#[test]
fn a_shared_name_misleads_as_often_as_in_a_plain_program() {
    let (uploads, own_uploads) = (200_000, 400_000);
    let tally = cause("same-name", Remedy::Before, uploads);
    let misled = tally.count_where(|facts| {
        facts.contains(Fact::SawReady) && (facts.contains(Fact::FalseReady) || facts.contains(Fact::ForeignReady))
    });
    let expected = told_of_another(own_uploads, 7) as f64 / f64::from(own_uploads);
    // Both are samples; and whoever is misled by an upload is so together with others of its name, but seldom.
    let spread = NEIGHBOURS * (1.0 + f64::from(uploads) / f64::from(own_uploads)).sqrt();
    assert_share("same-name", (misled, u64::from(uploads)), expected, spread);
    assert!((0.10..0.12).contains(&expected), "{expected}");
}

/// Little's law: over the stationary span, entries that are not overdue are held for their processing and their time to live. Over the
/// whole span the mean is less, since the store begins empty.
#[test]
fn entries_over_the_stationary_span_are_those_of_littles_law() {
    let mut scenario = crate::shipped("reference");
    scenario.uploads = 40_000;
    let tallies = run(&scenario).tallies();
    // One upload a second; processing lognormal with a median of 8 s and sigma 0.8.
    let processing_s = 8.0 * libm::exp(0.8 * 0.8 / 2.0);
    for (tally, time_to_live_s) in tallies.iter().zip([1800.0, 3600.0]) {
        let (live, overdue) = (tally.live_stationary_mean().unwrap(), tally.overdue_stationary_mean().unwrap());
        let expected = processing_s + time_to_live_s;
        assert!(((live - overdue) / expected - 1.0).abs() < 0.01, "{live} - {overdue} for {expected}");
        let whole = tally.live_mean().unwrap() - tally.overdue_mean().unwrap();
        assert!(whole < expected * 0.99, "the whole span, {whole}, has the time in which the store fills");
        let from_s = tally.stationary_from_ns().unwrap() as f64 / 1e9;
        assert!((0.8 * time_to_live_s..2.0 * time_to_live_s).contains(&from_s), "{from_s}");
    }
}
