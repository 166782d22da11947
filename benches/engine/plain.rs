//! The reference scenario as a plain program: one heap, hash maps, and nothing else.
//!
//! It is what one would write in an afternoon: no stores, properties or reports, and none of the engine's code. It has the
//! model's chance, that is the same uploads and dice, so its counts must be the engine's, all of them and exactly: a test
//! compares them. The bench `engine` measures the engine beside it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rustc_hash::FxHashMap;
use stillready::rng::{Die, PerAttempt, Source};
use stillready::scenario::Scenario;
use stillready::workload::Workload;

const INTERVAL_NS: u64 = 3_000_000_000;
const ATTEMPTS: u32 = 120;

/// What differs between the runs of one scenario.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
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
    Arrival,
    Processed(u32),
    Poll(u32),
}

struct Upload {
    polls: u32,
    succeeded: bool,
    hurt: bool,
}

impl Plain {
    /// Runs to the end.
    pub(crate) fn run(self, scenario: &Scenario, seed: u64) -> Counts {
        let mut workload = Workload::new(scenario, seed);
        let (draws, die) = (PerAttempt::new(seed, Source::Sweep), Die::new(self.chance));
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
        let mut next = workload.next();
        if let Some(upload) = next {
            push(&mut heap, upload.at.as_ns(), Event::Arrival);
        }
        while let Some(Reverse((now, _, event))) = heap.pop() {
            counts.events += 1;
            match event {
                Event::Arrival => {
                    let Some(upload) = std::mem::replace(&mut next, workload.next()) else { continue };
                    if let Some(upload) = next {
                        push(&mut heap, upload.at.as_ns(), Event::Arrival);
                    }
                    uploads.insert(upload.number, Upload { polls: 0, succeeded: false, hurt: false });
                    entries.insert(upload.number, false);
                    push(&mut heap, now + upload.processing_ns, Event::Processed(upload.number));
                    push(&mut heap, now + upload.away_ns.unwrap_or(0), Event::Poll(upload.number));
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
                    let Some(upload) = uploads.get_mut(&number) else { continue };
                    if die.says_yes(draws.draw(u64::from(number), u64::from(upload.polls))) {
                        counts.events += 1;
                        counts.sweeps += 1;
                        counts.entries_scanned += entries.len() as u64;
                        while let Some(&(_, due)) = finished.front().filter(|(at, _)| now - at >= self.time_to_live_ns)
                        {
                            finished.pop_front();
                            entries.remove(&due);
                        }
                    }
                    upload.polls += 1;
                    let answer = entries.get(&number).copied();
                    if answer.is_none() && upload.succeeded && !upload.hurt {
                        upload.hurt = true;
                        counts.false_not_found += 1;
                    }
                    match answer {
                        Some(true) => counts.saw_ready += 1,
                        None if upload.polls > self.tolerate_not_found => counts.told_lost += 1,
                        _ if upload.polls < ATTEMPTS => {
                            push(&mut heap, now + INTERVAL_NS, Event::Poll(number));
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
