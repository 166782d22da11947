//! Who of those that were away was told `not_found` after a success, by how long they were away.

use hdrhistogram::Histogram;

/// Significant digits of the absences.
const DIGITS: u8 = 2;

/// The most bins, of about equally many clients each.
const BINS: u64 = 40;

/// Clients that were away, by how long, and those of them that were hurt.
#[derive(Clone)]
pub struct Absences {
    all: Histogram<u64>,
    hurt: Histogram<u64>,
}

/// The clients that were away for about as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// The shortest absence that belongs to it, in nanoseconds.
    pub low_ns: u64,
    /// The longest absence that belongs to it, in nanoseconds.
    pub high_ns: u64,
    /// How many they are.
    pub uploads: u64,
    /// How many of them were told `not_found` after a success.
    pub hurt: u64,
}

impl Default for Absences {
    fn default() -> Self {
        let empty = || Histogram::new(DIGITS).expect("two significant digits are allowed");
        Absences { all: empty(), hurt: empty() }
    }
}

impl Absences {
    pub(super) fn count(&mut self, away_ns: u64, is_hurt: bool) {
        let record = |histogram: &mut Histogram<u64>| {
            histogram.record(away_ns.max(1)).expect("a histogram that resizes itself takes any value");
        };
        record(&mut self.all);
        if is_hurt {
            record(&mut self.hurt);
        }
    }

    pub(super) fn merge(&mut self, other: &Absences) {
        for (mine, others) in [(&mut self.all, &other.all), (&mut self.hurt, &other.hurt)] {
            mine.add(others).expect("a histogram that resizes itself takes any other");
        }
    }

    /// The clients by their absences, in bins of about equally many, at most some forty.
    #[must_use]
    pub fn bins(&self) -> Vec<Bin> {
        let enough = self.all.len().div_ceil(BINS).max(1);
        let mut bins: Vec<Bin> = Vec::new();
        for recorded in self.all.iter_recorded() {
            let value = recorded.value_iterated_to();
            let (low_ns, high_ns) = (self.all.lowest_equivalent(value), self.all.highest_equivalent(value));
            // Beyond the largest value that it has, a histogram answers for that one.
            let hurt = if value <= self.hurt.max() { self.hurt.count_at(value) } else { 0 };
            let uploads = recorded.count_since_last_iteration();
            match bins.last_mut() {
                Some(bin) if bin.uploads < enough => {
                    bin.high_ns = high_ns;
                    bin.uploads += uploads;
                    bin.hurt += hurt;
                }
                _ => bins.push(Bin { low_ns, high_ns, uploads, hurt }),
            }
        }
        bins
    }
}
