//! A timeline as a space-time diagram: a lane for each client, worker and store, time running down, requests as arrows from the
//! client to the worker that answered, and a cross where an entry was removed.

use maud::{Markup, PreEscaped, html};

use super::timeline::{Event, offset_s};
use crate::time::SimTime;
use crate::trace::timeline::Where;

/// Sizes of the drawing, in its own units.
const LANE: f64 = 226.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 46.0;
const LINE: f64 = 14.0;
const GAP: f64 = 12.0;

/// Letters in a line beside a lane.
const LETTERS: usize = 33;

/// Answers in a row that are all the same, from which on those between the first and the last are left out.
const SAME_MAX: usize = 3;

/// What the drawing looks like, inside of a page or alone.
pub const STYLE: &str = include_str!("html/spacetime.css");

/// A row of the drawing.
enum Row<'a> {
    Step(&'a Event),
    /// So many polls with the same answer as before.
    Left(usize),
}

/// The diagram of one upload's timeline; `id` is a part of ids that are unique in the page.
#[must_use]
pub fn drawing(events: &[Event], id: &str, title: &str) -> Markup {
    let (lanes, rows) = (lanes(events), rows(events));
    let heights: Vec<f64> = rows.iter().map(|row| GAP + LINE * words(row).len() as f64).collect();
    let (width, height) = (LEFT + LANE * lanes.len() as f64, TOP + heights.iter().sum::<f64>() + GAP);
    let x = |place: Where| LEFT + LANE * lanes.iter().position(|lane| *lane == place).unwrap_or(0) as f64;
    let start = events.iter().find(|event| event.place == Where::Client).map_or(0, |event| event.at_ns);
    let before = heights.iter().scan(TOP, |y, height| {
        *y += height;
        Some(*y - height)
    });
    let places: Vec<f64> = before.map(|y| y + LINE).collect();
    let (title_id, desc_id) = (format!("{id}-title"), format!("{id}-desc"));
    html! {
        svg.spacetime xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
            role="img" aria-labelledby={ (title_id) " " (desc_id) } {
            title id=(title_id) { (title) }
            desc id=(desc_id) { (description(events)) }
            text.since x="8" y="20" { "since upload" }
            @for lane in &lanes {
                text.place x=(x(*lane) - 4.0) y="20" { (lane) }
                line.lane x1=(x(*lane)) x2=(x(*lane)) y1="28" y2=(height) {}
            }
            @for (row, y) in rows.iter().zip(&places) {
                @match row {
                    Row::Step(event) => (step(event, start, x(event.place), client(event, events).map(&x), *y)),
                    Row::Left(_) => text.since x="8" y=(y) { (words(row)[0]) },
                }
            }
        }
    }
}

/// The diagram as a file of its own.
#[must_use]
pub fn file(events: &[Event], title: &str) -> String {
    let drawing = drawing(events, "timeline", title).into_string();
    let style = html! { style { (PreEscaped("svg{background:#fff} text{font:12px sans-serif}")) (PreEscaped(STYLE)) } };
    // The style goes before the first child.
    let inside = drawing.find("><").map_or(drawing.len(), |place| place + 1);
    format!("{}{}{}\n", &drawing[..inside], style.into_string(), &drawing[inside..])
}

/// What the drawing shows, for those who do not see it.
fn description(events: &[Event]) -> String {
    let removed =
        events.iter().find(|event| event.event == "removed").map(|event| format!(" {}: {}.", event.place, event.text));
    let broken = events.iter().find(|event| !event.broken.is_empty());
    let broken = broken.map(|event| format!(" {} breaks {} at: {}.", event.place, event.broken, event.text));
    format!("{} steps.{}{}", events.len(), removed.unwrap_or_default(), broken.unwrap_or_default())
}

/// The lanes: every place of a step, and the client of every request.
fn lanes(events: &[Event]) -> Vec<Where> {
    let clients = events.iter().filter_map(|event| client(event, events));
    let mut lanes: Vec<_> = events.iter().map(|event| event.place).chain(clients).collect();
    lanes.sort_unstable();
    lanes.dedup();
    lanes
}

/// The client whose request a step answers, if it answers one.
fn client(event: &Event, events: &[Event]) -> Option<Where> {
    let upload = event.upload.filter(|_| matches!(event.event.as_str(), "poll" | "begin"))?;
    let mine = events.iter().find(|event| event.place == Where::Client).and_then(|event| event.upload);
    Some(if Some(upload) == mine { Where::Client } else { Where::OtherClient(upload) })
}

/// The steps, without those polls in a row that were all answered alike.
fn rows(events: &[Event]) -> Vec<Row<'_>> {
    let answer = |event: &Event| {
        let is_plain_poll = event.event == "poll" && event.broken.is_empty();
        is_plain_poll
            .then(|| (event.place, event.upload, event.text.split_once(": ").map(|(_, answer)| answer.to_owned())))
    };
    let alike = |one: &Event, next: &Event| answer(one).is_some() && answer(one) == answer(next);
    let groups = events.chunk_by(alike);
    let mut rows = Vec::new();
    for group in groups {
        if group.len() > SAME_MAX {
            rows.push(Row::Step(&group[0]));
            rows.push(Row::Left(group.len() - 2));
            rows.push(Row::Step(&group[group.len() - 1]));
        } else {
            rows.extend(group.iter().map(Row::Step));
        }
    }
    rows
}

/// The lines beside a step.
fn words(row: &Row<'_>) -> Vec<String> {
    let event = match row {
        Row::Step(event) => event,
        Row::Left(polls) => return vec![format!("… {polls} more polls, answered alike")],
    };
    let mark = if event.broken.is_empty() { String::new() } else { format!("{} ▸ ", event.broken) };
    let mut lines = vec![String::new()];
    for word in format!("{mark}{}", event.text).split(' ') {
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > LETTERS {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// A step at its lane, and the arrow from the client that asked for it.
fn step(event: &Event, start_ns: u64, x: f64, from: Option<f64>, y: f64) -> Markup {
    let middle = y - 4.0;
    let is_broken = !event.broken.is_empty();
    let class = match event.event.as_str() {
        _ if is_broken => "words broken",
        "removed" => "words removed",
        _ => "words",
    };
    let since = offset_s(SimTime::from_ns(event.at_ns), SimTime::from_ns(start_ns));
    html! {
        text.since x="8" y=(y) { (since) }
        @if let Some(from) = from {
            line class=(if is_broken { "broken-arrow" } else { "arrow" }) x1=(from) x2=(x - 9.0) y1=(middle) y2=(middle) {}
            polygon.head points=(format!("{},{} {},{} {},{}", x - 3.0, middle, x - 11.0, middle - 4.0, x - 11.0, middle + 4.0)) {}
        } @else if event.event == "removed" {
            path.removal d=(format!("M{} {}l10 10m0 -10l-10 10", x - 5.0, middle - 5.0)) {}
        } @else {
            circle.dot cx=(x) cy=(middle) r="4" {}
        }
        text class=(class) x=(x + 10.0) y=(y) {
            @for (number, line) in words(&Row::Step(event)).iter().enumerate() {
                @if number == 0 { (line) } @else { tspan x=(x + 10.0) dy=(LINE) { (line) } }
            }
        }
    }
}
