//! Numbers as people and files read them.

use crate::measure::interval::Estimate;

/// A count with commas: `1,000,000`.
#[must_use]
pub fn count(count: impl Into<u128>) -> String {
    let digits = count.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of uploads with its noun: `1 upload`, `2,000 uploads`.
#[must_use]
pub fn uploads(uploads: impl Into<u128>) -> String {
    let uploads = uploads.into();
    format!("{} {}", count(uploads), if uploads == 1 { "upload" } else { "uploads" })
}

/// A probability in per cent with three digits that say something: `11.7 %`, `0.0437 %`, `0 %`, `3.69e-4 %`.
#[must_use]
pub fn percent(probability: f64) -> String {
    format!("{} %", percent_digits(probability))
}

fn percent_digits(probability: f64) -> String {
    let percent = probability * 100.0;
    match percent {
        0.0 => "0".to_owned(),
        _ if percent >= 99.95 => "100".to_owned(),
        _ if percent >= 10.0 => format!("{percent:.1}"),
        _ if percent >= 1.0 => format!("{percent:.2}"),
        _ if percent >= 0.1 => format!("{percent:.3}"),
        _ if percent >= 0.001 => format!("{percent:.4}"),
        _ => format!("{percent:.1e}"),
    }
}

/// An interval of probabilities in per cent: `11.6 to 11.7 %`; from zero, `at most 3.7e-4 %`.
#[must_use]
pub fn percent_interval(estimate: Estimate) -> String {
    if estimate.low == 0.0 {
        return format!("at most {}", percent(estimate.high));
    }
    if estimate.high == 1.0 {
        return format!("at least {}", percent(estimate.low));
    }
    let percent = |probability: f64| {
        let percent = probability * 100.0;
        if percent >= 1.0 { format!("{percent:.2}") } else { percent_digits(probability) }
    };
    format!("{} to {} %", percent(estimate.low), percent(estimate.high))
}

/// A factor with three digits, or more where it is nearly one: `2.67`, `1.0003`.
#[must_use]
pub fn factor(factor: f64) -> String {
    match factor {
        _ if (factor - 1.0).abs() < 0.1 => format!("{factor:.4}"),
        _ if factor >= 100.0 => format!("{factor:.0}"),
        _ if factor >= 10.0 => format!("{factor:.1}"),
        _ => format!("{factor:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        let texts = [0u32, 999, 1000, 1_000_000].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "1,000,000"]);
    }

    #[test]
    fn percentages_keep_what_says_something() {
        let texts = [0.0, 1.0, 0.9999, 0.116_747, 0.043_7, 0.005, 0.000_437, 3.69e-6].map(percent);
        assert_eq!(texts, ["0 %", "100 %", "100 %", "11.7 %", "4.37 %", "0.500 %", "0.0437 %", "3.7e-4 %"]);
    }
}
