//! The only door to shared-memory synchronisation.
//!
//! The registry takes its primitives from here and from nowhere else. The test crates `tests/loom` and `tests/shuttle`
//! mount the registry's files once more beside a `sync` module of their own that offers the same names from a model
//! checker; that they compile proves that the registry has no other way in.

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

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
