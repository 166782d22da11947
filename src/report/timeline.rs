//! A timeline, for people, as `events.csv` and as a drawing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

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
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(120);
    let names = places.iter().map(Where::to_string);
    table.set_header(["since upload".to_owned(), String::new()].into_iter().chain(names));
    for (number, line) in lines.iter().enumerate() {
        let since = offset_s(line.at, timeline.upload().at);
        let mark = mark_of(lines, number, marks).map(|properties| format!("{properties} >")).unwrap_or_default();
        let cells = places.iter().map(|place| if *place == line.place { line.text.clone() } else { String::new() });
        table.add_row([since, mark].into_iter().chain(cells));
    }
    table.trim_fmt() + "\n"
}

/// The timeline as `events.csv`.
#[must_use]
pub fn csv(timeline: &Timeline, marks: &Marks, scenario: &Scenario, policy: &Policy, seed: u64) -> Vec<u8> {
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    let header =
        ["schema_version", "scenario", "policy", "seed", "upload", "place", "event", "text", "broken", "at_ns"];
    csv.write_record(header).expect("memory takes what is written to it");
    for (number, Line { at, upload, place, event, text }) in timeline.lines().iter().enumerate() {
        let broken = mark_of(timeline.lines(), number, marks).unwrap_or_default();
        let place = place.to_string();
        let row = (SCHEMA_VERSION, &scenario.name, &policy.name, seed, upload, place, event, text, broken, at.as_ns());
        csv.serialize(row).expect("memory takes what is written to it");
    }
    csv.into_inner().expect("memory takes what is written to it")
}

/// Sizes of the drawing, in pixels.
const COLUMN: usize = 260;
const ROW: usize = 26;
const LEFT: usize = 150;
const TOP: usize = 60;

/// The timeline as a drawing: a lane for each place, time running down, a dot for each step.
#[must_use]
pub fn svg(timeline: &Timeline, marks: &Marks, title: &str) -> String {
    let lines = timeline.lines();
    let places = places(lines);
    let (width, height) = (LEFT + COLUMN * places.len(), TOP + ROW * (lines.len() + 1));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{0}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"10\" y=\"20\" font-weight=\"bold\">{0}</text>\n",
        escaped(title)
    );
    for (number, place) in places.iter().enumerate() {
        let x = LEFT + COLUMN * number;
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" font-weight=\"bold\">{place}</text>\n\
             <line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{height}\" stroke=\"#bbb\"/>",
            TOP - 14,
            TOP - 8
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let y = TOP + ROW * number + ROW / 2;
        let column = places.iter().position(|place| *place == line.place).unwrap_or(0);
        let x = LEFT + COLUMN * column;
        let mark = mark_of(lines, number, marks);
        let color = if mark.is_some() { "#c00" } else { "#06c" };
        let mark = mark.map(|properties| format!("{properties} ▸ ")).unwrap_or_default();
        let since = offset_s(line.at, timeline.upload().at);
        let words = folded(&line.text, 42);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#555\" font-family=\"monospace\">{since}</text>\n\
             <circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{color}\"/>",
            LEFT - 14,
            y + 4
        );
        for (row, part) in words.iter().enumerate() {
            let mark = if row == 0 { mark.as_str() } else { "" };
            let shift = if words.len() == 1 { 4 } else { 11 * row as i64 - 1 } + y as i64;
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{shift}\" fill=\"{color}\" font-size=\"11\">{mark}{}</text>",
                x + 9,
                escaped(part)
            );
        }
    }
    svg + "</svg>\n"
}

/// A text in one or two lines.
fn folded(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let middle = text.len() / 2;
    let breaks = text.char_indices().filter(|(_, c)| *c == ' ').map(|(place, _)| place);
    match breaks.min_by_key(|place| place.abs_diff(middle)) {
        Some(place) => vec![text[..place].to_owned(), text[place + 1..].to_owned()],
        None => vec![text.to_owned()],
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `at` less `from`, in seconds with all digits and a sign.
fn offset_s(at: SimTime, from: SimTime) -> String {
    let (sign, ns) = if at >= from { ('+', at.since(from)) } else { ('-', from.since(at)) };
    format!("{sign}{}.{:09}", ns / SECOND_NS, ns % SECOND_NS)
}
