//! How long a reader waits while very many entries fall due at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::subjects::{LIFE_NS, Subject};

/// What is measured; the figures of [`measure`] are in this order.
pub(crate) const COLUMNS: [&str; 2] = ["longest wait", "sweep"];

/// Entries that stay, the ones that readers ask for.
const STAYING: u64 = 1_000;

/// The longest that a reader waits while so many entries are swept, and how long the sweep takes, in microseconds.
///
/// There is one reader per processor that the sweep leaves free: more of them would wait for a processor, and the scheduler's
/// time slice would be all that one sees.
pub(crate) fn measure<S: Subject>(falling_due: u64) -> [Option<f64>; COLUMNS.len()] {
    let subject = S::new();
    let mut ids = Vec::new();
    for key in 0..falling_due + STAYING {
        let now = if key < falling_due { 0 } else { LIFE_NS };
        let ticket = subject.begin(key, now);
        if key >= falling_due {
            ids.push(S::id(&ticket));
        }
        subject.finish(ticket, now);
    }
    subject.wait_until_due();
    let done = AtomicBool::new(false);
    let reader = || {
        let mut longest = Duration::ZERO;
        for id in ids.iter().cycle() {
            if done.load(Ordering::Relaxed) {
                break;
            }
            let start = Instant::now();
            subject.read(*id, LIFE_NS);
            longest = longest.max(start.elapsed());
        }
        longest
    };
    let readers = thread::available_parallelism().map_or(1, |processors| (processors.get() - 1).max(1));
    let (sweep, longest) = thread::scope(|scope| {
        let readers: Vec<_> = (0..readers).map(|_| scope.spawn(reader)).collect();
        thread::sleep(Duration::from_millis(20));
        let start = Instant::now();
        subject.sweep(LIFE_NS);
        let sweep = start.elapsed();
        done.store(true, Ordering::Relaxed);
        let waits = readers.into_iter().map(|reader| reader.join().expect("a reader does not panic"));
        (sweep, waits.max().unwrap_or_default())
    });
    [longest, sweep].map(|time| Some(time.as_secs_f64() * 1e6))
}
