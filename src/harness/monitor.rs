//! Watches the properties S1 to S12 over one execution, whose calls may overlap: a property is broken only where it is so in
//! whatever order the calls that overlap took effect.

use super::model::Answer;
use super::program::{Step, UPLOADS};
use super::promise::{Address, Promise};
use crate::registry::{AgeBasis, State, Status};
use crate::scenario::Property;

/// What is known of an upload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    key: u8,
    begun_ns: Option<u64>,
    /// How its work may have ended, a bit for each state, from the moment at which such a call began; and when the first did.
    endings: u8,
    ending_ns: Option<u64>,
    /// The latest moment that its end can count from, once it is certain that it has ended.
    ended_ns: Option<u64>,
    /// How many ends were taken.
    taken: u8,
    /// Whether somebody began to clear it; and whether that is certain.
    clearing: bool,
    cleared: bool,
    /// Whether a later upload under its key began.
    followed: bool,
    /// The moment of the first call that may have renewed its age, and of the latest.
    touched_ns: Option<(u64, u64)>,
    /// How many such calls there were.
    touches: u32,
    /// Whether an acknowledgement counted.
    acknowledged: bool,
    /// How far it has come in the answers given so far.
    told: u8,
    /// A long poll that goes on.
    waits: bool,
}

impl Seen {
    fn may_have_ended(&self, state: State) -> bool {
        self.endings & (1 << state as u8) != 0
    }

    /// How its work ends, if there is one way.
    fn ending(&self) -> Option<State> {
        let mut ways = State::ALL.into_iter().filter(|&state| self.may_have_ended(state));
        ways.next().filter(|_| ways.next().is_none())
    }
}

/// A break of a property, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) property: Property,
    pub(super) what: String,
}

/// How often each property had an occasion to break or, of a `sometimes`, came to pass.
pub(super) type Occasions = [u64; Property::ALL.len()];

#[derive(Debug)]
pub(super) struct Monitor {
    promise: Promise,
    /// The latest time that any call has passed.
    clock: u64,
    /// Of each upload that a call has named, up to the last of them.
    seen: Vec<Seen>,
    /// Whether any upload was cleared.
    clears: bool,
}

impl Clone for Monitor {
    fn clone(&self) -> Monitor {
        Monitor { seen: self.seen.clone(), ..*self }
    }

    /// Into the memory that is there: a search does this where its way forks.
    fn clone_from(&mut self, of: &Monitor) {
        let Monitor { promise, clock, seen, clears } = of;
        (self.promise, self.clock, self.clears) = (*promise, *clock, *clears);
        self.seen.clone_from(seen);
    }
}

impl Monitor {
    pub(super) fn new(promise: Promise) -> Monitor {
        Monitor { promise, clock: 0, seen: Vec::with_capacity(UPLOADS), clears: false }
    }

    /// A call begins. Returns what is known of its upload, which [`returned`](Self::returned) asks for.
    pub(super) fn invoked(&mut self, step: Step, now_ns: u64) -> Seen {
        self.clock = self.clock.max(now_ns);
        let upload = step.of().map(usize::from);
        let named = match step {
            Step::Begin { upload, .. } => usize::from(upload) + 1,
            _ => upload.map_or(0, |upload| upload + 1),
        };
        if named > self.seen.len() {
            self.seen.resize(named, Seen::default());
        }
        let seen = upload.map_or_else(Seen::default, |upload| self.seen[upload]);
        if let Step::Begin { upload, key } = step {
            for earlier in self.seen.iter_mut().filter(|seen| seen.begun_ns.is_some() && seen.key == key) {
                earlier.followed = true;
            }
            self.seen[usize::from(upload)].key = key;
        }
        if let Some(upload) = upload {
            let seen = &mut self.seen[upload];
            let mut ending = |state| {
                seen.endings |= 1 << state as u8;
                seen.ending_ns = Some(seen.ending_ns.map_or(now_ns, |first| first.min(now_ns)));
            };
            match step {
                Step::Finish(_) => ending(State::Ready),
                Step::Fail(_) => ending(State::Failed),
                Step::Interrupt(_) => ending(State::Interrupted),
                Step::Clear(_) => {
                    seen.clearing = true;
                    self.clears = true;
                }
                _ => {}
            }
        }
        self.touched(step, now_ns);
        seen
    }

    /// A call that may renew returns: it may have counted for any time that the store had been told by now.
    fn touched_until(&mut self, step: Step) {
        let clock = self.clock;
        for seen in self.touchable(step) {
            seen.touched_ns = seen.touched_ns.map(|(first, latest)| (first, latest.max(clock)));
        }
    }

    /// Notes what a call may renew.
    fn touched(&mut self, step: Step, now_ns: u64) {
        for seen in self.touchable(step) {
            let (first, latest) = seen.touched_ns.unwrap_or((now_ns, now_ns));
            seen.touched_ns = Some((first.min(now_ns), latest.max(now_ns)));
            seen.touches += 1;
        }
    }

    /// The uploads whose age a call may renew.
    fn touchable(&mut self, step: Step) -> impl Iterator<Item = &mut Seen> {
        let renews = match self.promise.retention.age {
            AgeBasis::LastAccess => step.is_poll() || matches!(step, Step::Wait(_)),
            AgeBasis::LastWrite | AgeBasis::Acknowledged => matches!(step, Step::Acknowledge(_)),
            AgeBasis::Created | AgeBasis::Finished => false,
        };
        let by_key = self.promise.address == Address::Key;
        let key = match step {
            Step::ReadKey(key) => Some(key),
            _ => step.of().map(|upload| self.seen[usize::from(upload)].key).filter(|_| by_key),
        };
        let meant = move |(upload, seen): &(usize, &mut Seen)| {
            renews && (step.of() == Some(*upload as u8) || key == Some(seen.key))
        };
        self.seen.iter_mut().enumerate().filter(meant).map(|(_, seen)| seen)
    }

    /// A call returns. What breaks, if something does; occasions are counted.
    pub(super) fn returned(
        &mut self,
        before: &Seen,
        step: Step,
        now_ns: u64,
        answer: Answer,
        occasions: &mut Occasions,
    ) -> Option<Breach> {
        self.touched_until(step);
        let clock = self.clock;
        let seen = step.of().map(|upload| &mut self.seen[usize::from(upload)]);
        match (step, answer, seen) {
            (Step::Begin { upload, .. }, Answer::Begun, _) => self.seen[usize::from(upload)].begun_ns = Some(now_ns),
            (
                Step::Finish(_) | Step::Fail(_) | Step::Interrupt(_),
                Answer::Ended(_) | Answer::Interrupted,
                Some(seen),
            ) => {
                // An end that was refused is no end; nor, for certain, is a loss after the time to live of running uploads.
                let limited = self.promise.retention.time_to_live.processing_ns.is_some();
                let is_certain = !(answer == Answer::Ended(Some(false)) || (answer == Answer::Interrupted && limited));
                seen.ended_ns = seen.ended_ns.or(Some(clock).filter(|_| is_certain));
                seen.taken += u8::from(answer == Answer::Ended(Some(true)));
                occasions[Property::S4 as usize] += 1;
                if seen.taken > 1 {
                    return breach(Property::S4, "two ends of one upload were taken");
                }
            }
            (Step::Clear(_), Answer::Cleared(_), Some(seen)) => seen.cleared = true,
            (Step::Acknowledge(_), Answer::Acknowledged(true), Some(seen)) => seen.acknowledged = true,
            (Step::Sweep, Answer::Swept(Some(held)), None) => return self.swept(now_ns, held, occasions),
            (Step::Wait(_), Answer::Pending, Some(seen)) => {
                seen.waits = true;
                occasions[Property::S9 as usize] += 1;
                return self.answered(before, step, now_ns, Status::Processing, occasions);
            }
            (Step::Read(_) | Step::Wait(_), Answer::Status(status), Some(_)) => {
                return self.answered(before, step, now_ns, status, occasions);
            }
            _ => {}
        }
        None
    }

    /// A sweep that nobody disturbed has left so many entries.
    fn swept(&self, now_ns: u64, held: usize, occasions: &mut Occasions) -> Option<Breach> {
        occasions[Property::S10 as usize] += 1;
        let tombstone_ns = self.promise.retention.tombstone_ns.unwrap_or(0);
        let may_be_held = |seen: &&Seen| {
            let until = seen.ending().and_then(|ending| self.due(seen, seen, ending)).map(|(_, until)| until);
            // Under physical expiry a tombstone's time counts from the sweep that left it.
            let forgotten = |until: u64| self.promise.is_logical() && now_ns >= until.saturating_add(tombstone_ns);
            let replaced = self.promise.address == Address::Key && seen.followed;
            seen.begun_ns.is_some() && !seen.cleared && !replaced && !until.is_some_and(forgotten)
        };
        let most = self.seen.iter().filter(may_be_held).count();
        (held > most).then(|| {
            let what = format!("{held} entries are left after a sweep, where at most {most} may be");
            Breach { property: Property::S10, what }
        })
    }

    /// A poll of an upload is answered.
    fn answered(
        &mut self,
        before: &Seen,
        step: Step,
        now_ns: u64,
        status: Status<u32>,
        occasions: &mut Occasions,
    ) -> Option<Breach> {
        let upload = step.of().expect("a poll of an upload");
        let seen = self.seen[usize::from(upload)];
        let mut occasion = |property: Property| occasions[property as usize] += 1;
        let replaced = self.promise.address == Address::Key && seen.followed;
        if let Status::Ready(of) | Status::Failed(of) = status {
            occasion(Property::S7);
            if of != u32::from(upload) && !replaced {
                return breach(Property::S7, format!("told of the end of upload {of}"));
            }
        }
        if replaced || seen.begun_ns.is_none() {
            return None;
        }
        match status {
            Status::Ready(_) => {
                occasion(Property::S2);
                occasion(Property::ReadySeen);
                if !seen.may_have_ended(State::Ready) {
                    return breach(Property::S2, "told ready before its own success");
                }
            }
            Status::Failed(_) if !seen.may_have_ended(State::Failed) => {
                return breach(Property::S7, "told of an error though its own work has not failed");
            }
            Status::Interrupted if !seen.may_have_ended(State::Interrupted) => {
                return breach(Property::S6, "told interrupted though its work was not lost");
            }
            _ => {}
        }
        if before.cleared {
            occasion(Property::S8);
            return (status != Status::Unknown)
                .then(|| Breach { property: Property::S8, what: format!("still {} after its clear", word(status)) });
        }
        if seen.clearing {
            return None;
        }
        self.kept(before, upload, now_ns, status, occasions)
    }

    /// A poll of an upload that nobody has cleared or replaced is answered.
    fn kept(
        &mut self,
        before: &Seen,
        upload: u8,
        now_ns: u64,
        status: Status<u32>,
        occasions: &mut Occasions,
    ) -> Option<Breach> {
        let seen = self.seen[usize::from(upload)];
        let mut occasion = |property: Property| occasions[property as usize] += 1;
        let evictable = self.promise.is_bounded();
        let missing = matches!(status, Status::Unknown | Status::Expired(_));
        let of_clear = |property| if self.clears && status == Status::Unknown { Property::S8 } else { property };
        let word = word(status);
        if seen.endings == 0 {
            let lives = self.promise.retention.time_to_live.processing_ns;
            if lives.is_none() {
                occasion(Property::S5);
                if missing {
                    return breach(of_clear(Property::S5), format!("told {word} while its work is running"));
                }
            }
            return None;
        }
        let rank = rank(status);
        occasion(Property::S4);
        if rank < before.told && !(evictable && status == Status::Unknown) {
            return breach(Property::S4, format!("told {word} after a later state"));
        }
        self.seen[usize::from(upload)].told = seen.told.max(rank);
        // The end is certain only if its call had returned when this one began.
        before.ended_ns?;
        let ending = seen.ending()?;
        let (from, until) = self.due(before, &seen, ending)?;
        let own = match ending {
            State::Ready => matches!(status, Status::Ready(_)),
            State::Failed => matches!(status, Status::Failed(_)),
            State::Interrupted => status == Status::Interrupted,
            State::Processing => true,
        };
        let property = match ending {
            State::Ready => Property::S1,
            State::Failed => Property::S3,
            _ => Property::S6,
        };
        if self.clock < from && !(evictable && missing) {
            occasion(property);
            if !own {
                return breach(of_clear(property), format!("told {word} inside the promised time after its end"));
            }
        }
        if now_ns >= until {
            occasion(Property::LatePoll);
            if self.promise.is_logical() {
                occasion(Property::S11);
                if own {
                    return breach(
                        Property::S11,
                        format!("told {word} when its time is over: it depends on the sweep"),
                    );
                }
            }
        }
        self.told_apart(status, from, evictable, occasions)
    }

    /// Whether unknown and expired are told apart.
    fn told_apart(&self, status: Status<u32>, from: u64, evictable: bool, occasions: &mut Occasions) -> Option<Breach> {
        let tombstone_ns = self.promise.retention.tombstone_ns?;
        // Of the moments from which the age may count, the earliest is the first to have its tombstone forgotten.
        if (from..from.saturating_add(tombstone_ns)).contains(&self.clock) {
            occasions[Property::S6 as usize] += 1;
            if status == Status::Unknown && !evictable {
                return breach(Property::S6, "told unknown, where a tombstone should say expired");
            }
        }
        None
    }

    /// From when, at the earliest, and from when, at the latest, an upload that has ended is due. `None` where it never is.
    fn due(&self, before: &Seen, seen: &Seen, ending: State) -> Option<(u64, u64)> {
        let never = Some((u64::MAX, u64::MAX));
        let Some(limit) = self.promise.retention.time_to_live.of(ending) else { return never };
        let (begun_ns, ended_ns) = (before.begun_ns?, before.ended_ns?);
        let ending_ns = before.ending_ns?;
        let (since, latest) = match self.promise.retention.age {
            AgeBasis::Created => (begun_ns, ended_ns),
            AgeBasis::Finished => (ending_ns, ended_ns),
            AgeBasis::LastWrite | AgeBasis::LastAccess => {
                // A poll does not renew what it finds over: of the calls up to now, it alone does not count.
                let others = if seen.touches <= before.touches + 1 { before } else { seen };
                (ending_ns, others.touched_ns.map_or(ended_ns, |(_, latest)| latest.max(ended_ns)))
            }
            AgeBasis::Acknowledged => match seen.touched_ns {
                Some((first, latest)) => {
                    let latest = if seen.acknowledged { latest.max(ended_ns) } else { u64::MAX };
                    (first.max(ending_ns), latest)
                }
                None => return never,
            },
        };
        Some((since.saturating_add(limit), latest.saturating_add(limit)))
    }

    /// The uploads with a long poll that goes on, a bit each.
    pub(super) fn waits(&self) -> u8 {
        (0..).zip(&self.seen).fold(0, |waits, (upload, seen)| waits | u8::from(seen.waits) << upload)
    }

    /// The uploads whose long poll goes on though they have ended.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u8> + '_ {
        let asleep = |seen: &Seen| seen.waits && (seen.ended_ns.is_some() || seen.cleared);
        (0..).zip(&self.seen).filter(move |(_, seen)| asleep(seen)).map(|(upload, _)| upload)
    }
}

fn breach(property: Property, what: impl Into<String>) -> Option<Breach> {
    Some(Breach { property, what: what.into() })
}

/// How far an upload has come.
fn rank(status: Status<u32>) -> u8 {
    match status {
        Status::Processing => 0,
        Status::Ready(_) | Status::Failed(_) | Status::Interrupted => 1,
        Status::Expired(_) => 2,
        Status::Unknown => 3,
    }
}

/// An answer in a word.
pub(super) fn word(status: Status<u32>) -> &'static str {
    match status {
        Status::Unknown => "unknown",
        Status::Processing => "processing",
        Status::Ready(_) => "ready",
        Status::Failed(_) => "failed",
        Status::Interrupted => "interrupted",
        Status::Expired(_) => "expired",
    }
}
