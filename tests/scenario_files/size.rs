//! How large the scenarios are that come with the program, and that the estimate is none too low.

use std::sync::atomic::AtomicBool;

use stillready::diagnose;
use stillready::experiment::{self, Options};
use stillready::scenario::size::{BYTES_MAX, STEPS_MAX, Size};
use stillready::scenario::{Scenario, shipped};

fn all() -> impl Iterator<Item = Scenario> {
    shipped::SHIPPED.iter().map(|shipped| Scenario::parse(shipped.short_name(), shipped.name, shipped.text).unwrap())
}

#[test]
fn what_comes_with_the_program_is_far_below_the_limits() {
    let mut table = String::new();
    for scenario in all() {
        let whole = if diagnose::is_cause(&scenario) { diagnose::under_remedies(&scenario) } else { scenario };
        let size = Size::of(&whole, 8);
        table += &format!("{:16} {:8.1e} steps {:8.1e} bytes\n", whole.name, size.steps(), size.bytes());
        assert!(size.steps() < STEPS_MAX / 25.0 && size.bytes() < BYTES_MAX / 10.0, "{table}");
    }
    insta::assert_snapshot!("sizes", table);
    let ten_million = Scenario { uploads: 10_000_000, ..all().next().unwrap() };
    let size = Size::of(&ten_million, 8);
    assert!(size.steps() < STEPS_MAX / 10.0 && size.bytes() < BYTES_MAX / 2.0, "{size:?}");
}

#[test]
fn a_run_takes_no_more_steps_and_holds_no_more_entries_than_estimated() {
    for scenario in all() {
        let scenario = Scenario { uploads: scenario.uploads.min(1000), replications: 1, ..scenario };
        let options = Options { jobs: 2, upload_rows: false, on_progress: &|_| {}, stop: &AtomicBool::new(false) };
        let tallies = experiment::run(&scenario, &options).unwrap().tallies();
        let counted: u64 = tallies.iter().map(|tally| tally.uploads() + tally.polls + tally.sweeps).sum();
        let held: u64 = tallies.iter().map(|tally| tally.live.max).sum();
        let size = Size::of(&scenario, 1);
        // Chance may be a little above a mean.
        assert!(counted as f64 <= 1.2 * size.steps(), "{}: {counted} steps, {size:?}", scenario.name);
        assert!(held as f64 * 250.0 <= size.bytes(), "{}: {held} entries, {size:?}", scenario.name);
    }
}
