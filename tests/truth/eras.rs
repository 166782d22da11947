//! The deployed code, version by version: each breaks what it broke, and would not if any one thing that was wrong with it were
//! silently not there.

use std::collections::BTreeSet;

use stillready::experiment::Results;
use stillready::measure::Fact;
use stillready::property::Outcome;
use stillready::scenario::{Property, shipped};

use crate::{parse, run};

/// The text of an era.
fn era(name: &str) -> &'static str {
    shipped::find(&format!("eras/{name}")).unwrap().text
}

fn eras() -> impl Iterator<Item = &'static str> {
    shipped::SHIPPED.iter().filter_map(|shipped| shipped.name.strip_prefix("eras/"))
}

#[test]
fn each_era_breaks_what_it_broke() {
    for name in eras() {
        assert_eq!(run(&parse(era(name))).disappointments(), [""; 0], "{name}");
    }
}

/// Something in the file of an era that can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// A word of `defects`.
    Defect(&'static str),
    /// The line of a key.
    Key(&'static str),
    /// The `[[fault]]` that has this line.
    Fault(&'static str),
    /// A line that is replaced by another one.
    Line(&'static str, &'static str),
}
use Part::{Defect, Fault, Key, Line};

/// How it shows that a part is not there.
enum Shows {
    /// Expectations of the era are disappointed, these among them.
    Disappoints(&'static [&'static str]),
    /// A count, by its name, goes from none to some.
    Appears(&'static str),
    /// A count goes from some to none.
    Vanishes(&'static str),
    /// A count falls to less than a fifth.
    Collapses(&'static str),
    /// Not at all: every count stays.
    Nowhere,
}
use Shows::{Appears, Collapses, Disappoints, Nowhere, Vanishes};

/// A row for everything that can be taken away from an era: the era, what is taken away first because it would hide the part, the
/// part, and how it shows.
const PARTS: &[(&str, &[Part], Part, Shows)] = &[
    ("v0", &[], Key("distinct_keys"), Disappoints(&["S2 should break, and holds", "S7 should break, and holds"])),
    ("v0", &[], Line(NEVER, EVERY), Disappoints(&["S10 should break, and holds"])),
    // The age of nothing and the sweep on every poll: without either, clients are told.
    ("v1", &[], Line("time_to_live = \"0s\"", "time_to_live = \"10m\""), Appears("saw_ready")),
    ("v1", &[], Line(EVERY, NEVER), Disappoints(&["S1 should break, and holds", "S3 should break, and holds"])),
    ("v2", &[], Line("{ error = \"0s\" }", "\"never\""), Disappoints(&["S1 should break, and holds"])),
    ("v2", &[], Line("{ error = \"0s\" }", "{ error = \"10m\" }"), Appears("saw_error")),
    ("v2", &[], Line("{ error = \"0s\" }", "\"0s\""), Disappoints(&["S9 should break, and holds"])),
    ("v3", &[], Defect("unit-bug"), Disappoints(&["S6 should hold, and breaks", "S10 should break, and holds"])),
    ("v4", &[], Defect("unit-bug"), Disappoints(&["S11 should hold, and breaks", "S10 should break, and holds"])),
    ("v4", &[], Fault("what = \"one\""), Disappoints(&["S8 should hold, and had no occasion to"])),
    ("v5", &[], Defect("unit-bug"), Disappoints(&["S11 should hold, and breaks", "S8 should break, and holds"])),
    ("v5", &[], Key("load_anyway_after"), Appears("told_lost")),
    ("v5", &[], Key("load_anyway_after"), Vanishes("false_ready")),
    // A clear of one name is an occasion for S8 on which it does not break. Few others are: "clear stuck" would have to find nothing.
    ("v5", &[], Fault("what = \"one\""), Collapses("proper clears")),
    ("v5", &[Defect("unit-bug")], Fault("what = \"one\""), Vanishes("early_not_found")),
    ("v5", &[], Fault("what = \"stuck\""), Disappoints(&["S8 should break, and holds"])),
    ("v6", &[], Defect("unit-bug"), Disappoints(&["S11 should hold, and breaks", "S8 should break, and holds"])),
    ("v6", &[], Defect("file-means-ready"), Disappoints(&["S6 should hold, and breaks", "S2 should break, and holds"])),
    // The file's `ready` leaves no `not_found` that a client could take for it.
    ("v6", &[], Key("load_anyway_after"), Nowhere),
    ("v6", &[Defect("file-means-ready")], Key("load_anyway_after"), Appears("told_lost")),
    ("v6", &[], Fault("what = \"one\""), Collapses("proper clears")),
    ("v6", &[], Fault("what = \"stuck\""), Disappoints(&["S8 should break, and holds"])),
    ("v7", &[], Defect("unit-bug"), Disappoints(&["S11 should hold, and breaks", "S8 should break, and holds"])),
    ("v7", &[], Defect("file-means-ready"), Disappoints(&["S6 should hold, and breaks"])),
    ("v7", &[], Defect("data-means-ready"), Disappoints(&["S7 should break, and holds"])),
    ("v7", &[], Defect("error-becomes-ready"), Appears("saw_error")),
    (
        "v7",
        &[Defect("data-means-ready"), Key("published_early")],
        Defect("error-becomes-ready"),
        Collapses("masked_error"),
    ),
    ("v7", &[Defect("data-means-ready")], Key("published_early"), Collapses("false_ready of a success")),
    ("v7", &[], Key("load_anyway_after"), Nowhere),
    ("v7", &[], Fault("what = \"one\""), Collapses("proper clears")),
    ("v7", &[], Fault("what = \"stuck\""), Disappoints(&["S8 should break, and holds"])),
    ("v7", &[], Fault("kind = \"reload\""), Vanishes("interrupted")),
    ("v8", &[], Defect("unit-bug"), Disappoints(&["S11 should hold, and breaks", "S8 should break, and holds"])),
    ("v8", &[], Defect("file-means-ready"), Disappoints(&["S6 should hold, and breaks"])),
    ("v8", &[], Defect("data-means-ready"), Disappoints(&["S7 should break, and holds"])),
    ("v8", &[], Defect("lock-taken-twice"), Disappoints(&["S9 should break, and holds"])),
    // Published before the work starts, `ready` is the answer to the first poll: nobody polls twice.
    ("v8", &[], Key("published_early"), Appears("second polls")),
    ("v8", &[Defect("data-means-ready")], Key("published_early"), Collapses("false_ready of a success")),
    ("v8", &[], Key("load_anyway_after"), Nowhere),
    ("v8", &[], Fault("what = \"one\""), Collapses("proper clears")),
    ("v8", &[], Fault("what = \"stuck\""), Disappoints(&["S8 should break, and holds"])),
];

const NEVER: &str = "sweep = { trigger = \"never\" }";
const EVERY: &str = "sweep = { trigger = \"every-request\" }";

/// The text of an era without a part.
fn without(text: &str, part: Part) -> String {
    let edited = match part {
        Defect(name) => {
            let word = format!("\"{name}\"");
            let drop = |line: &str| {
                let Some(list) = line.strip_prefix("defects = [").and_then(|rest| rest.strip_suffix(']')) else {
                    return line.to_owned();
                };
                let rest: Vec<_> = list.split(", ").filter(|defect| *defect != word).collect();
                format!("defects = [{}]", rest.join(", "))
            };
            text.lines().map(drop).collect::<Vec<_>>().join("\n")
        }
        Key(key) => text.lines().filter(|line| !line.starts_with(&format!("{key} = "))).collect::<Vec<_>>().join("\n"),
        Fault(line) => {
            let tables = text.split("\n\n").filter(|table| !(table.starts_with("[[fault]]") && table.contains(line)));
            tables.collect::<Vec<_>>().join("\n\n")
        }
        Line(from, to) => text.replace(from, to),
    };
    assert_ne!(edited.trim_end(), text.trim_end(), "{part:?} is there");
    edited
}

/// A count of a run, by its name.
fn count(results: &Results, name: &str) -> u64 {
    let (tally, verdicts) = (&results.tallies()[0], &results.verdicts()[0]);
    match name {
        "proper clears" => verdicts.of(Property::S8).checked - verdicts.of(Property::S8).counted,
        "second polls" => tally.polls - tally.count(Fact::SawReady),
        "false_ready of a success" => {
            tally.count_where(|facts| facts.contains(Fact::FalseReady) && facts.contains(Fact::Succeeded))
        }
        name => tally.count(Fact::COLUMNS.into_iter().find(|fact| fact.name() == name).unwrap()),
    }
}

/// Everything that is counted of a run.
fn counts(results: &Results) -> impl PartialEq + std::fmt::Debug + use<> {
    let tally = &results.tallies()[0];
    let facts = Fact::COLUMNS.map(|fact| tally.count(fact));
    (facts, tally.polls, tally.sweeps, tally.live.clone(), results.verdicts())
}

#[test]
fn whatever_is_wrong_with_an_era_shows_when_it_is_not_there() {
    for (name, hidden_by, part, shows) in PARTS {
        let text = hidden_by.iter().fold(era(name).to_owned(), |text, &other| without(&text, other));
        let what = format!("{name} without {part:?}, {hidden_by:?} aside");
        let after = run(&parse(&without(&text, *part)));
        let before = || run(&parse(&text));
        let change = |count_of: &str| (count(&before(), count_of), count(&after, count_of));
        match shows {
            Disappoints(sentences) => {
                let told = after.disappointments();
                for sentence in *sentences {
                    assert!(told.contains(&format!("{name}: {sentence}")), "{what}: {told:?}");
                }
            }
            Appears(count_of) => assert!(matches!(change(count_of), (0, 1..)), "{what}: {:?}", change(count_of)),
            Vanishes(count_of) => assert!(matches!(change(count_of), (1.., 0)), "{what}: {:?}", change(count_of)),
            Collapses(count_of) => {
                let (before, after) = change(count_of);
                assert!(5 * after < before, "{what}: {before} to {after}");
            }
            Nowhere => assert_eq!(counts(&before()), counts(&after), "{what}"),
        }
    }
}

/// What can be taken away from an era, as its text has it.
fn parts(text: &'static str) -> BTreeSet<Part> {
    let mut parts = BTreeSet::new();
    for line in text.lines() {
        if let Some(list) = line.strip_prefix("defects = [").and_then(|rest| rest.strip_suffix(']')) {
            parts.extend(list.split(", ").map(|word| Defect(word.trim_matches('"'))));
        }
        if let Some((key @ ("distinct_keys" | "published_early" | "load_anyway_after" | "odd_names"), _)) =
            line.split_once(" = ")
        {
            parts.insert(Key(key));
        }
    }
    for table in text.split("\n\n").filter(|table| table.starts_with("[[fault]]")) {
        let line = |key: &str| table.lines().find(|line| line.starts_with(key));
        parts.insert(Fault(line("what").or(line("kind")).unwrap()));
    }
    parts
}

#[test]
fn the_list_of_what_is_wrong_with_the_eras_is_complete() {
    for name in eras() {
        let rows = PARTS.iter().filter(|(of, ..)| *of == name).map(|&(_, _, part, _)| part);
        let listed: BTreeSet<_> = rows.clone().filter(|part| !matches!(part, Line(..))).collect();
        assert_eq!(listed, parts(era(name)), "{name}");
        assert!(rows.count() > 0, "{name}");
    }
}

#[test]
fn an_expectation_can_be_disappointed_in_either_direction() {
    let text = era("v3");
    assert_eq!(run(&parse(text)).verdicts()[0].outcome(Property::S10), Outcome::Broken);
    let told = |holds: &str, breaks: &str| {
        let expects = |line: &str| match line.split_once(" = ") {
            Some(("holds", _)) => format!("holds = [{holds}]"),
            Some(("breaks", _)) => format!("breaks = [{breaks}]"),
            _ => line.replace("chance = 0.1, time", "chance = 0.0, time"),
        };
        run(&parse(&text.lines().map(expects).collect::<Vec<_>>().join("\n"))).disappointments()
    };
    let wrong = ["v3: S8 should hold, and had no occasion to", "v3: S11 should break, and holds"];
    assert_eq!(told("\"S8\"", "\"S11\", \"entry-swept\", \"late-poll\""), wrong);
    let wrong = ["v3: S10 should hold, and breaks", "v3: late-poll should hold, and had no occasion to"];
    assert_eq!(told("\"S10\", \"late-poll\"", "\"entry-swept\""), wrong);
}
