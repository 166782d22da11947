//! Chance: what each stream's first draws are, that they do not depend on the order in which they are asked for, and that they
//! are as random as they should be.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use stillready::rng::{Die, PerAttempt, PerUpload, Source, below, unit};
use stillready::scenario::{Arrivals, Distribution, Scenario, shipped};
use stillready::workload::{Upload, Workload};

/// The first draws of every stream under seed 1: a change of one of them changes what every seed means.
#[test]
fn the_first_draws_of_each_stream_are_these() {
    let per_upload: Vec<_> = [Source::Arrival, Source::Processing, Source::Away, Source::Key]
        .map(|source| {
            let mut stream = PerUpload::<2>::new(1, source);
            [0, 1, 1000].map(|upload| stream.draws(upload)[0])
        })
        .concat();
    let per_attempt: Vec<_> = [Source::Jitter, Source::Dispatch, Source::Sweep]
        .map(|source| {
            let draws = PerAttempt::new(1, source);
            [draws.draw(0, 0), draws.draw(0, 1), draws.draw(1, 0), draws.draw(u64::MAX, u64::MAX)]
        })
        .concat();
    insta::assert_debug_snapshot!("first_draws", (per_upload, per_attempt));
}

#[test]
fn the_first_uploads_of_the_reference_scenario_are_these() {
    let uploads: Vec<_> = Workload::new(&reference(), 1).take(3).collect();
    insta::assert_debug_snapshot!("first_uploads", uploads);
}

#[test]
fn draws_do_not_depend_on_the_order_in_which_they_are_asked_for() {
    let mut forwards = PerUpload::<3>::new(7, Source::Processing);
    let in_order: Vec<_> = (0..500).map(|upload| forwards.draws(upload)).collect();
    let mut backwards = PerUpload::<3>::new(7, Source::Processing);
    for upload in (0..500).rev().chain([3, 3, 4, 17]) {
        assert_eq!(backwards.draws(upload), in_order[upload as usize], "upload {upload}");
    }
}

#[test]
fn a_die_says_yes_as_often_as_it_should() {
    let draws = PerAttempt::new(1, Source::Sweep);
    let throws = 2_000_000u64;
    for chance in [0.0, 0.05, 0.1, 0.5, 1.0] {
        let die = Die::new(chance);
        // Clients make few polls each: the attempts vary fastest.
        let yes = (0..throws).filter(|i| die.says_yes(draws.draw(i / 8, i % 8))).count() as f64;
        let (mean, sigma) = (throws as f64 * chance, (throws as f64 * chance * (1.0 - chance)).sqrt());
        assert!((yes - mean).abs() <= 5.0 * sigma, "{chance}: {yes} of {throws}");
    }
}

#[test]
fn the_smaller_die_says_yes_only_where_the_larger_does() {
    let draws = PerAttempt::new(1, Source::Sweep);
    let (five, ten) = (Die::new(0.05), Die::new(0.1));
    assert!((0..100_000).map(|i| draws.draw(i, 0)).all(|draw| !five.says_yes(draw) || ten.says_yes(draw)));
}

/// The correlation of two series of uniform numbers, in standard deviations of what chance gives.
fn correlation(pairs: impl Iterator<Item = (u64, u64)>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0f64);
    for (a, b) in pairs {
        sum += (unit(a) - 0.5) * (unit(b) - 0.5) * 12.0;
        count += 1.0;
    }
    sum / count.sqrt()
}

#[test]
fn neighbouring_draws_know_nothing_of_each_other() {
    let draws = PerAttempt::new(1, Source::Sweep);
    let other = PerAttempt::new(1, Source::Dispatch);
    let next_seed = PerAttempt::new(2, Source::Sweep);
    for (what, sigmas) in [
        ("attempts", correlation((0..200_000).map(|i| (draws.draw(i, 0), draws.draw(i, 1))))),
        ("uploads", correlation((0..200_000).map(|i| (draws.draw(i, 5), draws.draw(i + 1, 5))))),
        ("attempts of one upload", correlation((0..200_000).map(|i| (draws.draw(3, i), draws.draw(3, i + 1))))),
        ("sources", correlation((0..200_000).map(|i| (draws.draw(i, 0), other.draw(i, 0))))),
        ("seeds", correlation((0..200_000).map(|i| (draws.draw(i, 0), next_seed.draw(i, 0))))),
    ] {
        assert!(sigmas.abs() < 5.0, "{what}: {sigmas}");
    }
}

#[test]
fn numbers_below_a_bound_are_equally_likely() {
    let draws = PerAttempt::new(1, Source::Dispatch);
    let mut counts = [0f64; 7];
    for upload in 0..700_000 {
        counts[below(draws.draw(upload, 0), 7) as usize] += 1.0;
    }
    let chi_square: f64 = counts.iter().map(|count| (count - 1e5) * (count - 1e5) / 1e5).sum();
    // Six degrees of freedom: beyond 35 in 4 of a million cases.
    assert!(chi_square < 35.0, "{chi_square}");
}

fn reference() -> Scenario {
    Scenario::parse("reference", "reference.toml", shipped::find("reference").unwrap().text).unwrap()
}

fn uploads(change: impl FnOnce(&mut Scenario)) -> Vec<Upload> {
    let mut scenario = reference();
    scenario.uploads = 200_000;
    change(&mut scenario);
    Workload::new(&scenario, 5).collect()
}

fn mean_and_deviation(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<_> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a tolerance forgives the last bits of a logarithm")]
fn the_reference_workload_has_the_moments_of_its_distributions() {
    let uploads = uploads(|_| ());
    let gaps = uploads.windows(2).map(|pair| pair[1].at.since(pair[0].at) as f64 / 1e9);
    let (mean, deviation) = mean_and_deviation(gaps);
    assert!((mean - 1.0).abs() < 0.012 && (deviation - 1.0).abs() < 0.02, "exponential gaps: {mean} {deviation}");
    let (mean, deviation) = mean_and_deviation(uploads.iter().map(|upload| (upload.processing_ns as f64 / 8e9).ln()));
    assert!(mean.abs() < 0.009 && (deviation - 0.8).abs() < 0.007, "lognormal processing: {mean} {deviation}");
    let away: Vec<_> = uploads.iter().filter_map(|upload| upload.away_ns).collect();
    assert!((away.len() as f64 - 40_000.0).abs() < 5.0 * 179.0, "{}", away.len());
    let (mean, deviation) = mean_and_deviation(away.iter().map(|&ns| (ns as f64 / 2.1e12).ln()));
    assert!(mean.abs() < 0.018 && (deviation - 0.7).abs() < 0.013, "lognormal absences: {mean} {deviation}");
    assert!(uploads.iter().all(|upload| !upload.fails && upload.key == upload.number));
}

#[test]
fn the_other_distributions_have_theirs() {
    let with = |distribution: Distribution| {
        let times = uploads(|scenario| scenario.workload.processing = distribution);
        mean_and_deviation(times.iter().map(|upload| upload.processing_ns as f64 / 1e9))
    };
    assert_eq!(with(Distribution::Constant { value_ns: 20_000_000_000 }), (20.0, 0.0));
    let (mean, deviation) = with(Distribution::Exponential { mean_ns: 20_000_000_000 });
    assert!((mean - 20.0).abs() < 0.25 && (deviation - 20.0).abs() < 0.4, "{mean} {deviation}");
    let values_ns = vec![1_000_000_000, 2_000_000_000, 6_000_000_000];
    let (mean, deviation) = with(Distribution::Empirical { values_ns });
    assert!((mean - 3.0).abs() < 0.025 && (deviation - (14.0f64 / 3.0).sqrt()).abs() < 0.02, "{mean} {deviation}");
}

#[test]
fn arrivals_can_be_fixed_or_come_in_bursts() {
    let seconds = |arrivals| {
        let mut scenario = reference();
        (scenario.uploads, scenario.workload.arrivals) = (7, arrivals);
        Workload::new(&scenario, 1).map(|upload| upload.at.as_ns() / 1_000_000_000).collect::<Vec<_>>()
    };
    assert_eq!(seconds(Arrivals::Fixed { every_ns: 2_000_000_000 }), [2, 4, 6, 8, 10, 12, 14]);
    assert_eq!(seconds(Arrivals::Burst { size: 3, every_ns: 10_000_000_000 }), [10, 10, 10, 20, 20, 20, 30]);
}

#[test]
fn failures_and_names_come_as_often_as_they_should() {
    let uploads = uploads(|scenario| {
        scenario.workload.failure = stillready::scenario::Probability::new(0.02).unwrap();
        scenario.workload.distinct_keys = Some(10);
    });
    let failures = uploads.iter().filter(|upload| upload.fails).count();
    assert!(failures.abs_diff(4000) < 5 * 63, "{failures}");
    for key in 0..10 {
        let times = uploads.iter().filter(|upload| upload.key == key).count();
        assert!(times.abs_diff(20_000) < 5 * 135, "name {key}: {times}");
    }
}
