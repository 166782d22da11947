//! The reference scenario as a plain program: one heap, one hash map, one random number generator, nothing else.
//!
//! It is what one would write in an afternoon, shares no code with the engine, and has no stores, properties or reports. The
//! bench `engine` measures the engine beside it; a test compares the two programs' counts.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

const SECOND: u64 = 1_000_000_000;

/// What differs between the runs.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    pub(crate) uploads: u32,
    pub(crate) time_to_live_ns: u64,
    pub(crate) chance: f64,
    pub(crate) tolerate_not_found: u32,
}

/// What is counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) events: u64,
    pub(crate) polls: u64,
    pub(crate) sweeps: u64,
    pub(crate) entries_scanned: u64,
    pub(crate) false_not_found: u64,
    pub(crate) told_lost: u64,
    pub(crate) saw_ready: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival(u32),
    Processed(u32),
    Poll(u32),
}

struct Upload {
    polls: u32,
    succeeded: bool,
    hurt: bool,
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

#[expect(clippy::disallowed_methods, reason = "this program need not give the same bits on every machine")]
fn exponential(rng: &mut ChaCha8Rng, mean: f64) -> u64 {
    (-mean * uniform(rng).ln()) as u64
}

/// By the method of Box and Muller.
#[expect(clippy::disallowed_methods, reason = "this program need not give the same bits on every machine")]
fn lognormal(rng: &mut ChaCha8Rng, median: f64, sigma: f64) -> u64 {
    let radius = (-2.0 * uniform(rng).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * uniform(rng)).cos();
    (median * (sigma * normal).exp()) as u64
}

impl Plain {
    /// Runs to the end.
    pub(crate) fn run(self, seed: u64) -> Counts {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut counts = Counts::default();
        let mut heap = BinaryHeap::new();
        let mut inserted = 0u64;
        let mut push = |heap: &mut BinaryHeap<Reverse<(u64, u64, Event)>>, at, event| {
            heap.push(Reverse((at, inserted, event)));
            inserted += 1;
        };
        let mut uploads: FxHashMap<u32, Upload> = FxHashMap::default();
        // The dictionary: whether an entry is ready; and the finished entries, oldest first.
        let mut entries: FxHashMap<u32, bool> = FxHashMap::default();
        let mut finished: VecDeque<(u64, u32)> = VecDeque::new();
        push(&mut heap, exponential(&mut rng, SECOND as f64), Event::Arrival(0));
        while let Some(Reverse((now, _, event))) = heap.pop() {
            counts.events += 1;
            match event {
                Event::Arrival(number) => {
                    if number + 1 < self.uploads {
                        push(&mut heap, now + exponential(&mut rng, SECOND as f64), Event::Arrival(number + 1));
                    }
                    uploads.insert(number, Upload { polls: 0, succeeded: false, hurt: false });
                    entries.insert(number, false);
                    let processing = lognormal(&mut rng, 8.0 * SECOND as f64, 0.8);
                    push(&mut heap, now + processing, Event::Processed(number));
                    let away = uniform(&mut rng) < 0.2;
                    let first = if away { lognormal(&mut rng, 35.0 * 60.0 * SECOND as f64, 0.7) } else { 0 };
                    push(&mut heap, now + first, Event::Poll(number));
                }
                Event::Processed(number) => {
                    entries.insert(number, true);
                    finished.push_back((now, number));
                    if let Some(upload) = uploads.get_mut(&number) {
                        upload.succeeded = true;
                    }
                }
                Event::Poll(number) => {
                    counts.polls += 1;
                    if uniform(&mut rng) < self.chance {
                        counts.events += 1;
                        counts.sweeps += 1;
                        counts.entries_scanned += entries.len() as u64;
                        while let Some(&(at, due)) = finished.front().filter(|(at, _)| now - at >= self.time_to_live_ns)
                        {
                            debug_assert!(at <= now);
                            finished.pop_front();
                            entries.remove(&due);
                        }
                    }
                    let Some(upload) = uploads.get_mut(&number) else { continue };
                    upload.polls += 1;
                    let answer = entries.get(&number).copied();
                    if answer.is_none() && upload.succeeded && !upload.hurt {
                        upload.hurt = true;
                        counts.false_not_found += 1;
                    }
                    match answer {
                        Some(true) => counts.saw_ready += 1,
                        None if upload.polls > self.tolerate_not_found => counts.told_lost += 1,
                        _ if upload.polls < 120 => {
                            push(&mut heap, now + 3 * SECOND, Event::Poll(number));
                            continue;
                        }
                        _ => {}
                    }
                    if upload.succeeded {
                        uploads.remove(&number);
                    }
                }
            }
        }
        counts
    }
}
