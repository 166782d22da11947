//! The engine, driving its real store with measurements on, beside a plain program of the same model.
//!
//! `cargo bench --bench engine` measures both in one run, on one core, and prints the ratio of their times.

mod plain;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
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

fn bench(criterion: &mut Criterion) {
    let policies = [("30m/10%", 1800, 0.10), ("60m/5%", 3600, 0.05)];
    for name in ["reference", "poll-heavy"] {
        let text = shipped::find(name).expect("the scenario is shipped").text;
        let mut scenario = Scenario::parse(name, name, text).expect("shipped scenarios are valid");
        for uploads in [100_000, 1_000_000] {
            scenario.uploads = uploads;
            let mut group = criterion.benchmark_group(format!("{name}/{uploads}"));
            group.sample_size(10).throughput(Throughput::Elements(u64::from(uploads)));
            for (index, (policy, time_to_live_s, chance)) in policies.into_iter().enumerate() {
                let plain = Plain {
                    time_to_live_ns: time_to_live_s * 1_000_000_000,
                    chance,
                    tolerate_not_found: scenario.client.tolerate_not_found,
                };
                group.bench_function(BenchmarkId::new("plain", policy), |bencher| {
                    bencher.iter(|| black_box(plain.run(&scenario, 1)));
                });
                group.bench_function(BenchmarkId::new("engine", policy), |bencher| {
                    bencher.iter(|| black_box(engine(&scenario, index)));
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
