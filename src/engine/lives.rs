//! What the engine knows of each upload from its arrival until nothing more can happen to it.

use crate::measure::{Fact, Facts};
use crate::rng::OfUpload;
use crate::store::{Answer, StatusStore};
use crate::time::SimTime;
use crate::trace::Ending;
use crate::workload::Upload;

/// One upload's life.
pub(super) struct Life<S: StatusStore> {
    pub(super) upload: Upload,
    /// What its polls draw their dice from.
    pub(super) dice: OfUpload,
    /// What the client polls with, once it has the response.
    pub(super) id: Option<S::Id>,
    /// Until the work ends.
    pub(super) ticket: Option<S::Ticket>,
    /// The worker that accepted it.
    pub(super) worker: u16,
    /// The moment of its success, if it has succeeded.
    succeeded_at: SimTime,
    /// Polls made.
    pub(super) polls: u32,
    /// What its latest poll read, while its response is on the way.
    pub(super) answer: Answer,
    pub(super) facts: Facts,
    work_over: bool,
    client_over: bool,
    /// Whether the client gave up on `not_found`.
    gave_up: bool,
    /// How long after its success the client was told of it, if it was.
    pub(super) ready_to_seen_ns: Option<u64>,
}

impl<S: StatusStore> Life<S> {
    fn new(upload: Upload, dice: OfUpload) -> Self {
        let mut facts = Facts::default();
        if upload.away_ns.is_some() {
            facts.insert(Fact::Away);
        }
        Life {
            upload,
            dice,
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

    /// Whether nothing more can happen to it.
    pub(super) fn is_over(&self) -> bool {
        self.work_over && self.client_over
    }

    /// Notes what an answer says about the store.
    #[inline(always)]
    pub(super) fn note_answer(&mut self, answer: Answer) {
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

    /// Its facts, all being known.
    fn final_facts(&self) -> Facts {
        let mut facts = self.facts;
        if self.gave_up && facts.contains(Fact::Succeeded) {
            facts.insert(Fact::ToldLost);
        }
        if facts.contains(Fact::Failed) && facts.contains(Fact::SawReady) {
            facts.insert(Fact::MaskedError);
        }
        facts
    }
}

/// The place of a life among those that go on.
pub(super) type Place = u32;

/// The lives that go on. The place of one that is over is given to the next, so memory, and the part of it that is touched, is
/// that of what goes on.
pub(super) struct Lives<S: StatusStore> {
    lives: Vec<Life<S>>,
    free: Vec<Place>,
}

impl<S: StatusStore> Lives<S> {
    pub(super) fn new() -> Self {
        Lives { lives: Vec::new(), free: Vec::new() }
    }

    /// A life begins.
    pub(super) fn begin(&mut self, upload: Upload, dice: OfUpload) -> Place {
        let life = Life::new(upload, dice);
        match self.free.pop() {
            Some(place) => {
                self.lives[place as usize] = life;
                place
            }
            None => {
                self.lives.push(life);
                u32::try_from(self.lives.len() - 1).expect("there are fewer than 2^32 uploads")
            }
        }
    }

    #[inline(always)]
    pub(super) fn get(&mut self, place: Place) -> &mut Life<S> {
        &mut self.lives[place as usize]
    }

    /// Ends a life that is over, and returns it with its final facts.
    pub(super) fn end(&mut self, place: Place) -> (&Life<S>, Facts) {
        self.free.push(place);
        let life = &mut self.lives[place as usize];
        life.ticket = None;
        (life, life.final_facts())
    }

    /// Whether no life goes on.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.lives.len()
    }
}
