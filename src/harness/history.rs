//! Concurrent histories, and whether they are linearizable: whether each call can be given a moment between its beginning and
//! its return so that the reference, called in that order, answers the same (M. Herlihy, J. Wing, "Linearizability", 1990).
//!
//! The search is that of J. Wing and C. Gong ("Testing and verifying concurrent objects", 1993) with the memory of G. Lowe
//! ("Testing for linearizability", 2017): a set of calls taken and the state that they led to are looked at once. Calls under
//! different keys are searched apart, as Porcupine does, where no capacity ties them together; a sweep belongs to each key, for no
//! store promises that a sweep happens at one moment.

use rustc_hash::FxHashSet;

use super::model::{Answer, Model};
use super::program::{STEPS, Step, UPLOADS};
use super::promise::Promise;

/// A call of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Which actor called; the first is what comes before and after the race.
    pub(super) actor: usize,
    pub(super) step: Step,
    /// The time that was passed.
    pub(super) now_ns: u64,
    pub(super) answer: Answer,
    /// When it began and returned, in the order of all such events.
    pub(super) began: u64,
    pub(super) returned: u64,
}

/// The calls of a history that is not linearizable, from the last moment before at which no call was going on to the return of
/// the call that no order explains; their places in the history.
pub(super) fn unexplained(promise: Promise, history: &[Call]) -> Option<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let called = |call: &Call| !matches!(call.step, Step::Pass(_) | Step::Back(_)) && call.answer != Answer::Skipped;
    let all = || (0..history.len()).filter(|&call| called(&history[call]));
    if promise.is_bounded() {
        parts.push(all().collect());
    } else {
        let keys = keys(history);
        let mut distinct: Vec<u8> = history.iter().filter_map(|call| key(call.step, &keys)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        for of in distinct {
            parts.push(all().filter(|&call| key(history[call].step, &keys).is_none_or(|key| key == of)).collect());
        }
    }
    parts.iter().find_map(|part| {
        let calls: Vec<Call> = part.iter().map(|&call| alone(history[call], promise)).collect();
        let window = window(promise, history, &calls)?;
        Some(window.into_iter().map(|call| part[call]).collect())
    })
}

/// A call as one key sees it: how many entries a sweep leaves is not said key by key.
fn alone(call: Call, promise: Promise) -> Call {
    match call.answer {
        Answer::Swept(_) if !promise.is_bounded() => Call { answer: Answer::Swept(None), ..call },
        _ => call,
    }
}

/// The key of each upload.
fn keys(history: &[Call]) -> [u8; UPLOADS] {
    let mut keys = [0; UPLOADS];
    for call in history {
        if let Step::Begin { upload, key } = call.step {
            keys[usize::from(upload)] = key;
        }
    }
    keys
}

fn key(step: Step, keys: &[u8; UPLOADS]) -> Option<u8> {
    match step {
        Step::Begin { key, .. } | Step::ReadKey(key) => Some(key),
        _ => step.of().map(|upload| keys[usize::from(upload)]),
    }
}

/// The smallest window of calls that no order explains, if they have none.
fn window(promise: Promise, history: &[Call], calls: &[Call]) -> Option<Vec<usize>> {
    let times = Times::of(history, calls);
    if Search::new(promise, calls, &times, u64::MAX).succeeds() {
        return None;
    }
    let mut returns: Vec<u64> = calls.iter().map(|call| call.returned).collect();
    returns.sort_unstable();
    // The first return up to which there is no order; it is the last one, if no other.
    let end = returns.iter().copied().find(|&end| !Search::new(promise, calls, &times, end).succeeds());
    let end = end.unwrap_or(u64::MAX);
    let culprit = calls.iter().filter(|call| call.returned <= end).max_by_key(|call| call.returned)?;
    // The last moment before it at which nothing was going on.
    let mut start = culprit.began;
    while let Some(open) =
        calls.iter().filter(|call| call.began < start && call.returned > start).map(|call| call.began).min()
    {
        start = open;
    }
    Some((0..calls.len()).filter(|&call| calls[call].began >= start && calls[call].began < end).collect())
}

/// At which times each call may have taken effect: its own or a later one that the store had been told by then.
struct Times(Vec<Vec<u64>>);

impl Times {
    fn of(history: &[Call], calls: &[Call]) -> Times {
        let times = |call: &Call| {
            let told = history.iter().filter(|other| other.began < call.returned).map(|other| other.now_ns);
            let mut times: Vec<u64> = told.filter(|&told| told > call.now_ns).chain([call.now_ns]).collect();
            times.sort_unstable();
            times.dedup();
            times
        };
        Times(calls.iter().map(times).collect())
    }
}

struct Search<'a> {
    calls: &'a [Call],
    times: &'a Times,
    /// Calls that return later may or may not have taken effect, and their answers do not count.
    end: u64,
    promise: Promise,
    seen: FxHashSet<(u64, Model)>,
}

impl<'a> Search<'a> {
    fn new(promise: Promise, calls: &'a [Call], times: &'a Times, end: u64) -> Search<'a> {
        assert!(calls.len() <= STEPS, "a history has at most {STEPS} calls");
        Search { calls, times, end, promise, seen: FxHashSet::default() }
    }

    fn succeeds(&mut self) -> bool {
        let must = (0..self.calls.len()).filter(|&call| self.calls[call].returned <= self.end);
        let must = must.fold(0, |must, call| must | 1 << call);
        self.explains(0, must, &Model::new(self.promise))
    }

    /// Whether the calls that are not taken can follow a state.
    fn explains(&mut self, taken: u64, must: u64, model: &Model) -> bool {
        if must & !taken == 0 {
            return true;
        }
        if !self.seen.insert((taken, model.clone())) {
            return false;
        }
        let open = (0..self.calls.len()).filter(|&call| taken & 1 << call == 0);
        // A call can be next if no other that is open had returned before it began.
        let first_return = open.clone().map(|call| self.calls[call].returned).min().unwrap_or(u64::MAX);
        let next = open.filter(|&call| self.calls[call].began <= first_return && self.calls[call].began <= self.end);
        for call in next.collect::<Vec<_>>() {
            let Call { step, answer, returned, .. } = self.calls[call];
            for &now_ns in &self.times.0[call] {
                for choice in 0..model.clone().choices(step, now_ns) {
                    let mut after = model.clone();
                    let expected = after.apply(step, now_ns, choice);
                    let agrees = returned > self.end || expected.allows(answer);
                    if agrees && self.explains(taken | 1 << call, must, &after) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::registry::{Retention, Status};

    fn promise() -> Promise {
        Promise { retention: Retention::finished("60s").tombstone(None), ..Promise::default() }
    }

    fn call(step: &str, answer: Answer, began: u64, returned: u64) -> Call {
        Call { actor: 1, step: step.parse().expect("a step"), now_ns: 5, answer, began, returned }
    }

    const TAKEN: Answer = Answer::Ended(Some(true));
    const READY: Answer = Answer::Status(Status::Ready(0));
    const PROCESSING: Answer = Answer::Status(Status::Processing);

    #[test]
    fn a_poll_that_overlaps_the_end_may_see_either() {
        for answer in [READY, PROCESSING] {
            let history = [call("b0.0", Answer::Begun, 0, 1), call("f0", TAKEN, 2, 5), call("r0", answer, 3, 4)];
            assert_eq!(unexplained(promise(), &history), None);
        }
    }

    #[test]
    fn a_poll_after_the_end_must_see_it_and_the_window_begins_where_nothing_was_going_on() {
        let history = [
            call("b0.0", Answer::Begun, 0, 1),
            call("r0", PROCESSING, 2, 3),
            call("f0", TAKEN, 4, 7),
            call("r0", READY, 5, 6),
            call("r0", PROCESSING, 8, 9),
            call("r0", READY, 10, 11),
        ];
        assert_eq!(unexplained(promise(), &history), Some(vec![4]));
        // Two polls within the end: what the first has seen the second must see.
        let history = [
            call("b0.0", Answer::Begun, 0, 1),
            call("f0", TAKEN, 2, 9),
            call("r0", READY, 3, 4),
            call("r0", PROCESSING, 5, 6),
        ];
        assert_eq!(unexplained(promise(), &history), Some(vec![1, 2, 3]));
    }

    #[test]
    fn of_two_ends_one_is_taken() {
        let history = |answer| [call("b0.0", Answer::Begun, 0, 1), call("f0", TAKEN, 2, 5), call("e0", answer, 3, 4)];
        assert_eq!(unexplained(promise(), &history(Answer::Ended(Some(false)))), None);
        assert_eq!(unexplained(promise(), &history(TAKEN)), Some(vec![1, 2]));
    }

    /// Whether some permutation that keeps the order of calls that do not overlap is what the reference answers: all are tried.
    fn by_brute_force(history: &[Call], model: &Model, left: &mut Vec<usize>) -> bool {
        if left.is_empty() {
            return true;
        }
        (0..left.len()).any(|place| {
            let next = left[place];
            if left.iter().any(|&other| history[other].returned < history[next].began) {
                return false;
            }
            let mut after = model.clone();
            let expected = after.apply(history[next].step, history[next].now_ns, 0);
            left.remove(place);
            let found = expected.allows(history[next].answer) && by_brute_force(history, &after, left);
            left.insert(place, next);
            found
        })
    }

    fn histories() -> impl Strategy<Value = Vec<Call>> {
        let answers = prop::sample::select(vec![PROCESSING, READY, Answer::Status(Status::Failed(0))]);
        let ends = any::<bool>().prop_map(|taken| Answer::Ended(Some(taken)));
        let calls = prop_oneof![
            4 => answers.prop_map(|answer| ("r0", answer)),
            2 => ends.clone().prop_map(|answer| ("f0", answer)),
            2 => ends.prop_map(|answer| ("e0", answer)),
            1 => Just(("s", Answer::Swept(None))),
        ];
        let timed = (calls, 2u64..12, 1u64..8);
        prop::collection::vec(timed, 1..7).prop_map(|calls| {
            let begin = call("b0.0", Answer::Begun, 0, 1);
            // Beginnings and returns of all calls are different moments.
            let timed = calls.into_iter().zip(0..).map(|(((step, answer), began, length), place)| {
                call(step, answer, 100 * began + place, 100 * (began + length) + 50 + place)
            });
            [begin].into_iter().chain(timed).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 3000,
            failure_persistence: None,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn the_search_agrees_with_all_permutations(history in histories()) {
            let explained = by_brute_force(&history, &Model::new(promise()), &mut (0..history.len()).collect());
            prop_assert_eq!(unexplained(promise(), &history).is_none(), explained);
        }
    }
}
