//! What the engine knows of each upload from its arrival until nothing more can happen to it.

use std::collections::VecDeque;

use crate::measure::{Fact, Facts};
use crate::store::{Answer, StatusStore};
use crate::time::SimTime;
use crate::trace::Ending;
use crate::workload::Upload;

/// One upload's life.
pub(super) struct Life<S: StatusStore> {
    pub(super) upload: Upload,
    /// What the client polls with, once it has the response.
    pub(super) id: Option<S::Id>,
    /// Until the work ends.
    pub(super) ticket: Option<S::Ticket>,
    /// The worker that accepted it.
    pub(super) worker: u16,
    /// The moment of its success, if it has succeeded.
    pub(super) succeeded_at: SimTime,
    /// Polls made.
    pub(super) polls: u32,
    /// What its latest poll read.
    pub(super) answer: Answer,
    pub(super) facts: Facts,
    pub(super) work_over: bool,
    pub(super) client_over: bool,
    /// Whether the client gave up on `not_found`.
    gave_up: bool,
    /// How long after its success the client was told of it, if it was.
    pub(super) ready_to_seen_ns: Option<u64>,
}

impl<S: StatusStore> Life<S> {
    fn new(upload: Upload) -> Self {
        let mut facts = Facts::default();
        if upload.away_ns.is_some() {
            facts.insert(Fact::Away);
        }
        Life {
            upload,
            id: None,
            ticket: None,
            worker: 0,
            succeeded_at: SimTime::ZERO,
            polls: 0,
            answer: Answer::NotFound,
            facts,
            work_over: false,
            client_over: false,
            gave_up: false,
            ready_to_seen_ns: None,
        }
    }

    /// Notes what the latest poll read, and what that says about the store.
    pub(super) fn note_answer(&mut self, answer: Answer) {
        self.answer = answer;
        let succeeded = self.facts.contains(Fact::Succeeded);
        match answer {
            Answer::NotFound if succeeded => self.facts.insert(Fact::FalseNotFound),
            Answer::NotFound if !self.work_over => self.facts.insert(Fact::EarlyNotFound),
            Answer::Ready { upload } => {
                if !succeeded {
                    self.facts.insert(Fact::FalseReady);
                }
                if upload != self.upload.number {
                    self.facts.insert(Fact::ForeignReady);
                }
            }
            _ => {}
        }
    }

    /// The work ends.
    pub(super) fn end_work(&mut self, at: SimTime, fact: Fact) {
        self.facts.insert(fact);
        self.work_over = true;
        self.succeeded_at = at;
    }

    /// The client ends.
    pub(super) fn end_client(&mut self, at: SimTime, ending: Ending) {
        self.client_over = true;
        match ending {
            Ending::SawReady => self.facts.insert(Fact::SawReady),
            Ending::SawError => self.facts.insert(Fact::SawError),
            Ending::SawExpired => self.facts.insert(Fact::SawExpired),
            Ending::TimedOut => self.facts.insert(Fact::TimedOut),
            Ending::Refused => self.facts.insert(Fact::FetchGaveUp),
            Ending::GaveUp => self.gave_up = true,
        }
        let told = ending == Ending::SawReady && self.facts.contains(Fact::Succeeded);
        self.ready_to_seen_ns = told.then(|| at.since(self.succeeded_at));
    }
}

/// The lives from the oldest one that is not over to the youngest: memory for what is going on, not for what is over.
pub(super) struct Lives<S: StatusStore> {
    /// The number of the first one in the window.
    first: u32,
    window: VecDeque<Life<S>>,
}

impl<S: StatusStore> Lives<S> {
    pub(super) fn new() -> Self {
        Lives { first: 0, window: VecDeque::new() }
    }

    /// A life begins; uploads arrive in the order of their numbers.
    pub(super) fn push(&mut self, upload: Upload) {
        debug_assert_eq!(upload.number as usize, self.first as usize + self.window.len());
        self.window.push_back(Life::new(upload));
    }

    /// The life of an upload that is not over.
    pub(super) fn get(&mut self, upload: u32) -> &mut Life<S> {
        &mut self.window[(upload - self.first) as usize]
    }

    /// Takes the oldest life, if it is over.
    pub(super) fn pop_over(&mut self) -> Option<Life<S>> {
        self.window.front().filter(|life| life.work_over && life.client_over)?;
        let mut life = self.window.pop_front()?;
        self.first += 1;
        if life.gave_up && life.facts.contains(Fact::Succeeded) {
            life.facts.insert(Fact::ToldLost);
        }
        if life.facts.contains(Fact::Failed) && life.facts.contains(Fact::SawReady) {
            life.facts.insert(Fact::MaskedError);
        }
        Some(life)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.window.is_empty()
    }
}
