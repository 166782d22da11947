//! Runs steps on the [`Reference`]: what a store has to answer.

use super::program::{Step, UPLOADS};
use super::promise::Promise;
use super::reference::{Reference, Room};
use crate::registry::{State, Status};

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The upload began.
    Begun,
    /// There was no room for it.
    Full,
    /// Whether the end was taken; `None` where the store does not say.
    Ended(Option<bool>),
    /// The work is known to be lost.
    Interrupted,
    /// A poll's answer.
    Status(Status<u32>),
    /// A long poll goes on.
    Pending,
    /// Whether the acknowledgement counted.
    Acknowledged(bool),
    /// Whether there was something to clear.
    Cleared(bool),
    /// How many entries there are after a sweep; `None` where that is not asked.
    Swept(Option<usize>),
    /// Time has passed.
    Passed,
    /// There was nothing to call: the upload had not begun, or the store has no such call.
    Skipped,
    /// The call panicked.
    Panicked,
}

impl Answer {
    /// Whether an answer is one that the reference allows, whose own answer this is. A store may hold fewer entries than the
    /// reference, and need not say whether it took an end.
    pub(super) fn allows(self, got: Answer) -> bool {
        match (self, got) {
            (Answer::Ended(_), Answer::Ended(None)) | (_, Answer::Swept(None)) => true,
            (Answer::Swept(Some(expected)), Answer::Swept(Some(held))) => held <= expected,
            (expected, got) => expected == got,
        }
    }
}

/// The reference, called by steps.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Model {
    reference: Reference,
    /// Where each upload of the program is in the reference, in the order of their beginning; `None` as long as it has not begun.
    index: [Option<u8>; UPLOADS],
}

impl Clone for Model {
    fn clone(&self) -> Model {
        Model { reference: self.reference.clone(), ..*self }
    }

    fn clone_from(&mut self, of: &Model) {
        self.reference.clone_from(&of.reference);
        self.index = of.index;
    }
}

impl Model {
    pub(super) fn new(promise: Promise) -> Model {
        Model { reference: Reference::new(promise), index: [None; UPLOADS] }
    }

    /// In how many ways a step can come out: more than one where one of several equally old records makes room.
    pub(super) fn choices(&mut self, step: Step, now_ns: u64) -> usize {
        let Step::Begin { key, .. } = step else { return 1 };
        self.reference.advance(now_ns);
        match self.reference.room(u32::from(key)) {
            Room::Evict(candidates) => candidates.len(),
            Room::Free | Room::Full => 1,
        }
    }

    /// Does a step, in one of the ways in which it can come out.
    pub(super) fn apply(&mut self, step: Step, now_ns: u64, choice: usize) -> Answer {
        self.reference.advance(now_ns);
        let index = step.of().map(|upload| self.index[usize::from(upload)]);
        if index == Some(None) {
            return Answer::Skipped;
        }
        let index = index.flatten().map_or(0, usize::from);
        let upload = u32::from(step.of().unwrap_or(0));
        match step {
            Step::Begin { upload, key } => {
                match self.reference.room(u32::from(key)) {
                    Room::Full => return Answer::Full,
                    Room::Evict(candidates) => {
                        self.reference.remove(candidates[choice]);
                    }
                    Room::Free => {}
                }
                self.index[usize::from(upload)] = Some(self.reference.begin(u32::from(key)) as u8);
                Answer::Begun
            }
            Step::Finish(_) => Answer::Ended(Some(self.reference.end(index, State::Ready, upload))),
            Step::Fail(_) => Answer::Ended(Some(self.reference.end(index, State::Failed, upload))),
            Step::Interrupt(_) => {
                self.reference.end(index, State::Interrupted, upload);
                Answer::Interrupted
            }
            Step::Read(_) => Answer::Status(self.read(index)),
            Step::Wait(_) => match self.read(index) {
                Status::Processing => Answer::Pending,
                status => Answer::Status(status),
            },
            Step::ReadKey(key) => Answer::Status(self.reference.read_key(u32::from(key))),
            Step::Acknowledge(_) => Answer::Acknowledged(self.reference.acknowledge(self.reference.found_by(index))),
            Step::Clear(_) => Answer::Cleared(self.reference.remove(self.reference.found_by(index))),
            Step::Sweep => {
                self.reference.sweep();
                Answer::Swept(Some(self.reference.counts().total()))
            }
            Step::Pass(_) | Step::Back(_) => Answer::Passed,
        }
    }

    fn read(&mut self, index: usize) -> Status<u32> {
        self.reference.read(self.reference.found_by(index))
    }

    /// Whether a sweep at this time has something to take.
    pub(super) fn is_something_due(&self) -> bool {
        !self.reference.due().is_empty()
    }
}
