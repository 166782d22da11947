//! Plain runs: what most runs are, and most of what happens in them, with no question asked whose answer is known.
//!
//! The steps are those of the [handlers](super::handlers), in the same order and with the same calls.

use std::hint::cold_path;

use super::lives::Place;
use super::{Engine, Pending};
use crate::registry::AgeBasis;
use crate::scenario::{Background, Order, Policy, Probability, Recycle, Scenario, Trigger};
use crate::store::StatusStore;
use crate::time::SimTime;
use crate::trace::{Ending, Event, Observer};

/// Whether a run is plain: one worker that is never replaced, clients whose fetches all succeed and whose timers are exact,
/// polls that sweep by chance, work in a thread that is published when it ends.
pub(super) fn is_plain(scenario: &Scenario, policy: &Policy) -> bool {
    let Scenario { server, client, .. } = scenario;
    let server_is = server.workers == 1
        && server.background == Background::Thread
        && server.recycle == Recycle::default()
        && server.clock_skew_ns.is_empty()
        && server.replica.is_none();
    let client_is = client.fetch_failure == Probability::NEVER
        && client.hidden_chance == Probability::NEVER
        && client.reopen_chance == Probability::NEVER
        && client.post_timeout_ns.is_none();
    let policy_is = matches!(policy.trigger, Trigger::Chance(_))
        && policy.retention.age != AgeBasis::Acknowledged
        && policy.published_early == 0.0;
    server_is && client_is && policy_is
}

impl<S: StatusStore, O: Observer> Engine<S, O> {
    /// A client uploads, and hears of it at once. Returns it if its first poll comes before anything else: then the poll has
    /// no need to be scheduled.
    #[inline(always)]
    pub(super) fn upload_plainly(&mut self, at: SimTime, place: Place) -> Option<Place> {
        let id = self.begin(at, place, 0, 0);
        if id.is_none() {
            self.end_client(at, place, Ending::Refused);
            return None;
        }
        self.note_response(at, place, id);
        let away_ns = self.lives.get(place).upload.away_ns;
        let first = at.after(self.client.first_delay_ns(away_ns));
        if first == at && self.pending.is_free_until(at) {
            return Some(place);
        }
        match away_ns {
            None => self.pending.schedule_poll(first, place),
            Some(_) => self.pending.schedule(first, Pending::Poll(place)),
        }
        None
    }

    /// A client polls.
    #[inline(always)]
    pub(super) fn poll_plainly(&mut self, at: SimTime, place: Place) {
        let poller = self.lives.poller(place);
        let attempt = poller.polls;
        poller.polls += 1;
        if self.stores.poll_sweeps_by_chance(poller.dice, attempt) {
            cold_path();
            if self.order == Order::ReadFirst {
                let poll = poller.latest(place);
                return self.serve_poll_at_once(at, 0, poll);
            }
            let upload = poller.upload;
            self.sweep(at, 0, Some(upload));
        }
        let poller = self.lives.poller(place);
        let answer = self.stores.read_plainly(poller.key, poller.id, at);
        self.observer.observe(at, Event::Read { upload: poller.upload, attempt, worker: 0, answer });
        poller.note_answer(answer);
        if self.client.goes_on(answer, poller.polls) {
            let next = at.after(self.client.delay_ns(poller.upload, poller.polls));
            self.pending.schedule_poll(next, place);
        } else {
            cold_path();
            self.poll_answered(at, place, answer);
        }
    }
}
