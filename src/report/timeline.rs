//! A timeline, for people and as `events.csv`.

use std::collections::BTreeMap;

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use serde::{Deserialize, Serialize};

use super::csv::SCHEMA_VERSION;
use crate::property::{Outcome, Verdicts};
use crate::scenario::{Policy, Property, Scenario};
use crate::time::{SECOND_NS, SimTime};
use crate::trace::timeline::{Line, Timeline, Where};

/// The steps at which properties broke, by their moment.
pub type Marks = BTreeMap<SimTime, Vec<Property>>;

/// Where the properties broke, all of them or one.
#[must_use]
pub fn marks(verdicts: &Verdicts, only: Option<Property>) -> Marks {
    let mut marks = Marks::new();
    for property in verdicts.with(Outcome::Broken).filter(|property| only.is_none_or(|only| only == *property)) {
        if let Some(first) = &verdicts.of(property).first {
            marks.entry(first.at).or_default().push(property);
        }
    }
    marks
}

/// The timeline for people: time since the upload's arrival in seconds, and a column for the client, each other client that uses
/// the same name meanwhile, the site, each worker and each store that has a part in it. Steps at which a property broke are
/// marked.
#[must_use]
pub fn text(timeline: &Timeline, marks: &Marks) -> String {
    table(timeline, timeline.lines(), marks)
}

/// The lines around a moment, in the same form.
#[must_use]
pub fn around(timeline: &Timeline, at: SimTime, before: usize, after: usize, marks: &Marks) -> String {
    let lines = timeline.lines();
    let end = lines.partition_point(|line| line.at <= at);
    let start = end.saturating_sub(before + 1);
    table(timeline, &lines[start..(end + after).min(lines.len())], marks)
}

/// The columns of some lines.
fn places(lines: &[Line]) -> Vec<Where> {
    let mut places: Vec<_> = lines.iter().map(|line| line.place).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// What is marked at a line: the last one of its moment carries the mark.
fn mark_of(lines: &[Line], place: usize, marks: &Marks) -> Option<String> {
    let line = &lines[place];
    let properties = marks.get(&line.at)?;
    let later = &lines[place + 1..];
    let is_poll = |line: &Line| line.event == "poll" || line.event == "deadlock";
    let better = later.iter().take_while(|next| next.at == line.at).any(|next| is_poll(next) || !is_poll(line));
    (!better).then(|| properties.iter().map(|property| property.name()).collect::<Vec<_>>().join(" "))
}

fn table(timeline: &Timeline, lines: &[Line], marks: &Marks) -> String {
    let places = places(lines);
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
    let names = places.iter().map(Where::to_string);
    table.set_header(["since upload".to_owned(), String::new()].into_iter().chain(names));
    for (number, line) in lines.iter().enumerate() {
        let since = offset_s(line.at, timeline.upload().at);
        let mark = mark_of(lines, number, marks).map(|properties| format!("{properties} >")).unwrap_or_default();
        let cells = places.iter().map(|place| if *place == line.place { line.text.clone() } else { String::new() });
        table.add_row([since, mark].into_iter().chain(cells));
    }
    // Times and marks are not folded.
    for column in table.column_iter_mut().take(2) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.trim_fmt() + "\n"
}

/// A step of a timeline as a row of `events.csv` and `witnesses.csv`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The version of the file.
    pub schema_version: u32,
    /// The scenario.
    pub scenario: String,
    /// The policy.
    pub policy: String,
    /// The replication's seed.
    pub seed: u64,
    /// Which upload did it; nothing for a sweep by a timer.
    pub upload: Option<u32>,
    /// Where.
    pub place: Where,
    /// The kind of event, in a word.
    pub event: String,
    /// What happened, in words.
    pub text: String,
    /// The properties that broke here.
    pub broken: String,
    /// When, in nanoseconds.
    pub at_ns: u64,
}

/// The steps of a timeline.
#[must_use]
pub fn events(timeline: &Timeline, marks: &Marks, scenario: &Scenario, policy: &Policy, seed: u64) -> Vec<Event> {
    let event = |(number, line): (usize, &Line)| Event {
        schema_version: SCHEMA_VERSION,
        scenario: scenario.name.clone(),
        policy: policy.name.clone(),
        seed,
        upload: line.upload,
        place: line.place,
        event: line.event.to_owned(),
        text: line.text.clone(),
        broken: mark_of(timeline.lines(), number, marks).unwrap_or_default(),
        at_ns: line.at.as_ns(),
    };
    timeline.lines().iter().enumerate().map(event).collect()
}

/// The steps of timelines as `events.csv`; nothing if there are none.
#[must_use]
pub fn csv(events: &[Event]) -> Vec<u8> {
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    for event in events {
        csv.serialize(event).expect("memory takes what is written to it");
    }
    csv.into_inner().expect("memory takes what is written to it")
}

/// `at` less `from`, in seconds with all digits and a sign.
pub(super) fn offset_s(at: SimTime, from: SimTime) -> String {
    let (sign, ns) = if at >= from { ('+', at.since(from)) } else { ('-', from.since(at)) };
    format!("{sign}{}.{:09}", ns / SECOND_NS, ns % SECOND_NS)
}
