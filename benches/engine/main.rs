//! The engine, driving its real store with measurements on, beside a plain program of the same model.
//!
//! `cargo bench --bench engine` measures both in one run, on one core. `cargo bench --bench engine -- ratio` prints the ratios of
//! their times alone: both run in turn, and the least time of each counts, which is the one that the machine's other work
//! disturbed least.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod plain;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use std::hint::black_box;
use std::time::{Duration, Instant};
use stillready::engine::Engine;
use stillready::measure::Tally;
use stillready::scenario::{Scenario, shipped};
use stillready::store::RegistryStore;

use plain::Plain;

/// One run of one policy, by the engine.
fn engine(scenario: &Scenario, policy: usize) -> Tally {
    let policy = &scenario.policies[policy];
    let retention = policy.retention;
    let new_store = move |number| RegistryStore::new(retention, number);
    let mut engine = Engine::new(scenario, policy, 1, new_store, Tally::default());
    engine.run();
    engine.into_observer()
}

/// Name, time to live in seconds, chance of a sweep.
const POLICIES: [(&str, u64, f64); 2] = [("30m/10%", 1800, 0.10), ("60m/5%", 3600, 0.05)];

/// A scenario of some length, with the plain programs of its policies.
fn subject(name: &str, uploads: u32) -> (Scenario, [Plain; 2]) {
    let text = shipped::find(name).expect("the scenario is shipped").text;
    let mut scenario = Scenario::parse(name, name, text).expect("shipped scenarios are valid");
    scenario.uploads = uploads;
    let plain = POLICIES.map(|(_, time_to_live_s, chance)| Plain {
        time_to_live_ns: time_to_live_s * 1_000_000_000,
        chance,
        tolerate_not_found: scenario.client.tolerate_not_found,
    });
    (scenario, plain)
}

fn bench(criterion: &mut Criterion) {
    for name in ["reference", "poll-heavy"] {
        for uploads in [100_000, 1_000_000] {
            let (scenario, plain) = subject(name, uploads);
            let mut group = criterion.benchmark_group(format!("{name}/{uploads}"));
            group.sample_size(10).throughput(Throughput::Elements(u64::from(uploads)));
            for (index, (policy, ..)) in POLICIES.into_iter().enumerate() {
                group.bench_function(BenchmarkId::new("plain", policy), |bencher| {
                    bencher.iter(|| black_box(plain[index].run(&scenario, 1)));
                });
                group.bench_function(BenchmarkId::new("engine", policy), |bencher| {
                    bencher.iter(|| black_box(engine(&scenario, index)));
                });
            }
            group.finish();
        }
    }
}

/// The least of some runs' times.
fn least(times: &mut Duration, run: impl FnOnce()) {
    let start = Instant::now();
    run();
    *times = start.elapsed().min(*times);
}

/// Prints the ratios, for so many uploads and rounds.
fn ratios(uploads: u32, rounds: u32) {
    for name in ["reference", "poll-heavy"] {
        let (scenario, programs) = subject(name, uploads);
        for (index, (policy, ..)) in POLICIES.into_iter().enumerate() {
            let (mut plain, mut stillready) = (Duration::MAX, Duration::MAX);
            for _ in 0..rounds {
                least(&mut plain, || _ = black_box(programs[index].run(&scenario, 1)));
                least(&mut stillready, || _ = black_box(engine(&scenario, index)));
            }
            let ratio = stillready.as_secs_f64() / plain.as_secs_f64();
            println!("{name} {policy}: plain {plain:.2?}, stillready {stillready:.2?}, ratio {ratio:.2}");
        }
    }
}

criterion_group!(benches, bench);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "ratio") {
        // Under `cargo test` everything runs once and small.
        let is_bench = arguments.iter().any(|argument| argument == "--bench");
        return if is_bench { ratios(1_000_000, 10) } else { ratios(1_000, 1) };
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
