//! The reference scenario's rate of false `not_found`, by numerical integration.
//!
//! Times in seconds; uploads come at rate 1. An upload takes P, lognormal with median 8 and sigma 0.8. A fifth of the clients
//! go away for L, lognormal with median 2100 and sigma 0.7, and then poll once. The others are live: they poll at 0, 3, 6, … up
//! to the first poll at or after P, that is at 3j for j from 0 to K = ceil(P/3). They are always told in time. Each poll sweeps
//! with probability p.
//!
//! A late client loses if its entry, due at P + τ after the upload, is swept before or at its poll, that is if L ≥ P + τ and
//! there is a sweep in the w = L − P − τ before it, or its own die says yes:
//!
//! P(lost) = E[ 1{w ≥ 0} (1 − (1 − p) Q(w)) ],   Q(w) = P(no sweep by others in a window of length w).
//!
//! The others' uploads are a Poisson process, each with its own cluster of polls, so by Campbell's theorem
//!
//! Q(w) = exp( −0.8 ∫ E[1 − (1 − p)^N(s, w)] ds − 0.2 p w ),
//!
//! where N(s, w) counts the polls in [0, w] of a live client whose upload came at s: those j from 0 to K with 0 ≤ s + 3j ≤ w.
//! (Polls of late clients come one by one, and a displaced Poisson process is one again.) That polls come in clusters
//! matters: replacing them by a plain Poisson stream of the same rate changes the rate by some tenths of a per cent.
//!
//! What is left out is far below 1 %: late clients who are back before P, the 6-minute limit of live clients, and the time
//! after the last arrival, when polls become rare.

use statrs::distribution::{Continuous, ContinuousCDF, LogNormal};
use stillready::closed_form::ClosedForm;
use stillready::measure::Fact;

use crate::{rate, run, shipped};

fn lognormal(median: f64, sigma: f64) -> LogNormal {
    LogNormal::new(libm::log(median), sigma).unwrap()
}

/// Steps of the numerical integration over windows, per second, and how far it goes: after that long without a sweep
/// nothing is left to chance.
const STEP: f64 = 0.25;
const WINDOW: f64 = 200.0;
const INTERVAL: f64 = 3.0;

/// Q(w) for w = 0, STEP, 2 STEP, …
fn no_sweep(chance: f64) -> Vec<f64> {
    let processing = lognormal(8.0, 0.8);
    // P(K = k): the first poll at or after P is the one at 3k.
    let clusters: Vec<_> = (0..=120u32)
        .map(|k| {
            let end = |k: f64| if k < 0.0 { 0.0 } else { processing.cdf(INTERVAL * k) };
            end(f64::from(k)) - end(f64::from(k) - 1.0)
        })
        .collect();
    // (1 − p)^n
    let misses: Vec<_> = std::iter::successors(Some(1.0), |power| Some(power * (1.0 - chance))).take(130).collect();
    let steps = (WINDOW / STEP) as usize;
    let mut live = vec![0.0; steps];
    for (k, probability) in clusters.iter().enumerate().filter(|&(_, &probability)| probability > 1e-9) {
        // The cluster's first poll s runs over all that put a poll into the window; midpoints.
        let per_interval = (INTERVAL / STEP) as i64;
        for (w, sum) in live.iter_mut().enumerate() {
            let (w, k) = (w as i64, k as i64);
            let mut area = 0.0;
            // s = (i + 1/2) STEP; its poll j is in the window if 0 ≤ i + j per_interval < w.
            for i in -(k * per_interval)..w {
                let first = ((-i).max(0) + per_interval - 1) / per_interval;
                let last = ((w - 1 - i) / per_interval).min(k);
                if last >= first {
                    area += 1.0 - misses[(last - first + 1) as usize];
                }
            }
            *sum += probability * area * STEP;
        }
    }
    (0..steps).map(|w| libm::exp(-0.8 * live[w] - 0.2 * chance * w as f64 * STEP)).collect()
}

fn false_not_found_rate(time_to_live: f64, chance: f64) -> f64 {
    let (processing, away) = (lognormal(8.0, 0.8), lognormal(2100.0, 0.7));
    let no_sweep = no_sweep(chance);
    let quantiles = 200;
    let lost = (0..quantiles).map(|i| {
        let due = time_to_live + processing.inverse_cdf((f64::from(i) + 0.5) / f64::from(quantiles));
        let late = 1.0 - away.cdf(due);
        // Trapezoids over w.
        let survives: f64 = no_sweep
            .iter()
            .enumerate()
            .map(|(w, none)| away.pdf(due + w as f64 * STEP) * none * if w == 0 { 0.5 } else { 1.0 })
            .sum();
        late - (1.0 - chance) * survives * STEP
    });
    0.2 * lost.sum::<f64>() / f64::from(quantiles)
}

#[test]
fn the_rates_of_both_policies_are_those_of_the_integral_to_within_one_per_cent() {
    let scenario = shipped("reference");
    let tallies = run(&scenario).tallies();
    for (policy, (time_to_live, chance)) in [(1800.0, 0.10), (3600.0, 0.05)].into_iter().enumerate() {
        let exact = false_not_found_rate(time_to_live, chance);
        let simulated = rate(&tallies[policy], Fact::FalseNotFound).value;
        let closed_form = ClosedForm::of(&scenario, &scenario.policies[policy]).ok().map(|form| form.rate()).unwrap();
        println!("{}: closed form {closed_form:.6}", scenario.policies[policy].name);
        assert!((closed_form / exact - 1.0).abs() < 0.002, "{closed_form} for {exact}");
        println!("{}: integral {exact:.6}, simulated {simulated:.6}", scenario.policies[policy].name);
        assert!((simulated / exact - 1.0).abs() < 0.01, "{}: {simulated} for {exact}", scenario.policies[policy].name);
    }
}

/// The closed form against the simulation, absence by absence, for each kind of distribution and both orders; and where it does not
/// hold it says why.
#[test]
fn the_closed_form_says_what_the_simulation_finds() {
    let times = [
        (r#"{ kind = "exponential", mean = "20s" }"#, "60s", "10%", "sweep-first"),
        (r#"{ kind = "empirical", values = ["4s", "9s", "31s"] }"#, "10min", "2%", "read-first"),
        (r#"{ kind = "lognormal", median = "8s", sigma = 0.8 }"#, "60s", "0.5%", "read-first"),
        (r#""10s""#, "100s", "30%", "sweep-first"),
    ];
    for (processing, time_to_live, chance, order) in times {
        let chance = chance.trim_end_matches('%').parse::<f64>().unwrap() / 100.0;
        let text = format!(
            "schema_version = 1\nuploads = 200_000\n[workload]\narrivals = {{ kind = \"poisson\", rate = \"1/s\" }}\nprocessing = {processing}\n\
             [client]\ninterval = \"3s\"\nmax_attempts = 120\naway = {{ chance = 0.3, time = {{ kind = \"exponential\", mean = \"5min\" }} }}\n\
             [[policy]]\nname = \"p\"\nstore = \"dict\"\ntime_to_live = \"{time_to_live}\"\nexpiry = \"physical\"\norder = \"{order}\"\n\
             sweep = {{ trigger = \"chance\", chance = {chance} }}\n"
        );
        let scenario = stillready::scenario::Scenario::parse("p", "p.toml", &text).unwrap();
        let Ok(form) = ClosedForm::of(&scenario, &scenario.policies[0]) else { panic!("it holds here") };
        let tally = run(&scenario).tallies().remove(0);
        let simulated = rate(&tally, Fact::FalseNotFound);
        let expected = form.rate();
        println!(
            "{processing}, {time_to_live}, {chance}, {order}: closed form {expected:.6}, simulated {:.6}",
            simulated.value
        );
        assert!((simulated.value / expected - 1.0).abs() < 0.03, "{simulated:?} for {expected}");
        // Bins are many, and each may be off by chance: by six of its standard deviations none is.
        for bin in tally.absences.bins() {
            let expected = form.after_absence_between(bin.low_ns, bin.high_ns);
            let spread = 6.0 * libm::sqrt((expected * (1.0 - expected)).max(1e-4) / bin.uploads as f64);
            let share = bin.hurt as f64 / bin.uploads as f64;
            assert!((share - expected).abs() < spread.max(0.01), "{bin:?}: {share} for {expected}");
        }
    }
    let scenario = shipped("two-workers");
    let why = ClosedForm::of(&scenario, &scenario.policies[0]).err().unwrap();
    assert_eq!(why, "the server is not one worker that takes no time and never fails");
}
