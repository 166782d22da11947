//! How much a run asks for: its steps, and what it holds at once. Estimated from the scenario alone, so that one that would take
//! days or fill the memory is refused before anything runs.
//!
//! Steps are what the engine does one at a time: an arrival, an end, a poll, a sweep, a fault. The estimate is generous where the
//! model's numbers depend on chance or on the policy: it should be too high by some factor, never too low by more than one.

mod course;
mod load;

use thiserror::Error;

use super::{Arrivals, Grid, Policy, Scenario, Scope};
use load::Load;

/// The most steps that a run may take: about an hour on a small machine, at a tenth of a microsecond each.
pub const STEPS_MAX: f64 = 3e10;

/// The most bytes that a run may hold at once.
pub const BYTES_MAX: f64 = 4e9;

/// What a number of policies and replications holds until its files are written: counts, histograms, curves, for each pair of both.
const TALLY_BYTES: f64 = 400_000.0;
const PAIR_BYTES: f64 = 10_000.0;

/// A store with nothing in it, a worker included.
const STORE_BYTES: f64 = 4_000.0;

/// What a run asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    steps: Vec<Part>,
    bytes: Vec<Part>,
}

/// A part of what a run asks for.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    amount: f64,
    what: String,
    /// The keys of the file that decide it.
    keys: &'static str,
}

/// A run that asks for more than it may.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("`{scenario}` asks for about {amount}; the limit is {limit}")]
pub struct TooLarge {
    scenario: String,
    amount: String,
    limit: String,
    largest: String,
    keys: &'static str,
    replications: u32,
}

impl TooLarge {
    /// What makes it so large, and what to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        let TooLarge { largest, keys, replications, .. } = self;
        let times = match replications {
            1 => String::new(),
            more => format!(", in {more} `replications`"),
        };
        let advice = "change one of them, or run it as it stands with --allow-huge";
        format!("most of that is {largest}{times}, which {keys} decide; {advice}")
    }
}

impl Size {
    /// What a scenario asks for if at most `at_once` replications run at the same time.
    #[must_use]
    pub fn of(scenario: &Scenario, at_once: usize) -> Size {
        let Scenario { replications, policies, server, .. } = scenario;
        let (all, policy_count) = (f64::from(*replications), policies.len() as f64);
        let together = all.min(at_once as f64);
        let mut size = Size { steps: Vec::new(), bytes: Vec::new() };
        for policy in policies {
            let load = Load::of(scenario, policy);
            size.steps.extend(load.steps().into_iter().map(|part| part.times(all).under(policy)));
            size.bytes.extend(load.bytes().into_iter().map(|part| part.times(together).under(policy)));
            let stores = if policy.scope == Scope::Shared { 1.0 } else { f64::from(server.workers) };
            size.bytes.push(Part::new(stores * STORE_BYTES * together, "stores", "`workers`").under(policy));
        }
        let results = policy_count * TALLY_BYTES + policy_count * policy_count / 2.0 * PAIR_BYTES;
        if let Arrivals::Recorded(recording) = &scenario.workload.arrivals {
            size.bytes.push(Part::new(
                recording.bytes() as f64,
                "the trace, once for all policies",
                "the rows of `trace`",
            ));
        }
        let keys = "that and the number of `[[policy]]`";
        size.bytes.push(Part::new(results * all, "results until they are written", keys));
        size
    }

    /// What a sweep over a grid asks for if at most `at_once` cells run at the same time.
    #[must_use]
    pub fn of_grid(grid: &Grid, at_once: usize) -> Size {
        let cells: Vec<Size> = grid.cells.iter().map(|cell| Size::of(&cell.scenario, 1)).collect();
        let largest = cells.iter().max_by(|one, other| one.bytes().total_cmp(&other.bytes()));
        let bytes = largest.map(|cell| cell.bytes.clone()).unwrap_or_default();
        let together = grid.cells.len().min(at_once) as f64;
        Size {
            steps: cells.into_iter().flat_map(|cell| cell.steps).collect(),
            bytes: bytes.into_iter().map(|part| part.times(together)).collect(),
        }
    }

    /// How many steps it takes, about.
    #[must_use]
    pub fn steps(&self) -> f64 {
        self.steps.iter().map(|part| part.amount).sum()
    }

    /// How many bytes it holds at once, about.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        self.bytes.iter().map(|part| part.amount).sum()
    }

    /// Fails if it is more than a run may ask for.
    ///
    /// # Errors
    /// [`TooLarge`], with what makes it so.
    pub fn check(&self, scenario: &Scenario) -> Result<(), TooLarge> {
        let too_large = |amount, limit, parts: &[Part]| {
            let largest = parts.iter().max_by(|a, b| a.amount.total_cmp(&b.amount));
            let (largest, keys) = largest.map_or((String::new(), ""), |part| (part.what.clone(), part.keys));
            let (scenario, replications) = (scenario.name.clone(), scenario.replications);
            Err(TooLarge { scenario, amount, limit, largest, keys, replications })
        };
        if self.steps() > STEPS_MAX {
            let amount = format!("{:.1e} steps", self.steps());
            let limit = format!("{STEPS_MAX:e} steps, about an hour on a small machine");
            return too_large(amount, limit, &self.steps);
        }
        if self.bytes() > BYTES_MAX {
            let amount = format!("{:.1e} bytes of memory at once", self.bytes());
            return too_large(amount, format!("{BYTES_MAX:e} bytes"), &self.bytes);
        }
        Ok(())
    }
}

impl Part {
    fn new(amount: f64, what: impl Into<String>, keys: &'static str) -> Part {
        Part { amount, what: what.into(), keys }
    }

    fn times(self, factor: f64) -> Part {
        Part { amount: self.amount * factor, ..self }
    }

    fn under(self, policy: &Policy) -> Part {
        Part { what: format!("{} under \"{}\"", self.what, policy.name), ..self }
    }
}
