//! How a part of a registry is kept: by whom it may be used, behind which lock, and what lies beside that.

use std::ops::DerefMut;

use super::Retention;
use super::cells::Cells;
use super::pages::Paged;
use super::shard::Shard;
use super::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What lets one at a time have a shard.
pub(super) trait Lock<T> {
    type Guard<'a>: DerefMut<Target = T>
    where
        Self: 'a;

    fn new(kept: T) -> Self;

    fn lock(&self) -> Self::Guard<'_>;
}

impl<T> Lock<T> for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        T: 'a;

    fn new(kept: T) -> Self {
        Mutex::new(kept)
    }

    /// One poisoned by a panic of the key's or the detail's own code is taken all the same: no edge leaves a record
    /// half-changed at a point where such code runs.
    #[inline(always)]
    fn lock(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a part is kept: by whom it may be used, and with which lock.
pub(super) trait Keeping<K, V>: Sized {
    type Cells: Cells<V>;
    type Lock: Lock<Shard<K, V, Self::Cells>>;
    /// What is kept beside the lock, for those who do not take it.
    type Beside;

    fn new(retention: Retention) -> (Self::Beside, Self::Lock);

    /// Runs `step` with the cells, without the lock.
    fn with_cells<T>(beside: &Self::Beside, lock: &Self::Lock, step: impl FnOnce(&Self::Cells) -> T) -> T;
}

/// For threads that share it.
pub(super) enum Shared {}

impl<K, V> Keeping<K, V> for Shared {
    type Cells = Arc<Paged<V>>;
    type Lock = Mutex<Shard<K, V, Arc<Paged<V>>>>;
    type Beside = Arc<Paged<V>>;

    fn new(retention: Retention) -> (Self::Beside, Self::Lock) {
        let cells = Arc::new(Paged::new());
        let shard = Shard::new(retention, Arc::clone(&cells));
        (cells, Lock::new(shard))
    }

    #[inline(always)]
    fn with_cells<T>(cells: &Self::Beside, _: &Self::Lock, step: impl FnOnce(&Self::Cells) -> T) -> T {
        step(cells)
    }
}

/// The shard of a part that is kept so.
pub(super) type ShardOf<K, V, P> = Shard<K, V, <P as Keeping<K, V>>::Cells>;

/// What holds the lock of a part that is kept so.
pub(super) type GuardOf<'a, K, V, P> = <<P as Keeping<K, V>>::Lock as Lock<ShardOf<K, V, P>>>::Guard<'a>;
