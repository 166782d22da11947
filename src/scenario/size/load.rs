//! What one replication of one policy asks for.

use super::Part;
use super::course::{Coming, longest_ns, mean_ns, polling_ns, polls_within};
use crate::registry::{AgeBasis, Capacity};
use crate::scenario::{Background, Distribution, Fault, FaultKind, Policy, Recycle, Scenario, Scope, StoreKind};
use crate::scenario::{Clear, Recording, Trigger, When};
use crate::store::Defect;
use crate::time::SECOND_NS;

/// A record with its places in the orders of age and of names.
const ENTRY_BYTES: f64 = 250.0;
/// What is known of an upload until nothing more can happen to it, and what of each repetition.
const LIFE_BYTES: f64 = 400.0;
const REPETITION_BYTES: f64 = 80.0;
/// What became of an upload, until all before it are over.
const FATE_BYTES: f64 = 24.0;

/// How often a store is sampled as Redis does it, and what a sample costs in steps.
const REDIS_PERIOD_NS: f64 = SECOND_NS as f64 / 10.0;
const REDIS_STEPS: f64 = 3.0;

/// The longest hold-up of a timer in a hidden tab.
const HIDDEN_NS: f64 = 60.0 * SECOND_NS as f64;

/// What recorded clients do.
struct Recorded {
    /// Polls of an upload, on average.
    polls: f64,
    /// From an upload to its last poll, in nanoseconds.
    mean_ns: f64,
    longest_ns: f64,
}

impl Recorded {
    fn of(recording: &Recording, uploads: u32) -> Recorded {
        let lasts =
            (0..uploads).map(|upload| recording.polls_of(upload).last().map_or(0, |poll| poll.after_ns()) as f64);
        let polls: usize = (0..uploads).map(|upload| recording.polls_of(upload).len()).sum();
        let uploads = f64::from(uploads);
        Recorded {
            polls: polls as f64 / uploads,
            mean_ns: lasts.clone().sum::<f64>() / uploads,
            longest_ns: lasts.fold(0.0, f64::max),
        }
    }
}

/// What one replication of one policy comes to, about.
pub(super) struct Load<'a> {
    scenario: &'a Scenario,
    policy: &'a Policy,
    coming: Coming<'a>,
    /// From the start to the end of the last life, in nanoseconds.
    span_ns: f64,
    /// Fetches per upload.
    fetches: f64,
    /// Uploads whose lives go on at once.
    lives: f64,
    /// Uploads that came since the oldest of those.
    waiting: f64,
    /// Entries held at once.
    entries: f64,
}

impl<'a> Load<'a> {
    pub(super) fn of(scenario: &'a Scenario, policy: &'a Policy) -> Self {
        let Scenario { workload, server, client, .. } = scenario;
        let coming = Coming::of(scenario);
        let uploads = coming.uploads;
        let attempts = f64::from(client.max_attempts);
        let lag_ns = server.replica.map_or(0.0, |replica| replica.lag_ns as f64);
        let polls = |work_ns: f64| {
            let told =
                if may_get_stuck(scenario, policy) { attempts } else { 1.0 + polls_within(client, work_ns + lag_ns) };
            (told + f64::from(client.tolerate_not_found)).min(attempts)
        };
        let chance = |chance: f64, time: &Distribution, of: fn(&Distribution, f64) -> f64| {
            if chance > 0.0 { chance * of(time, uploads) } else { 0.0 }
        };
        let mean = |distribution: &Distribution, _: f64| mean_ns(distribution);
        let work_ns = mean_ns(&workload.processing);
        let pages = 1.0 + client.reopen_chance.get();
        let recorded = workload.arrivals.recorded_polls().map(|recording| Recorded::of(recording, scenario.uploads));
        let fetches = match &recorded {
            Some(recorded) => recorded.polls,
            None => with_failures(scenario, polls(work_ns)) * pages,
        };
        let hidden_ns = if client.hidden_chance.get() > 0.0 { HIDDEN_NS } else { 0.0 };
        let posting_ns =
            f64::from(client.post_retries) * (client.post_timeout_ns.unwrap_or(0) as f64 + client.post_pause_ns as f64);
        let around_ns = |polls: f64| {
            if recorded.is_some() {
                return posting_ns;
            }
            let lost_ns = (fetches - polls).max(0.0) * client.fetch_retry_ns as f64;
            client.first_poll_ns as f64 + polling_ns(client, polls) + polls * hidden_ns + posting_ns + lost_ns
        };
        let service_ns = server.service.sweep_ns as f64 + server.service.read_ns as f64;
        let busy_ns = uploads * (mean_ns(&server.service.upload) + fetches * service_ns)
            / (f64::from(server.workers) * f64::from(server.threads));
        let life_ns = chance(client.away_chance.get(), &client.away_time, mean)
            + chance(client.reopen_chance.get(), &client.reopen_time, mean)
            + work_ns
            + around_ns(polls(work_ns) * pages)
            + recorded.as_ref().map_or(0.0, |recorded| recorded.mean_ns);
        let longest_work_ns = longest_ns(&workload.processing, uploads);
        let certain = |chance: f64| if chance > 0.0 { 1.0 } else { 0.0 };
        let longest_life_ns = chance(certain(client.away_chance.get()), &client.away_time, longest_ns)
            + chance(certain(client.reopen_chance.get()), &client.reopen_time, longest_ns)
            + longest_work_ns
            + around_ns(polls(longest_work_ns) * 2.0)
            + recorded.as_ref().map_or(0.0, |recorded| recorded.longest_ns);
        let arriving_ns = coming.span_ns();
        let span_ns = (arriving_ns.max(busy_ns) + longest_life_ns).min(u64::MAX as f64);
        // Requests that come faster than they are served all wait.
        let queued = uploads * (1.0 - arriving_ns / busy_ns.max(arriving_ns));
        let lives = (coming.within(life_ns) + queued).min(uploads);
        let waiting = (coming.within(longest_life_ns) + queued).min(uploads);
        let mut load = Load { scenario, policy, coming, span_ns, fetches, lives, waiting, entries: 0.0 };
        load.entries = load.entries_of(life_ns);
        load
    }

    fn stores(&self) -> f64 {
        if self.policy.scope == Scope::Shared { 1.0 } else { f64::from(self.scenario.server.workers) }
    }

    /// Entries held at once: those that came within the time for which one is kept.
    fn entries_of(&self, life_ns: f64) -> f64 {
        let Policy { retention, trigger, defects, store, .. } = self.policy;
        let lives = &retention.time_to_live;
        let longest = [lives.ready_ns, lives.failed_ns, lives.interrupted_ns].into_iter();
        let live_ns = longest.map(|ns| ns.map_or(f64::INFINITY, |ns| ns as f64)).fold(0.0, f64::max);
        let aging_ns = match retention.age {
            AgeBasis::Acknowledged => f64::INFINITY,
            _ => life_ns,
        };
        let mean_gap_ns = self.coming.span_ns() / self.coming.uploads * self.stores();
        let overdue_ns = match *trigger {
            Trigger::Never => f64::INFINITY,
            Trigger::Chance(chance) => mean_gap_ns / self.fetches / chance.get(),
            Trigger::EveryNth(nth) => mean_gap_ns / self.fetches * f64::from(nth),
            Trigger::Period(period_ns) => period_ns as f64,
            Trigger::EveryRequest | Trigger::OnFinish => mean_gap_ns,
            Trigger::Exact => 0.0,
            Trigger::Redis => 10.0 * REDIS_PERIOD_NS,
        };
        let never_due = defects.contains(Defect::UnitBug) || may_get_stuck(self.scenario, self.policy);
        let tombstone_ns = retention.tombstone_ns.unwrap_or(0) as f64;
        let kept_ns = live_ns + aging_ns + overdue_ns + tombstone_ns;
        let mut entries = if never_due { self.coming.uploads } else { self.coming.within(kept_ns) };
        if let Capacity::Refuse(max) | Capacity::EvictOldest(max) = retention.capacity {
            entries = entries.min(max as f64 * self.stores());
        }
        if let (StoreKind::Dict, Some(keys)) = (store, self.scenario.workload.distinct_keys) {
            // An odd name is one more, and so is the same name in another store.
            entries = entries.min(2.0 * f64::from(keys) * self.stores());
        }
        if self.scenario.server.replica.is_some() { entries * 2.0 } else { entries }
    }

    pub(super) fn steps(&self) -> Vec<Part> {
        let Scenario { client, server, faults, .. } = self.scenario;
        let uploads = self.coming.uploads;
        let repetitions = 1.0 + f64::from(client.post_retries);
        // Each request visits the works of its worker, where they advance with it.
        let works = match server.background {
            Background::WhileServing => self.lives / f64::from(server.workers) / 10.0,
            _ => 0.0,
        };
        let polls_keys = "`uploads`, `processing`, `interval`, `max_attempts`, `max_fetch_errors` and `fetch_retry`";
        let mut parts = vec![
            Part::new(uploads * 3.0 * repetitions, "arrivals and ends of uploads", "`uploads` and `retries`"),
            Part::new(uploads * self.fetches * (2.0 + works), "polls", polls_keys),
        ];
        let timer_steps = match self.policy.trigger {
            Trigger::Period(period_ns) => self.span_ns / period_ns as f64,
            Trigger::Redis => self.span_ns / REDIS_PERIOD_NS * REDIS_STEPS,
            _ => 0.0,
        };
        let timer_keys =
            "the sweep's `trigger` or `period`, `arrivals` times `uploads`, the longest `away`, and `workers`";
        parts.push(Part::new(timer_steps * self.stores(), "sweeps by a timer", timer_keys));
        for fault in faults {
            let each = match fault.what {
                FaultKind::Reload { .. } => f64::from(server.workers),
                FaultKind::Clear(Clear::Stuck { .. }) => 1.0 + self.entries / 20.0,
                _ => 1.0,
            };
            let keys = "`every`, `rate` or `at` of a `[[fault]]`, and `arrivals` times `uploads`,";
            parts.push(Part::new(times(fault, self.span_ns) * each, "faults", keys));
        }
        parts
    }

    pub(super) fn bytes(&self) -> Vec<Part> {
        let life_bytes = LIFE_BYTES + f64::from(self.scenario.client.post_retries) * REPETITION_BYTES;
        let entries_keys = "`arrivals`, `time_to_live`, `tombstone` and the sweep's `trigger`";
        let lives_keys = "`arrivals`, `processing`, `away` and `max_attempts`";
        vec![
            Part::new(self.entries * ENTRY_BYTES, "entries", entries_keys),
            Part::new(self.lives * life_bytes, "uploads in progress", lives_keys),
            Part::new(self.waiting * FATE_BYTES, "uploads behind the longest one in progress", lives_keys),
        ]
    }
}

/// How often a fault happens within a span.
fn times(fault: &Fault, span_ns: f64) -> f64 {
    match &fault.when {
        When::At(at_ns) => at_ns.len() as f64,
        When::Every(every_ns) => span_ns / *every_ns as f64,
        When::Rate(mean_gap_ns) => span_ns / mean_gap_ns,
    }
}

/// Whether an upload may be polled for until no attempt is left, whatever its work takes: it may be lost, or wait for polls.
fn may_get_stuck(scenario: &Scenario, policy: &Policy) -> bool {
    let Scenario { server, faults, .. } = scenario;
    server.background == Background::WhileServing
        || server.recycle != Recycle::default()
        || server.request_limit_ns.is_some()
        || !faults.is_empty()
        || !policy.defects.is_empty()
}

/// The fetches that it takes to make so many polls: those that fail are no attempts, until too many in a row have failed.
fn with_failures(scenario: &Scenario, polls: f64) -> f64 {
    let Scenario { server, client, faults, .. } = scenario;
    let (loss, in_a_row) = (client.fetch_failure.get(), f64::from(client.max_fetch_errors));
    let retry_ns = client.fetch_retry_ns as f64;
    let mut fetches = match loss {
        0.0 => polls,
        1.0 => in_a_row,
        _ => (polls / (1.0 - loss)).min((libm::pow(loss, -in_a_row) - 1.0) / (1.0 - loss)).max(1.0),
    };
    let polling_ns = polling_ns(client, polls);
    for fault in faults {
        let away_ns = match fault.what {
            FaultKind::Reload { window_ns } => window_ns,
            FaultKind::StoreDown { for_ns } => for_ns,
            _ => 0,
        };
        let met = times(fault, polling_ns).min(polls) + 1.0;
        fetches += met * in_a_row.min(away_ns as f64 / retry_ns);
    }
    if let Some(limit) = server.queue_limit {
        // A full queue refuses until there is room in it, behind a lock that is held for ever as often as a client tries.
        let service_ns = mean_ns(&server.service.upload) + (server.service.sweep_ns + server.service.read_ns) as f64;
        let full_ns = service_ns * (1.0 + f64::from(limit) / f64::from(server.workers));
        let refused = if scenario.policies.iter().any(|policy| policy.defects.contains(Defect::LockTakenTwice)) {
            in_a_row
        } else {
            in_a_row.min(full_ns / retry_ns)
        };
        fetches += polls * refused;
    }
    fetches
}
