//! What one may know without the lock: which generation is in a slot, whether it is running for sure, and before which moment
//! a sweep has nothing to do.
//!
//! Most polls find an upload that still runs, or one that is long gone. Neither answer depends on the time or on anything
//! else in the record, so one atomic word per slot is enough for it. Every other answer takes the lock. Words are written
//! under the lock, at the edge that they tell of, so who looks without it sees what one with it could have seen.

use super::sync::{AtomicU64, OnceLock, Ordering, mutant};

/// Slots on the first page, as a power of two; each further page has twice as many as the one before.
const FIRST_BITS: u32 = 2;

/// Pages enough for 2^32 slots.
const PAGES: usize = (u32::BITS - FIRST_BITS) as usize + 1;

/// Of a slot without a record: no generation has this number.
const NOBODY: u64 = 0;

/// One word per slot: twice the generation, and one more while it is running for sure. Pages stay where they are, so that
/// readers need no lock to find one.
pub(super) struct Board {
    pages: [OnceLock<Box<[AtomicU64]>>; PAGES],
    /// Before this moment a sweep has nothing to do.
    quiet_until: AtomicU64,
}

/// What the board says of an upload.
#[derive(Clone, Copy)]
pub(super) struct Notice {
    /// Between the word of its slot and that of its generation.
    difference: u64,
}

impl Notice {
    /// It runs, and no time changes that.
    #[inline(always)]
    pub(super) fn is_running(self) -> bool {
        self.difference == 1
    }

    /// It neither runs nor is it gone: its record says more.
    #[inline(always)]
    pub(super) fn is_unclear(self) -> bool {
        self.difference == 0 || self.difference > 1 && mutant!(id_without_generation)
    }
}

impl Board {
    pub(super) fn new() -> Self {
        Board { pages: [const { OnceLock::new() }; PAGES], quiet_until: AtomicU64::new(u64::MAX) }
    }

    /// Before this moment, in nanoseconds, a sweep has nothing to do. The moment 0 says that it may have at any.
    #[inline(always)]
    pub(super) fn quiet_until(&self) -> u64 {
        // Pairs with the store in `set_quiet_until`.
        self.quiet_until.load(Ordering::Acquire)
    }

    /// Under the lock.
    pub(super) fn set_quiet_until(&self, moment: u64) {
        self.quiet_until.store(moment, Ordering::Release);
    }

    /// The page of a slot, and its place there behind as many places as the page has.
    #[inline(always)]
    fn locate(slot: u32) -> (usize, usize) {
        let number = u64::from(slot) + (1 << FIRST_BITS);
        ((number.ilog2() - FIRST_BITS) as usize, number as usize)
    }

    /// A generation is in a slot from now on. Under the lock.
    pub(super) fn put(&self, slot: u32, generation: u64, running: bool) {
        self.set(slot, generation << 1 | u64::from(running));
    }

    /// No record is in a slot from now on. Under the lock.
    pub(super) fn wipe(&self, slot: u32) {
        if !mutant!(notice_outlives_its_upload) {
            self.set(slot, NOBODY);
        }
    }

    fn set(&self, slot: u32, word: u64) {
        let (number, place) = Self::locate(slot);
        let places = 1u64 << (number as u32 + FIRST_BITS);
        let page = self.pages[number].get_or_init(|| (0..places).map(|_| AtomicU64::new(NOBODY)).collect());
        // Pairs with the load in `look`.
        page[place - page.len()].store(word, Ordering::Release);
    }

    /// What there is to know of an upload.
    #[inline(always)]
    pub(super) fn look(&self, slot: u32, generation: u64) -> Notice {
        let (page, place) = Self::locate(slot);
        let word = match self.pages[page].get().and_then(|page| page.get(place - page.len())) {
            // Pairs with the store in `set`.
            Some(word) => word.load(Ordering::Acquire),
            None => NOBODY,
        };
        Notice { difference: word ^ generation << 1 }
    }
}
