//! Each store behind the engine: event by event what the registry does.

use stillready::backend::Backend;
use stillready::engine::Engine;
use stillready::registry::Retention;
use stillready::scenario::Scenario;
use stillready::store::{Driven, RegistryStore, StatusStore};
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::subjects::{Make, dashmaps, files, mokas, servers};

/// Two workers, clients that go away for longer than the time to live, errors, names that come again, and clears.
const SCENARIO: &str = r#"
    schema_version = 1
    uploads = 120
    [workload]
    arrivals = { kind = "fixed", every = "31s 1ms" }
    processing = { kind = "empirical", values = ["1s 111ms", "8s 13ms", "31s 317ms", "7m"] }
    failure = 0.1
    distinct_keys = 60
    odd_names = 0.1
    [server]
    workers = 2
    [client]
    interval = "3s"
    tolerate_not_found = 0
    max_attempts = 12
    away = { chance = 0.4, time = { kind = "empirical", values = ["9m 7ms", "11m 19ms", "17m 37ms"] } }
    [[fault]]
    kind = "clear"
    what = "stuck"
    after = "2m"
    at = ["10m"]
    [[fault]]
    kind = "clear"
    what = "one"
    every = "13m"
    [[fault]]
    kind = "clear"
    what = "all"
    at = ["47m"]
    [[policy]]
    name = "no tombstones"
    time_to_live = "10m"
    expiry = "logical"
    scope = "shared"
    sweep = { trigger = "chance", chance = 0.1 }
    [[policy]]
    name = "tombstones"
    time_to_live = { processing = "5m", ready = "10m", error = "12m", interrupted = "10m" }
    expiry = "logical"
    scope = "shared"
    tombstone = "6m"
    poll_by = "key"
    sweep = { trigger = "period", period = "1m" }
    [[policy]]
    name = "from the last access"
    time_to_live = "10m"
    age = "last-access"
    expiry = "logical"
    scope = "shared"
    tombstone = "6m"
    order = "read-first"
    sweep = { trigger = "exact" }
    [[policy]]
    name = "from the acknowledgement"
    time_to_live = "1m"
    age = "acknowledged"
    expiry = "logical"
    scope = "shared"
    sweep = { trigger = "every-request" }
"#;

/// Everything that happens, a line each.
#[derive(Default)]
struct Lines(Vec<String>);

impl Observer for Lines {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        // Entries that go at once come in the order of each store.
        let mut line = format!("{:>20} {event:?}", at.as_ns());
        if let Event::Swept { gone, .. } | Event::Cleared { gone, .. } = event {
            let mut sorted = gone.to_vec();
            sorted.sort_unstable_by_key(|gone| (gone.key, gone.state, gone.due));
            line = line.replace(&format!("{gone:?}"), &format!("{sorted:?}"));
        }
        self.0.push(line);
    }
}

fn lines<S: StatusStore>(
    scenario: &Scenario,
    policy: usize,
    new_store: impl Fn(u32) -> S + Send + 'static,
) -> Vec<String> {
    let mut engine = Engine::new(scenario, &scenario.policies[policy], 1, new_store, Lines::default());
    engine.run();
    let mut lines = engine.into_observer().0;
    // Events at one instant, likewise.
    lines.sort();
    lines
}

fn assert_parity<B: Backend>(name: &str, stores: impl Fn(Retention) -> Option<Make<B>>) {
    let scenario =
        Scenario::parse("test", "test.toml", SCENARIO).unwrap_or_else(|error| panic!("{:?}", error.problems()));
    for (number, policy) in scenario.policies.iter().enumerate() {
        let retention = policy.retention;
        let Some(make) = stores(retention) else { return };
        let expected = lines(&scenario, number, move |number| RegistryStore::new(retention, number));
        let got = lines(&scenario, number, move |_| Driven::new(make()));
        let differs = expected.iter().zip(&got).find(|(expected, got)| expected != got);
        assert_eq!(differs, None, "{name}, {}", policy.name);
        assert_eq!(expected.len(), got.len(), "{name}, {}", policy.name);
        for seen in ["Ready {", "gone: [Gone", "Cleared {", "Over {"] {
            assert!(expected.iter().any(|line| line.contains(seen)), "{}: {seen}", policy.name);
        }
    }
}

#[test]
fn dashmap_does_what_the_registry_does() {
    assert_parity("dashmap", |retention| Some(dashmaps(retention)));
}

#[test]
fn moka_does_what_the_registry_does() {
    assert_parity("moka", |retention| Some(mokas(retention)));
}

#[test]
fn sqlite_does_what_the_registry_does() {
    assert_parity("SQLite", |retention| Some(files(retention)));
}

#[test]
fn redis_does_what_the_registry_does() {
    assert_parity("Redis", servers);
}
