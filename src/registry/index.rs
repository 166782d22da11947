//! The key index of one part of a registry: from a key's hash to the slot of its latest generation.
//!
//! A hash table with linear probing and backward-shift deletion (D. Knuth, "The Art of Computer Programming", vol. 3, 6.4,
//! algorithms L and R). It holds hashes and slot numbers, never keys: those lie in their records, so no key is copied, and a
//! key is hashed once in its life.

/// No slot.
const EMPTY: u32 = u32::MAX;

/// The length of the first table; lengths are powers of two.
const FIRST: usize = 8;

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    slot: u32,
}

/// Slots by the hashes of their keys.
pub(super) struct Index {
    entries: Vec<Entry>,
    used: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Index { entries: Vec::new(), used: 0 }
    }

    /// The slot under a hash for which `is_it` says yes.
    pub(super) fn get(&self, hash: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.position(hash, is_it).map(|position| self.entries[position].slot)
    }

    /// Puts a slot under a hash: in the place of the one for which `is_it` says yes, if there is such a one.
    pub(super) fn set(&mut self, hash: u32, slot: u32, is_it: impl FnMut(u32) -> bool) {
        // At most thirteen sixteenths full: a probe that finds nothing looks at some fifteen entries then, in two lines of the
        // processor's cache.
        if (self.used + 1) * 16 > self.entries.len() * 13 {
            self.grow();
        }
        let (position, is_there) = self.probe(hash, is_it);
        self.used += usize::from(!is_there);
        self.entries[position] = Entry { hash, slot };
    }

    /// Removes the slot under a hash for which `is_it` says yes, if there is one.
    pub(super) fn remove(&mut self, hash: u32, is_it: impl FnMut(u32) -> bool) {
        let Some(mut gap) = self.position(hash, is_it) else { return };
        let mask = self.entries.len() - 1;
        let mut position = gap;
        loop {
            position = (position + 1) & mask;
            let entry = self.entries[position];
            if entry.slot == EMPTY {
                break;
            }
            // An entry moves into the gap unless its own probe begins behind the gap.
            let distance = position.wrapping_sub(entry.hash as usize) & mask;
            if distance >= position.wrapping_sub(gap) & mask {
                self.entries[gap] = entry;
                gap = position;
            }
        }
        self.entries[gap].slot = EMPTY;
        self.used -= 1;
    }

    /// The position of the entry under a hash for which `is_it` says yes.
    fn position(&self, hash: u32, is_it: impl FnMut(u32) -> bool) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        let (position, is_there) = self.probe(hash, is_it);
        is_there.then_some(position)
    }

    /// The position of the entry under a hash for which `is_it` says yes or, if there is none, the one where it would be; and
    /// which of the two.
    #[inline(always)]
    fn probe(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> (usize, bool) {
        let mask = self.entries.len() - 1;
        let mut position = hash as usize & mask;
        loop {
            let entry = self.entries[position];
            if entry.slot == EMPTY || entry.hash == hash && is_it(entry.slot) {
                return (position, entry.slot != EMPTY);
            }
            position = (position + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let length = (self.entries.len() * 2).max(FIRST);
        let grown = vec![Entry { hash: 0, slot: EMPTY }; length];
        for entry in std::mem::replace(&mut self.entries, grown) {
            if entry.slot != EMPTY {
                let (position, _) = self.probe(entry.hash, |_| false);
                self.entries[position] = entry;
            }
        }
    }
}
