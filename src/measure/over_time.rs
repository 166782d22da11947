//! A count over time: its mean and its maximum over a span, and its mean in each part of the span.

use crate::time::SimTime;

/// The most parts that a span is divided into. Once it needs more, they become twice as long.
const PARTS_MAX: usize = 256;

/// The fewest parts from which a stationary time is told.
const STATIONARY_PARTS_MIN: usize = 16;

/// The length of a part to begin with, in nanoseconds, about a millisecond: a power of two, as all longer ones are.
const SHORTEST_PART_NS: u64 = 1 << 20;

/// A count over time. Areas are count times nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverTime {
    /// Its maximum.
    pub max: u64,
    start: SimTime,
    part_ns: u64,
    /// When the last part begins, and when it ends.
    last: (SimTime, SimTime),
    /// The area in each part.
    areas: Vec<u128>,
    /// Once the span has ended: how long each part was, in nanoseconds, all replications together.
    covered: Vec<u128>,
}

/// A part of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// When it begins, in nanoseconds since the span began.
    pub from_ns: u64,
    /// When it ends, in nanoseconds since the span began; the last one may have ended earlier.
    pub to_ns: u64,
    /// The count's mean.
    pub mean: f64,
}

impl Default for OverTime {
    fn default() -> Self {
        let (areas, covered) = (vec![0], Vec::new());
        let mut new = OverTime {
            max: 0,
            start: SimTime::ZERO,
            part_ns: SHORTEST_PART_NS,
            last: Default::default(),
            areas,
            covered,
        };
        new.begin(SimTime::ZERO);
        new
    }
}

impl OverTime {
    /// The span begins.
    pub(super) fn begin(&mut self, at: SimTime) {
        self.start = at;
        self.last = (at, at.after(self.part_ns));
    }

    /// The count was as high as `count` from one moment to another, or higher by it; neither is before the span.
    #[inline(always)]
    pub(super) fn add(&mut self, count: u64, from: SimTime, to: SimTime) {
        if from >= self.last.0 && to <= self.last.1 {
            let area = u128::from(count) * u128::from(to.since(from));
            *self.areas.last_mut().expect("there is always a part") += area;
        } else {
            self.add_to_several(count, from, to);
        }
    }

    #[cold]
    fn add_to_several(&mut self, count: u64, from: SimTime, to: SimTime) {
        while to > self.last.1 {
            self.areas.push(0);
            if self.areas.len() > PARTS_MAX {
                self.double();
            }
            let start = self.start.after((self.areas.len() as u64 - 1).saturating_mul(self.part_ns));
            self.last = (start, start.after(self.part_ns));
        }
        let (from, to) = (from.since(self.start), to.since(self.start));
        let mut part = from / self.part_ns;
        loop {
            let starts = part * self.part_ns;
            let ends = starts.saturating_add(self.part_ns);
            let inside = to.min(ends).saturating_sub(from.max(starts));
            self.areas[part as usize] += u128::from(count) * u128::from(inside);
            if to <= ends {
                return;
            }
            part += 1;
        }
    }

    /// Makes parts twice as long.
    fn double(&mut self) {
        self.part_ns *= 2;
        for sums in [&mut self.areas, &mut self.covered] {
            *sums = sums.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
    }

    /// The span ends.
    pub(super) fn end(&mut self, at: SimTime) {
        // All parts up to here are there, even if the count was zero in them.
        self.add(0, self.start, at);
        let span_ns = u128::from(at.since(self.start));
        let whole = u128::from(self.part_ns);
        self.covered = (0..self.areas.len() as u128).map(|part| whole.min(span_ns - part * whole)).collect();
    }

    /// The area under it over the whole span, in count times nanoseconds.
    #[must_use]
    pub fn area_ns(&self) -> u128 {
        self.areas.iter().sum()
    }

    /// Its mean in each part of the span, or of the spans of several replications, each from its beginning on.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        let covered = self.areas.iter().zip(&self.covered).enumerate().filter(|(_, (_, covered))| **covered > 0);
        covered.map(|(number, (&area, &covered))| {
            let from_ns = number as u64 * self.part_ns;
            Part { from_ns, to_ns: from_ns + self.part_ns, mean: area as f64 / covered as f64 }
        })
    }

    /// From when on it is stationary, in nanoseconds since the span began: of all truncations of its parts the one after which the
    /// mean is known best (MSER; K. P. White, Simulation 69, 1997). `None` if that would leave less than half of the span: it was
    /// too short, or there is no such time.
    #[must_use]
    pub fn stationary_from_ns(&self) -> Option<u64> {
        // The last part may be short.
        let parts: Vec<Part> = self.parts().collect();
        let whole = &parts[..parts.len().saturating_sub(1)];
        if whole.len() < STATIONARY_PARTS_MIN {
            return None;
        }
        // From the end backwards: sums of the means and of their squares from a part on.
        let (mut sum, mut squares) = (0.0, 0.0);
        let mut best: Option<(f64, usize)> = None;
        for (from, part) in whole.iter().enumerate().rev() {
            sum += part.mean;
            squares += part.mean * part.mean;
            let count = (whole.len() - from) as f64;
            if whole.len() - from < STATIONARY_PARTS_MIN / 2 {
                continue;
            }
            let error = (squares - sum * sum / count).max(0.0) / (count * count);
            if best.is_none_or(|(least, _)| error <= least) {
                best = Some((error, from));
            }
        }
        best.filter(|(_, from)| 2 * from < whole.len()).map(|(_, from)| whole[from].from_ns)
    }

    /// Its mean from some part on; `None` where there is none.
    #[must_use]
    pub fn mean_from(&self, from_ns: u64) -> Option<f64> {
        let first = usize::try_from(from_ns / self.part_ns).ok().filter(|first| *first < self.covered.len())?;
        let covered: u128 = self.covered[first..].iter().sum();
        (covered > 0).then(|| self.areas[first..].iter().sum::<u128>() as f64 / covered as f64)
    }

    /// Adds what another replication counted.
    pub(super) fn merge(&mut self, other: &OverTime) {
        let mut other = other.clone();
        self.max = self.max.max(other.max);
        while self.part_ns < other.part_ns {
            self.double();
        }
        while other.part_ns < self.part_ns {
            other.double();
        }
        for (mine, others) in [(&mut self.areas, &other.areas), (&mut self.covered, &other.covered)] {
            mine.resize(mine.len().max(others.len()), 0);
            mine.iter_mut().zip(others).for_each(|(mine, other)| *mine += other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND_NS;

    /// The parts' areas, against a sum over every second.
    #[test]
    fn parts_are_what_a_sum_over_every_second_says() {
        let at = |second: u64| SimTime::from_ns((7 + second) * SECOND_NS);
        let mut count = OverTime::default();
        count.begin(at(0));
        let mut seconds = vec![0u64; 3000];
        // Intervals of all lengths, back to the very beginning, in the order of their ends.
        for (number, end) in (1..=3000u64).step_by(7).enumerate() {
            let from = end.saturating_sub(1 + number as u64 * number as u64 % 1231);
            count.add(number as u64 % 5, at(from), at(end));
            seconds[from as usize..end as usize].iter_mut().for_each(|sum| *sum += number as u64 % 5);
        }
        count.end(at(3000));
        assert_eq!(count.area_ns(), seconds.iter().map(|sum| u128::from(*sum)).sum::<u128>() * u128::from(SECOND_NS));
        let parts: Vec<_> = count.parts().collect();
        assert!((129..=PARTS_MAX).contains(&parts.len()), "{}", parts.len());
        let mut covered_ns = 0;
        for part in &parts {
            let (from, to) = (part.from_ns, part.to_ns.min(3000 * SECOND_NS));
            let inside = |second: u64| {
                let (starts, ends) = (second * SECOND_NS, (second + 1) * SECOND_NS);
                ends.min(to).saturating_sub(starts.max(from)) as f64
            };
            let area: f64 = (0..3000).map(|second| seconds[second as usize] as f64 * inside(second)).sum();
            assert!((part.mean - area / (to - from) as f64).abs() < 1e-9, "{part:?}");
            assert_eq!(from, covered_ns);
            covered_ns = part.to_ns;
        }
    }

    #[test]
    fn replications_of_other_lengths_are_laid_upon_each_other() {
        let span = |seconds: u64, height| {
            let mut count = OverTime::default();
            let end = SimTime::from_ns(seconds * SECOND_NS);
            count.begin(SimTime::ZERO);
            count.add(height, SimTime::ZERO, end);
            count.end(end);
            count
        };
        let mut both = span(1000, 2);
        both.merge(&span(10, 6));
        let parts: Vec<_> = both.parts().collect();
        // Ten seconds of both, then of one.
        assert!((parts[0].mean - 4.0).abs() < 1e-9 && (parts[parts.len() - 1].mean - 2.0).abs() < 1e-9, "{parts:?}");
        let mut other_way = span(10, 6);
        other_way.merge(&span(1000, 2));
        assert!(both.parts().eq(other_way.parts()));
    }

    /// A count that rises for a quarter of the span and then swings about 100.
    fn filling(seconds: u64, full: u64) -> OverTime {
        let mut count = OverTime::default();
        count.begin(SimTime::ZERO);
        for second in 0..seconds {
            let height = if second < full { 100 * second / full } else { 95 + second * 7919 % 11 };
            count.add(height, SimTime::from_ns(second * SECOND_NS), SimTime::from_ns((second + 1) * SECOND_NS));
        }
        count.end(SimTime::from_ns(seconds * SECOND_NS));
        count
    }

    #[test]
    fn a_count_is_stationary_once_it_is_full_and_never_while_it_grows() {
        let count = filling(4000, 1000);
        let from_ns = count.stationary_from_ns().expect("it is full for three quarters of the span");
        assert!((950 * SECOND_NS..1200 * SECOND_NS).contains(&from_ns), "{from_ns}");
        let mean = count.mean_from(from_ns).expect("there is a part from there on");
        assert!((mean - 100.0).abs() < 0.3, "{mean}");
        assert_eq!(filling(4000, 4000).stationary_from_ns(), None);
        assert_eq!(filling(4000, 3000).stationary_from_ns(), None);
        let level = filling(4000, 1).stationary_from_ns();
        assert!(level.is_some_and(|from_ns| from_ns < 1000 * SECOND_NS), "{level:?}");
        assert_eq!((OverTime::default().stationary_from_ns(), count.mean_from(5000 * SECOND_NS)), (None, None));
    }

    /// Of a count that stays the same all of the span is stationary, as soon as it has sixteen parts and a rest.
    #[test]
    fn sixteen_parts_are_enough_to_tell() {
        let mut lengths = Vec::new();
        for length in 1..60 {
            let mut count = OverTime::default();
            let end = SimTime::from_ns(length * SECOND_NS / 1000);
            count.begin(SimTime::ZERO);
            count.add(3, SimTime::ZERO, end);
            count.end(end);
            let parts = count.parts().count();
            assert_eq!(count.stationary_from_ns(), (parts > STATIONARY_PARTS_MIN).then_some(0), "{parts} parts");
            lengths.push(parts);
        }
        assert!(
            [STATIONARY_PARTS_MIN, STATIONARY_PARTS_MIN + 1].iter().all(|parts| lengths.contains(parts)),
            "{lengths:?}"
        );
    }

    #[test]
    fn a_span_of_no_length_has_no_parts() {
        let mut count = OverTime::default();
        count.begin(SimTime::from_ns(5));
        count.end(SimTime::from_ns(5));
        assert_eq!((count.parts().count(), count.area_ns()), (0, 0));
        count.merge(&OverTime::default());
        assert_eq!(count.parts().count(), 0);
    }
}
