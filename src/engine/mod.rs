//! The engine: one replication of one policy, in virtual time, one atomic step after the other.
//!
//! It drives a [`StatusStore`] through the calls that a web handler would make, and tells an [`Observer`] what happens; it
//! knows nothing of reports. The order of events is that of time and, at one instant, of insertion. Steps of one handler
//! that take no time run one after the other at once; where a step takes time, others run in between.
//!
//! There are two programs of the one model. Most scenarios leave most of it out: a `Plain` run knows nothing of the rest and
//! has its store to itself, a `Full` one knows all of it. `tests/engine/paths.rs` runs scenarios through both, which must make no difference.

mod client;
mod course;
mod events;
mod far;
mod full;
mod lane;
mod near;
mod plain;

use crate::scenario::{Policy, Scenario};
use crate::store::StatusStore;
use crate::time::SimTime;
use crate::trace::Observer;
use full::Full;
use plain::Plain;

/// The place of a life among those that go on.
type Place = u32;

/// One replication of one policy.
pub struct Engine<S: StatusStore, O>(Run<S, O>);

enum Run<S: StatusStore, O> {
    Plain(Box<Plain<S::Alone, O>>),
    Full(Box<Full<S, O>>),
}

/// One client's chance, drawn anew after some moment: where its requests go, whether they sweep, whether they are lost. What it was
/// given until then, and all others, stay as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redraw {
    /// Whose.
    pub upload: u32,
    /// From which moment on, that one left out.
    pub after: SimTime,
    /// In whose place it draws: a number that no upload of the run has. Equal numbers, equal draws.
    pub as_upload: u32,
}

impl<S: StatusStore, O: Observer> Engine<S, O> {
    /// A replication at its start. `new_store` makes the stores, as many as the policy's scope asks for and one more whenever
    /// a worker loses its own, from their numbers.
    pub fn new(
        scenario: &Scenario,
        policy: &Policy,
        seed: u64,
        new_store: impl Fn(u32) -> S + Send + 'static,
        observer: O,
    ) -> Self {
        Engine(if plain::is_plain(scenario, policy) {
            Run::Plain(Box::new(Plain::new(scenario, policy, seed, new_store(0).alone(), observer)))
        } else {
            Run::Full(Box::new(Full::new(scenario, policy, seed, new_store, observer)))
        })
    }

    /// The same, with some of one client's chance drawn anew; the moments ascend.
    pub fn redrawn(
        scenario: &Scenario,
        policy: &Policy,
        seed: u64,
        new_store: impl Fn(u32) -> S + Send + 'static,
        observer: O,
        redraws: Vec<Redraw>,
    ) -> Self {
        let mut run = Full::new(scenario, policy, seed, new_store, observer);
        run.redraw(redraws);
        Engine(Run::Full(Box::new(run)))
    }

    /// Runs until so many uploads have arrived or, if there are not so many, until nothing more happens to any of them.
    /// Returns whether that is so.
    pub fn advance(&mut self, arrivals: u32) -> bool {
        match &mut self.0 {
            Run::Plain(run) => run.advance(arrivals),
            Run::Full(run) => run.advance(arrivals),
        }
    }

    /// Runs to the end.
    pub fn run(&mut self) {
        while !self.advance(u32::MAX) {}
    }

    /// The observer.
    pub fn observer(&mut self) -> &mut O {
        match &mut self.0 {
            Run::Plain(run) => run.observer(),
            Run::Full(run) => run.observer(),
        }
    }

    /// The observer, the engine being done.
    pub fn into_observer(self) -> O {
        match self.0 {
            Run::Plain(run) => run.into_observer(),
            Run::Full(run) => run.into_observer(),
        }
    }
}
