//! The incident's possible causes against its possible remedies: who is misled, by which cause, under which remedy.
//!
//! A cause is a scenario of its own, with one policy: the incident's before the team's change. Each remedy changes that one policy
//! in one respect, so a cell of the matrix is one cause under one remedy, over the same uploads as all other cells of its row.

pub mod likeness;
mod remedy;
mod words;

pub use remedy::Remedy;
pub use words::{Style, conclusion, sentence};

use crate::experiment::{self, ExperimentError, Options, pairs_of};
use crate::measure::interval::{self, Estimate};
use crate::measure::{Fact, Facts, Group};
use crate::scenario::{Scenario, StoreKind};

/// A cause under all remedies that apply to it.
pub struct Row {
    /// The cause's name: that of its scenario.
    pub cause: String,
    /// The cause in a few words.
    pub title: String,
    /// The seed of its run.
    pub seed: u64,
    /// One cell per remedy that applies, in the order of [`Remedy::ALL`]; the first is that of [`Remedy::Before`].
    pub cells: Vec<Cell>,
    /// What the team's change did in the deployed code: the share of those misled under [`Remedy::DeployedAfter`] less that under
    /// [`Remedy::DeployedBefore`], over the same uploads; `None` if they do not apply.
    pub deployed: Option<Estimate>,
}

/// A cause under a remedy.
pub struct Cell {
    /// The remedy.
    pub remedy: Remedy,
    /// Uploads.
    pub uploads: u64,
    /// Users who were told "lost": their clients gave up on `not_found`.
    pub told_lost: u64,
    /// Users who were told something false.
    pub told_false: u64,
    /// Users whose upload succeeded and who were told "lost": the incident's symptom.
    pub symptom: u64,
    /// The share of those misled less that under [`Remedy::Before`], over the same uploads.
    pub difference: Option<Estimate>,
    /// The same of the symptom alone.
    pub symptom_difference: Option<Estimate>,
}

impl Row {
    /// The cell of a remedy, if it applies.
    #[must_use]
    pub fn cell(&self, remedy: Remedy) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.remedy == remedy)
    }

    /// The cause as it is.
    #[must_use]
    pub fn before(&self) -> &Cell {
        &self.cells[0]
    }

    /// What a cell's remedy does about all that misleads.
    #[must_use]
    pub fn effect(&self, cell: &Cell) -> Effect {
        Effect::of(cell.difference, cell.misled(), self.before().misled())
    }

    /// What a cell's remedy does about the symptom.
    #[must_use]
    pub fn symptom_effect(&self, cell: &Cell) -> Effect {
        Effect::of(cell.symptom_difference, cell.symptom, self.before().symptom)
    }
}

impl Cell {
    /// Users who were told "lost" or something false.
    #[must_use]
    pub fn misled(&self) -> u64 {
        self.told_lost + self.told_false
    }

    /// Their share.
    #[must_use]
    pub fn rate(&self) -> Option<Estimate> {
        interval::rate(self.misled(), self.uploads)
    }

    /// The share of those with the symptom.
    #[must_use]
    pub fn symptom_rate(&self) -> Option<Estimate> {
        interval::rate(self.symptom, self.uploads)
    }
}

/// What a remedy does against a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At most a fiftieth as many users are hurt.
    Cures,
    /// Fewer users are hurt; the interval of the difference says so.
    Helps,
    /// No difference can be told.
    None,
    /// More users are hurt.
    Hurts,
}

impl Effect {
    fn of(difference: Option<Estimate>, hurt: u64, hurt_before: u64) -> Self {
        match difference {
            Some(difference) if difference.high < 0.0 && hurt <= hurt_before / 50 => Effect::Cures,
            Some(difference) if difference.high < 0.0 => Effect::Helps,
            Some(difference) if difference.low > 0.0 => Effect::Hurts,
            _ => Effect::None,
        }
    }

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Effect::Cures => "cures",
            Effect::Helps => "helps",
            Effect::None => "none",
            Effect::Hurts => "hurts",
        }
    }
}

/// Whether the client gave up on `not_found`.
fn was_told_lost(facts: Facts) -> bool {
    let otherwise = [Fact::SawReady, Fact::SawExpired, Fact::SawError, Fact::TimedOut, Fact::FetchGaveUp];
    !otherwise.into_iter().any(|fact| facts.contains(fact))
}

/// Whether the client was told something false: `ready` too early, or with somebody else's result, or over an error; an error that
/// was none; or `processing` to the end, though the work was lost.
fn was_told_false(facts: Facts) -> bool {
    let has = |fact| facts.contains(fact);
    let ready = has(Fact::SawReady) && (has(Fact::FalseReady) || has(Fact::ForeignReady) || has(Fact::MaskedError));
    let error = has(Fact::SawError) && !has(Fact::Failed) && !has(Fact::Interrupted);
    let processing = has(Fact::TimedOut) && has(Fact::Interrupted);
    ready || error || processing
}

/// The remedies that apply to a cause.
#[must_use]
pub fn remedies(cause: &Scenario) -> Vec<Remedy> {
    Remedy::ALL.into_iter().filter(|remedy| remedy.applies_to(&cause.policies[0])).collect()
}

/// Whether a scenario is a cause: one policy, on the incident's dictionary, for the remedies to change.
#[must_use]
pub fn is_cause(scenario: &Scenario) -> bool {
    matches!(scenario.policies.as_slice(), [policy] if policy.store == StoreKind::Dict)
}

/// A [cause](is_cause) under all remedies that apply to it, a policy for each.
#[must_use]
pub fn under_remedies(cause: &Scenario) -> Scenario {
    let policies = remedies(cause).iter().map(|remedy| remedy.applied_to(&cause.policies[0])).collect();
    Scenario { policies, checks: Vec::new(), ..cause.clone() }
}

/// Runs a [cause](is_cause) under all remedies that apply to it.
///
/// # Errors
/// As [`experiment::run`].
pub fn run(cause: &Scenario, options: &Options<'_>) -> Result<Row, ExperimentError> {
    let remedies = remedies(cause);
    let results = experiment::run(&under_remedies(cause), options)?;
    let pairs = results.pairs();
    let place = |remedy| remedies.iter().position(|&other| other == remedy);
    let difference = |from: Option<usize>, to: Option<usize>, is_hurt: &dyn Fn(Facts) -> bool| {
        let pair = (from?, to?);
        let found = pairs_of(remedies.len()).position(|other| other == pair)?;
        interval::difference(pairs[found].1.cells_where(is_hurt, Group::All))
    };
    let is_misled = |facts| was_told_lost(facts) || was_told_false(facts);
    let cells = remedies.iter().zip(results.tallies()).map(|(&remedy, tally)| Cell {
        remedy,
        uploads: tally.uploads(),
        told_lost: tally.count_where(was_told_lost),
        told_false: tally.count_where(|facts| was_told_false(facts) && !was_told_lost(facts)),
        symptom: tally.count(Fact::ToldLost),
        difference: difference(Some(0), place(remedy), &is_misled),
        symptom_difference: difference(Some(0), place(remedy), &|facts| facts.contains(Fact::ToldLost)),
    });
    Ok(Row {
        cause: cause.name.clone(),
        title: cause.title.clone(),
        seed: cause.seed,
        cells: cells.collect(),
        deployed: difference(place(Remedy::DeployedBefore), place(Remedy::DeployedAfter), &is_misled),
    })
}
