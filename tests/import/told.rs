//! What a policy would have answered: by hand, and against the run that a log was written from.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::AtomicBool;

use stillready::engine::Engine;
use stillready::experiment::{self, Options};
use stillready::import::Import;
use stillready::measure::{Fact, Tally};
use stillready::scenario::{Scenario, Traces, Trigger, shipped};
use stillready::store::RegistryStore;
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::{S, import, import_as, poll, rows, upload};

/// The scenario of an import, read back from its files.
fn scenario(import: &Import) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let mut trace = Vec::new();
    import.write_trace(&mut trace).unwrap();
    fs::write(folder.path().join("t.csv"), trace).unwrap();
    let text = import.imported.scenario("t.csv", "a \"title\" with \\ in it");
    let traces = Traces::in_folder(folder.path());
    Scenario::parse_with("t", "t.toml", &text, &traces).unwrap_or_else(|error| panic!("{text}: {:?}", error.problems()))
}

fn tallies(scenario: &Scenario) -> Vec<Tally> {
    let stop = AtomicBool::new(false);
    experiment::run(scenario, &Options { jobs: 1, upload_rows: false, on_progress: &|_| (), stop: &stop })
        .unwrap()
        .tallies()
}

/// Three clients whose answers under 30 minutes can be said beforehand, if every poll sweeps, or none.
#[test]
fn what_is_told_under_thirty_minutes_can_be_calculated_by_hand() {
    let stays = [upload(0, "a"), poll(1, "a"), poll(4, "a"), poll(7, "a")].concat();
    // Ready after 5.5 s as well, at 105.5; due at 1905.5.
    let early = [upload(100, "b"), poll(101, "b"), poll(104, "b"), poll(107, "b"), poll(1905, "b")].concat();
    let late = [upload(200, "c"), poll(201, "c"), poll(204, "c"), poll(207, "c"), poll(2006, "c")].concat();
    let end = poll(9000, "c");
    let mut scenario = scenario(&import(&[stays, early, late, end].concat()));
    assert_eq!((scenario.uploads, scenario.policies.len()), (3, 3));
    for (chance, told) in [("1.0", [2, 1, 0]), ("0.0", [3, 0, 0])] {
        for policy in &mut scenario.policies {
            policy.trigger = if chance == "1.0" { Trigger::EveryRequest } else { Trigger::Never };
        }
        let tallies = tallies(&scenario);
        let facts = [Fact::SawReady, Fact::ToldLost, Fact::SawExpired].map(|fact| tallies[0].count(fact));
        assert_eq!(facts, told, "30m/10% with chance {chance}");
    }
    // The registry says that it expired, and 60 minutes are enough for 30 but not for 9000 s.
    let tallies = tallies(&scenario);
    assert_eq!(tallies[2].count(Fact::FalseNotFound), 0);
    assert_eq!(tallies[2].count(Fact::SawExpired), 1);
}

/// Writes a run as an access log in JSON, to the nanosecond.
#[derive(Default)]
struct Log {
    text: String,
}

impl Observer for Log {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        let (s, ns) = (1_431_857_103 + at.as_ns() / S, at.as_ns() % S);
        let mut line = |request: &str| {
            writeln!(
                self.text,
                r#"{{"time":"{s}.{ns:09}","request":"{request} HTTP/1.1","status":200,"remote_addr":"h"}}"#
            )
            .unwrap();
        };
        match event {
            Event::Arrived(upload) => line(&format!("POST /upload?filename=file%20{}.pdf", upload.key)),
            Event::Read { upload, .. } => line(&format!("GET /api/upload-status?x=1&filename=file+{upload}.pdf")),
            _ => {}
        }
    }
}

/// Polls at 0, 3, 6 and 9 s with processing of 7.5 s: the importer's half-way is the truth, so nothing may differ for any upload.
#[test]
fn a_run_that_is_written_as_a_log_and_imported_tells_every_client_the_same() {
    let text = shipped::find("reference").unwrap().text;
    let text = text.replace("{ kind = \"lognormal\", median = \"8s\", sigma = 0.8 }", "\"7500ms\"");
    let mut simulated = Scenario::parse("t", "t.toml", &text).unwrap();
    simulated.uploads = 3000;
    let policy = simulated.policies[0].clone();
    let retention = policy.retention;
    let mut engine = Engine::new(&simulated, &policy, 1, move |_| RegistryStore::new(retention, 0), Log::default());
    engine.run();
    let log = engine.into_observer().text;
    let mut options = stillready::import::Options::new(crate::pattern(crate::UPLOAD), crate::pattern(crate::STATUS));
    // Few in memory, so that the sorting goes through files.
    options.events_in_memory = 500;
    options.processing_ns = Some(7_500_000_000);
    let mut reader = stillready::import::Reader::new(&options);
    reader.read("log", log.as_bytes()).unwrap();
    let import = reader.finish().unwrap();
    assert!(import.imported.inferred_processing > 2000 && import.imported.measurement("absence").unwrap().count > 500);
    let mut imported = scenario(&import);
    imported.policies = vec![policy.clone()];
    simulated.policies = vec![policy];
    let (one, other) = (facts(&simulated), facts(&imported));
    assert!(one.iter().any(|facts| facts.contains(",told_lost")), "some are lost");
    for (number, (one, other)) in one.iter().zip(&other).enumerate() {
        assert_eq!(one, other, "upload {number}");
    }
    assert_eq!((one.len(), other.len()), (3000, 3000));
}

/// What became of each upload, and after how many polls.
fn facts(scenario: &Scenario) -> Vec<String> {
    #[derive(Default)]
    struct Fates(Vec<(u32, String)>);
    impl Observer for Fates {
        fn observe(&mut self, _: SimTime, event: Event<'_>) {
            if let Event::Over { upload, facts, polls, .. } = event {
                let facts =
                    Fact::COLUMNS.iter().filter(|fact| facts.contains(**fact)).map(|fact| format!(",{}", fact.name()));
                self.0.push((upload.number, format!("{polls}{}", facts.collect::<String>())));
            }
        }
    }
    let policy = &scenario.policies[0];
    let retention = policy.retention;
    let mut engine = Engine::new(scenario, policy, 1, move |_| RegistryStore::new(retention, 0), Fates::default());
    engine.run();
    let mut fates = engine.into_observer().0;
    fates.sort();
    fates.into_iter().map(|(_, facts)| facts).collect()
}

/// The feed readers of a real log, over four days.
#[test]
fn the_feed_readers_of_a_real_log_are_pollers() {
    let log = include_bytes!("feed-readers.log");
    let import = import_as("", "GET /blog/tags/puppet?flav=rss20", log).unwrap();
    let found = &import.imported;
    assert_eq!((found.uploads, found.polls, found.not_understood()), (1, 113, 0));
    assert!(found.assumptions[0].starts_with("Beware: every stamp has the same minute"));
    // Twice an hour, of which the log shows seconds: about as many sessions as hours.
    assert!((50..=100).contains(&found.sessions), "{}", found.sessions);
    assert_eq!(rows(&import).len(), 114);
    assert_eq!(tallies(&scenario(&import))[0].count(Fact::Succeeded), 1);
}
