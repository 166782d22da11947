//! How much is looked at, and how far a search has come.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::failure::Level;
use super::order::{Expected, letter};
use super::program::Program;

/// How much of a level is looked at. Where a budget is used up, the report says `bounded` and with which figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most executions of one level. Counted, so that a run repeats.
    pub max_executions: u64,
    /// The longest that one level may take. It depends on the machine: for a run that repeats, bound the executions.
    pub max_time: Duration,
    /// The longest that nothing may come to an end, before a call is said never to return (S9).
    pub max_call: Duration,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { max_executions: 500_000, max_time: Duration::from_secs(60), max_call: Duration::from_secs(10) }
    }
}

/// How far a search went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything there is.
    Exhaustive,
    /// A part of it: up to so many preemptions, or until a budget was used up; by what.
    Bounded(String),
    /// Samples.
    Sampled,
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Exhaustive => f.write_str("exhaustive"),
            Extent::Bounded(by) => write!(f, "bounded ({by})"),
            Extent::Sampled => f.write_str("sampled"),
        }
    }
}

/// What a search tells whoever waits for it.
#[derive(Default)]
pub(super) struct Progress {
    /// Goes up with each execution.
    executions: AtomicU64,
    /// At which step of the order.
    place: AtomicUsize,
    /// The actors in turn, two bits each, the first lowest.
    turns: AtomicU64,
    program: Mutex<Option<(Level, String, Program)>>,
}

impl Progress {
    pub(super) fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// One more execution begins.
    pub(super) fn another(&self) {
        self.executions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn place(&self) -> usize {
        self.place.load(Ordering::Relaxed)
    }

    /// The actors in turn, as in a token.
    pub(super) fn turns(&self, steps: usize) -> String {
        let turns = self.turns.load(Ordering::Relaxed);
        (0..steps).map(|step| letter((turns >> (2 * step) & 3) as usize)).collect()
    }

    pub(super) fn program(&self) -> Option<(Level, String, Program)> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts the executions of a level.
pub(super) struct Meter {
    budget: Budget,
    executions: u64,
    #[expect(clippy::disallowed_types, reason = "a budget of time is real time; it is said where it ended a search")]
    start: std::time::Instant,
    progress: Arc<Progress>,
    used_up: Option<&'static str>,
}

/// How many executions pass between two looks at the clock.
const BETWEEN_LOOKS: u64 = 128;

impl Meter {
    pub(super) fn new(budget: Budget, progress: Arc<Progress>) -> Meter {
        Meter { budget, executions: 0, start: now(), progress, used_up: None }
    }

    /// Whether there is room for one more execution, which is then counted.
    #[inline]
    pub(super) fn another(&mut self) -> bool {
        if self.executions >= self.budget.max_executions {
            self.used_up = Some("executions");
        } else if self.executions.is_multiple_of(BETWEEN_LOOKS) && self.start.elapsed() >= self.budget.max_time {
            self.used_up = Some("time");
        }
        if self.used_up.is_some() {
            return false;
        }
        self.executions += 1;
        self.progress.another();
        true
    }

    /// Counts executions that were made elsewhere.
    pub(super) fn count(&mut self, executions: u64) {
        self.executions += executions;
        if self.executions >= self.budget.max_executions {
            self.used_up = Some("executions");
        } else if self.start.elapsed() >= self.budget.max_time {
            self.used_up = Some("time");
        }
    }

    pub(super) fn executions(&self) -> u64 {
        self.executions
    }

    /// How many more executions there may be.
    pub(super) fn left(&self) -> u64 {
        self.budget.max_executions.saturating_sub(self.executions)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// What the budget was that is used up.
    pub(super) fn used_up(&self) -> Option<&'static str> {
        self.used_up
    }

    pub(super) fn place(&self) -> &AtomicUsize {
        &self.progress.place
    }

    /// Says which program comes.
    pub(super) fn note_program(&self, level: Level, name: &str, program: &Program) {
        let noted = Some((level, name.to_owned(), program.clone()));
        *self.progress.program.lock().unwrap_or_else(PoisonError::into_inner) = noted;
    }

    /// Says which order comes.
    #[inline]
    pub(super) fn note_turns(&self, order: &[Expected]) {
        let turns = order.iter().rev().map(|expected| expected.actor).filter(|&actor| actor > 0);
        let turns = turns.fold(0, |turns, actor| turns << 2 | (actor - 1) as u64);
        self.progress.turns.store(turns, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a budget of time is real time")]
pub(super) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
