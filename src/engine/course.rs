//! What an upload's life has come to so far.

use crate::measure::{Fact, Facts};
use crate::store::Answer;
use crate::trace::Ending;
use crate::workload::Upload;

/// The facts of an upload, as far as they are known.
#[derive(Clone, Copy)]
pub(super) struct Course {
    facts: Facts,
    /// Whether the client gave up on `not_found`.
    gave_up: bool,
}

impl Course {
    /// That of an upload that has just come.
    #[inline(always)]
    pub(super) fn new(upload: &Upload) -> Self {
        let mut facts = Facts::default();
        if upload.away_ns.is_some() {
            facts.insert(Fact::Away);
        }
        Course { facts, gave_up: false }
    }

    /// No store took it.
    pub(super) fn refuse(&mut self) {
        self.facts.insert(Fact::Interrupted);
    }

    /// Notes what an answer to a poll of the upload says about the store, while a work of it goes on or after that.
    #[inline(always)]
    pub(super) fn note_answer(&mut self, answer: Answer, upload: u32, is_running: bool) {
        match answer {
            Answer::NotFound => self.note_not_found(true, is_running),
            Answer::Ready { upload: told } => {
                if !self.facts.contains(Fact::Succeeded) {
                    self.facts.insert(Fact::FalseReady);
                }
                if told != upload {
                    self.facts.insert(Fact::ForeignReady);
                }
            }
            _ => {}
        }
    }

    /// Notes an answer that says nothing about the store but, if it is so, that there is no entry. Without a branch: where many
    /// clients go on polling, which of them has lost its entry is as good as chance.
    #[inline(always)]
    pub(super) fn note_not_found(&mut self, is_so: bool, is_running: bool) {
        let succeeded = self.facts.contains(Fact::Succeeded);
        self.facts.insert_if(Fact::FalseNotFound, is_so & succeeded);
        self.facts.insert_if(Fact::EarlyNotFound, is_so & !succeeded & is_running);
    }

    /// A work ends, the last one that went on or not; `None` if it was lost. Returns whether this is the upload's own end.
    #[inline(always)]
    pub(super) fn end_work(&mut self, end: Option<Fact>, is_last: bool) -> bool {
        let has_ended = self.facts.contains(Fact::Succeeded) || self.facts.contains(Fact::Failed);
        match end {
            Some(fact) if !has_ended => self.facts.insert(fact),
            None if !has_ended && is_last => self.facts.insert(Fact::Interrupted),
            _ => {}
        }
        end.is_some() && !has_ended
    }

    /// The client ends. Returns whether it was told of a success.
    #[inline(always)]
    pub(super) fn end_client(&mut self, ending: Ending) -> bool {
        let succeeded = self.facts.contains(Fact::Succeeded);
        match ending {
            Ending::SawReady => self.facts.insert(Fact::SawReady),
            Ending::LoadedAnyway => {
                self.facts.insert(Fact::SawReady);
                if !succeeded {
                    self.facts.insert(Fact::FalseReady);
                }
            }
            Ending::SawError => self.facts.insert(Fact::SawError),
            Ending::SawExpired => self.facts.insert(Fact::SawExpired),
            Ending::TimedOut => self.facts.insert(Fact::TimedOut),
            Ending::Refused => self.facts.insert(Fact::FetchGaveUp),
            Ending::GaveUp => self.gave_up = true,
        }
        matches!(ending, Ending::SawReady | Ending::LoadedAnyway) && succeeded
    }

    /// The facts of an upload to which nothing more can happen.
    #[inline(always)]
    pub(super) fn facts_in_the_end(self) -> Facts {
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
