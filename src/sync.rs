//! The only door to shared-memory synchronisation.
//!
//! The registry takes its primitives from here and from nowhere else. The test crates `tests/loom` and `tests/shuttle`
//! mount the registry's files once more beside a `sync` module of their own that offers the same names from a model
//! checker; that they compile proves that the registry has no other way in.

pub(crate) use std::sync::Arc;
/// Numbers that are touched under a lock alone, which puts all accesses in order: the models have no need to look at each.
pub(crate) use std::sync::atomic::AtomicU32 as LockedU32;
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// A copy of a number for those who have the lock, at which no search of a model looks. Outside of models there is none.
pub(crate) struct OwnCopy;

impl OwnCopy {
    pub(crate) fn new(_: u64) -> Self {
        OwnCopy
    }

    #[inline(always)]
    pub(crate) fn keep(&self, _: u64) {}

    #[inline(always)]
    pub(crate) fn kept(&self) -> Option<u64> {
        None
    }
}

/// Whether the named fault is switched on: never, here.
///
/// Each rule of the registry has a mutant, a one-line fault that some model must catch. The fault sits where it would
/// be made by mistake, behind `mutant!(name)`. In this build the macro is the constant `false` and leaves no code; only
/// `tests/loom` can switch one on.
macro_rules! mutant {
    ($name:ident) => {
        false
    };
}
pub(crate) use mutant;
