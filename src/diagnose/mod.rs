//! The incident's possible causes against its possible remedies: who is misled, by which cause, under which remedy.
//!
//! A cause is a scenario of its own, with one policy: the incident's before the team's change. Each remedy changes that one policy
//! in one respect, so a cell of the matrix is one cause under one remedy, over the same uploads as all other cells of its row.

pub mod likeness;
mod remedy;

pub use remedy::Remedy;

use crate::experiment::{self, ExperimentError, Options, pairs_of};
use crate::measure::interval::{self, Estimate};
use crate::measure::{Fact, Facts, Group, Pairs};
use crate::scenario::Scenario;

/// A cause under all remedies.
pub struct Row {
    /// The cause's name: that of its scenario.
    pub cause: String,
    /// The cause in a few words.
    pub title: String,
    /// The seed of its run.
    pub seed: u64,
    /// One cell per remedy, in the order of [`Remedy::ALL`].
    pub cells: Vec<Cell>,
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
    /// Users whose upload had succeeded and who were told "lost": the incident's symptom.
    pub symptom: u64,
    /// The share of those who were told "lost" or something false; less that under [`Remedy::Before`], over the same uploads.
    pub difference: Option<Estimate>,
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

    /// What a remedy does, against [`Remedy::Before`].
    #[must_use]
    pub fn effect(&self, before: &Cell) -> Effect {
        let (Some(difference), Some(rate), Some(rate_before)) = (self.difference, self.rate(), before.rate()) else {
            return Effect::None;
        };
        match (difference.high < 0.0, difference.low > 0.0) {
            (true, _) if rate.value <= rate_before.value / 50.0 => Effect::Cures,
            (true, _) => Effect::Helps,
            (_, true) => Effect::Hurts,
            _ => Effect::None,
        }
    }
}

/// What a remedy does against a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At most a fiftieth as many users are misled.
    Cures,
    /// Fewer users are misled; the interval of the difference says so.
    Helps,
    /// No difference can be told.
    None,
    /// More users are misled.
    Hurts,
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

/// The scenario of a cause with a policy for each remedy.
fn with_remedies(cause: &Scenario) -> Scenario {
    let policies = Remedy::ALL.map(|remedy| remedy.applied_to(&cause.policies[0])).to_vec();
    Scenario { policies, checks: Vec::new(), ..cause.clone() }
}

/// Runs a cause, a scenario of at least one policy, under all remedies.
///
/// # Errors
/// As [`experiment::run`].
pub fn run(cause: &Scenario, options: &Options<'_>) -> Result<Row, ExperimentError> {
    let results = experiment::run(&with_remedies(cause), options)?;
    let pairs = results.pairs();
    let against_before = |number: usize| -> Option<&Pairs> {
        let place = pairs_of(Remedy::ALL.len()).position(|pair| pair == (0, number))?;
        Some(&pairs[place].1)
    };
    let is_misled = |facts| was_told_lost(facts) || was_told_false(facts);
    let cells = Remedy::ALL.into_iter().zip(results.tallies()).enumerate().map(|(number, (remedy, tally))| Cell {
        remedy,
        uploads: tally.uploads(),
        told_lost: tally.count_where(was_told_lost),
        told_false: tally.count_where(|facts| was_told_false(facts) && !was_told_lost(facts)),
        symptom: tally.count(Fact::ToldLost),
        difference: against_before(number)
            .and_then(|pairs| interval::difference(pairs.cells_where(is_misled, Group::All))),
    });
    Ok(Row { cause: cause.name.clone(), title: cause.title.clone(), seed: cause.seed, cells: cells.collect() })
}

/// A sentence on a cause: whether it gives the incident's symptom, whether 60 min / 5 % helps, and what does.
#[must_use]
pub fn sentence(row: &Row, percent: impl Fn(f64) -> String) -> String {
    let share = |events: u64, uploads| interval::rate(events, uploads).map_or(0.0, |rate| rate.value);
    let before = &row.cells[0];
    let reproduces = match (before.symptom, before.misled()) {
        (0, 0) => "nobody is misled: it is not the cause".to_owned(),
        (0, misled) => {
            let false_share = percent(share(misled, before.uploads));
            format!("not this symptom: {false_share} of users are told something false instead")
        }
        (symptom, _) => format!("{} lose a success", percent(share(symptom, before.uploads))),
    };
    if before.misled() == 0 {
        return format!("{}: {reproduces}.", row.title);
    }
    let after = row.cells.iter().find(|cell| cell.remedy == Remedy::After).unwrap_or(before);
    let change = match after.effect(before) {
        Effect::Cures => "60 min / 5 % cures it".to_owned(),
        Effect::Helps => format!("60 min / 5 % helps in part, to {}", percent(share(after.misled(), after.uploads))),
        Effect::None => "60 min / 5 % does nothing".to_owned(),
        Effect::Hurts => format!("60 min / 5 % makes it worse, {}", percent(share(after.misled(), after.uploads))),
    };
    let single = row.cells.iter().filter(|cell| cell.remedy.is_single() && cell.effect(before) == Effect::Cures);
    let cures: Vec<_> = single.map(|cell| cell.remedy.name()).collect();
    let all = row.cells.last().unwrap_or(before).effect(before);
    let cure = match (cures.is_empty(), all) {
        (false, _) => format!("cured by {}", cures.join(" or by ")),
        (true, Effect::Cures) => "cured only by all together".to_owned(),
        (true, _) => "cured by none of these: the cause itself has to go".to_owned(),
    };
    format!("{}: {reproduces}; {change}; {cure}.", row.title)
}
