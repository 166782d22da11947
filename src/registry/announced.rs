//! Numbers that change under a lock and are read by anybody.

use super::sync::{AtomicU64, Ordering, OwnCopy, mutant};

/// A number that changes under a lock.
pub(super) struct Announced {
    number: AtomicU64,
    /// To choose which orders to try, loom remembers only the last access to a number. Where a thread reads one before it changes
    /// it, that hides an earlier read of another thread, and executions are missing; so there the lock's holder reads this copy.
    /// A model would not notice if somebody without the lock did.
    own: OwnCopy,
}

impl Announced {
    pub(super) fn new(number: u64) -> Self {
        Announced { number: AtomicU64::new(number), own: OwnCopy::new(number) }
    }

    /// Changes it. Under the lock.
    #[inline(always)]
    pub(super) fn announce(&self, number: u64) {
        self.own.keep(number);
        // Pairs with the load in `heard`.
        let order = if mutant!(announced_out_of_order) { Ordering::Relaxed } else { Ordering::Release };
        self.number.store(number, order);
    }

    /// What was announced, for those who have not got the lock.
    #[inline(always)]
    pub(super) fn heard(&self) -> u64 {
        // Pairs with the store in `announce`: who hears a number sees all that was done before it was announced.
        let order = if mutant!(heard_out_of_order) { Ordering::Relaxed } else { Ordering::Acquire };
        self.number.load(order)
    }

    /// What was announced last. Under the lock, which puts it after that.
    #[inline(always)]
    pub(super) fn own(&self) -> u64 {
        self.own.kept().unwrap_or_else(|| self.number.load(Ordering::Relaxed))
    }
}
