//! The client: when it polls, what it makes of an answer, when it tries again.

use std::sync::Arc;

use crate::rng::{Die, PerAttempt, Source, unit};
use crate::scenario::{ClientSpec, Recording, Scenario};
use crate::store::Answer;
use crate::time::{SECOND_NS, SimTime};
use crate::trace::Ending;
use crate::workload::Sampler;

/// How long a tab is hidden before its timers are held back for longer (Chrome's intensive throttling).
const HIDDEN_LONG_NS: u64 = 300 * SECOND_NS;

/// How all clients of a scenario behave.
pub(super) struct Client {
    pub(super) spec: ClientSpec,
    /// Whether all delays between polls are the same.
    constant: bool,
    /// As many polls as end the client's patience, while it is answered `processing` and where it is answered `not_found`.
    patience: [u32; 2],
    jitter: PerAttempt,
    hidden: Option<(Die, PerAttempt)>,
    reopen: Option<(Die, Sampler, PerAttempt)>,
    fetch: Option<(Die, PerAttempt)>,
    /// Where it is recorded when they poll.
    pub(super) recorded: Option<Arc<Recording>>,
}

impl Client {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        let recorded = scenario.workload.arrivals.recorded_polls().map(Arc::clone);
        // Attempts end where the recorded polls do.
        let max_attempts = if recorded.is_some() { u32::MAX } else { scenario.client.max_attempts };
        let spec = ClientSpec { max_attempts, ..scenario.client.clone() };
        let constant = spec.backoff == 1.0 && spec.jitter == 0.0;
        let die = |chance: f64| (chance > 0.0).then(|| Die::new(chance));
        let draws = |source| PerAttempt::new(seed, source);
        let not_found = spec.load_anyway_after.unwrap_or(u32::MAX).min(spec.tolerate_not_found).saturating_add(1);
        Client {
            constant,
            patience: [spec.max_attempts, spec.max_attempts.min(not_found)],
            jitter: draws(Source::Jitter),
            hidden: die(spec.hidden_chance.get()).map(|die| (die, draws(Source::Hidden))),
            reopen: die(spec.reopen_chance.get())
                .map(|die| (die, Sampler::new(&spec.reopen_time), draws(Source::Reopen))),
            fetch: die(spec.fetch_failure.get()).map(|die| (die, draws(Source::Fetch))),
            recorded,
            spec,
        }
    }

    /// From the response to the upload to the first poll, in nanoseconds. A client that went away polls when it is back.
    pub(super) fn first_delay_ns(&self, away_ns: Option<u64>) -> u64 {
        away_ns.map_or(self.spec.first_poll_ns, |away_ns| away_ns.max(self.spec.first_poll_ns))
    }

    /// From the response to a poll to the next poll, in nanoseconds, for an upload of which `polls` were made.
    #[inline(always)]
    pub(super) fn delay_ns(&self, upload: u32, polls: u32) -> u64 {
        if self.constant {
            return self.spec.interval_ns;
        }
        self.changing_delay_ns(upload, polls)
    }

    fn changing_delay_ns(&self, upload: u32, polls: u32) -> u64 {
        let ClientSpec { interval_ns, backoff, max_interval_ns, jitter, .. } = self.spec;
        let grown = interval_ns as f64 * libm::pow(backoff, f64::from(polls.saturating_sub(1)));
        let delay = grown.min(max_interval_ns as f64);
        let swing = 2.0 * unit(self.jitter.draw(u64::from(upload), u64::from(polls))) - 1.0;
        (delay * (1.0 + jitter * swing) + 0.5) as u64
    }

    /// Whether some tabs are hidden.
    #[inline(always)]
    pub(super) fn hides(&self) -> bool {
        self.hidden.is_some()
    }

    /// When a timer set for a moment goes off, in a tab that may be hidden since another one.
    pub(super) fn timer(&self, upload: u32, hidden_since: SimTime, at: SimTime) -> SimTime {
        let Some((die, draws)) = self.hidden else { return at };
        if !die.says_yes(draws.draw(u64::from(upload), 0)) {
            return at;
        }
        let step_ns = if at.since(hidden_since) > HIDDEN_LONG_NS { 60 * SECOND_NS } else { SECOND_NS };
        // At the end of time there is no later moment.
        SimTime::from_ns(at.as_ns().checked_next_multiple_of(step_ns).unwrap_or(u64::MAX))
    }

    /// How long after its end, in nanoseconds, an upload's page is opened again, if it is.
    pub(super) fn reopens_after_ns(&self, upload: u32) -> Option<u64> {
        let (die, time, draws) = self.reopen.as_ref()?;
        let draw = |attempt| draws.draw(u64::from(upload), attempt);
        die.says_yes(draw(0)).then(|| time.sample_ns(draw(1)))
    }

    /// Whether fetches fail on their way.
    #[inline(always)]
    pub(super) fn loses_fetches(&self) -> bool {
        self.fetch.is_some()
    }

    /// Whether the so many-th fetch of an upload fails on its way.
    pub(super) fn fetch_is_lost(&self, upload: u32, fetch: u32) -> bool {
        self.fetch.is_some_and(|(die, draws)| die.says_yes(draws.draw(u64::from(upload), u64::from(fetch))))
    }

    /// Whether the client goes on after an answer to its latest poll, of which it has now made `polls`, that was `not_found` or else
    /// `processing`: then [`ending`](Self::ending) says nothing. Without a branch on the answer, see [`Course::note_not_found`].
    ///
    /// [`Course::note_not_found`]: super::course::Course::note_not_found
    #[inline(always)]
    pub(super) fn goes_on(&self, is_not_found: bool, polls: u32) -> bool {
        polls < self.patience[usize::from(is_not_found)]
    }

    /// How the client ends on the answer to its latest poll, of which it has now made `polls`; `None` if it goes on.
    #[inline(always)]
    pub(super) fn ending(&self, answer: Answer, polls: u32) -> Option<Ending> {
        match answer {
            Answer::Processing => (polls >= self.spec.max_attempts).then_some(Ending::TimedOut),
            Answer::Ready { .. } => Some(Ending::SawReady),
            Answer::Error | Answer::Interrupted => Some(Ending::SawError),
            Answer::Expired(_) => Some(Ending::SawExpired),
            Answer::NotFound if self.spec.load_anyway_after.is_some_and(|after| polls > after) => {
                Some(Ending::LoadedAnyway)
            }
            Answer::NotFound if polls > self.spec.tolerate_not_found => Some(Ending::GaveUp),
            Answer::NotFound => (polls >= self.spec.max_attempts).then_some(Ending::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::shipped;

    #[test]
    fn a_client_goes_on_where_no_ending_is_told() {
        let text = shipped::find("reference").expect("it is shipped").text;
        let scenario = Scenario::parse("reference", "reference", text).expect("it is valid");
        for (tolerate_not_found, load_anyway_after, max_attempts) in
            [(0, None, 5), (2, None, 5), (9, None, 5), (9, Some(3), 5), (1, Some(3), 5), (u32::MAX, Some(u32::MAX), 1)]
        {
            let spec = ClientSpec { tolerate_not_found, load_anyway_after, max_attempts, ..scenario.client.clone() };
            let client = Client::new(&Scenario { client: spec.clone(), ..scenario.clone() }, 1);
            for polls in 1..10 {
                for answer in [Answer::Processing, Answer::NotFound] {
                    let goes_on = client.goes_on(answer == Answer::NotFound, polls);
                    assert_eq!(goes_on, client.ending(answer, polls).is_none(), "{spec:?}, {answer:?}, {polls}");
                }
            }
        }
    }
}
