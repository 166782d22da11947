//! The client: when it polls, and what it makes of an answer.

use crate::rng::{PerAttempt, Source, unit};
use crate::scenario::ClientSpec;
use crate::store::Answer;
use crate::trace::Ending;

/// How all clients of a scenario behave.
pub(super) struct Client {
    spec: ClientSpec,
    /// Whether all delays between polls are the same.
    constant: bool,
    jitter: PerAttempt,
}

impl Client {
    pub(super) fn new(spec: &ClientSpec, seed: u64) -> Self {
        let constant = spec.backoff == 1.0 && spec.jitter == 0.0;
        Client { spec: spec.clone(), constant, jitter: PerAttempt::new(seed, Source::Jitter) }
    }

    /// From the response to the upload to the first poll, in nanoseconds. A client that went away polls when it is back.
    pub(super) fn first_delay_ns(&self, away_ns: Option<u64>) -> u64 {
        away_ns.map_or(self.spec.first_poll_ns, |away_ns| away_ns.max(self.spec.first_poll_ns))
    }

    /// From the response to a poll to the next poll, in nanoseconds, for an upload of which `polls` were made.
    #[inline(always)]
    pub(super) fn delay_ns(&self, upload: u32, polls: u32) -> u64 {
        let ClientSpec { interval_ns, backoff, max_interval_ns, jitter, .. } = self.spec;
        if self.constant {
            return interval_ns;
        }
        let grown = interval_ns as f64 * libm::pow(backoff, f64::from(polls - 1));
        let delay = grown.min(max_interval_ns as f64);
        let swing = 2.0 * unit(self.jitter.draw(u64::from(upload), u64::from(polls))) - 1.0;
        (delay * (1.0 + jitter * swing) + 0.5) as u64
    }

    /// How the client ends on the answer to its latest poll, of which it has now made `polls`; `None` if it goes on.
    #[inline(always)]
    pub(super) fn ending(&self, answer: Answer, polls: u32) -> Option<Ending> {
        match answer {
            Answer::Ready { .. } => Some(Ending::SawReady),
            Answer::Error | Answer::Interrupted => Some(Ending::SawError),
            Answer::Expired(_) => Some(Ending::SawExpired),
            Answer::NotFound if polls > self.spec.tolerate_not_found => Some(Ending::GaveUp),
            Answer::NotFound | Answer::Processing => (polls >= self.spec.max_attempts).then_some(Ending::TimedOut),
        }
    }
}
