//! One policy's run within a replication, whatever its store.

use std::collections::VecDeque;

use crate::engine::{Engine, Redraw};
use crate::measure::{Facts, Tally};
use crate::property::{Verdicts, Watch};
use crate::scenario::{Policy, Scenario, StoreKind};
use crate::store::{Dict, Disk, RegistryStore, StatusStore};
use crate::time::SimTime;
use crate::trace::timeline::Timeline;
use crate::trace::{Event, Observer};
use crate::workload::Upload;

/// A run that others can advance without knowing its store.
pub(super) trait Run: Send {
    /// See [`Engine::advance`].
    fn advance(&mut self, arrivals: u32) -> bool;
    /// What became of the uploads that are over.
    fn outcomes(&mut self) -> &mut Outcomes;
    /// What was measured, and what the properties came to.
    fn finish(self: Box<Self>) -> (Tally, Verdicts);
}

/// What became of each upload, in the order of arrival, until somebody takes it away.
#[derive(Default)]
pub(super) struct Outcomes {
    /// The number of the first upload that was not taken away.
    first: u32,
    /// Those from it on, as far as they are over.
    waiting: VecDeque<Option<Facts>>,
    /// The same with all details, if they are wanted.
    rows: Option<VecDeque<Option<Outcome>>>,
}

/// What became of one upload.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) upload: Upload,
    pub(super) facts: Facts,
    pub(super) polls: u32,
    pub(super) ready_to_seen_ns: Option<u64>,
}

impl Outcomes {
    /// How many uploads are over without one before them that is not.
    pub(super) fn over(&self) -> usize {
        self.waiting.iter().take_while(|facts| facts.is_some()).count()
    }

    /// Takes away the first `count` uploads, which are over, and their details if they were wanted.
    pub(super) fn take(&mut self, count: usize) -> (Vec<Facts>, Vec<Outcome>) {
        self.first += count as u32;
        let rows = self.rows.as_mut().map(|rows| rows.drain(..count).flatten().collect());
        (self.waiting.drain(..count).flatten().collect(), rows.unwrap_or_default())
    }
}

/// Puts a value in its place, making room for those before it.
fn put<T: Copy>(queue: &mut VecDeque<Option<T>>, place: usize, value: T) {
    if queue.len() <= place {
        queue.resize(place + 1, None);
    }
    queue[place] = Some(value);
}

impl Observer for Outcomes {
    #[inline]
    fn observe(&mut self, _: SimTime, event: Event<'_>) {
        if let Event::Over { upload, facts, polls, ready_to_seen_ns } = event {
            let place = (upload.number - self.first) as usize;
            put(&mut self.waiting, place, facts);
            if let Some(rows) = &mut self.rows {
                put(rows, place, Outcome { upload: *upload, facts, polls, ready_to_seen_ns });
            }
        }
    }
}

impl<S: StatusStore> Run for Engine<S, (Tally, (Outcomes, Watch))>
where
    Self: Send,
{
    fn advance(&mut self, arrivals: u32) -> bool {
        Engine::advance(self, arrivals)
    }

    fn outcomes(&mut self) -> &mut Outcomes {
        &mut self.observer().1.0
    }

    fn finish(self: Box<Self>) -> (Tally, Verdicts) {
        let (tally, (_, watch)) = self.into_observer();
        (tally, watch.into_verdicts())
    }
}

/// A policy's run at its start.
pub(super) fn new_run(scenario: &Scenario, policy: &Policy, seed: u64, rows: bool) -> Box<dyn Run> {
    let outcomes = Outcomes { rows: rows.then(VecDeque::new), ..Outcomes::default() };
    let observer = (Tally::default(), (outcomes, Watch::new(policy, seed)));
    match policy.store {
        StoreKind::Registry => Box::new(Engine::new(scenario, policy, seed, registry(policy), observer)),
        StoreKind::Dict => Box::new(Engine::new(scenario, policy, seed, dict(policy), observer)),
    }
}

/// What makes the registries of a policy.
fn registry(policy: &Policy) -> impl Fn(u32) -> RegistryStore + Send + 'static {
    let retention = policy.retention;
    move |number| RegistryStore::new(retention, number)
}

/// What makes the dictionaries of a policy, which share a disk.
fn dict(policy: &Policy) -> impl Fn(u32) -> Dict + Send + 'static {
    let (retention, defects, disk) = (policy.retention, policy.defects, Disk::default());
    move |_| Dict::new(retention, defects, disk.clone())
}

/// Runs one policy of a replication with an observer of one's own.
pub fn observe<O: Observer>(scenario: &Scenario, policy: &Policy, seed: u64, observer: O) -> O {
    match policy.store {
        StoreKind::Registry => to_its_end(Engine::new(scenario, policy, seed, registry(policy), observer)),
        StoreKind::Dict => to_its_end(Engine::new(scenario, policy, seed, dict(policy), observer)),
    }
}

fn to_its_end<S: StatusStore, O: Observer>(mut engine: Engine<S, O>) -> O {
    engine.run();
    engine.into_observer()
}

/// Runs one policy of a replication until an observer has seen enough of an upload, with some of its client's chance drawn anew.
pub(super) fn follow<O: Observer>(
    scenario: &Scenario,
    policy: &Policy,
    seed: u64,
    (upload, redraws): (u32, Vec<Redraw>),
    observer: O,
    is_enough: impl Fn(&O) -> bool,
) -> O {
    match policy.store {
        StoreKind::Registry => {
            let engine = Engine::redrawn(scenario, policy, seed, registry(policy), observer, redraws);
            until(engine, upload, is_enough)
        }
        StoreKind::Dict => {
            let engine = Engine::redrawn(scenario, policy, seed, dict(policy), observer, redraws);
            until(engine, upload, is_enough)
        }
    }
}

/// The timeline of one upload, by running its replication once more, and what the properties say of that upload.
#[must_use]
pub fn replay(scenario: &Scenario, policy: &Policy, seed: u64, upload: Upload) -> (Timeline, Verdicts) {
    let number = upload.number;
    let observer = (Timeline::new(upload), Watch::over(policy, seed, number));
    let is_enough = |(timeline, _): &(Timeline, Watch)| timeline.is_complete();
    let (timeline, watch) = match policy.store {
        StoreKind::Registry => {
            until(Engine::new(scenario, policy, seed, registry(policy), observer), number, is_enough)
        }
        StoreKind::Dict => until(Engine::new(scenario, policy, seed, dict(policy), observer), number, is_enough),
    };
    (timeline, watch.into_verdicts())
}

/// Runs until an upload has arrived and the observer has seen enough, or to the end.
fn until<S: StatusStore, O: Observer>(mut engine: Engine<S, O>, upload: u32, is_enough: impl Fn(&O) -> bool) -> O {
    let mut arrivals = upload;
    let mut done = false;
    while !done && !is_enough(engine.observer()) {
        arrivals = arrivals.saturating_add(1);
        done = engine.advance(arrivals);
    }
    engine.into_observer()
}
