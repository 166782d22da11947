//! Traces: uploads and polls as they were recorded, small enough to be calculated by hand.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::sync::atomic::AtomicBool;

use stillready::engine::Engine;
use stillready::experiment::{self, Options};
use stillready::measure::Tally;
use stillready::scenario::{Scenario, TRACE_HEADER, Traces};
use stillready::store::RegistryStore;
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::{S, facts, run};

/// An event of a trace: an upload with its processing time in seconds, or a poll of an upload in a session.
#[derive(Clone, Copy)]
enum Row {
    Upload(Option<u64>),
    Poll(u32, u32),
}
use Row::{Poll, Upload};

/// A trace; times in seconds. Uploads have names of their own.
fn trace(rows: &[(u64, Row)]) -> String {
    let mut text = format!("{TRACE_HEADER}\n");
    let mut uploads = 0;
    for (at, row) in rows {
        let at = at * S;
        match row {
            Upload(processing) => {
                let processing = processing.map(|time| (time * S).to_string()).unwrap_or_default();
                writeln!(text, "1,{at},upload,{uploads},{uploads},,{processing}").unwrap();
                uploads += 1;
            }
            Poll(upload, session) => writeln!(text, "1,{at},poll,{upload},,{session},").unwrap(),
        }
    }
    text
}

/// 30 minutes after the end, swept with the given chance, in the incident's dictionary.
fn scenario(trace: &str, chance: f64, more: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.csv"), trace).unwrap();
    let text = format!(
        "schema_version = 1\n[workload]\ntrace = \"t.csv\"\nprocessing = \"10s\"\n{more}\n[[policy]]\nname = \"p\"\n\
         store = \"dict\"\ntime_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"chance\", chance = {chance} }}\n"
    );
    let traces = Traces::in_folder(folder.path());
    Scenario::parse_with("t", "t.toml", &text, &traces).unwrap_or_else(|error| panic!("{:?}", error.problems()))
}

fn tally(trace: &str, chance: f64) -> Tally {
    run(&scenario(trace, chance, "[client]")).tallies().remove(0)
}

#[test]
fn a_client_polls_at_the_recorded_moments_until_it_is_told() {
    // Done at 100 + 7 s: the third poll tells it, and the fourth of that session is not made.
    let rows = [(100, Upload(Some(7))), (101, Poll(0, 0)), (104, Poll(0, 0)), (111, Poll(0, 0)), (112, Poll(0, 0))];
    let tally = tally(&trace(&rows), 1.0);
    assert_eq!((tally.polls, tally.sweeps), (3, 3));
    assert_eq!(facts(&tally), [("succeeded", 1), ("saw_ready", 1)]);
    assert_eq!(tally.ready_to_seen_ns(1.0), Some(4 * S));
}

#[test]
fn an_upload_without_a_time_of_its_own_takes_that_of_the_scenario() {
    let rows = [(0, Upload(None)), (9, Poll(0, 0)), (10, Poll(0, 0)), (12, Poll(0, 0))];
    let tally = tally(&trace(&rows), 0.0);
    // Its work ends at 10 s, scheduled before the poll of that moment.
    assert_eq!((tally.polls, facts(&tally)), (2, vec![("succeeded", 1), ("saw_ready", 1)]));
}

#[test]
fn who_comes_late_is_lost_exactly_if_somebody_sweeps() {
    // Due at 10 + 1800 s. Its own poll sweeps first, if the chance is 1.
    for (after, chance, expected) in [
        (1809, 1.0, vec![("succeeded", 1), ("saw_ready", 1)]),
        (1810, 1.0, vec![("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)]),
        (1810, 0.0, vec![("succeeded", 1), ("saw_ready", 1)]),
    ] {
        let tally = tally(&trace(&[(0, Upload(Some(10))), (after, Poll(0, 1))]), chance);
        assert_eq!((tally.polls, facts(&tally)), (1, expected), "{after} s, {chance}");
    }
}

#[test]
fn a_page_is_opened_again_at_the_moment_of_the_next_session() {
    let rows = [
        (0, Upload(Some(10))),
        (3, Poll(0, 0)),
        (11, Poll(0, 0)),
        (20, Poll(0, 0)),
        (1809, Poll(0, 1)),
        (1812, Poll(0, 1)),
        (5000, Poll(0, 2)),
    ];
    // Told at 11 s, again at 1809 s (due at 1810), and at 5000 s that there is nothing.
    let swept = tally(&trace(&rows), 1.0);
    assert_eq!(swept.polls, 4);
    assert_eq!(facts(&swept), [("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)]);
    let kept = tally(&trace(&rows), 0.0);
    assert_eq!((kept.polls, facts(&kept)), (4, vec![("succeeded", 1), ("saw_ready", 1)]));
}

#[test]
fn who_has_not_been_told_goes_on_with_the_polls_of_the_next_session() {
    let rows = [(0, Upload(Some(5000))), (3, Poll(0, 0)), (400, Poll(0, 1)), (800, Poll(0, 2))];
    let tally = tally(&trace(&rows), 0.0);
    assert_eq!((tally.polls, facts(&tally)), (3, vec![("succeeded", 1), ("timed_out", 1)]));
}

#[test]
fn a_trace_without_polls_leaves_them_to_the_client() {
    let rows = [(0, Upload(Some(10))), (50, Upload(None))];
    let tally = run(&scenario(&trace(&rows), 0.0, "[client]\ninterval = \"4s\"")).tallies().remove(0);
    // At 0, 4, 8 and 12 s each.
    assert_eq!((tally.polls, tally.count(stillready::measure::Fact::SawReady)), (8, 2));
}

#[test]
fn fewer_uploads_than_the_trace_has_leave_the_last_ones_out() {
    let rows = [(0, Upload(Some(1))), (2, Poll(0, 0)), (3, Upload(Some(1))), (9, Poll(1, 0)), (9, Poll(0, 1))];
    let mut two = scenario(&trace(&rows), 0.0, "[client]");
    assert_eq!((two.uploads, run(&two).tallies().remove(0).polls), (2, 3));
    two.uploads = 1;
    assert_eq!(run(&two).tallies().remove(0).polls, 2);
}

#[test]
fn a_failed_fetch_is_followed_by_the_next_recorded_poll() {
    let rows = [(0, Upload(Some(1))), (2, Poll(0, 0)), (100, Poll(0, 0)), (103, Poll(0, 0)), (200, Poll(0, 0))];
    let lost = scenario(&trace(&rows), 0.0, "[client]\nmax_fetch_errors = 4\nfetch_failure = 1.0");
    // The upload itself is lost, too: it is never sent.
    assert_eq!(facts(&run(&lost).tallies().remove(0)), [("fetch_gave_up", 1)]);
    let down = "[client]\n[[fault]]\nkind = \"store-down\"\nat = [\"1500ms\"]\nfor = \"50s\"";
    let tally = run(&scenario(&trace(&rows), 0.0, down)).tallies().remove(0);
    assert_eq!((tally.polls, facts(&tally)), (1, vec![("succeeded", 1), ("saw_ready", 1)]));
}

/// Writes a run down as a trace.
#[derive(Default)]
struct Recorder {
    rows: Vec<(u64, String)>,
    uploads: Vec<u64>,
    sessions: BTreeMap<u32, u32>,
}

impl Observer for Recorder {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        let at = at.as_ns();
        let row = match event {
            Event::Arrived(upload) => {
                self.uploads.push(at);
                format!("1,{at},upload,{},{},,{}", upload.number, upload.key, upload.processing_ns)
            }
            Event::Read { upload, .. } => {
                // Whoever is not away polls at once.
                let session = *self.sessions.entry(upload).or_insert(u32::from(at > self.uploads[upload as usize]));
                format!("1,{at},poll,{upload},,{session},")
            }
            _ => return,
        };
        self.rows.push((at, row));
    }
}

fn rows_of(scenario: &Scenario) -> String {
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 1, upload_rows: true, on_progress: &|_| (), stop: &stop };
    let mut results = experiment::run(scenario, &options).expect("nobody stops it");
    let mut rows = String::new();
    results.replications[0].upload_rows.as_mut().unwrap().read_to_string(&mut rows).unwrap();
    rows
}

#[test]
fn a_run_that_is_written_down_and_read_back_comes_to_the_same_for_every_upload() {
    let text = stillready::scenario::shipped::find("reference").unwrap().text;
    let mut simulated = Scenario::parse("t", "t.toml", text).unwrap();
    simulated.uploads = 800;
    simulated.policies.truncate(1);
    let policy = simulated.policies[0].clone();
    let retention = policy.retention;
    let mut engine =
        Engine::new(&simulated, &policy, 1, move |_| RegistryStore::new(retention, 0), Recorder::default());
    engine.run();
    let recorder = engine.into_observer();
    let mut rows = recorder.rows;
    rows.sort_by_key(|(at, _)| *at);
    let text = rows.iter().fold(format!("{TRACE_HEADER}\n"), |text, (_, row)| text + row + "\n");
    let mut recorded = scenario(&text, 0.1, "[client]");
    recorded.policies.clone_from(&simulated.policies);
    let (one, other) = (rows_of(&simulated), rows_of(&recorded));
    assert!(one.lines().count() == 800 && one.contains(",1,"), "there is something to compare");
    for (one, other) in one.lines().zip(other.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(one.lines().count(), other.lines().count());
}
