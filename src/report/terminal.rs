//! Results on a terminal: a table, then sentences.

use comfy_table::presets::{ASCII_HORIZONTAL_ONLY, NOTHING};
use comfy_table::{ContentArrangement, Table};

use super::number::{count, factor, percent, percent_interval};
use crate::experiment::Results;
use crate::measure::{Cells, Fact, Group, Tally, interval};
use crate::property::{Outcome, Verdicts};
use crate::scenario::{Kind, Policy, Property};

/// The table of a run, a row per policy, at most 80 columns wide.
#[must_use]
pub fn table(results: &Results) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
    table.set_header([
        "policy\nuploads",
        "false not_found",
        "users were told",
        "peak\nentries",
        "sweeps visit\nentries",
    ]);
    for (policy, tally) in results.scenario.policies.iter().zip(results.tallies()) {
        table.add_row([
            format!("{}\n{}", policy.name, count(tally.uploads())),
            false_not_found(&tally),
            endings(&tally),
            count(tally.live.max),
            sweep_work(&tally),
        ]);
    }
    table.trim_fmt()
}

fn false_not_found(tally: &Tally) -> String {
    let events = tally.count(Fact::FalseNotFound);
    match interval::rate(events, tally.uploads()) {
        Some(rate) => format!("{}\n{}", percent(rate.value), percent_interval(rate)),
        None => "no uploads".to_owned(),
    }
}

/// What share of all clients ended how, the rare endings left out.
fn endings(tally: &Tally) -> String {
    let endings = [
        ("ready", Fact::SawReady),
        ("lost", Fact::ToldLost),
        ("expired", Fact::SawExpired),
        ("error", Fact::SawError),
        ("no answer", Fact::TimedOut),
        ("request failed", Fact::FetchGaveUp),
    ];
    let lines = endings.into_iter().filter_map(|(word, fact)| {
        let events = tally.count(fact);
        let share = events as f64 / tally.uploads() as f64;
        (events > 0).then(|| format!("{} {word}", percent(share)))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn sweep_work(tally: &Tally) -> String {
    let per_poll = if tally.polls == 0 { 0.0 } else { tally.entries_scanned as f64 / tally.polls as f64 };
    format!("{per_poll:.1} a poll\n{} at most", count(tally.sweep_scan_max))
}

/// The paired comparisons, one sentence per pair of policies.
#[must_use]
pub fn sentences(results: &Results) -> Vec<String> {
    let policies = &results.scenario.policies;
    let pairs = results.pairs();
    let sentence = |((first, second), pairs): &((usize, usize), crate::measure::Pairs)| {
        let (first, second) = (&policies[*first].name, &policies[*second].name);
        let late = clause(second, first, pairs.cells(Fact::FalseNotFound, Group::Late), LATE);
        let live = clause(second, first, pairs.cells(Fact::FalseNotFound, Group::Live), LIVE);
        format!("{}.", [late, live].into_iter().flatten().collect::<Vec<_>>().join("; "))
    };
    pairs.iter().map(sentence).collect()
}

/// Which properties each policy breaks, one sentence per policy.
#[must_use]
pub fn broken(results: &Results) -> Vec<String> {
    let sentence = |(policy, verdicts): (&Policy, Verdicts)| {
        let names: Vec<_> = verdicts.with(Outcome::Broken).map(Property::name).collect();
        match names.is_empty() {
            true => format!("{} breaks none of the properties S1 to S12.", policy.name),
            false => format!("{} breaks {}.", policy.name, names.join(", ")),
        }
    };
    results.scenario.policies.iter().zip(results.verdicts()).map(sentence).collect()
}

/// The verdicts on all properties, a column per policy.
#[must_use]
pub fn properties(results: &Results) -> String {
    let all = results.verdicts();
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(110);
    let names = results.scenario.policies.iter().map(|policy| policy.name.clone());
    table.set_header(["property".to_owned(), String::new(), String::new()].into_iter().chain(names));
    for property in Property::ALL {
        let cells = all.iter().map(|verdicts| {
            let verdict = verdicts.of(property);
            match (verdict.outcome(property), property.kind()) {
                (Outcome::Held, Kind::Sometimes) => format!("{} times", count(verdict.counted)),
                (Outcome::Held, _) => "held".to_owned(),
                (Outcome::Broken, _) => format!("BROKEN {}", count(verdict.counted)),
                (Outcome::NeverSeen, _) => "never seen".to_owned(),
            }
        });
        let head = [property.name(), property.kind().name(), property.meaning()].map(str::to_owned);
        table.add_row(head.into_iter().chain(cells));
    }
    table.trim_fmt()
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
