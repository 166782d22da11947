//! The status registry beside what one would otherwise take: a `HashMap` behind one `Mutex` swept by a full scan, dashmap swept
//! by `retain`, moka with a time to live.
//!
//! `cargo bench --bench registry` measures begin, finish, read and sweep from 1, 2 and 4 threads, then the longest time that a
//! reader waits while 1,000,000 entries fall due and are swept. Rounds over the subjects alternate, each subject measured once
//! in each: what else the machine does meanwhile meets all of them alike, which one measurement after the other would not give.
//! Moka comes last by itself, because it frees so many small pieces of memory that the next subject's first large one would pay
//! for putting them together. The tables show the median of the rounds. The longest wait is that of the round in which it was the
//! least: who has to wait for a sweep does so in every round, and in the others for the scheduler as well.
//!
//! An argument such as `threads` or `wait` runs the tables whose title has it. Without the `--bench` that cargo adds, as under
//! `cargo test`, everything runs once and small.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod longest_wait;
mod operations;
mod subjects;
mod table;

use operations::Operations;
use subjects::{Dash, Moka, MutexMap, Registered};
use table::Table;

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    /// Entries in a subject while operations are measured, a multiple of 100 times the number of threads.
    entries: u64,
    /// Entries that fall due at once while readers wait.
    falling_due: u64,
}

const FULL: Size = Size { rounds: 15, entries: 100_000, falling_due: 1_000_000 };
const SMALL: Size = Size { rounds: 1, entries: 4_000, falling_due: 4_000 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = if arguments.iter().any(|argument| argument == "--bench") { FULL } else { SMALL };
    let filters: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |title: &str| filters.is_empty() || filters.iter().any(|filter| title.contains(*filter));

    for threads in [1, 2, 4] {
        let mut table = Table::new(format!("{threads} threads, ns per operation"), &operations::COLUMNS, table::median);
        if !wanted(table.title()) {
            continue;
        }
        let operations = Operations { threads, entries: size.entries };
        for _ in 0..size.rounds {
            table.add::<Registered>(&operations.measure::<Registered>());
            table.add::<MutexMap>(&operations.measure::<MutexMap>());
            table.add::<Dash>(&operations.measure::<Dash>());
        }
        for _ in 0..size.rounds {
            table.add::<Moka>(&operations.measure::<Moka>());
        }
        table.print();
    }

    let title = "longest wait of a reader, and the sweep, in µs";
    let mut table = Table::new(title.to_owned(), &longest_wait::COLUMNS, table::least);
    if wanted(table.title()) {
        for _ in 0..size.rounds.div_ceil(3) {
            table.add::<Registered>(&longest_wait::measure::<Registered>(size.falling_due));
            table.add::<MutexMap>(&longest_wait::measure::<MutexMap>(size.falling_due));
            table.add::<Dash>(&longest_wait::measure::<Dash>(size.falling_due));
        }
        for _ in 0..size.rounds.div_ceil(3) {
            table.add::<Moka>(&longest_wait::measure::<Moka>(size.falling_due));
        }
        table.print();
    }

    let title = "longest wait of a read that renews one of many entries";
    if wanted(title) {
        let waits = (0..size.rounds.div_ceil(3)).map(|_| longest_wait::of_renewals(size.falling_due));
        println!("{title}: {:.0} µs", waits.fold(f64::INFINITY, f64::min));
    }
}
