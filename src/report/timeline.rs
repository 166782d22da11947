//! A timeline, for people and as `events.csv`.

use std::fmt::Write as _;

use super::csv::SCHEMA_VERSION;
use crate::scenario::{Policy, Scenario};
use crate::time::{SECOND_NS, SimTime};
use crate::trace::timeline::{Line, Timeline};

/// The timeline for people: virtual time, time since the upload's arrival in seconds, place, event.
#[must_use]
pub fn text(timeline: &Timeline) -> String {
    let mut text = String::new();
    for Line { at, place, text: what, .. } in timeline.lines() {
        let since = offset_s(*at, timeline.upload().at);
        let _ = writeln!(text, "{:>20}  {since:>16}  {place:<9}  {what}", at.to_string());
    }
    text
}

/// The timeline as `events.csv`.
#[must_use]
pub fn csv(timeline: &Timeline, scenario: &Scenario, policy: &Policy, seed: u64) -> Vec<u8> {
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    let header = ["schema_version", "scenario", "policy", "seed", "upload", "place", "event", "text", "at_ns"];
    csv.write_record(header).expect("memory takes what is written to it");
    for Line { at, upload, place, event, text } in timeline.lines() {
        let row = (SCHEMA_VERSION, &scenario.name, &policy.name, seed, upload, place, event, text, at.as_ns());
        csv.serialize(row).expect("memory takes what is written to it");
    }
    csv.into_inner().expect("memory takes what is written to it")
}

/// `at` less `from`, in seconds with all digits and a sign.
fn offset_s(at: SimTime, from: SimTime) -> String {
    let (sign, ns) = if at >= from { ('+', at.since(from)) } else { ('-', from.since(at)) };
    format!("{sign}{}.{:09}", ns / SECOND_NS, ns % SECOND_NS)
}
