//! The status registry beside what one would otherwise take: a `HashMap` behind one `Mutex` swept by a full scan, dashmap swept
//! by `retain`, moka with a time to live.
//!
//! `cargo bench --bench registry` first prints the longest time that a reader waits while 1,000,000 entries fall due and are
//! swept, then measures begin, finish, read and sweep from 1, 2 and 4 threads.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod subjects;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use subjects::{Dash, LIFE_NS, Moka, MutexMap, Registered, Subject};

/// Entries in a subject while it is measured.
const ENTRIES: u64 = 100_000;

/// Runs `step` for each of the keys, spread over threads, and returns the time that all of them took.
fn timed(threads: u64, keys: u64, step: impl Fn(u64) + Sync) -> Duration {
    let share = keys / threads;
    let start = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let step = &step;
            scope.spawn(move || (thread * share..(thread + 1) * share).for_each(step));
        }
    });
    start.elapsed()
}

fn operations<S: Subject>(criterion: &mut Criterion, new: impl Fn() -> S) {
    for threads in [1, 2, 4] {
        let mut group = criterion.benchmark_group(format!("{threads} threads"));
        group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        group.throughput(Throughput::Elements(1));
        // Criterion asks for a number of operations; they are done in rounds over fresh subjects.
        let mut measure = |operation: &str, round: &dyn Fn(u64) -> Duration| {
            group.bench_function(BenchmarkId::new(operation, S::NAME), |bencher| {
                bencher.iter_custom(|operations| {
                    let rounds = operations.div_ceil(ENTRIES);
                    let time: Duration = (0..rounds).map(|_| round(ENTRIES)).sum();
                    time.mul_f64(operations as f64 / (rounds * ENTRIES) as f64)
                });
            });
        };
        measure("begin", &|keys| {
            let subject = new();
            timed(threads, keys, |key| subject.begin(key))
        });
        measure("finish", &|keys| {
            let subject = new();
            (0..keys).for_each(|key| subject.begin(key));
            timed(threads, keys, |key| subject.finish(key, 0))
        });
        let filled = new();
        for key in 0..ENTRIES {
            filled.begin(key);
            filled.finish(key, 0);
        }
        measure("read", &|keys| {
            // Not in the order of their beginning.
            timed(threads, keys, |key| assert!(filled.read(key.wrapping_mul(7_919) % ENTRIES, 1)))
        });
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let (filled, done) = (&filled, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    filled.sweep(1);
                }
            });
            measure("read under sweeps", &|keys| {
                timed(threads, keys, |key| assert!(filled.read(key.wrapping_mul(7_919) % ENTRIES, 1)))
            });
            done.store(true, Ordering::Relaxed);
        });
        measure("sweep", &|keys| {
            let subject = new();
            for key in 0..keys {
                subject.begin(key);
                subject.finish(key, 0);
            }
            // All entries fall due; the threads sweep at once.
            timed(threads, threads, |_| subject.sweep(LIFE_NS))
        });
        group.finish();
    }
}

/// The longest that one of two readers waits while a million entries are swept, and how long the sweep takes.
fn longest_wait<S: Subject>(new: impl Fn() -> S) {
    const MANY: u64 = 1_000_000;
    let subject = new();
    for key in 0..MANY + 1000 {
        subject.begin(key);
        subject.finish(key, if key < MANY { 0 } else { LIFE_NS });
    }
    subject.wait_until_due();
    let done = AtomicBool::new(false);
    let (sweep, waits) = thread::scope(|scope| {
        let reader = || {
            let mut longest = Duration::ZERO;
            let mut key = MANY;
            while !done.load(Ordering::Relaxed) {
                key = MANY + (key + 1) % 1000;
                let start = Instant::now();
                subject.read(key, LIFE_NS);
                longest = longest.max(start.elapsed());
            }
            longest
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        thread::sleep(Duration::from_millis(20));
        let start = Instant::now();
        subject.sweep(LIFE_NS);
        let sweep = start.elapsed();
        done.store(true, Ordering::Relaxed);
        (sweep, readers.map(|reader| reader.join().expect("a reader does not panic")))
    });
    let longest = waits.into_iter().max().unwrap_or_default();
    println!("{:<28} longest wait {longest:>12.3?}   sweep {sweep:>12.3?}", S::NAME);
}

fn bench(criterion: &mut Criterion) {
    println!("readers while 1,000,000 entries fall due:");
    longest_wait(Registered::new);
    longest_wait(MutexMap::new);
    longest_wait(Dash::new);
    longest_wait(Moka::new);
    println!();
    operations(criterion, Registered::new);
    operations(criterion, MutexMap::new);
    operations(criterion, Dash::new);
    operations(criterion, Moka::new);
}

criterion_group!(benches, bench);
criterion_main!(benches);
