//! What of a record can be told without the lock.
//!
//! Each slot has a cell, whose word says which generation is in it and in what state. Most polls find an upload that still runs, or
//! one that is long gone: neither depends on the time or on anything else, so the word is enough. Of one whose work is over a reader
//! needs the moment from which its age is counted, too, and its detail; where details have no size, all are alike, and the cells
//! hold one for all. Every other answer takes the lock.
//!
//! Cells are changed under the lock, in an order for those who look without it: a word is the last to say that work is over, and the
//! first to say that a record goes. Who finds the same word before and after the moment may answer by the two. (This is a sequence
//! lock whose number is the word: H.-J. Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012.)

use super::announced::Announced;
use super::status::{State, Status};
use super::sync::Ordering::Relaxed;
use super::sync::{LockedU32, OnceLock, mutant};

/// An age that never begins: such a record sorts last and never falls due.
pub(super) const NEVER: u64 = u64::MAX;

/// Stands for the neighbour of a slot that is in no order of age.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What the word of a cell says: which generation is in the slot, its state, and what else there is to know of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    /// Of a slot without a record: no generation has the number 0.
    const NOBODY: Word = Word(0);

    /// Running for sure: no time changes that.
    const PINNED: u64 = 1;
    /// Two bits.
    const STATE: u32 = 1;
    /// But the memory of a record: the state is its last one.
    const TOMBSTONE: u64 = 1 << 3;
    const ACKNOWLEDGED: u64 = 1 << 4;
    /// The other bits.
    const GENERATION: u32 = 5;

    /// Generations are below this, and above 0.
    pub(super) const GENERATIONS: u64 = 1 << (u64::BITS - Word::GENERATION);

    pub(super) fn running(generation: u64, pinned: bool) -> Word {
        Word(generation << Word::GENERATION | u64::from(pinned))
    }

    /// The same generation, in a state, and nothing else known of it.
    pub(super) fn ended(self, state: State) -> Word {
        Word(self.generation() << Word::GENERATION | (state as u64) << Word::STATE)
    }

    pub(super) fn acknowledged(self) -> Word {
        Word(self.0 | Word::ACKNOWLEDGED)
    }

    pub(super) fn buried(self) -> Word {
        Word(self.0 & !Word::PINNED | Word::TOMBSTONE)
    }

    /// Whether there is a record.
    #[inline(always)]
    pub(super) fn is_somebody(self) -> bool {
        self != Word::NOBODY
    }

    #[inline(always)]
    pub(super) fn generation(self) -> u64 {
        self.0 >> Word::GENERATION
    }

    #[inline(always)]
    pub(super) fn state(self) -> State {
        State::ALL[(self.0 >> Word::STATE) as usize % State::ALL.len()]
    }

    #[inline(always)]
    pub(super) fn is_tombstone(self) -> bool {
        self.0 & Word::TOMBSTONE != 0
    }

    pub(super) fn is_acknowledged(self) -> bool {
        self.0 & Word::ACKNOWLEDGED != 0
    }

    #[inline(always)]
    pub(super) fn is_running(self) -> bool {
        self.is_somebody() && self.state() == State::Processing && !self.is_tombstone()
    }
}

/// What a cell says of an upload.
#[derive(Clone, Copy)]
pub(super) struct Notice {
    /// Between the word of its slot and that of its generation.
    difference: u64,
}

impl Notice {
    /// It runs, and no time changes that.
    #[inline(always)]
    pub(super) fn is_running(self) -> bool {
        self.difference == Word::PINNED
    }

    /// It neither runs for sure nor is it gone: its record says more.
    #[inline(always)]
    pub(super) fn is_unclear(self) -> bool {
        !self.is_running() && (self.difference < 1 << Word::GENERATION || mutant!(id_without_generation))
    }
}

/// What is told of one slot, and its neighbours in age.
pub(super) struct Cell {
    word: Announced,
    /// From when the record's age is counted; [`NEVER`] while it has none.
    since: Announced,
    /// See [`Ages`](super::ages::Ages).
    pub(super) previous: LockedU32,
    pub(super) next: LockedU32,
}

impl Cell {
    pub(super) fn new() -> Self {
        Cell {
            word: Announced::new(Word::NOBODY.0),
            since: Announced::new(NEVER),
            previous: LockedU32::new(NOWHERE),
            next: LockedU32::new(NOWHERE),
        }
    }

    /// Under the lock.
    #[inline(always)]
    pub(super) fn word(&self) -> Word {
        Word(self.word.own())
    }

    /// Under the lock.
    #[inline(always)]
    pub(super) fn put(&self, word: Word) {
        self.word.announce(word.0);
    }

    /// An upload runs in the slot from now on. Under the lock.
    pub(super) fn fill(&self, word: Word, since: u64) {
        // First: where a part was taken as a whole, the word of an upload that is gone stands here, and must not be found beside a new
        // moment.
        if !mutant!(moment_of_the_next_upload) {
            self.put(word);
        }
        self.count_from(since);
        if mutant!(moment_of_the_next_upload) {
            self.put(word);
        }
        self.previous.store(NOWHERE, Relaxed);
    }

    /// No record is in the slot from now on. Under the lock.
    pub(super) fn wipe(&self) {
        if !mutant!(word_outlives_its_upload) {
            self.put(Word::NOBODY);
        }
    }

    /// Under the lock.
    #[inline(always)]
    pub(super) fn since(&self) -> u64 {
        self.since.own()
    }

    /// The record's age is counted from a moment. Under the lock.
    #[inline(always)]
    pub(super) fn count_from(&self, since: u64) {
        self.since.announce(since);
    }

    /// The word, and the moment from which the age is counted that it goes with, of who has not got the lock; nothing if they were
    /// changed meanwhile.
    #[inline(always)]
    fn word_and_since(&self) -> Option<(Word, u64)> {
        let word = self.word.heard();
        let since = self.since.heard();
        // Who hears of a moment hears of a word that was put before it, too.
        (self.word.heard() == word || mutant!(moment_of_another_word)).then_some((Word(word), since))
    }
}

/// What else one part of a registry tells without the lock.
pub(super) struct Told<V> {
    /// Before this moment a sweep has nothing to do.
    quiet_until: Announced,
    /// The largest `now` seen (R11).
    clock: Announced,
    /// Where details have no size: the one that stands for all.
    alike: OnceLock<V>,
}

impl<V> Told<V> {
    pub(super) fn new() -> Self {
        Told { quiet_until: Announced::new(NEVER), clock: Announced::new(0), alike: OnceLock::new() }
    }

    /// Before this moment, in nanoseconds, a sweep has nothing to do. The moment 0 says that it may have at any.
    #[inline(always)]
    pub(super) fn quiet_until(&self) -> u64 {
        self.quiet_until.heard()
    }

    /// A sweep may have something to do from a moment on. Under the lock.
    #[inline(always)]
    pub(super) fn due_from(&self, moment: u64) {
        if moment < self.quiet_until.own() {
            self.quiet_until.announce(moment);
        }
    }

    /// Before a moment a sweep has nothing to do. Under the lock.
    pub(super) fn set_quiet_until(&self, moment: u64) {
        self.quiet_until.announce(moment);
    }

    /// Under the lock.
    #[inline(always)]
    pub(super) fn clock(&self) -> u64 {
        self.clock.own()
    }

    /// Moves the clock to a later time. Under the lock.
    #[inline(always)]
    pub(super) fn set_clock(&self, now: u64) {
        self.clock.announce(now);
        if now >= self.quiet_until.own() {
            // Whatever a later sweep's own `now` is, this one counts.
            self.quiet_until.announce(0);
        }
    }

    /// Keeps a detail that stands for all, or gives it back if there is one. Under the lock.
    pub(super) fn keep(&self, detail: V) -> Option<V> {
        self.alike.set(detail).err()
    }

    /// The detail that stands for all.
    pub(super) fn detail(&self) -> Option<&V> {
        self.alike.get()
    }
}

/// The cells of one part of a registry.
pub(super) trait Cells<V> {
    /// Whether all details are alike, so that none need be kept with its record.
    const ALIKE: bool = size_of::<V>() == 0;

    fn told(&self) -> &Told<V>;

    /// The cell of a slot, for one that is maybe no slot of this part.
    fn find(&self, slot: u32) -> Option<&Cell>;

    /// The cell of a slot that is taken into use: one that was used before, or the next one. Under the lock.
    fn make(&mut self, slot: u32) -> &Cell;

    /// The cell of a slot that is or was in use.
    #[inline(always)]
    fn at(&self, slot: u32) -> &Cell {
        self.find(slot).expect("a slot that was taken into use has a cell")
    }

    /// What there is to know of an upload without the lock.
    #[inline(always)]
    fn look(&self, slot: u32, generation: u64) -> Notice {
        let word = self.find(slot).map_or(Word::NOBODY.0, |cell| cell.word.heard());
        Notice { difference: word ^ generation << Word::GENERATION }
    }

    /// What an upload is answered whose work is over and whose time is not, where that can be told without the lock. How long each
    /// state lasts by the clock is in `lasts`.
    #[inline(always)]
    fn read(&self, slot: u32, generation: u64, now: u64, lasts: &[u64; State::ALL.len()]) -> Option<Status<V>>
    where
        V: Clone,
    {
        if !Self::ALIKE {
            return None;
        }
        let (word, since) = self.find(slot)?.word_and_since()?;
        if word.generation() != generation || word.is_tombstone() {
            return None;
        }
        let now = if mutant!(reader_has_its_own_clock) { now } else { now.max(self.told().clock.heard()) };
        if now.saturating_sub(since) >= lasts[word.state() as usize] && !mutant!(valid_until_swept) {
            return None;
        }
        match word.state() {
            State::Processing => None,
            State::Ready => self.told().detail().cloned().map(Status::Ready),
            State::Failed => self.told().detail().cloned().map(Status::Failed),
            State::Interrupted => Some(Status::Interrupted),
        }
    }
}
