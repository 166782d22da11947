//! The status registry under loom: every model of this crate runs by plain `cargo test`, without a flag.
//!
//! The registry's own files are mounted here a second time, beside a `sync` module whose primitives are loom's. That this
//! compiles proves that the registry takes its primitives from that door alone. `models` holds the races, `mutants` one fault
//! for each rule that some model must catch, `harness` what runs and counts them, `failing` the proof that it can fail. A model
//! that is in no table is dead code, which does not compile here: none can be forgotten.
#![deny(dead_code)]
#![expect(clippy::unwrap_used, unreachable_pub, reason = "a panic is how a test fails; nothing here is for others")]

mod failing;
mod harness;
mod models;
mod mutants;

#[path = "../../src/registry/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the models use a part of the registry's public interface"
)]
mod registry;

#[path = "../own_copy/mod.rs"]
mod own_copy;

mod sync {
    //! The registry's door, leading to loom. `Arc` is std's: with loom's a deadlock aborts the whole process, and searches take
    //! several times as many executions. So is `OnceLock`, which loom does not have; it is filled under the registry's lock.

    pub(crate) use super::own_copy::OwnCopy;
    pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::atomic::AtomicU32 as LockedU32;
    pub(crate) use std::sync::{Arc, OnceLock, PoisonError};

    /// Whether the named fault is switched on in this thread.
    macro_rules! mutant {
        ($name:ident) => {
            crate::mutants::is_on(stringify!($name))
        };
    }
    pub(crate) use mutant;
}
