//! The properties S1 to S12 over a run's trace: how often each had an occasion to break, how often it did, and where first.

use rustc_hash::FxHashMap;

use crate::measure::Fact;
use crate::registry::{AgeBasis, Capacity, Expiry, State};
use crate::scenario::{Clear, Kind, Policy, Property, StoreKind, Trigger};
use crate::store::{Answer, Defect, End, Gone, ODD_NAME};
use crate::time::{SECOND_NS, SimTime};
use crate::trace::{Event, Observer};

/// The most entries that may be visited under one hold of a lock (S9): some milliseconds for a dictionary in Python.
pub const LOCK_HOLD_MAX: u64 = 10_000;

/// An entry may be overdue for its time to live, and for this long in any case, before S10 calls that unbounded.
const OVERDUE_ALWAYS_NS: u64 = 3600 * SECOND_NS;

/// What came of a property in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Occasions on which it could break or, of a `sometimes`, happen.
    pub checked: u64,
    /// Uploads, or events where no upload is meant, that broke it; of a `sometimes`, those in which it happened.
    pub counted: u64,
    /// The first of these.
    pub first: Option<Witness>,
}

/// Where a property broke first, or happened first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The replication's seed.
    pub seed: u64,
    /// Which upload it was about: of an entry, the latest one under its name; if about none in particular, the latest one to
    /// arrive.
    pub upload: u32,
    /// When.
    pub at: SimTime,
    /// What happened, in a few words.
    pub what: &'static str,
}

/// A verdict in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It held on every occasion; of a `sometimes`, it happened.
    Held,
    /// It broke.
    Broken,
    /// There was no occasion, or it never happened.
    NeverSeen,
}

impl Verdict {
    /// The verdict on a property in a word.
    #[must_use]
    pub fn outcome(&self, property: Property) -> Outcome {
        match (property.kind(), self.counted, self.checked) {
            (Kind::Sometimes, 0, _) | (Kind::Always | Kind::Eventually, 0, 0) => Outcome::NeverSeen,
            (Kind::Sometimes, ..) | (_, 0, _) => Outcome::Held,
            _ => Outcome::Broken,
        }
    }

    /// Adds the verdict of another replication, which comes later.
    pub fn merge(&mut self, later: &Verdict) {
        self.checked += later.checked;
        self.counted += later.counted;
        if self.first.is_none() {
            self.first.clone_from(&later.first);
        }
    }
}

impl Outcome {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Held => "held",
            Outcome::Broken => "broken",
            Outcome::NeverSeen => "never seen",
        }
    }
}

/// The verdicts on all properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts([Verdict; Property::ALL.len()]);

impl Verdicts {
    /// The verdict on a property.
    #[must_use]
    pub fn of(&self, property: Property) -> &Verdict {
        &self.0[property as usize]
    }

    /// The verdict on a property, in a word.
    #[must_use]
    pub fn outcome(&self, property: Property) -> Outcome {
        self.of(property).outcome(property)
    }

    /// The properties with an outcome.
    pub fn with(&self, outcome: Outcome) -> impl Iterator<Item = Property> + '_ {
        Property::ALL.into_iter().filter(move |&property| self.outcome(property) == outcome)
    }

    /// Adds the verdicts of another replication, which comes later.
    pub fn merge(&mut self, later: &Verdicts) {
        for (verdict, later) in self.0.iter_mut().zip(&later.0) {
            verdict.merge(later);
        }
    }

    /// Notes that a run was made twice, and came out the same (S12).
    pub fn note_replay(&mut self) {
        self.0[Property::S12 as usize].checked += 1;
    }

    /// What a policy's expectations have against these verdicts, a sentence each.
    #[must_use]
    pub fn disappointments(&self, policy: &Policy) -> Vec<String> {
        let mut all = Vec::new();
        for &property in &policy.holds {
            match self.outcome(property) {
                Outcome::Held => {}
                Outcome::Broken => all.push(format!("{} should hold, and breaks", property.name())),
                Outcome::NeverSeen => all.push(format!("{} should hold, and had no occasion to", property.name())),
            }
        }
        for &property in &policy.breaks {
            match (property.kind(), self.outcome(property)) {
                (_, Outcome::Broken) | (Kind::Sometimes, Outcome::NeverSeen) => {}
                (Kind::Sometimes, Outcome::Held) => {
                    all.push(format!("{} should never happen, and happened", property.name()));
                }
                (_, Outcome::Held) => all.push(format!("{} should break, and holds", property.name())),
                (_, Outcome::NeverSeen) => {
                    all.push(format!("{} should break, and had no occasion to", property.name()));
                }
            }
        }
        for property in presumed(policy).filter(|&property| self.outcome(property) == Outcome::NeverSeen) {
            let name = property.name();
            all.push(format!("{name} never happened; `breaks = [\"{name}\"]` says that it is not to"));
        }
        all
    }
}

/// What a policy that names properties which hold is presumed to expect: where what should happen sometimes never did, that
/// they held says little. What breaks is its own witness.
fn presumed(policy: &Policy) -> impl Iterator<Item = Property> + '_ {
    let is_named = |property| policy.holds.contains(&property) || policy.breaks.contains(&property);
    let all = Property::ALL.into_iter().filter(|property| property.kind() == Kind::Sometimes);
    all.filter(move |&property| !policy.holds.is_empty() && !is_named(property))
}

/// How many properties a policy has expectations of.
#[must_use]
pub fn expectations(policy: &Policy) -> usize {
    policy.holds.len() + policy.breaks.len() + presumed(policy).count()
}

/// Watches one policy in one replication.
pub struct Watch {
    seed: u64,
    policy: Policy,
    uploads: FxHashMap<u32, Seen>,
    latest: u32,
    /// The latest upload under each name that is not its upload's number: names that come again.
    under: FxHashMap<u32, u32>,
    /// Whether the last upload has arrived: from then on nobody comes by to sweep.
    span_is_over: bool,
    /// Of which upload alone, if of one, breaches are noted.
    only: Option<u32>,
    verdicts: Verdicts,
}

/// What was seen of an upload.
#[derive(Default)]
struct Seen {
    key: u32,
    begun_at: Option<SimTime>,
    /// How its work ended, and when.
    ended: Option<(End, SimTime)>,
    is_lost: bool,
    /// Whether it was polled after its end.
    polled_after_end: bool,
    /// The latest answer that says something about it.
    latest: Option<Answer>,
    /// The properties that it was counted for.
    counted: u16,
}

impl Watch {
    /// A watch over a policy, before the run.
    #[must_use]
    pub fn new(policy: &Policy, seed: u64) -> Self {
        let (uploads, under, verdicts) = Default::default();
        Watch { seed, policy: policy.clone(), uploads, latest: 0, under, span_is_over: false, only: None, verdicts }
    }

    /// A watch that notes only what concerns one upload, or none in particular.
    #[must_use]
    pub fn over(policy: &Policy, seed: u64, upload: u32) -> Self {
        Watch { only: Some(upload), ..Watch::new(policy, seed) }
    }

    /// The verdicts, the run being over.
    #[must_use]
    pub fn into_verdicts(self) -> Verdicts {
        self.verdicts
    }

    /// Notes an occasion for a property, and whether it counts.
    fn check(&mut self, property: Property, upload: Option<u32>, at: SimTime, counts: bool, what: &'static str) {
        let verdict = &mut self.verdicts.0[property as usize];
        if self.only.is_some() && upload.is_some() && upload != self.only {
            return;
        }
        verdict.checked += 1;
        if !counts {
            return;
        }
        if let Some(seen) = upload.and_then(|upload| self.uploads.get_mut(&upload)) {
            let bit = 1 << property as u16;
            if seen.counted & bit != 0 {
                return;
            }
            seen.counted |= bit;
        }
        verdict.counted += 1;
        if verdict.first.is_none() {
            let upload = upload.unwrap_or(self.latest);
            verdict.first = Some(Witness { seed: self.seed, upload, at, what });
        }
    }

    /// The latest upload under an entry's name.
    fn upload_under(&self, entry: &Gone) -> u32 {
        let key = entry.key & !ODD_NAME;
        self.under.get(&key).copied().unwrap_or(key)
    }

    /// Until when the end of an upload's work has to be answered, whoever asks (S1): what the retention promises.
    fn promised_until(&self, seen: &Seen) -> Option<SimTime> {
        let (end, at) = seen.ended?;
        let since = match self.policy.retention.age {
            AgeBasis::Created => seen.begun_at.unwrap_or(at),
            _ => at,
        };
        Some(since.after(self.policy.retention.time_to_live.of(state_of(end)).unwrap_or(u64::MAX)))
    }

    /// When a sweep may take the entry of an upload that has ended, as the deployed code sees it; `None` if never, or if that
    /// depends on more than the end.
    fn sweepable_at(&self, seen: &Seen) -> Option<SimTime> {
        let (end, at) = seen.ended?;
        let defects = self.policy.defects;
        if defects.contains(Defect::FinishWithoutTimestamp) {
            return Some(at);
        }
        if defects.contains(Defect::UnitBug) {
            return None;
        }
        let limit_ns = self.policy.retention.time_to_live.of(state_of(end))?;
        match self.policy.retention.age {
            AgeBasis::Finished => Some(at.after(limit_ns)),
            AgeBasis::Created => seen.begun_at.map(|begun_at| begun_at.after(limit_ns)),
            AgeBasis::LastWrite | AgeBasis::LastAccess | AgeBasis::Acknowledged => None,
        }
    }

    fn read(&mut self, upload: u32, at: SimTime, answer: Answer) {
        let Some(seen) = self.uploads.get(&upload) else { return };
        let (ended, before, is_begun) = (seen.ended, seen.latest, seen.begun_at.is_some());
        let is_lost = seen.is_lost && ended.is_none();
        let sweepable = self.sweepable_at(seen).is_some_and(|since| since <= at);
        let promised = self.promised_until(seen).is_some_and(|until| at < until);
        let mut check = |property, counts, what| self.check(property, Some(upload), at, counts, what);
        if ended.is_some() {
            let lost = match answer {
                Answer::NotFound => "not_found after its end",
                Answer::Processing => "processing after its end",
                Answer::Expired(_) | Answer::Interrupted if promised => "expired within the time that was promised",
                _ => "",
            };
            check(Property::S1, !lost.is_empty(), lost);
        }
        if let Answer::Ready { upload: of } = answer {
            let succeeded = matches!(ended, Some((End::Ready, _)));
            check(Property::S2, !succeeded, "ready before its own success");
            check(Property::S7, of != upload, "ready with the result of another upload");
            check(Property::ReadySeen, true, "told ready");
        }
        if answer == Answer::Error {
            let failed = matches!(ended, Some((End::Error, _)));
            check(Property::S7, !failed, "error though its own work has not failed");
        }
        if let (Some(before), Some(rank)) = (before, rank(answer)) {
            let backwards = rank < self::rank(before).unwrap_or(0);
            let changed = rank == 1 && std::mem::discriminant(&before) != std::mem::discriminant(&answer);
            let changed = changed && self::rank(before) == Some(1);
            check(Property::S4, backwards || changed, "an answer that goes back on an earlier one");
        }
        if is_begun {
            check(Property::S6, answer == Answer::NotFound, "not_found for an upload that was accepted");
            check(Property::S6, is_lost && answer == Answer::Processing, "processing though its work is lost");
        }
        if sweepable {
            let by_dice = self.policy.retention.expiry == Expiry::Physical
                && match self.policy.trigger {
                    Trigger::Chance(chance) => chance.get() > 0.0 && chance.get() < 1.0,
                    // It takes entries at random.
                    Trigger::Redis => true,
                    _ => false,
                };
            self.check(Property::S11, Some(upload), at, by_dice, "a poll of a due entry, whose answer the dice decide");
            self.check(Property::LatePoll, Some(upload), at, true, "polled when due");
        } else {
            self.check(Property::S11, Some(upload), at, false, "");
        }
        if let Some(seen) = self.uploads.get_mut(&upload) {
            seen.polled_after_end |= ended.is_some();
            if rank(answer).is_some() {
                seen.latest = Some(answer);
            }
        }
    }

    /// Entries leave, or are found due.
    fn gone(&mut self, at: SimTime, gone: &[Gone]) {
        if self.span_is_over {
            return;
        }
        for entry in gone {
            let Some(due) = entry.due else { continue };
            let limit_ns = self.policy.retention.time_to_live.of(entry.state).unwrap_or(0).max(OVERDUE_ALWAYS_NS);
            let unbounded = at.since(due) > limit_ns;
            let upload = self.upload_under(entry);
            self.check(
                Property::S10,
                Some(upload),
                at,
                unbounded,
                "an entry is overdue for longer than it was to live",
            );
        }
    }

    /// Entries that were taken by a sweep, or to make room for an upload under another name.
    fn taken(&mut self, at: SimTime, gone: &[Gone], but_for: Option<u32>) {
        let pinned = self.policy.retention.time_to_live.processing_ns.is_none();
        for entry in gone.iter().filter(|entry| Some(entry.key) != but_for) {
            let evicted = pinned && entry.state == State::Processing;
            let upload = self.upload_under(entry);
            self.check(Property::S5, Some(upload), at, evicted, "a running upload is taken");
        }
    }
}

fn state_of(end: End) -> State {
    match end {
        End::Ready => State::Ready,
        End::Error => State::Failed,
    }
}

/// Where an answer stands in the life of an upload; `not_found` stands nowhere.
fn rank(answer: Answer) -> Option<u8> {
    match answer {
        Answer::Processing => Some(0),
        Answer::Ready { .. } | Answer::Error | Answer::Interrupted => Some(1),
        Answer::Expired(_) => Some(2),
        Answer::NotFound => None,
    }
}

impl Observer for Watch {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        match event {
            Event::Arrived(upload) => {
                self.latest = upload.number;
                if upload.key != upload.number || self.under.contains_key(&upload.key) {
                    self.under.insert(upload.key, upload.number);
                }
                self.uploads.insert(upload.number, Seen { key: upload.key, ..Seen::default() });
            }
            Event::Began { upload, gone, .. } => {
                let key = self.uploads.get(&upload).map(|seen| seen.key);
                self.taken(at, gone, key);
                self.gone(at, gone);
                if let Some(seen) = self.uploads.get_mut(&upload) {
                    seen.begun_at = Some(at);
                }
            }
            Event::Finished { upload, end, .. } => {
                let retention = &self.policy.retention;
                let is_bounded = retention.capacity != Capacity::Unbounded;
                let kept_for_ever = retention.time_to_live.of(state_of(end)).is_none() && !is_bounded;
                self.check(Property::S10, Some(upload), at, kept_for_ever, "an entry that never falls due");
                if let Some(seen) = self.uploads.get_mut(&upload) {
                    seen.ended.get_or_insert((end, at));
                }
            }
            Event::Lost { upload, .. } => {
                if let Some(seen) = self.uploads.get_mut(&upload) {
                    seen.is_lost = true;
                }
            }
            Event::Read { upload, answer, .. } => self.read(upload, at, answer),
            Event::Swept { held_before, gone, .. } => {
                self.check(Property::S5, None, at, false, "");
                let scans = self.policy.store == StoreKind::Dict && self.policy.trigger != Trigger::Redis;
                let too_long = scans && held_before > LOCK_HOLD_MAX;
                self.check(Property::S9, None, at, too_long, "a sweep visits more than 10,000 entries under one lock");
                if !gone.is_empty() {
                    self.check(Property::EntrySwept, None, at, true, "a sweep removes an entry");
                }
                self.taken(at, gone, None);
                self.gone(at, gone);
            }
            Event::Deadlocked { upload, .. } => {
                self.check(Property::S9, Some(upload), at, true, "a lock that is never let go");
            }
            Event::Cleared { clear, key, gone, .. } => {
                let meant = |entry: &Gone| match clear {
                    Clear::One => entry.key == key,
                    Clear::All => true,
                    Clear::Stuck { .. } => entry.state == State::Processing,
                };
                let other = gone.iter().find(|entry| !meant(entry)).map(|entry| self.upload_under(entry));
                self.check(Property::S8, other, at, other.is_some(), "a clear takes what it does not name");
                self.gone(at, gone);
            }
            Event::Replaced { gone, .. } => self.gone(at, gone),
            Event::SpanEnded { overdue } => {
                self.gone(at, overdue);
                self.span_is_over = true;
            }
            Event::Over { upload, facts, .. } => {
                if let Some(seen) = self.uploads.get(&upload.number)
                    && facts.contains(Fact::Failed)
                    && seen.polled_after_end
                {
                    let told = facts.contains(Fact::SawError) || facts.contains(Fact::SawExpired);
                    self.check(Property::S3, Some(upload.number), at, !told, "its client is never told of the error");
                }
                self.uploads.remove(&upload.number);
            }
            _ => {}
        }
    }
}
