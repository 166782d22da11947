//! Clients whose polls are recorded: they poll at the moments at which they did, for as long as they have not been told.

use super::{Full, Pending};
use crate::engine::Place;
use crate::store::StatusStore;
use crate::time::SimTime;
use crate::trace::{Ending, Event, Observer};

impl<S: StatusStore, O: Observer> Full<S, O> {
    /// The client makes its next recorded poll when it did, or now if it was still waiting for a response then. One that has none
    /// left ends without an answer.
    #[inline(never)]
    pub(super) fn poll_as_recorded(&mut self, at: SimTime, place: Place) {
        let life = self.lives.get(place);
        let recorded = self.client.recorded.as_ref().expect("asked for only where polls are recorded");
        let Some(poll) = recorded.polls_of(life.upload.number).get(life.next_poll as usize) else {
            return self.end_client(at, place, Ending::TimedOut);
        };
        let next = life.upload.at.after(poll.after_ns()).max(at);
        life.next_poll += 1;
        // The moments differ: in the polls' lane they would stand in the way of all others.
        self.pending.schedule(next, Pending::Poll(place));
    }

    /// The client ends. What it polled later in the same session it does not poll now; in a later session its page is opened again.
    pub(super) fn end_as_recorded(&mut self, at: SimTime, place: Place, ending: Ending) {
        let life = self.lives.get(place);
        let recorded = self.client.recorded.as_ref().expect("asked for only where polls are recorded");
        let upload = life.upload.number;
        let left = &recorded.polls_of(upload)[life.next_poll as usize..];
        let later = left.iter().position(|poll| poll.begins_session()).filter(|_| life.answered_at.is_some());
        let Some(skipped) = later else {
            self.finish_client(at, place, ending);
            return self.close(at, place);
        };
        let again = life.upload.at.after(left[skipped].after_ns()).max(at);
        life.next_poll += skipped as u32 + 1;
        life.is_reopened = true;
        let poller = self.lives.poller(place);
        poller.earlier_polls = poller.polls;
        poller.errors = 0;
        self.observer.observe(at, Event::Reopens { upload, ending, after_ns: again.since(at) });
        self.pending.schedule(again, Pending::Poll(place));
    }
}
