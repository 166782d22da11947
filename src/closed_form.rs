//! The chance of a false `not_found` without simulation, for scenarios simple enough, as a check on the simulation and beside it.
//!
//! Uploads are a Poisson process of rate λ; a share f of the clients goes away for a time L right after its upload and polls once
//! when it is back, the others poll every δ until they are told. Each poll sweeps with probability p; an entry is due a time to live
//! τ after its upload's processing, which takes P. A client that was away for a loses if its entry was swept in the w = a − P − τ
//! since it fell due, or by its own poll, if that sweeps before it reads:
//!
//! P(lost | a) = E[ 1{w ≥ 0} (1 − (1 − p) Q(w)) ],   or 1 − Q(w) if a poll reads before it sweeps.
//!
//! Q(w) is the chance that nobody else sweeps in a window of length w. The polls of one client come in a cluster of N = 1 + ⌈P/δ⌉,
//! so by Campbell's theorem Q(w) = exp(−λ ((1 − f) A(w) + f p w)), where A(w), the integral over a cluster's place of the chance that
//! it sweeps in the window, is the sum over j ≥ 1 of p (1 − p)^(j−1) times the measure of the places with j polls or more in it:
//! E[ 1{N ≥ j} ((N − j) min(δ, w_j) + w_j) ] with w_j = w − (j − 1) δ, as far as that is positive.
//!
//! Left out: clients who are back before P, clients whose attempts run out, and the time after the last arrival, when polls become
//! rare; of the reference scenario, all of it is far below 1 %. `tests/truth/reference.rs` has the same by numerical integration.

use crate::registry::{AgeBasis, Capacity, Expiry};
use crate::scenario::{
    Arrivals, Background, ClientSpec, Distribution, Order, Policy, Recycle, Scenario, ServiceTimes, Trigger,
};
use crate::time::SECOND_NS;
use crate::workload::Sampler;

/// Quantiles of the processing time that stand for all of it.
const QUANTILES: u32 = 512;

/// Absences that stand for all those that are long enough to lose.
const ABSENCES: u32 = 512;

/// The closed form for one policy of one scenario. Times in seconds.
pub struct ClosedForm {
    chance: f64,
    sweeps_first: bool,
    /// Processing times, equally likely.
    processing: Vec<f64>,
    time_to_live: f64,
    away: Sampler,
    away_chance: f64,
    arrivals_per_s: f64,
    interval: f64,
    /// For j ≥ 1: the probability of a cluster of j polls or more, and how many more it has on average, in sum.
    clusters: Vec<(f64, f64)>,
}

impl ClosedForm {
    /// The closed form.
    ///
    /// # Errors
    /// What of the scenario it does not hold for, in a few words.
    pub fn of(scenario: &Scenario, policy: &Policy) -> Result<ClosedForm, &'static str> {
        let Scenario { workload, client, .. } = scenario;
        is_simple(scenario, policy)?;
        let Arrivals::Poisson { mean_gap_ns } = workload.arrivals else {
            return Err("arrivals are not a Poisson process");
        };
        let Trigger::Chance(chance) = policy.trigger else { return Err("sweeps do not run on a share of the polls") };
        let Some(time_to_live_ns) = policy.retention.time_to_live.ready_ns else {
            return Err("nothing ever falls due");
        };
        if client.backoff != 1.0 || client.jitter != 0.0 || client.interval_ns == 0 {
            return Err("polls do not come at even intervals");
        }
        let processing = quantiles(&workload.processing, QUANTILES);
        let interval = seconds(client.interval_ns);
        let polls = |processing: &f64| {
            let after_first = (processing - seconds(client.first_poll_ns)).max(0.0);
            (1.0 + libm::ceil(after_first / interval)).min(f64::from(client.max_attempts))
        };
        let sizes: Vec<f64> = processing.iter().map(polls).collect();
        let longest = sizes.iter().copied().fold(1.0, f64::max) as u32;
        let share = 1.0 / f64::from(QUANTILES);
        let cluster = |j: u32| {
            let more: Vec<f64> = sizes.iter().map(|size| size - f64::from(j)).filter(|more| *more >= 0.0).collect();
            (more.len() as f64 * share, more.iter().sum::<f64>() * share)
        };
        Ok(ClosedForm {
            chance: chance.get(),
            sweeps_first: policy.order == Order::SweepFirst,
            time_to_live: seconds(time_to_live_ns),
            away: Sampler::new(&client.away_time),
            away_chance: client.away_chance.get(),
            arrivals_per_s: SECOND_NS as f64 / mean_gap_ns,
            interval,
            clusters: (1..=longest).map(cluster).collect(),
            processing,
        })
    }

    /// The chance that nobody sweeps in a window.
    fn no_sweep(&self, window: f64) -> f64 {
        let mut area = 0.0;
        let (mut sweeps, mut left) = (self.chance, window);
        for (reached, more) in &self.clusters {
            if left <= 0.0 {
                break;
            }
            area += sweeps * (more * self.interval.min(left) + reached * left);
            sweeps *= 1.0 - self.chance;
            left -= self.interval;
        }
        let per_upload = (1.0 - self.away_chance) * area + self.away_chance * self.chance * window;
        libm::exp(-self.arrivals_per_s * per_upload)
    }

    /// The chance that a client loses whose entry has been due for so long.
    fn lost_when_due_for(&self, window: f64) -> f64 {
        let own = if self.sweeps_first { 1.0 - self.chance } else { 1.0 };
        1.0 - own * self.no_sweep(window)
    }

    /// The chance of a false `not_found` for a client that was away for so long, in seconds.
    #[must_use]
    pub fn after_absence(&self, away_s: f64) -> f64 {
        let windows = self.processing.iter().map(|processing| away_s - processing - self.time_to_live);
        windows.filter(|window| *window >= 0.0).map(|window| self.lost_when_due_for(window)).sum::<f64>()
            / f64::from(QUANTILES)
    }

    /// The same for a client of whose absence only the ends of a range are known, both in nanoseconds.
    #[must_use]
    pub fn after_absence_between(&self, low_ns: u64, high_ns: u64) -> f64 {
        const POINTS: u32 = 32;
        let [low, high] = [low_ns as f64 - 0.5, high_ns as f64 + 0.5].map(|ns| 1.0 - self.away.longer_than(ns));
        let absences = (0..POINTS).map(|point| {
            let share = low + (high - low) * (f64::from(point) + 0.5) / f64::from(POINTS);
            // Where the range has no room of its own in the distribution, as a constant has none, all of it is as its beginning.
            let away_ns = if high > low { sampled(&self.away, share) } else { low_ns };
            self.after_absence(seconds(away_ns.clamp(low_ns, high_ns)))
        });
        absences.sum::<f64>() / f64::from(POINTS)
    }

    /// The share of all uploads whose clients are told `not_found` after a success.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let lost = |processing: &f64| {
            let due = processing + self.time_to_live;
            // Of those who are away for long enough, so that rare losses are met as well as frequent ones.
            let long = self.away.longer_than(due * SECOND_NS as f64);
            let points = (0..ABSENCES).map(|point| {
                let share = 1.0 - long * (1.0 - (f64::from(point) + 0.5) / f64::from(ABSENCES));
                self.lost_when_due_for((seconds(sampled(&self.away, share)) - due).max(0.0))
            });
            long * points.sum::<f64>() / f64::from(ABSENCES)
        };
        self.away_chance * self.processing.iter().map(lost).sum::<f64>() / f64::from(QUANTILES)
    }
}

/// Whether an upload's client neither disturbs the others nor is disturbed by anything but the sweep of its entry.
///
/// # Errors
/// What is not so, in a few words.
pub(crate) fn is_simple(scenario: &Scenario, policy: &Policy) -> Result<(), &'static str> {
    let Scenario { workload, server, client, .. } = scenario;
    let is_simple_server = server.workers == 1
        && server.service == ServiceTimes::default()
        && server.recycle == Recycle::default()
        && server.background == Background::Thread
        && server.replica.is_none()
        && server.clock_skew_ns.is_empty()
        && scenario.faults.is_empty();
    let retention = &policy.retention;
    let is_gone = retention.expiry == Expiry::Physical && retention.tombstone_ns.is_none();
    let is_from_end = retention.age == AgeBasis::Finished && retention.time_to_live.processing_ns.is_none();
    let goes_on = client.tolerate_not_found > 0 || client.load_anyway_after.is_some();
    let only_polls =
        client.reopen_chance.get() == 0.0 && client.fetch_failure.get() == 0.0 && client.hidden_chance.get() == 0.0;
    let checks = [
        (is_simple_server, "the server is not one worker that takes no time and never fails"),
        (policy.defects.is_empty() && policy.published_early == 0.0, "the store has defects"),
        (is_gone, "what is over is not just gone when it is swept"),
        (is_from_end, "ages are not counted from the end"),
        (retention.capacity == Capacity::Unbounded, "the store is bounded"),
        (workload.distinct_keys.is_none() && workload.odd_names.get() == 0.0, "uploads share names"),
        (workload.failure.get() == 0.0, "some uploads fail"),
        (!goes_on, "clients go on after not_found"),
        (only_polls && client.post_timeout_ns.is_none(), "clients do more than poll"),
        (workload.arrivals.recorded_polls().is_none(), "clients poll as they were recorded"),
        (!may_come_late(client, policy), "clients that stay may poll first when their entry is over"),
    ];
    checks.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err(why))
}

/// Whether a client that was not away may let a time to live pass between two polls.
fn may_come_late(client: &ClientSpec, policy: &Policy) -> bool {
    let Some(kept_ns) = policy.retention.time_to_live.ready_ns else { return false };
    let grown = client.interval_ns as f64 * libm::pow(client.backoff, f64::from(client.max_attempts));
    let longest = grown.min(client.max_interval_ns.max(client.interval_ns) as f64) * (1.0 + client.jitter);
    longest.max(client.first_poll_ns as f64) >= kept_ns as f64
}

/// How many draws there are.
const DRAWS: f64 = 18_446_744_073_709_551_616.0;

/// The value below which a share of a distribution lies, in nanoseconds.
fn sampled(sampler: &Sampler, share: f64) -> u64 {
    sampler.sample_ns((share * DRAWS) as u64)
}

/// So many values in seconds that are equally likely.
fn quantiles(distribution: &Distribution, count: u32) -> Vec<f64> {
    let sampler = Sampler::new(distribution);
    (0..count).map(|number| seconds(sampled(&sampler, (f64::from(number) + 0.5) / f64::from(count)))).collect()
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / SECOND_NS as f64
}
