//! Results on a terminal: a table, then sentences.

use comfy_table::presets::{ASCII_HORIZONTAL_ONLY, NOTHING};
use comfy_table::{ContentArrangement, Table};

use super::number::{count, percent, percent_interval};
use super::sentences;
use crate::experiment::Results;
use crate::measure::{Fact, Group, Tally, interval};
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
        let cells = |group| pairs.cells(Fact::FalseNotFound, group);
        sentences::comparison(&policies[*second].name, &policies[*first].name, cells(Group::Late), cells(Group::Live))
    };
    pairs.iter().map(sentence).collect()
}

/// Which properties each policy breaks, one sentence per policy.
#[must_use]
pub fn broken(results: &Results) -> Vec<String> {
    let sentence = |(policy, verdicts): (&Policy, Verdicts)| {
        sentences::broken(&policy.name, verdicts.with(Outcome::Broken).map(Property::name))
    };
    results.scenario.policies.iter().zip(results.verdicts()).map(sentence).collect()
}

/// The verdicts on all properties, a column per policy.
#[must_use]
pub fn properties(results: &Results) -> String {
    let all = results.verdicts();
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
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
