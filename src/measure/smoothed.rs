//! Rare losses without waiting for them: conditional Monte Carlo (S. Asmussen and P. W. Glynn, Stochastic Simulation, 2007, chapter
//! V.4). Once the sweep is known that removes an entry, the probability that its client would have come back too late is added,
//! in the place of one client that does or does not.
//!
//! Only entries of clients that stayed are looked at: they are removed as those of clients that are away would be, were it not for the
//! polls of those themselves; what these add, a sweep by the very poll that comes too late, is known as well. So the mean is that of
//! all uploads, unbiased where a client does not disturb the others ([`crate::closed_form`] says when), but for entries that fall due
//! near the ends of the span, which are left out: there polls, and so sweeps, are rarer.

use rustc_hash::FxHashMap;

use super::interval::{self, Estimate};
use crate::closed_form::is_simple;
use crate::scenario::{Order, Policy, Scenario, Trigger};
use crate::store::Gone;
use crate::time::SimTime;
use crate::trace::{Event, Observer};
use crate::workload::Sampler;

/// Batches of entries in their order, whose means are taken for independent.
const BATCHES: usize = 20;

/// How many times as long as entries are overdue on average the end of the span is left out.
const OVERDUE_TIMES: u128 = 20;

/// The share of users who would be told `not_found` after a success, by what is known of each entry.
pub struct Smoothed {
    away: Sampler,
    away_chance: f64,
    /// How likely a poll of a due entry sweeps before it reads.
    own_sweep: f64,
    time_to_live_ns: u64,
    /// Entries whose clients stayed: when each upload came, and when it falls due.
    waiting: FxHashMap<u32, (SimTime, SimTime)>,
    /// When an entry fell due, and the probability that its client would have come too late.
    losses: Vec<(SimTime, f64)>,
    /// How long they were due before they were removed, in nanoseconds, all together.
    overdue_ns: u128,
    span_end: Option<SimTime>,
}

impl Smoothed {
    /// An observer at the start of a replication.
    ///
    /// # Errors
    /// Why the mean would not be that of the uploads, in a few words.
    pub fn new(scenario: &Scenario, policy: &Policy) -> Result<Smoothed, &'static str> {
        is_simple(scenario, policy)?;
        let Some(time_to_live_ns) = policy.retention.time_to_live.ready_ns else {
            return Err("nothing ever falls due");
        };
        let own_sweep = match policy.trigger {
            Trigger::Never => return Err("nothing is ever swept"),
            Trigger::EveryNth(_) => return Err("a poll moves the sweeps of others"),
            Trigger::Redis => return Err("what is swept is a sample"),
            _ if policy.order == Order::ReadFirst => 0.0,
            Trigger::EveryRequest => 1.0,
            Trigger::Chance(chance) => chance.get(),
            Trigger::Period(_) | Trigger::Exact | Trigger::OnFinish => 0.0,
        };
        Ok(Smoothed {
            away: Sampler::new(&scenario.client.away_time),
            away_chance: scenario.client.away_chance.get(),
            own_sweep,
            time_to_live_ns,
            waiting: FxHashMap::default(),
            losses: Vec::new(),
            overdue_ns: 0,
            span_end: None,
        })
    }

    fn removed(&mut self, at: SimTime, gone: &[Gone]) {
        for entry in gone {
            let Some((came, due)) = self.waiting.remove(&entry.key) else { continue };
            let [after_due, after_removal] = [due, at].map(|moment| self.away.longer_than(moment.since(came) as f64));
            let lost = after_removal + self.own_sweep * (after_due - after_removal);
            self.overdue_ns += u128::from(at.since(due));
            self.losses.push((due, self.away_chance * lost));
        }
    }

    /// The estimate over some replications, with Student's 95 % interval over batches of entries in their order.
    ///
    /// # Errors
    /// Why there is none, in a few words.
    pub fn estimate(replications: &[Smoothed]) -> Result<Estimate, &'static str> {
        let mut means = Vec::new();
        for one in replications {
            let end = one.span_end.unwrap_or_default();
            // What falls due so late is left out, whenever it was removed: long before then its sweep has come, or will never come.
            let overdue_ns = one.overdue_ns / (one.losses.len() as u128).max(1);
            let margin_ns = (OVERDUE_TIMES * overdue_ns).max(u128::from(one.time_to_live_ns.min(end.as_ns() / 10)));
            let last = SimTime::from_ns(end.as_ns().saturating_sub(u64::try_from(margin_ns).unwrap_or(u64::MAX)));
            // A few entries may be left that nobody swept any more: too few to matter.
            let left = one.waiting.values().filter(|(_, due)| *due < last).count();
            if left * 1000 > one.losses.len() {
                return Err("sweeps are so rare that entries stay to the end");
            }
            // Nor does the beginning count, before the first clients that were away are back.
            let first = SimTime::from_ns(one.time_to_live_ns.saturating_add(end.as_ns() / 10));
            let kept = one.losses.iter().filter(|(due, _)| (first..last).contains(due));
            let kept: Vec<f64> = kept.map(|(_, lost)| *lost).collect();
            let size = kept.len() / BATCHES;
            if size == 0 {
                return Err("too few entries fall due within the span");
            }
            means.extend(kept.chunks_exact(size).take(BATCHES).map(|batch| batch.iter().sum::<f64>() / size as f64));
        }
        interval::mean(&means)
            .map(|estimate| Estimate { low: estimate.low.max(0.0), ..estimate })
            .ok_or("there was no replication")
    }
}

impl Observer for Smoothed {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        match event {
            Event::Arrived(upload) if upload.away_ns.is_none() => {
                let due = upload.at.after(upload.processing_ns).after(self.time_to_live_ns);
                self.waiting.insert(upload.key, (upload.at, due));
            }
            Event::Swept { gone, .. } => self.removed(at, gone),
            Event::SpanEnded { .. } => self.span_end = Some(at),
            _ => {}
        }
    }
}
