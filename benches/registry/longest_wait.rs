//! How long a reader waits while very many entries fall due at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stillready::registry::{AgeBasis, Outcome, Registry, Retention};

use crate::operations::shuffled;
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

/// The longest that a read of the registry takes, in microseconds, where each read renews the age of one of so many entries: it
/// moves the entry from anywhere to the end of the order of age, under the lock, and no such move may pay for those before it.
pub(crate) fn of_renewals(entries: u64) -> f64 {
    let retention = Retention::finished(Duration::from_nanos(LIFE_NS)).age(AgeBasis::LastAccess);
    let registry = Registry::<u64>::new(retention);
    let begin = |key| {
        let ticket = registry.begin(key, 0).expect("there is no capacity");
        let id = ticket.id();
        ticket.finish(Outcome::Ready(()), 0).expect("it is running");
        id
    };
    let ids = shuffled((0..entries).map(begin).collect());
    let wait = |(now, id)| {
        let start = Instant::now();
        std::hint::black_box(registry.read(id, now));
        start.elapsed()
    };
    // Each entry moves three times: what is put off shows by then.
    let moves = ids.iter().copied().cycle().take(3 * ids.len());
    (1..).zip(moves).map(wait).max().unwrap_or_default().as_secs_f64() * 1e6
}
