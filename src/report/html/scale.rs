//! Axes: what they span, where their ticks are, and how those are written.

use crate::report::number;

/// A second, a minute, an hour, a day, in seconds.
const UNITS: [(f64, &str); 4] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];

/// Times in seconds that a logarithmic axis may mark.
const MARKS: [f64; 26] = [
    0.001,
    0.003,
    0.01,
    0.03,
    0.1,
    0.3,
    1.0,
    3.0,
    10.0,
    30.0,
    60.0,
    180.0,
    600.0,
    1800.0,
    3600.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    259_200.0,
    604_800.0,
    2_592_000.0,
    7_776_000.0,
    31_536_000.0,
    94_608_000.0,
    315_360_000.0,
];

/// The most ticks on an axis.
const TICKS_MAX: usize = 9;

/// What the numbers along an axis are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Seconds.
    Time,
    /// A share, from 0 to 1.
    Share,
    /// A number of things.
    Count,
}

/// An axis from its lowest to its highest value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) quantity: Quantity,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) is_log: bool,
}

impl Axis {
    /// From zero to the largest of some values, and a little more.
    pub(super) fn from_zero(label: &str, quantity: Quantity, values: impl Iterator<Item = f64>) -> Axis {
        let high = values.fold(0.0, f64::max);
        let high = if high > 0.0 { high * 1.04 } else { 1.0 };
        Axis { label: label.to_owned(), quantity, low: 0.0, high, is_log: false }
    }

    /// From the least of some values above zero to the largest, by factors.
    pub(super) fn log(label: &str, quantity: Quantity, values: impl Iterator<Item = f64> + Clone) -> Axis {
        let low = values.clone().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let high = values.fold(0.0, f64::max);
        let (low, high) = if low < high { (low, high) } else { (high.max(1e-9) / 2.0, high.max(1e-9) * 2.0) };
        Axis { label: label.to_owned(), quantity, low, high, is_log: true }
    }

    /// Where a value is, from 0 at the lowest to 1 at the highest.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.is_log {
            libm::log(value.max(self.low) / self.low) / libm::log(self.high / self.low)
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    /// The values that are marked.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let inside = |value: &f64| *value >= self.low * (1.0 - 1e-9) && *value <= self.high * (1.0 + 1e-9);
        if self.is_log {
            let decades = (-9..=15).flat_map(|power| [1.0, 3.0].map(|step| step * libm::pow(10.0, f64::from(power))));
            let marks: Vec<f64> = match self.quantity {
                Quantity::Time => MARKS.into_iter().filter(inside).collect(),
                _ => decades.filter(inside).collect(),
            };
            let every = marks.len().div_ceil(TICKS_MAX).max(1);
            return if marks.len() < 2 {
                vec![self.low, self.high]
            } else {
                marks.into_iter().step_by(every).collect()
            };
        }
        let step = self.step();
        (0..=TICKS_MAX * 2).map(|number| number as f64 * step).filter(inside).collect()
    }

    /// The distance of two ticks: 1, 2 or 5 of a power of ten or, of times, something that divides the next unit.
    fn step(&self) -> f64 {
        let rough = (self.high - self.low) / 6.0;
        if self.quantity == Quantity::Time && rough > 1.0 {
            let steps = [
                2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0,
                86_400.0,
            ];
            if let Some(step) = steps.into_iter().find(|step| *step >= rough) {
                return step;
            }
            return 86_400.0 * decade(rough / 86_400.0);
        }
        decade(rough)
    }

    /// A value at its tick.
    pub(super) fn tick(&self, value: f64) -> String {
        if self.quantity == Quantity::Share { format!("{} %", amount(value * 100.0)) } else { self.written(value) }
    }

    /// A value as tables have it.
    pub(super) fn written(&self, value: f64) -> String {
        match self.quantity {
            Quantity::Time => seconds(value),
            Quantity::Share => number::percent(value),
            Quantity::Count => amount(value),
        }
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below a number.
fn decade(rough: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(rough.max(1e-12))));
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= rough * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

/// A time in the largest unit of which it is one or more.
pub(in crate::report) fn seconds(value: f64) -> String {
    let unit = UNITS.into_iter().find(|(unit, _)| value >= *unit * (1.0 - 1e-9));
    match unit {
        Some((unit, name)) => format!("{} {name}", amount(value / unit)),
        None if value == 0.0 => "0".to_owned(),
        None => format!("{} ms", amount(value * 1000.0)),
    }
}

/// A number with commas, or with as many digits as say something.
pub(super) fn amount(value: f64) -> String {
    let rounded = |digits: usize| {
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    match value {
        _ if value >= 100.0 => number::count(libm::round(value) as u64),
        _ if value >= 10.0 => rounded(1),
        _ if value >= 1.0 => rounded(2),
        _ => rounded(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_the_unit_that_suits_them() {
        let texts = [0.0, 0.003, 1.0, 45.0, 90.0, 3600.0, 129_600.0].map(seconds);
        assert_eq!(texts, ["0", "3 ms", "1 s", "45 s", "1.5 min", "1 h", "1.5 d"]);
    }

    #[test]
    fn ticks_are_round_and_few() {
        let axis = Axis::from_zero("", Quantity::Count, [1974.0].into_iter());
        assert_eq!(axis.ticks(), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        let axis = Axis::from_zero("", Quantity::Time, [1_000_000.0].into_iter());
        assert!((3..=9).contains(&axis.ticks().len()), "{:?}", axis.ticks());
        let axis = Axis::log("", Quantity::Time, [3.0, 90_000.0].into_iter());
        assert!((4..=9).contains(&axis.ticks().len()), "{:?}", axis.ticks());
        assert_eq!((axis.place(3.0), axis.place(90_000.0)), (0.0, 1.0));
    }

    #[test]
    fn an_axis_of_nothing_or_of_one_value_has_a_width() {
        for axis in [
            Axis::from_zero("", Quantity::Count, std::iter::empty()),
            Axis::log("", Quantity::Time, [5.0].into_iter()),
            Axis::log("", Quantity::Time, std::iter::empty()),
        ] {
            assert!(axis.low < axis.high && axis.place(axis.low) == 0.0 && axis.ticks().len() >= 2, "{axis:?}");
        }
    }
}
