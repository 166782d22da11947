//! Chance: named streams of one replication's seed.
//!
//! What belongs to an upload comes from a ChaCha8 stream per source, from a block of words of its own, so that no draw
//! depends on the order of events or on how many draws another upload took. What belongs to one poll comes from a
//! counter-based generator keyed by source, upload and attempt (SplitMix64's finaliser: G. Steele, D. Lea, C. Flood, "Fast
//! splittable pseudorandom number generators", OOPSLA 2014). All policies of a scenario draw from the same streams: common
//! random numbers.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A source of chance. The numbers are part of what a seed means: never reuse or change one, only add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Source {
    /// When uploads come.
    Arrival = 1,
    /// How long processing takes, and how it ends.
    Processing = 2,
    /// Who goes away, and for how long.
    Away = 3,
    /// Which name an upload has.
    Key = 4,
    /// How far a poll comes too early or too late.
    Jitter = 5,
    /// Which worker serves a request.
    Dispatch = 6,
    /// Whether a poll sweeps.
    Sweep = 7,
    /// When faults happen, and to whom.
    Fault = 8,
    /// Whether a name is odd.
    OddName = 9,
    /// Whether a tab is hidden.
    Hidden = 10,
    /// Whether a page is opened again, and when.
    Reopen = 11,
    /// Whether a fetch fails on its way.
    Fetch = 12,
    /// Whether a poll reads from the replica.
    Replica = 13,
    /// How long an upload's transfer takes.
    Transfer = 14,
    /// After how many requests a worker is recycled.
    Recycle = 15,
    /// Which entries a sample consists of.
    Sample = 16,
    /// Which values the cells of a Latin hypercube have.
    Grid = 17,
}

fn stream(seed: u64, source: Source) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(source as u64);
    rng
}

/// Draws made at a time.
const BATCH: usize = 128;

/// Draws of one source, `N` for each upload.
pub struct PerUpload<const N: usize> {
    rng: ChaCha8Rng,
    /// The draws of the uploads from `first` on, as many as fit.
    batch: [u64; BATCH],
    first: Option<u64>,
    /// The upload whose block the generator makes next.
    next: u64,
}

impl<const N: usize> PerUpload<N> {
    /// The stream of one source.
    #[must_use]
    pub fn new(seed: u64, source: Source) -> Self {
        PerUpload { rng: stream(seed, source), batch: [0; BATCH], first: None, next: 0 }
    }

    /// The `N` draws that belong to an upload, the same however often and in whatever order they are asked for. Uploads in
    /// ascending order are the fast case.
    #[inline]
    pub fn draws(&mut self, upload: u64) -> [u64; N] {
        let offset = match self.first {
            Some(first) if (first..first + (BATCH / N) as u64).contains(&upload) => (upload - first) as usize,
            _ => {
                self.make(upload);
                0
            }
        };
        std::array::from_fn(|draw| self.batch[offset * N + draw])
    }

    /// Makes the draws of the uploads from one on.
    fn make(&mut self, upload: u64) {
        if upload != self.next {
            // Two 32-bit words per draw.
            self.rng.set_word_pos(u128::from(upload) * 2 * N as u128);
        }
        let mut bytes = [0; BATCH * 8];
        self.rng.fill_bytes(&mut bytes[..BATCH / N * N * 8]);
        for (draw, bytes) in self.batch.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *draw = u64::from_le_bytes(*bytes);
        }
        (self.first, self.next) = (Some(upload), upload + (BATCH / N) as u64);
    }
}

/// Draws of one source, one for each upload and attempt.
#[derive(Clone, Copy, Debug)]
pub struct PerAttempt {
    key: u64,
}

impl PerAttempt {
    /// The generator of one source.
    #[must_use]
    pub fn new(seed: u64, source: Source) -> Self {
        PerAttempt { key: stream(seed, source).next_u64() }
    }

    /// The draw of one attempt of one upload.
    #[must_use]
    pub fn draw(self, upload: u64, attempt: u64) -> u64 {
        self.of(upload).draw(attempt)
    }

    /// The draws of one upload, for who needs several of them.
    #[must_use]
    pub fn of(self, upload: u64) -> OfUpload {
        OfUpload { key: mix(self.key.wrapping_add(upload.wrapping_mul(0x9e37_79b9_7f4a_7c15))) }
    }
}

/// The draws of one upload, one for each attempt.
#[derive(Clone, Copy, Debug)]
pub struct OfUpload {
    key: u64,
}

impl OfUpload {
    /// The draw of one attempt.
    #[must_use]
    pub fn draw(self, attempt: u64) -> u64 {
        mix(self.key.wrapping_add(attempt.wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }
}

/// SplitMix64's finaliser (variant 13 of D. Stafford's).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A draw as a number from 0 up to, not including, 1: its upper 53 bits.
#[must_use]
pub fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A draw as one of `n` equally likely numbers below `n` (D. Lemire's multiplication; its bias is below n / 2^64).
#[must_use]
pub fn below(draw: u64, n: u32) -> u32 {
    ((u128::from(draw) * u128::from(n)) >> 64) as u32
}

/// A chance, compared with draws as an integer.
#[derive(Clone, Copy, Debug)]
pub struct Die {
    /// Of 2^53: how many values of a draw's upper 53 bits mean yes.
    threshold: u64,
}

impl Die {
    /// A die that says yes with a probability from 0 to 1, exactly so at both ends.
    #[must_use]
    pub fn new(probability: f64) -> Self {
        Die { threshold: (probability * (1u64 << 53) as f64) as u64 }
    }

    /// What the die says to a draw. Of two dice, the one with the larger chance says yes wherever the other one does.
    #[must_use]
    pub fn says_yes(self, draw: u64) -> bool {
        draw >> 11 < self.threshold
    }
}
