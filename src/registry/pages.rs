//! The cells of a part that threads share, on pages that stay where they are: growing moves and copies nothing, and a reader needs
//! no lock to find one.
//!
//! Four pages of one size, then four of twice that size, and so on: of a part that only grew, hardly more than a fifth of the places
//! wait to be used, once it is past its first few pages.

use super::cells::{Cell, Cells, Told};
use super::sync::{Arc, OnceLock};

/// The first pages have so many places.
const FIRST: usize = 4;

/// So many pages, as a power of two, are of one size.
const EQUAL_BITS: u32 = 2;

/// Pages enough for 2^32 slots.
const PAGES: usize = page_of(u32::MAX) + 1;

/// Slot 0 has this number, which makes the leading bits of a number that of its page.
const OFFSET: u64 = (FIRST << EQUAL_BITS) as u64;

/// Bits of a double's fraction.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// Cells for threads that share them: on pages that stay where they are.
pub(super) struct Paged<V> {
    pages: [OnceLock<Box<[Cell]>>; PAGES],
    told: Told<V>,
}

impl<V> Paged<V> {
    pub(super) fn new() -> Self {
        Paged { pages: [const { OnceLock::new() }; PAGES], told: Told::new() }
    }
}

impl<V> Cells<V> for Arc<Paged<V>> {
    fn told(&self) -> &Told<V> {
        &self.told
    }

    #[inline(always)]
    fn find(&self, slot: u32) -> Option<&Cell> {
        let page = self.pages[page_of(slot)].get()?;
        page.get(place_on(slot, page.len()))
    }

    #[inline(always)]
    fn make(&mut self, slot: u32) -> &Cell {
        let number = page_of(slot);
        let page = self.pages[number].get_or_init(|| (0..length_of(number)).map(|_| Cell::new()).collect());
        &page[place_on(slot, page.len())]
    }
}

/// The page of a slot.
///
/// The exponent of a double counts the leading zeros. The instruction that does so, on x86, makes its result depend on what its
/// register held before; where that was the word of the slot read before, reads would wait for each other's cache misses.
#[inline(always)]
const fn page_of(slot: u32) -> usize {
    (leading_bits(slot as u64 + OFFSET) - leading_bits(OFFSET)) as usize
}

const fn leading_bits(number: u64) -> u64 {
    // Exact: a slot's number has no more than 33 bits.
    (number as f64).to_bits() >> (FRACTION_BITS - EQUAL_BITS)
}

/// How many places a page has: a power of two.
fn length_of(page: usize) -> usize {
    FIRST << (page >> EQUAL_BITS)
}

/// The place of a slot on its page, which has so many.
#[inline(always)]
fn place_on(slot: u32, length: usize) -> usize {
    (u64::from(slot) + OFFSET) as usize & (length - 1)
}
