//! What results say, in sentences: the same on a terminal, in a page and in Markdown.

use super::number::{count, factor, percent, percent_interval};
use crate::measure::{Cells, interval};

/// A policy's uploads, and those of them whose clients were told `not_found` after a success.
pub struct Hurt<'a> {
    /// The policy.
    pub policy: &'a str,
    /// Its uploads.
    pub uploads: u64,
    /// Those that were hurt.
    pub hurt: u64,
}

/// The verdict in one sentence: who is told `not_found` after a success, under the policy that does best and under the others.
#[must_use]
pub fn verdict(policies: &[Hurt<'_>]) -> String {
    let mut ranked: Vec<_> = policies.iter().filter(|one| one.uploads > 0).collect();
    ranked.sort_by_key(|one| u128::from(one.hurt) * 1_000_000_000_000 / u128::from(one.uploads));
    let of = |one: &Hurt<'_>| interval::rate(one.hurt, one.uploads).expect("there are uploads");
    let nobody = |one: &Hurt<'_>| format!("0 of {}, {}", count(one.uploads), percent_interval(of(one)));
    let some = |one: &Hurt<'_>, who: &str| format!("{}{who} ({})", percent(of(one).value), percent_interval(of(one)));
    let Some((best, others)) = ranked.split_first() else {
        return "Nothing was uploaded, so nothing can be said.".to_owned();
    };
    match (best.hurt, others) {
        (0, []) => format!("{} tells nobody not_found after a success ({}).", best.policy, nobody(best)),
        (0, others) if others.iter().all(|one| one.hurt == 0) => {
            format!("No policy tells anybody not_found after a success ({} each).", nobody(best))
        }
        (hurt, others) => {
            let first = match hurt {
                0 => format!("{} tells nobody not_found after a success ({})", best.policy, nobody(best)),
                _ => format!("{} tells {} not_found after a success", best.policy, some(best, " of the users")),
            };
            let rest = others.iter().map(|one| match one.hurt {
                0 => format!("{} nobody ({})", one.policy, nobody(one)),
                _ => format!("{} {}", one.policy, some(one, "")),
            });
            [first].into_iter().chain(rest).collect::<Vec<_>>().join("; ") + "."
        }
    }
}

/// Whom a policy hurts, against another one: late clients, and those that keep polling.
#[must_use]
pub fn comparison(policy: &str, versus: &str, late: Cells, live: Cells) -> String {
    let clauses = [clause(policy, versus, late, LATE), clause(policy, versus, live, LIVE)];
    format!("{}.", clauses.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// Which properties a policy breaks.
#[must_use]
pub fn broken(policy: &str, properties: impl Iterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<String> = properties.map(|property| property.as_ref().to_owned()).collect();
    match names.is_empty() {
        true => format!("{policy} breaks none of the properties S1 to S12."),
        false => format!("{policy} breaks {}.", names.join(", ")),
    }
}

/// How a group of clients is called.
#[derive(Clone, Copy)]
struct Words {
    /// After a number, as in "hurts fewer …".
    many: &'static str,
    /// As in "nobody who …".
    nobody: &'static str,
}

const LATE: Words = Words { many: "late clients", nobody: "nobody who comes late" };
const LIVE: Words = Words { many: "clients that keep polling", nobody: "nobody who keeps polling" };

/// Who of one group is hurt, under a policy against another; nothing if the group is empty.
fn clause(policy: &str, versus: &str, cells: Cells, words: Words) -> Option<String> {
    let uploads = cells.uploads();
    let (hurt, hurt_versus) = (cells.second(), cells.first());
    let share = |events| {
        let rate = interval::rate(events, uploads).map(percent_interval).unwrap_or_default();
        format!("{} of {}, {rate}", count(events), count(uploads))
    };
    let Words { many, nobody } = words;
    Some(match (hurt_versus, hurt, interval::ratio(cells)) {
        _ if uploads == 0 => return None,
        (0, 0, _) => format!("{nobody} is hurt by either ({})", share(0)),
        (_, 0, _) => format!("{policy} hurts {nobody} ({}), {versus} hurts {}", share(0), share(hurt_versus)),
        (0, _, _) => format!("{versus} hurts {nobody} ({}), {policy} hurts {}", share(0), share(hurt)),
        _ if cells.first_only + cells.second_only == 0 => {
            format!("{policy} and {versus} hurt the same {many} ({})", share(hurt))
        }
        (_, _, Some(ratio)) if ratio.high < 1.0 => {
            let [times, low, high] = [ratio.value, ratio.high, ratio.low].map(|ratio| factor(1.0 / ratio));
            format!("{policy} hurts {times} times fewer {many} than {versus} ({low} to {high})")
        }
        (_, _, Some(ratio)) if ratio.low > 1.0 => {
            let [times, low, high] = [ratio.value, ratio.low, ratio.high].map(factor);
            format!("{policy} hurts {times} times more {many} than {versus} ({low} to {high})")
        }
        (_, _, ratio) => {
            let interval =
                ratio.map(|ratio| format!(" ({} to {} times as many)", factor(ratio.low), factor(ratio.high)));
            format!("no difference between {policy} and {versus} in {many} can be told{}", interval.unwrap_or_default())
        }
    })
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./%+:,=".contains(c));
    if plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
