//! What the engine knows of each upload from its arrival until nothing more can happen to it.

use crate::measure::{Fact, Facts};
use crate::rng::OfUpload;
use crate::store::{Answer, StatusStore};
use crate::time::SimTime;
use crate::trace::Ending;
use crate::workload::Upload;

/// What each poll of an upload needs: small, so that those of all who poll fit into the fastest cache.
pub(super) struct Poller<I> {
    /// What the client polls with, once it has the response.
    pub(super) id: Option<I>,
    /// What its polls draw their dice from.
    pub(super) dice: OfUpload,
    pub(super) upload: u32,
    pub(super) key: u32,
    /// Polls made.
    pub(super) polls: u32,
    pub(super) facts: Facts,
    work_over: bool,
    client_over: bool,
}

impl<I> Poller<I> {
    /// Notes what an answer says about the store.
    #[inline(always)]
    pub(super) fn note_answer(&mut self, answer: Answer) {
        match answer {
            Answer::NotFound => {
                if self.facts.contains(Fact::Succeeded) {
                    self.facts.insert(Fact::FalseNotFound);
                } else if !self.work_over {
                    self.facts.insert(Fact::EarlyNotFound);
                }
            }
            Answer::Ready { upload } => {
                if !self.facts.contains(Fact::Succeeded) {
                    self.facts.insert(Fact::FalseReady);
                }
                if upload != self.upload {
                    self.facts.insert(Fact::ForeignReady);
                }
            }
            _ => {}
        }
    }

    /// Whether nothing more can happen to its upload.
    fn is_over(&self) -> bool {
        self.work_over && self.client_over
    }
}

/// The rest of one upload's life.
pub(super) struct Life<S: StatusStore> {
    pub(super) upload: Upload,
    /// Until the work ends.
    pub(super) ticket: Option<S::Ticket>,
    /// The worker that accepted it.
    pub(super) worker: u16,
    /// The moment of its success, if it has succeeded.
    succeeded_at: SimTime,
    /// What its latest poll read, while its response is on the way.
    pub(super) answer: Answer,
    /// Whether the client gave up on `not_found`.
    gave_up: bool,
    /// How long after its success the client was told of it, if it was.
    ready_to_seen_ns: Option<u64>,
}

/// What became of an upload.
pub(super) struct Fate {
    pub(super) upload: Upload,
    pub(super) facts: Facts,
    pub(super) polls: u32,
    pub(super) ready_to_seen_ns: Option<u64>,
}

/// The place of a life among those that go on.
pub(super) type Place = u32;

/// The lives that go on. The place of one that is over is given to the next, so memory, and the part of it that is touched, is
/// that of what goes on.
pub(super) struct Lives<S: StatusStore> {
    pollers: Vec<Poller<S::Id>>,
    lives: Vec<Life<S>>,
    free: Vec<Place>,
}

impl<S: StatusStore> Lives<S> {
    pub(super) fn new() -> Self {
        Lives { pollers: Vec::new(), lives: Vec::new(), free: Vec::new() }
    }

    /// A life begins.
    pub(super) fn begin(&mut self, upload: Upload, dice: OfUpload) -> Place {
        let mut facts = Facts::default();
        if upload.away_ns.is_some() {
            facts.insert(Fact::Away);
        }
        let Upload { number, key, .. } = upload;
        let poller =
            Poller { id: None, dice, upload: number, key, polls: 0, facts, work_over: false, client_over: false };
        let life = Life {
            upload,
            ticket: None,
            worker: 0,
            succeeded_at: SimTime::ZERO,
            answer: Answer::NotFound,
            gave_up: false,
            ready_to_seen_ns: None,
        };
        match self.free.pop() {
            Some(place) => {
                self.pollers[place as usize] = poller;
                self.lives[place as usize] = life;
                place
            }
            None => {
                self.pollers.push(poller);
                self.lives.push(life);
                u32::try_from(self.lives.len() - 1).expect("there are fewer than 2^32 uploads")
            }
        }
    }

    #[inline(always)]
    pub(super) fn poller(&mut self, place: Place) -> &mut Poller<S::Id> {
        &mut self.pollers[place as usize]
    }

    #[inline(always)]
    pub(super) fn get(&mut self, place: Place) -> &mut Life<S> {
        &mut self.lives[place as usize]
    }

    /// The work of a life ends.
    pub(super) fn end_work(&mut self, place: Place, at: SimTime, fact: Fact) {
        let poller = &mut self.pollers[place as usize];
        poller.facts.insert(fact);
        poller.work_over = true;
        self.lives[place as usize].succeeded_at = at;
    }

    /// The client of a life ends.
    pub(super) fn end_client(&mut self, place: Place, at: SimTime, ending: Ending) {
        let (poller, life) = (&mut self.pollers[place as usize], &mut self.lives[place as usize]);
        poller.client_over = true;
        match ending {
            Ending::SawReady => poller.facts.insert(Fact::SawReady),
            Ending::SawError => poller.facts.insert(Fact::SawError),
            Ending::SawExpired => poller.facts.insert(Fact::SawExpired),
            Ending::TimedOut => poller.facts.insert(Fact::TimedOut),
            Ending::Refused => poller.facts.insert(Fact::FetchGaveUp),
            Ending::GaveUp => life.gave_up = true,
        }
        let told = ending == Ending::SawReady && poller.facts.contains(Fact::Succeeded);
        life.ready_to_seen_ns = told.then(|| at.since(life.succeeded_at));
    }

    /// Lets go of a life if nothing more can happen to it, and returns what became of it.
    pub(super) fn close(&mut self, place: Place) -> Option<Fate> {
        let poller = &self.pollers[place as usize];
        if !poller.is_over() {
            return None;
        }
        self.free.push(place);
        let life = &mut self.lives[place as usize];
        life.ticket = None;
        let (mut facts, polls) = (poller.facts, poller.polls);
        if life.gave_up && facts.contains(Fact::Succeeded) {
            facts.insert(Fact::ToldLost);
        }
        if facts.contains(Fact::Failed) && facts.contains(Fact::SawReady) {
            facts.insert(Fact::MaskedError);
        }
        Some(Fate { upload: life.upload, facts, polls, ready_to_seen_ns: life.ready_to_seen_ns })
    }

    /// Whether no life goes on.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.lives.len()
    }
}
