//! The harness on stores of this crate's own, small ones: what it says of them, how far it goes, and that it says so.

mod budgets;
mod failures;
mod orders;
mod stores;

use stillready::harness::{Check, Level, Report, Store};

/// The levels that repeat exactly and need nothing but the store.
fn one_by_one<S: Store>(check: Check<S>) -> Report {
    check.levels(&[Level::Conformance, Level::Steps]).report()
}
