//! Workers, threads, the queue, service times, dispatch.

use stillready::engine::Engine;
use stillready::store::RegistryStore;
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::{PLAIN, Parts, S, facts};

/// Notes when what happened, in seconds since the first arrival.
#[derive(Default)]
struct Notes {
    first: Option<SimTime>,
    lines: Vec<(f64, String)>,
}

impl Observer for Notes {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        let line = match event {
            Event::Arrived(_) => {
                self.first.get_or_insert(at);
                return;
            }
            Event::Began { upload, .. } => format!("begin {upload}"),
            Event::Swept { .. } => "sweep".to_owned(),
            Event::Read { upload, attempt, .. } => format!("read {upload}.{attempt}"),
            Event::ClientEnded { upload, .. } => format!("end {upload}"),
            _ => return,
        };
        let since_ns = at.since(self.first.unwrap_or_default());
        self.lines.push((since_ns as f64 / S as f64, line));
    }
}

fn notes(parts: Parts<'_>) -> Vec<(f64, String)> {
    let scenario = parts.scenario();
    let policy = &scenario.policies[0];
    let retention = policy.retention;
    let new_store = move |number| RegistryStore::new(retention, number);
    let mut engine = Engine::new(&scenario, policy, 1, new_store, Notes::default());
    engine.run();
    engine.into_observer().lines
}

fn begins(parts: Parts<'_>) -> Vec<f64> {
    notes(parts).into_iter().filter(|(_, line)| line.starts_with("begin")).map(|(at, _)| at).collect()
}

/// Three uploads at one instant, each taking a second to serve, and clients that poll much later.
const RUSH: Parts<'_> = Parts {
    uploads: 3,
    workload: r#"arrivals = { kind = "burst", size = 3, every = "1h" }
                 processing = "10s""#,
    server: r#"service = { upload = "1s" }"#,
    client: r#"interval = "3s"
               first_poll = "30s""#,
    ..PLAIN
};

#[test]
fn a_worker_serves_one_request_at_a_time() {
    assert_eq!(begins(RUSH), [0.0, 1.0, 2.0]);
}

#[test]
fn requests_that_take_no_time_do_not_wait_for_each_other() {
    // Uploads take no time, a read takes a second. All three come at one instant; upload 0 begins, and before its poll, which
    // is scheduled only then, the other two. Each poll then holds the one worker for a second, in turn.
    let parts = Parts {
        server: r#"service = { read = "1s" }"#,
        client: r#"interval = "1m"
                   first_poll = "1s""#,
        ..RUSH
    };
    assert_eq!(begins(parts), [0.0, 0.0, 0.0]);
    // Upload 3 comes while the worker is busy with a read, and two reads wait before it: they are served at 2 and 3, and it at
    // 4, when nothing but it is left. It takes no time, and neither does upload 4, which waits behind it.
    let parts = Parts {
        uploads: 5,
        workload: r#"arrivals = { kind = "burst", size = 3, every = "1s 500ms" }
                     processing = "1h""#,
        ..parts
    };
    assert_eq!(begins(parts), [0.0, 0.0, 0.0, 4.0, 4.0]);
}

#[test]
fn threads_and_workers_serve_more_at_a_time() {
    let server = "threads = 2\nservice = { upload = \"1s\" }";
    assert_eq!(begins(Parts { server, ..RUSH }), [0.0, 0.0, 1.0]);
    let server = "workers = 2\nservice = { upload = \"1s\" }";
    assert_eq!(begins(Parts { server, ..RUSH }), [0.0, 0.0, 1.0]);
    let server = "workers = 3\nservice = { upload = \"1s\" }";
    assert_eq!(begins(Parts { server, ..RUSH }), [0.0, 0.0, 0.0]);
}

#[test]
fn a_step_acts_when_it_begins_and_then_its_time_passes() {
    // Sweep first: the response to the upload at 1, the poll's sweep then, its read at 3, its response at 3.5; the next poll
    // an interval later. Ready at 2 s.
    let server = r#"service = { upload = "1s", sweep = "2s", read = "500ms" }"#;
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "2s""#;
    let policy = |order: &str| {
        format!(
            "time_to_live = \"30m\"\nexpiry = \"physical\"\norder = \"{order}\"\nsweep = {{ trigger = \"every-request\" }}"
        )
    };
    let sweep_first = policy("sweep-first");
    let parts = Parts { uploads: 1, workload, server, policy: &sweep_first, ..PLAIN };
    let line = |at: f64, text: &str| (at, text.to_owned());
    assert_eq!(notes(parts), [line(0.0, "begin 0"), line(1.0, "sweep"), line(3.0, "read 0.0"), line(3.5, "end 0")]);
    // Read first: the read at 1 comes too early, so there is a second poll, 3 s after the response at 3.5.
    let read_first = policy("read-first");
    let expected = [
        line(0.0, "begin 0"),
        line(1.0, "read 0.0"),
        line(1.5, "sweep"),
        line(6.5, "read 0.1"),
        line(7.0, "sweep"),
        line(9.0, "end 0"),
    ];
    assert_eq!(notes(Parts { policy: &read_first, ..parts }), expected);
}

#[test]
fn between_the_steps_of_one_poll_others_may_run() {
    // Upload 0's client is back when its entry is due: its poll sweeps at 30 min, and reads two seconds later. On a second
    // thread, upload 1 begins in between.
    let parts = Parts {
        uploads: 2,
        workload: r#"arrivals = { kind = "fixed", every = "30m 1s" }
                     processing = "0s""#,
        server: "threads = 2\nservice = { sweep = \"2s\" }",
        client: r#"interval = "3s"
                   away = { chance = 1.0, time = "30m" }"#,
        policy: r#"time_to_live = "30m"
                   expiry = "physical"
                   sweep = { trigger = "every-request" }"#,
    };
    let order: Vec<_> = notes(parts).into_iter().map(|(_, line)| line).take(4).collect();
    assert_eq!(order, ["begin 0", "sweep", "begin 1", "read 0.0"]);
}

#[test]
fn uniform_dispatch_sends_half_of_the_polls_to_each_of_two_workers() {
    // One poll for each upload, at once: with a store per process, the other worker knows nothing of it.
    let parts = Parts {
        uploads: 40_000,
        workload: r#"arrivals = { kind = "fixed", every = "1s" }
                     processing = "10s""#,
        server: "workers = 2",
        client: r#"interval = "3s"
                   max_attempts = 1"#,
        ..PLAIN
    };
    let lost = facts(&parts.run()).iter().find(|(name, _)| *name == "early_not_found").map_or(0, |fact| fact.1);
    // Five standard deviations of a fair coin.
    assert!(lost.abs_diff(20_000) < 500, "{lost}");
    let policy = r#"scope = "shared"
                    time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "never" }"#;
    assert_eq!(facts(&Parts { policy, ..parts }.run()), [("succeeded", 40_000), ("timed_out", 40_000)]);
}

#[test]
fn ids_of_one_worker_mean_nothing_to_another() {
    // Two workers that count their uploads alike: an id must not find the other worker's upload of the same number.
    let parts = Parts {
        uploads: 10_000,
        workload: r#"arrivals = { kind = "fixed", every = "1s" }
                     processing = "4s""#,
        server: "workers = 2",
        client: r#"interval = "3s"
                   tolerate_not_found = 120"#,
        ..PLAIN
    };
    let tally = parts.run();
    let wrong = ["false_ready", "foreign_ready", "masked_error"];
    assert!(facts(&tally).iter().all(|(name, _)| !wrong.contains(name)), "{:?}", facts(&tally));
}
