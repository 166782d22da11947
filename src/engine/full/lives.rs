//! What the engine knows of each upload from its arrival until nothing more can happen to it.

use crate::engine::Place;
use crate::engine::course::Course;
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
    /// Polls made before the page was opened again.
    pub(super) earlier_polls: u32,
    pub(super) course: Course,
    /// Failed fetches in a row.
    pub(super) errors: u32,
    /// Requests that wait or are being served.
    pub(super) requests: u8,
    /// Works that go on: one, but for uploads that were sent again.
    pub(super) works: u8,
    pub(super) client_over: bool,
}

/// A poll: what its handler has to know.
#[derive(Clone, Copy)]
pub(super) struct Poll<I> {
    pub(super) life: Place,
    pub(super) upload: u32,
    pub(super) key: u32,
    pub(super) id: Option<I>,
    pub(super) dice: OfUpload,
    /// Which poll of its client, from 0.
    pub(super) attempt: u32,
}

impl<I: Copy> Poller<I> {
    /// The latest poll.
    #[inline(always)]
    pub(super) fn latest(&self, life: Place) -> Poll<I> {
        let &Poller { upload, key, id, dice, polls, .. } = self;
        Poll { life, upload, key, id, dice, attempt: polls - 1 }
    }
}

impl<I> Poller<I> {
    /// Polls that the client has made since it opened the page.
    #[inline(always)]
    pub(super) fn attempts(&self) -> u32 {
        self.polls - self.earlier_polls
    }

    /// Notes what an answer says about the store.
    #[inline(always)]
    pub(super) fn note_answer(&mut self, answer: Answer) {
        self.course.note_answer(answer, self.upload, self.works > 0);
    }

    /// Whether nothing more can happen to its upload.
    fn is_over(&self) -> bool {
        self.client_over && self.works == 0 && self.requests == 0
    }
}

/// The work behind an upload, or behind one of its repetitions.
pub(super) struct Work<S: StatusStore> {
    /// Until its end is published.
    pub(super) ticket: Option<S::Ticket>,
    /// What the response carries.
    pub(super) id: S::Id,
    /// For which repetition of the upload, from 0.
    pub(super) post: u8,
    /// The worker that accepted it.
    pub(super) worker: u16,
    /// Whether it goes on.
    pub(super) is_running: bool,
    /// Whether its end was published, before it came.
    pub(super) is_published: bool,
    /// When it ends, while it advances.
    pub(super) due: Option<SimTime>,
    /// How long it still takes, in nanoseconds, while it does not.
    pub(super) left_ns: u64,
}

impl<S: StatusStore> Work<S> {
    /// How long it still takes, in nanoseconds.
    pub(super) fn left_ns(&self, at: SimTime) -> u64 {
        self.due.map_or(self.left_ns, |due| due.since(at))
    }
}

/// The rest of one upload's life.
pub(super) struct Life<S: StatusStore> {
    pub(super) upload: Upload,
    pub(super) work: Option<Work<S>>,
    /// Works of repetitions.
    pub(super) more: Vec<Work<S>>,
    /// The repetition whose response the client waits for.
    pub(super) post: u8,
    /// When it had the response, once it has.
    pub(super) answered_at: Option<SimTime>,
    /// The moment of its first end, if it has ended.
    ended_at: SimTime,
    /// What its latest poll read, while its response is on the way.
    pub(super) answer: Answer,
    /// Fetches made, where they may be lost.
    pub(super) fetches: u32,
    /// Whether the page was opened again.
    pub(super) is_reopened: bool,
    /// Which of its recorded polls comes next, where they are recorded.
    pub(super) next_poll: u32,
    /// How long after its success the client was told of it, if it was.
    ready_to_seen_ns: Option<u64>,
}

impl<S: StatusStore> Life<S> {
    /// The work of a number, from 0.
    #[inline(always)]
    pub(super) fn work(&mut self, number: u8) -> Option<&mut Work<S>> {
        match number {
            0 => self.work.as_mut(),
            more => self.more.get_mut(usize::from(more) - 1),
        }
    }

    /// All works with their numbers.
    pub(super) fn works(&mut self) -> impl Iterator<Item = (u8, &mut Work<S>)> {
        (0..).zip(self.work.iter_mut().chain(&mut self.more))
    }

    /// Adds a work. Returns its number.
    #[inline(always)]
    pub(super) fn add_work(&mut self, work: Work<S>) -> u8 {
        if self.work.is_none() {
            self.work = Some(work);
            return 0;
        }
        self.more.push(work);
        self.more.len() as u8
    }
}

/// What became of an upload.
pub(super) struct Fate {
    pub(super) upload: Upload,
    pub(super) facts: Facts,
    pub(super) polls: u32,
    pub(super) ready_to_seen_ns: Option<u64>,
}

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
        let Upload { number, key, .. } = upload;
        let poller = Poller {
            id: None,
            dice,
            upload: number,
            key,
            polls: 0,
            earlier_polls: 0,
            course: Course::new(&upload),
            errors: 0,
            requests: 0,
            works: 0,
            client_over: false,
        };
        let life = Life {
            upload,
            work: None,
            more: Vec::new(),
            post: 0,
            answered_at: None,
            ended_at: SimTime::ZERO,
            answer: Answer::NotFound,
            fetches: 0,
            is_reopened: false,
            next_poll: 0,
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

    /// Whether a place still belongs to an upload.
    pub(super) fn is_of(&self, place: Place, upload: u32) -> bool {
        self.lives[place as usize].upload.number == upload && !self.pollers[place as usize].is_over()
    }

    /// Tells in which workers works go on.
    pub(super) fn running_in(&self, mut tell: impl FnMut(u16)) {
        let going_on = self.lives.iter().zip(&self.pollers).filter(|(_, poller)| !poller.is_over());
        for work in going_on.flat_map(|(life, _)| life.work.iter().chain(&life.more)).filter(|work| work.is_running) {
            tell(work.worker);
        }
    }

    /// The places of the lives that go on.
    pub(super) fn places(&self) -> Vec<Place> {
        (0..self.pollers.len() as Place).filter(|&place| !self.pollers[place as usize].is_over()).collect()
    }

    /// A work of a life ends; `None` if it was lost.
    pub(super) fn end_work(&mut self, place: Place, at: SimTime, end: Option<Fact>) {
        let poller = &mut self.pollers[place as usize];
        poller.works -= 1;
        if poller.course.end_work(end, poller.works == 0) {
            self.lives[place as usize].ended_at = at;
        }
    }

    /// The client of a life ends.
    pub(super) fn end_client(&mut self, place: Place, at: SimTime, ending: Ending) {
        let (poller, life) = (&mut self.pollers[place as usize], &mut self.lives[place as usize]);
        poller.client_over = true;
        let told = poller.course.end_client(ending);
        life.ready_to_seen_ns = told.then(|| at.since(life.ended_at));
    }

    /// Lets go of a life if nothing more can happen to it, and returns what became of it.
    pub(super) fn close(&mut self, place: Place) -> Option<Fate> {
        let poller = &self.pollers[place as usize];
        if !poller.is_over() {
            return None;
        }
        self.free.push(place);
        let life = &mut self.lives[place as usize];
        life.work = None;
        life.more.clear();
        let (facts, polls) = (poller.course.facts_in_the_end(), poller.polls);
        Some(Fate { upload: life.upload, facts, polls, ready_to_seen_ns: life.ready_to_seen_ns })
    }

    /// Whether no life goes on.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.lives.len()
    }
}
