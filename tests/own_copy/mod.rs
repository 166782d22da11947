//! The registry's door has a type for copies of numbers at which no search of a model looks. This is it for models; why they need one
//! stands in `src/registry/announced.rs`.

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct OwnCopy(AtomicU64);

impl OwnCopy {
    pub(crate) fn new(number: u64) -> Self {
        OwnCopy(AtomicU64::new(number))
    }

    pub(crate) fn keep(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(crate) fn kept(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed))
    }
}
