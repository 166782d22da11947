//! The faulty stores, and two that are right: the plain store that they are copies of, and the registry. The program's command
//! `mutants` and this crate's tests run the same list.

use std::time::Duration;

use stillready::harness::{Budget, Check, Level, Program, Report, Store, check};
use stillready::registry::{AgeBasis, Capacity, Expiry, Retention, TimeToLive};

/// The registry's own faults are switched on by `tests/loom`, never here.
macro_rules! mutant {
    ($name:ident) => {
        false
    };
}
pub(crate) use mutant;

#[path = "."]
mod plain {
    #[path = "../own_copy/mod.rs"]
    mod own_copy;

    mod sync {
        pub(crate) use super::super::mutant;
        pub(crate) use super::own_copy::OwnCopy;
        pub(crate) use std::sync::atomic::AtomicU32 as LockedU32;
        pub(crate) use stillready::harness::door::plain::*;
    }

    #[path = "../../src/registry/mod.rs"]
    #[expect(dead_code, unreachable_pub, unused_imports, reason = "the stores use a part of the registry's interface")]
    mod registry;

    #[path = "stores/mod.rs"]
    pub(crate) mod stores;
}

#[path = "."]
mod under_loom {
    #[path = "../own_copy/mod.rs"]
    mod own_copy;

    mod sync {
        pub(crate) use super::super::mutant;
        pub(crate) use super::own_copy::OwnCopy;
        pub(crate) use std::sync::atomic::AtomicU32 as LockedU32;
        pub(crate) use stillready::harness::door::loom::*;
    }

    #[path = "../../src/registry/mod.rs"]
    #[expect(dead_code, unreachable_pub, unused_imports, reason = "the stores use a part of the registry's interface")]
    mod registry;

    #[path = "stores/mod.rs"]
    pub(crate) mod stores;
}

#[path = "."]
mod under_shuttle {
    #[path = "../own_copy/mod.rs"]
    mod own_copy;

    mod sync {
        pub(crate) use super::super::mutant;
        pub(crate) use super::own_copy::OwnCopy;
        pub(crate) use std::sync::atomic::AtomicU32 as LockedU32;
        pub(crate) use stillready::harness::door::shuttle::*;
    }

    #[path = "../../src/registry/mod.rs"]
    #[expect(dead_code, unreachable_pub, unused_imports, reason = "the stores use a part of the registry's interface")]
    mod registry;

    #[path = "stores/mod.rs"]
    pub(crate) mod stores;
}

/// A store of the catalogue.
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it is wrong.
    pub(crate) is_mutant: bool,
    /// Runs it.
    pub(crate) check: fn(Narrow) -> Report,
}

/// How a check is narrowed.
pub(crate) struct Narrow {
    /// The levels that run.
    pub(crate) levels: Vec<Level>,
    /// How much of each is looked at.
    pub(crate) budget: Budget,
    /// In place of the programs that every store goes through.
    pub(crate) programs: Option<Vec<(String, Program)>>,
    /// The level whose programs every level runs.
    pub(crate) programs_of: Option<Level>,
    /// Whether orders that make no difference are left out.
    pub(crate) pruning: bool,
    /// The one execution to replay in place of all that.
    pub(crate) token: Option<String>,
}

impl Default for Narrow {
    fn default() -> Narrow {
        let (levels, budget) = (Level::ALL.to_vec(), Budget::default());
        Narrow { levels, budget, programs: None, programs_of: None, pruning: true, token: None }
    }
}

fn narrowed<S: Store>(check: Check<S>, narrow: Narrow) -> Report {
    let check = check.levels(&narrow.levels).budget(narrow.budget);
    let check = if narrow.pruning { check } else { check.without_pruning() };
    let check = narrow.programs_of.into_iter().fold(check, Check::programs_of);
    let check = narrow.programs.into_iter().fold(check, Check::programs);
    match narrow.token {
        Some(token) => check.replay(&token),
        None => check.report(),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// Half an hour from the end, tombstones for ten minutes.
fn kept() -> Retention {
    Retention::finished(30 * MINUTE).tombstone(Some(10 * MINUTE))
}

/// The same, and running uploads are over after ten minutes.
fn given_up() -> Retention {
    let processing_ns = Some(10 * 60 * 1_000_000_000);
    Retention { time_to_live: TimeToLive { processing_ns, ..kept().time_to_live }, ..kept() }
}

/// The same from the last poll.
fn sliding() -> Retention {
    kept().age(AgeBasis::LastAccess)
}

/// The same from the last poll, as long as no sweep has come by.
fn sliding_until_swept() -> Retention {
    sliding().expiry(Expiry::Physical)
}

/// The same from the acknowledgement.
fn acknowledged() -> Retention {
    kept().age(AgeBasis::Acknowledged)
}

/// The same with room for two.
fn tight() -> Retention {
    kept().capacity(Capacity::EvictOldest(2))
}

/// The same from the acknowledgement, so that all that nobody acknowledged is equally old.
fn tight_and_acknowledged() -> Retention {
    tight().age(AgeBasis::Acknowledged)
}

/// Kept for ever, as somebody writes it who takes the longest time there is.
fn for_ever() -> Retention {
    Retention::finished(Duration::MAX)
}

macro_rules! subject {
    ($name:literal, $is_mutant:expr, $retention:expr, $plain:expr, $loom:expr, $shuttle:expr) => {
        Subject {
            name: $name,
            is_mutant: $is_mutant,
            check: |narrow| {
                let check = check($name, || $plain($retention)).promise($retention);
                narrowed(check.loom(|| $loom($retention)).shuttle(|| $shuttle($retention)), narrow)
            },
        }
    };
}

macro_rules! registry {
    ($name:literal, $retention:expr) => {
        subject!(
            $name,
            false,
            $retention,
            plain::stores::registry::RegistryStore::new,
            under_loom::stores::registry::RegistryStore::new,
            under_shuttle::stores::registry::RegistryStore::new
        )
    };
}

macro_rules! variant {
    ($name:literal, $is_mutant:expr, $($path:ident)::+, $retention:expr) => {
        subject!(
            $name,
            $is_mutant,
            $retention,
            plain::stores::AnyVariant::new::<plain::stores::$($path)::+>,
            under_loom::stores::AnyVariant::new::<under_loom::stores::$($path)::+>,
            under_shuttle::stores::AnyVariant::new::<under_shuttle::stores::$($path)::+>
        )
    };
}

macro_rules! right {
    ($name:literal, $($path:ident)::+, $retention:expr) => {
        variant!($name, false, $($path)::+, $retention)
    };
}

macro_rules! faulty {
    ($name:literal, $($path:ident)::+, $retention:expr) => {
        variant!($name, true, $($path)::+, $retention)
    };
}

/// All of them.
pub(crate) const SUBJECTS: &[Subject] = &[
    right!("plain", Plain, kept()),
    right!("plain, running uploads are given up", Plain, given_up()),
    right!("plain, from the last poll", Plain, sliding()),
    right!("plain, from the last poll until swept", Plain, sliding_until_swept()),
    right!("plain, from the acknowledgement", Plain, acknowledged()),
    right!("plain, room for two", Plain, tight()),
    right!("plain, the last of the oldest makes room", memory::LastMakesRoom, tight_and_acknowledged()),
    registry!("registry", kept()),
    registry!("registry, running uploads are given up", given_up()),
    registry!("registry, from the last poll", sliding()),
    registry!("registry, from the last poll until swept", sliding_until_swept()),
    registry!("registry, from the acknowledgement", acknowledged()),
    registry!("registry, room for two", tight()),
    faulty!("stale-snapshot-sweep", sweeps::StaleSnapshotSweep, kept()),
    faulty!("renewed-and-swept", sweeps::RenewedAndSwept, sliding_until_swept()),
    faulty!("sweep-takes-running", sweeps::SweepTakesRunning, kept()),
    faulty!("iterator-invalidated", sweeps::IteratorInvalidated, kept()),
    faulty!("two-shards-swept", sweeps::TwoShardsSwept, kept()),
    faulty!("sweep-before-read", sweeps::SweepBeforeRead, kept()),
    faulty!("sweep-stops-early", sweeps::SweepStopsEarly, kept()),
    faulty!("tombstone-forgotten-at-once", sweeps::TombstoneForgottenAtOnce, kept()),
    faulty!("split-timestamp", expiry::SplitTimestamp, kept()),
    faulty!("wrong-comparison", expiry::WrongComparison, kept()),
    faulty!("due-too-early", expiry::DueTooEarly, kept()),
    faulty!("deadline-overflow", expiry::DeadlineOverflow, for_ever()),
    faulty!("clock-backwards", expiry::ClockBackwards, kept()),
    faulty!("sliding-lost-update", expiry::SlidingLostUpdate, sliding()),
    faulty!("age-from-beginning", expiry::AgeFromBeginning, kept()),
    faulty!("ack-before-read", expiry::AckBeforeRead, acknowledged()),
    faulty!("retry-renews", expiry::RetryRenews, kept()),
    faulty!("no-generation-fence", identity::NoGenerationFence, kept()),
    faulty!("check-then-insert", identity::CheckThenInsert, kept()),
    faulty!("tombstone-hides-new", identity::TombstoneHidesNew, kept()),
    faulty!("double-finish", identity::DoubleFinish, kept()),
    faulty!("torn-finish", identity::TornFinish, kept()),
    faulty!("finish-revives", identity::FinishRevives, kept()),
    faulty!("error-masked", identity::ErrorMasked, kept()),
    faulty!("clear-takes-latest", identity::ClearTakesLatest, kept()),
    faulty!("lock-order", locks::LockOrder, kept()),
    faulty!("re-entry", locks::Reentry, kept()),
    faulty!("forgotten-wake-up", locks::ForgottenWakeUp, kept()),
    faulty!("finish-wakes-nobody", locks::FinishWakesNobody, kept()),
    faulty!("clear-wakes-nobody", locks::ClearWakesNobody, kept()),
    faulty!("interrupted-lost", locks::InterruptedLost, kept()),
    faulty!("evicts-running", memory::EvictsRunning, tight()),
    faulty!("room-let-go", memory::RoomLetGo, tight()),
    faulty!("stale-replica", memory::StaleReplica, kept()),
    faulty!("published-early", memory::PublishedEarly, kept()),
    faulty!("relaxed-publish", memory::RelaxedPublish, kept()),
];
