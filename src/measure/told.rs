//! What clients were told in the end, by the time since their uploads.

use hdrhistogram::Histogram;

use crate::trace::Ending;

/// Significant digits of the times. One, so that a curve has 16 steps in each octave and no more.
const DIGITS: u8 = 1;

/// What a client is told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// That its upload is ready.
    Ready,
    /// That there is no such upload, until it gave up.
    Lost,
    /// That its upload has expired.
    Expired,
    /// That its upload failed, or was lost.
    Error,
    /// Nothing final, until its attempts ran out.
    NoAnswer,
    /// Nothing: its requests failed.
    Failed,
}

impl Last {
    /// All of them.
    pub const ALL: [Last; 6] = [Last::Ready, Last::Lost, Last::Expired, Last::Error, Last::NoAnswer, Last::Failed];

    /// Its column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Last::Ready => "ready",
            Last::Lost => "lost",
            Last::Expired => "expired",
            Last::Error => "error",
            Last::NoAnswer => "no_answer",
            Last::Failed => "failed",
        }
    }

    fn of(ending: Ending) -> Last {
        match ending {
            Ending::SawReady | Ending::LoadedAnyway => Last::Ready,
            Ending::GaveUp => Last::Lost,
            Ending::SawExpired => Last::Expired,
            Ending::SawError => Last::Error,
            Ending::TimedOut => Last::NoAnswer,
            Ending::Refused => Last::Failed,
        }
    }
}

/// How many clients had ended, and on what, so long after their uploads.
#[derive(Clone)]
pub struct Told([Histogram<u64>; Last::ALL.len()]);

/// A step of the curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Nanoseconds since the upload.
    pub after_ns: u64,
    /// How many clients had ended by then, as [`Last::ALL`] has it.
    pub ended: [u64; Last::ALL.len()],
}

impl Default for Told {
    fn default() -> Self {
        Told([(); Last::ALL.len()].map(|()| Histogram::new(DIGITS).expect("one significant digit is allowed")))
    }
}

impl Told {
    pub(super) fn count(&mut self, ending: Ending, after_ns: u64) {
        let histogram = &mut self.0[Last::of(ending) as usize];
        // The histogram begins at 1.
        histogram.record(after_ns.max(1)).expect("a histogram that resizes itself takes any value");
    }

    pub(super) fn merge(&mut self, other: &Told) {
        for (mine, others) in self.0.iter_mut().zip(&other.0) {
            mine.add(others).expect("a histogram that resizes itself takes any other");
        }
    }

    /// The curves, a step for each time at which one of them rises.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let mut rises: Vec<(u64, usize, u64)> = Vec::new();
        for (last, histogram) in self.0.iter().enumerate() {
            let recorded = histogram.iter_recorded();
            rises.extend(recorded.map(|bin| (bin.value_iterated_to(), last, bin.count_since_last_iteration())));
        }
        rises.sort_unstable();
        let mut steps: Vec<Step> = Vec::new();
        let mut ended = [0; Last::ALL.len()];
        for (after_ns, last, count) in rises {
            ended[last] += count;
            match steps.last_mut() {
                Some(step) if step.after_ns == after_ns => step.ended = ended,
                _ => steps.push(Step { after_ns, ended }),
            }
        }
        steps
    }
}
