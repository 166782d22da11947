//! The time of one operation, from several threads.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::subjects::{LIFE_NS, Subject};

/// What is measured; the figures of [`Operations::measure`] are in this order.
///
/// A sweep's figure is per entry that it takes. The first sweep takes one entry of a hundred, the second all the others.
pub(crate) const COLUMNS: [&str; 6] =
    ["begin", "finish", "read", "read under sweeps", "sweep of 1 %", "sweep of the rest"];

/// Readers read under so many sweeps, with a pause after each. Without pauses the sweeps would hold a lock all the time, and the
/// figure would say whom the lock lets in first and not what a sweep costs.
const SWEEPS: u64 = 50;
const PAUSE: Duration = Duration::from_millis(1);

/// Reads that one thread has done, where no other thread's count is near.
#[derive(Default)]
#[repr(align(128))]
struct Reads(AtomicU64);

pub(crate) struct Operations {
    pub(crate) threads: usize,
    pub(crate) entries: u64,
}

impl Operations {
    /// One figure per column, in nanoseconds.
    pub(crate) fn measure<S: Subject>(&self) -> [Option<f64>; COLUMNS.len()] {
        let subject = S::new();
        let (begin, tickets) = self.begin_all(&subject);
        let ids: Vec<S::Id> = shuffled(tickets.iter().map(S::id).collect());
        // Uploads end in another order than they began, each maybe on another thread.
        let per_thread = self.deal(shuffled(tickets));
        let finish = timed(per_thread, |thread, tickets| {
            for (now, ticket) in (thread as u64..).step_by(self.threads).zip(tickets) {
                subject.finish(ticket, now);
            }
        });
        let read =
            timed(self.deal(ids), |_, ids| ids.into_iter().for_each(|id| assert!(subject.read(id, self.entries))));
        let under_sweeps = S::OBEYS_NOW.then(|| self.read_under_sweeps::<S>());
        let taken = self.entries / 100;
        let one_percent = self.sweep_at(&subject, LIFE_NS + taken - 1);
        let rest = self.sweep_at(&subject, 2 * LIFE_NS);
        let per = |ns: u64, operations: u64| Some(ns as f64 / operations as f64);
        [
            per(begin, self.entries),
            per(finish, self.entries),
            per(read, self.entries),
            under_sweeps,
            per(one_percent, taken).filter(|_| S::OBEYS_NOW),
            per(rest, self.entries - taken).filter(|_| S::OBEYS_NOW),
        ]
    }

    /// Begins all uploads, and returns the time and the tickets.
    fn begin_all<S: Subject>(&self, subject: &S) -> (u64, Vec<S::Ticket>) {
        // The tickets' memory is touched beforehand: the kernel's work on it is no part of a beginning.
        let share = self.entries / self.threads as u64;
        let mut kept: Vec<Vec<Option<S::Ticket>>> =
            (0..self.threads).map(|_| (0..share).map(|_| None).collect()).collect();
        let time = timed(kept.iter_mut().collect(), |thread, kept| {
            for (key, kept) in (thread as u64 * share..).zip(kept) {
                *kept = Some(subject.begin(key, 0));
            }
        });
        (time, kept.into_iter().flatten().flatten().collect())
    }

    /// Reads all the time while one more thread sweeps, an equal share of as many entries as stay each time. The figure is of
    /// the reads that are done while a sweep is going on, not in its pauses.
    fn read_under_sweeps<S: Subject>(&self) -> f64 {
        let subject = S::new();
        for key in 0..self.entries {
            let ticket = subject.begin(key, 0);
            subject.finish(ticket, key);
        }
        let before_due = LIFE_NS - 1;
        let mut ids = Vec::new();
        for key in 0..self.entries {
            let ticket = subject.begin(self.entries + key, before_due);
            ids.push(S::id(&ticket));
            subject.finish(ticket, before_due);
        }
        let shares = self.deal(shuffled(ids));
        let done = AtomicBool::new(false);
        let reads: Vec<Reads> = shares.iter().map(|_| Reads::default()).collect();
        let all_reads = || reads.iter().map(|own| own.0.load(Ordering::Relaxed)).sum::<u64>();
        thread::scope(|scope| {
            for (ids, own) in shares.iter().zip(&reads) {
                let (subject, done) = (&subject, &done);
                scope.spawn(move || {
                    let ids = ids.iter().cycle().take_while(|_| !done.load(Ordering::Relaxed));
                    for (count, id) in (1..).zip(ids) {
                        assert!(subject.read(*id, before_due));
                        own.0.store(count, Ordering::Relaxed);
                    }
                });
            }
            while reads.iter().any(|own| own.0.load(Ordering::Relaxed) == 0) {
                thread::yield_now();
            }
            let (mut time, mut meanwhile) = (Duration::ZERO, 0);
            for sweep in 1..=SWEEPS {
                let (reads, start) = (all_reads(), Instant::now());
                subject.sweep(before_due + self.entries * sweep / SWEEPS);
                time += start.elapsed();
                meanwhile += all_reads() - reads;
                thread::sleep(PAUSE);
            }
            done.store(true, Ordering::Relaxed);
            time.as_nanos() as f64 / meanwhile.max(1) as f64
        })
    }

    /// All threads sweep at once.
    fn sweep_at<S: Subject>(&self, subject: &S, now: u64) -> u64 {
        timed(vec![(); self.threads], |_, ()| subject.sweep(now))
    }

    /// An equal share for each thread.
    fn deal<T>(&self, mut all: Vec<T>) -> Vec<Vec<T>> {
        let share = all.len() / self.threads;
        (0..self.threads).map(|thread| all.split_off((self.threads - 1 - thread) * share)).collect()
    }
}

/// Runs `step` once for each element, each on a thread of its own, and returns the time from the first one's start to the last
/// one's end, in nanoseconds.
fn timed<T: Send>(per_thread: Vec<T>, step: impl Fn(usize, T) + Sync) -> u64 {
    let (step, barrier) = (&step, &Barrier::new(per_thread.len()));
    let run = |(thread, own)| {
        barrier.wait();
        let start = Instant::now();
        step(thread, own);
        (start, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = per_thread.into_iter().enumerate().map(|own| scope.spawn(move || run(own))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no subject panics")).collect()
    });
    let first = times.iter().map(|&(start, _)| start).min();
    let last = times.iter().map(|&(_, end)| end).max();
    first.zip(last).map_or(0, |(first, last)| (last - first).as_nanos() as u64)
}

/// The elements in an arbitrary order, the same in every run.
pub(crate) fn shuffled<T>(mut elements: Vec<T>) -> Vec<T> {
    // Xorshift (G. Marsaglia, "Xorshift RNGs"), and the shuffle of Fisher and Yates.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for end in (1..elements.len()).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        elements.swap(end, (random % (end as u64 + 1)) as usize);
    }
    elements
}
