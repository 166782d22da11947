//! The models, and the tests that run them.

mod clearing;
mod ending;
mod holding;
mod reading;
mod sweeping;
mod three;
mod together;
mod waiting;

use std::collections::BTreeSet;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use crate::harness::{Bound, Model, report, run};
use crate::registry::{self, Outcome, Retention, Status, UploadId};

/// A hasher without chance: loom's executions must repeat.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Registry = registry::Registry<u8, u8, Hasher>;
type Ticket = registry::Ticket<u8, u8>;

/// The time to live in all models, in nanoseconds.
pub const LIFE: u64 = 10;

/// Ten nanoseconds from the end, logical expiry, tombstones for twenty.
pub fn retention() -> Retention {
    Retention::finished(Duration::from_nanos(LIFE)).tombstone(Some(Duration::from_nanos(20)))
}

pub fn registry(retention: Retention) -> Registry {
    Registry::with_origin(retention, 1, Hasher::default(), 1)
}

/// A registry with one upload, under key 1, that began and ended well at 0.
fn with_ready(retention: Retention) -> (Registry, UploadId) {
    let registry = registry(retention);
    let id = ready(&registry, 1);
    (registry, id)
}

/// An upload that began and ended well at 0.
pub fn ready(registry: &Registry, key: u8) -> UploadId {
    let ticket = registry.begin(key, 0).expect("there is room");
    let id = ticket.id();
    finish(ticket, 7, 0);
    id
}

/// Ends an upload well, whether or not its ticket is stale, and says which.
fn finish(ticket: Ticket, detail: u8, now: u64) -> &'static str {
    match ticket.finish(Outcome::Ready(detail), now) {
        Ok(()) => "finished",
        Err(_) => "stale",
    }
}

fn text(status: Status<u8>) -> String {
    match status {
        Status::Expired(state) => format!("expired {state:?}").to_lowercase(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// All models.
pub fn all() -> Vec<&'static Model> {
    let two = [ending::MODELS, clearing::MODELS, sweeping::MODELS, holding::MODELS, waiting::MODELS];
    two.into_iter().chain([reading::MODELS, three::MODELS, together::MODELS]).flatten().collect()
}

/// The committed list: name, bound, rules and executions of each model that must run.
const COMMITTED: &str = include_str!("../models.txt");

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the environment chooses a model to run alone, and the whole is timed"
)]
fn every_model_holds_and_the_list_of_those_that_ran_is_the_committed_one() {
    let only = std::env::var("STILLREADY_MODEL").ok();
    let start = std::time::Instant::now();
    let (mut ran, mut lines, mut broken) = (String::new(), Vec::new(), Vec::new());
    let (mut exhaustive, mut bounded, mut total) = (0, 0, 0);
    for model in all().into_iter().filter(|model| only.as_deref().is_none_or(|name| name == model.name)) {
        match run(model) {
            Ok(executions) => {
                let line =
                    format!("{}  {}  {}  {executions} executions", model.name, model.rules.join(" "), model.bound);
                lines.push(format!("model {line}, {} outcomes", model.outcomes.len()));
                ran += &format!("{line}\n");
                total += executions;
                match model.bound {
                    Bound::Exhaustive => exhaustive += 1,
                    Bound::Preemptions(_) => bounded += 1,
                }
            }
            Err(why) => broken.push(format!(
                "{}: {why}\n  run it alone: STILLREADY_MODEL={} cargo test --test loom every_model",
                model.name, model.name
            )),
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    lines.push(format!("models: {exhaustive} exhaustive, {bounded} bounded, {total} executions, {seconds:.1} s"));
    report(&lines);
    assert!(broken.is_empty(), "models that do not hold:\n{}", broken.join("\n"));
    assert!(!ran.is_empty(), "no model ran");
    if only.is_none() && ran != COMMITTED {
        let without = |lines: &str, others: &str| {
            let others: Vec<_> = others.lines().collect();
            lines.lines().filter(|line| !others.contains(line)).collect::<Vec<_>>().join("\n")
        };
        let (more, fewer) = (without(&ran, COMMITTED), without(COMMITTED, &ran));
        panic!(
            "tests/loom/models.txt is not what ran, in this order.\nran, not listed:\n{more}\nlisted, not run:\n{fewer}"
        );
    }
}

#[test]
fn no_two_models_share_a_name() {
    let names: BTreeSet<_> = all().iter().map(|model| model.name).collect();
    assert_eq!(names.len(), all().len());
}
