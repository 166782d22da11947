//! What goes wrong with workers, stores and clocks. The one upload comes at 1 h, is ready 10 s later and is polled every 3 s; times
//! below count from its arrival.

use stillready::measure::Fact;
use stillready::property::Outcome;
use stillready::scenario::Property;

use crate::{PLAIN, Parts, S, facts, run};

/// The plain scenario on a dictionary, with a server and with lines after those of the client.
fn with<'a>(server: &'a str, client: &'a str) -> Parts<'a> {
    Parts { server, client, policy: DICT, ..PLAIN }
}

const DICT: &str = r#"store = "dict"
                      time_to_live = "30m"
                      expiry = "physical"
                      sweep = { trigger = "never" }"#;

fn fault(at: &str, rest: &str) -> String {
    format!("interval = \"3s\"\n[[fault]]\nat = [\"{at}\"]\n{rest}")
}

#[test]
fn a_kill_takes_the_memory_and_the_work_along() {
    // At 11 s the entry is ready, and gone for the poll at 12 s.
    let client = fault("1h 11s", r#"kind = "kill""#);
    let tally = with("workers = 1", &client).run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)]);
    assert_eq!(tally.polls, 5);
    // At 5 s the work is lost, and so is what the poll at 6 s asks for; nobody is told lost after a success.
    let client = fault("1h 5s", r#"kind = "kill""#);
    assert_eq!(facts(&with("workers = 1", &client).run()), [("interrupted", 1)]);
    // Of two workers the other one may be meant.
    let client = fault("1h 5s", "kind = \"kill\"\nworker = 1");
    let server = "workers = 2\ndispatch = \"lowest-idle\"";
    assert_eq!(facts(&with(server, &client).run()), [("succeeded", 1), ("saw_ready", 1)]);
}

#[test]
fn a_store_outside_of_the_workers_outlives_them() {
    let client = fault("1h 11s", r#"kind = "kill""#);
    let policy = format!("scope = \"shared\"\n{DICT}");
    let tally = Parts { policy: &policy, ..with("workers = 1", &client) }.run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("saw_ready", 1)]);
    // The work is lost all the same: a dictionary says `processing` to the end, a registry says so at the next poll.
    let client = fault("1h 5s", r#"kind = "kill""#);
    let tally = Parts { policy: &policy, ..with("workers = 1", &client) }.run();
    assert_eq!((facts(&tally), tally.polls), (vec![("interrupted", 1), ("timed_out", 1)], 120));
    let registry = policy.replace("\"dict\"", "\"registry\"");
    let tally = Parts { policy: &registry, ..with("workers = 1", &client) }.run();
    assert_eq!((facts(&tally), tally.polls), (vec![("interrupted", 1), ("saw_error", 1)], 3));
    // Work outside of the workers goes on.
    let tally = Parts { policy: &policy, ..with("background = \"external\"", &client) }.run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("saw_ready", 1)]);
}

#[test]
fn a_worker_that_was_killed_is_away_for_its_restart() {
    // Killed at 11 s, back at 17 s: the poll of 12 s waits until then, and finds nothing.
    let client = fault("1h 11s", r#"kind = "kill""#) + "\n[[fault]]\nkind = \"kill\"\nat = [\"3h\"]";
    let tally = with("restart = \"6s\"\nqueue_limit = 0", &client).run();
    // With no room to wait, the fetches of 12 s and 15 s fail, and the one of 18 s finds nothing.
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)], 5));
    let patient = format!("max_fetch_errors = 2\n{client}");
    let tally = with("restart = \"6s\"\nqueue_limit = 0", &patient).run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("fetch_gave_up", 1)]);
}

#[test]
fn a_reload_finishes_what_is_served_drops_what_waits_and_closes_the_site() {
    // Reloaded at 11 s, closed for 5 s: the fetches of 12 s and 15 s fail, the one of 18 s finds nothing.
    let client = fault("1h 11s", "kind = \"reload\"\nwindow = \"5s\"");
    let tally = with("workers = 1", &client).run();
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)], 5));
    // A read takes 5 s: the one of 8 s is answered at 13 s, though the site is reloaded at 11 s; the entry is gone after it.
    let tally = with("service = { read = \"5s\" }", &fault("1h 11s", r#"kind = "reload""#)).run();
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)], 3));
    // Three uploads at once, each served for a second: at 0.5 s the first is being served and the others wait.
    let workload = r#"arrivals = { kind = "burst", size = 3, every = "1h" }
                      processing = "100ms""#;
    let client = fault("1h 500ms", r#"kind = "reload""#);
    let tally = Parts { uploads: 3, workload, ..with("service = { upload = \"1s\" }", &client) }.run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("false_not_found", 1), ("told_lost", 1), ("fetch_gave_up", 2)]);
}

#[test]
fn a_worker_is_recycled_after_its_requests_or_its_lifetime() {
    // The upload, the polls of 0 s and 3 s: the third request is the last; the poll of 6 s finds nothing.
    let tally = with("recycle = { requests = 3 }", "interval = \"3s\"").run();
    assert_eq!((facts(&tally), tally.polls), (vec![("interrupted", 1)], 3));
    let tally = with("recycle = { requests = 6 }", "interval = \"3s\"").run();
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("saw_ready", 1)], 5));
    // Born at the start, an hour before the upload: its life ends with the request of 3 s.
    let tally = with("recycle = { lifetime = \"1h 2s\" }", "interval = \"3s\"").run();
    assert_eq!((facts(&tally), tally.polls), (vec![("interrupted", 1)], 3));
    // A worker that serves another request meanwhile is replaced when it is through with that, too.
    let server = "threads = 2\nrecycle = { requests = 1 }\nservice = { upload = \"3s\" }";
    let workload = r#"arrivals = { kind = "trace", at = ["0s", "2s"] }
                      processing = "1h""#;
    let client = "interval = \"3s\"\nfirst_poll = \"2h\"";
    let tally = Parts { uploads: 2, workload, ..with(server, client) }.run();
    assert_eq!(facts(&tally), [("interrupted", 2)]);
    assert_eq!(tally.live.area_ns(), 2 * u128::from(S), "held from the first arrival to the last: one entry for 2 s");
}

#[test]
fn a_request_counts_once_however_long_it_takes() {
    // Uploads an hour apart that are polled once: each life of the worker ends with its tenth request, in the fifth upload.
    let interrupted = |service: &str| {
        let server = format!("recycle = {{ requests = 10 }}\n{service}");
        let workload = "arrivals = { kind = \"fixed\", every = \"1m\" }\nprocessing = \"10s\"";
        let client = "interval = \"1h\"\nmax_attempts = 1";
        let tally = Parts { uploads: 100, workload, server: &server, client, ..PLAIN }.run();
        tally.count(Fact::Interrupted)
    };
    assert_eq!(interrupted(""), 20);
    assert_eq!(interrupted("service = { read = \"1ms\" }"), 20);
    assert_eq!(interrupted("service = { upload = \"1ms\", read = \"1ms\" }"), 20);
}

#[test]
fn recycling_is_spread_by_its_jitter() {
    // An upload every second, polled once: 1000 uploads are 2000 requests. With 100 ± 40 requests each life has its own length.
    let workload = r#"arrivals = { kind = "fixed", every = "1s" }
                      processing = "0s""#;
    let lost = |recycle: &str| {
        let server = format!("recycle = {{ {recycle} }}");
        Parts { uploads: 1000, workload, ..with(&server, "interval = \"3s\"\nfirst_poll = \"500ms\"") }.run()
    };
    // Without jitter a life ends with every hundredth request: a poll, of an upload that was told. None is lost.
    assert_eq!(facts(&lost("requests = 100")), [("succeeded", 1000), ("saw_ready", 1000)]);
    // Wherever it ends with an upload's own request, that upload is lost: about every second time of some 20.
    let interrupted = lost("requests = 100, jitter = 40").count(Fact::Interrupted);
    assert!((3..=17).contains(&interrupted), "{interrupted}");
}

#[test]
fn a_request_that_takes_too_long_kills_its_worker() {
    let client = "interval = \"3s\"";
    let server = "service = { upload = \"6m\" }\nrequest_limit = \"5m\"";
    assert_eq!(facts(&with(server, client).run()), [("succeeded", 1), ("fetch_gave_up", 1)]);
    let slow = r#"arrivals = { kind = "fixed", every = "1h" }
                  processing = "10m""#;
    let tally = Parts { workload: slow, ..with(server, client) }.run();
    assert_eq!(facts(&tally), [("interrupted", 1), ("fetch_gave_up", 1)]);
    let server = "service = { upload = \"4m\" }\nrequest_limit = \"5m\"";
    assert_eq!(facts(&with(server, client).run()), [("succeeded", 1), ("saw_ready", 1)]);
}

#[test]
fn a_clear_takes_what_it_is_asked_for() {
    let told_lost = vec![("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)];
    let told_ready = vec![("succeeded", 1), ("saw_ready", 1)];
    let clear = |at: &str, what: &str| fault(at, &format!("kind = \"clear\"\n{what}"));
    for store in ["dict", "registry"] {
        let policy = DICT.replace("dict", store);
        let facts_of = |client: &str| facts(&Parts { policy: &policy, ..with("workers = 1", client) }.run());
        assert_eq!(facts_of(&clear("1h 11s", "what = \"one\"")), told_lost, "{store}");
        assert_eq!(facts_of(&clear("1h 11s", "what = \"all\"")), told_lost, "{store}");
        // Nothing runs any more: nothing is stuck.
        assert_eq!(facts_of(&clear("1h 11s", "what = \"stuck\"\nafter = \"5s\"")), told_ready, "{store}");
        // At 8 s it has been running for 8 s; the poll of 9 s finds nothing.
        let stuck = facts_of(&clear("1h 8s", "what = \"stuck\"\nafter = \"7s\""));
        assert_eq!(stuck, [("succeeded", 1), ("early_not_found", 1), ("told_lost", 1)], "{store}");
        assert_eq!(facts_of(&clear("1h 8s", "what = \"stuck\"\nafter = \"8s\"")), told_ready, "{store}");
    }
    // A clear before the first upload finds none.
    assert_eq!(facts(&with("workers = 1", &clear("1s", "what = \"one\"")).run()), told_ready);
}

#[test]
fn a_clock_that_jumps_makes_entries_old() {
    let policy = "time_to_live = \"30m\"\nexpiry = \"logical\"\ntombstone = \"1h\"\nsweep = { trigger = \"never\" }";
    let facts_of = |client: &str| facts(&Parts { policy, client, ..PLAIN }.run());
    let step = |step: &str| fault("1h 11s", &format!("kind = \"clock-step\"\nstep = \"{step}\""));
    assert_eq!(facts_of(&step("30m")), [("succeeded", 1), ("saw_expired", 1)]);
    // 2 s after its end the entry has, by that clock, a nanosecond to go.
    assert_eq!(facts_of(&step("29m 57s 999ms 999us 999ns")), [("succeeded", 1), ("saw_ready", 1)]);
    assert_eq!(facts_of(&step("-30m")), [("succeeded", 1), ("saw_ready", 1)]);
}

#[test]
fn workers_whose_clocks_differ_disagree_on_an_age() {
    // One store for both. The upload goes to worker 0, its polls to 1, 0, 1, 0, 1: the one of 12 s to the one that is ahead.
    let server = "workers = 2\ndispatch = \"round-robin\"\nclock_skew = [\"0s\", \"30m\"]";
    let policy = "scope = \"shared\"\ntime_to_live = \"30m\"\nexpiry = \"logical\"\ntombstone = \"1h\"\n\
                  sweep = { trigger = \"never\" }";
    assert_eq!(facts(&Parts { server, policy, ..PLAIN }.run()), [("succeeded", 1), ("saw_expired", 1)]);
    let right = server.replace("30m", "0s");
    assert_eq!(facts(&Parts { server: &right, policy, ..PLAIN }.run()), [("succeeded", 1), ("saw_ready", 1)]);
}

#[test]
fn a_store_that_is_down_fails_polls_and_loses_an_end() {
    // Down from 11 s to 16 s: the fetches of 12 s and 15 s fail, the one of 18 s is told.
    let down = |at: &str, duration: &str| fault(at, &format!("kind = \"store-down\"\nfor = \"{duration}\""));
    let tally = with("workers = 1", &down("1h 11s", "5s")).run();
    assert_eq!((facts(&tally), tally.ready_to_seen_ns_max), (vec![("succeeded", 1), ("saw_ready", 1)], Some(8 * S)));
    // Down when the work ends: nobody learns of it.
    let tally = with("workers = 1", &down("1h 9s 500ms", "1s")).run();
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("timed_out", 1)], 120));
}

#[test]
fn a_replica_answers_what_the_store_said_a_while_ago() {
    // 4 s behind: at 0 s and 3 s it knows nothing, at 12 s it says what was so at 8 s, at 15 s what was so at 11 s.
    let server = "replica = { chance = 1.0, lag = \"4s\" }";
    for store in ["dict", "registry"] {
        let policy = DICT.replace("dict", store);
        let tally = Parts { policy: &policy, ..with(server, "interval = \"3s\"\ntolerate_not_found = 2") }.run();
        let expected = vec![("succeeded", 1), ("early_not_found", 1), ("saw_ready", 1)];
        assert_eq!((facts(&tally), tally.polls), (expected, 6), "{store}");
        assert_eq!(tally.ready_to_seen_ns_max, Some(5 * S));
    }
}

#[test]
fn work_may_advance_only_while_its_worker_serves() {
    // Each poll is served for a second: at 0, 4, 8, … s. Work of 3 s ends at 9 s; the poll of 8 s was read before, that of 12 s is told.
    let server = "background = \"while-serving\"\nservice = { read = \"1s\" }";
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "3s""#;
    let tally = Parts { server, workload, ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("saw_ready", 1)], 4));
    // 13 s: the response of the poll of 12 s.
    assert_eq!(tally.ready_to_seen_ns_max, Some(4 * S));
    // Where nobody takes time, it never ends, and neither hangs the run.
    let tally = Parts { server: "background = \"while-serving\"", workload, ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.polls), (vec![("interrupted", 1), ("timed_out", 1)], 120));
}

#[test]
fn work_that_advances_only_now_and_then_is_published_early_all_the_same() {
    // It advances for the half second that each poll takes, so 2 s of work need four polls; published when half is left, it is
    // called ready after two of them, and before the first one if it is published at its beginning.
    let polls = |published_early: &str| {
        let tally = Parts {
            workload: "arrivals = { kind = \"fixed\", every = \"1h\" }\nprocessing = \"2s\"",
            server: "background = \"while-serving\"\nservice = { read = \"500ms\" }",
            policy: &format!("{}\npublished_early = {published_early}", PLAIN.policy),
            ..PLAIN
        };
        let tally = tally.run();
        (tally.count(Fact::FalseReady), tally.polls)
    };
    assert_eq!(polls("0.0"), (0, 5));
    assert_eq!(polls("0.5"), (1, 3));
    assert_eq!(polls("1.0"), (1, 1));
}

#[test]
fn a_replica_is_told_what_a_random_sweep_removed() {
    // The client comes back after the time to live, when the ten samples a second have long found the one entry.
    let lost = |sweep: &str| {
        let client = "interval = \"3s\"\naway = { chance = 1.0, time = \"40m\" }";
        let policy = format!(
            "store = \"dict\"\ntime_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"{sweep}\" }}"
        );
        let tally = Parts { policy: &policy, ..with("replica = { chance = 1.0, lag = \"2s\" }", client) }.run();
        tally.count(Fact::FalseNotFound)
    };
    assert_eq!((lost("exact"), lost("redis"), lost("never")), (1, 1, 0));
}

#[test]
fn faults_come_evenly_or_at_random_with_their_rate() {
    // 1000 uploads, one a minute: 60,000 s. A kill every 100 s makes 600 of them, at a rate of 36 per hour about as many; each that
    // comes within the 10 s of an upload's work interrupts it.
    let workload = r#"arrivals = { kind = "fixed", every = "1m" }
                      processing = "10s""#;
    let interrupted = |when: &str| {
        let client = format!("interval = \"3s\"\n[[fault]]\nkind = \"kill\"\n{when}");
        let tally = Parts { uploads: 1000, workload, ..with("workers = 1", &client) }.run();
        tally.count(Fact::Interrupted)
    };
    // Of the moments 100, 200, 300, … s, modulo 60 s 40, 20 and 0: at 0 s the kill, scheduled 100 s before, comes before the upload,
    // which was scheduled 60 s before.
    assert_eq!(interrupted("every = \"100s\""), 0);
    assert_eq!(interrupted("every = \"5s\""), 1000);
    // With a rate of one in 100 s, 10 s are hit with probability 1 - exp(-0.1) = 0.0952: 95 ± 4 · 9.3.
    let hit = interrupted("rate = \"36/h\"");
    assert!((58..=132).contains(&hit), "{hit}");
}

#[test]
fn a_fault_is_the_same_under_every_policy_and_on_every_run() {
    let client = "interval = \"3s\"\n[[fault]]\nkind = \"kill\"\nrate = \"20/h\"\n[[fault]]\nkind = \"clear\"\nwhat = \"one\"\nrate = \"20/h\"";
    let parts = Parts {
        uploads: 500,
        workload: "arrivals = { kind = \"poisson\", rate = \"360/h\" }\nprocessing = \"10s\"",
        ..with("workers = 2", client)
    };
    let mut scenario = parts.scenario();
    let mut twin = scenario.policies[0].clone();
    twin.name = "twin".to_owned();
    scenario.policies.push(twin);
    let results = run(&scenario);
    let tallies = results.tallies();
    assert_eq!(facts(&tallies[0]), facts(&tallies[1]));
    assert!(facts(&tallies[0]).iter().any(|&(name, count)| name == "interrupted" && count > 5));
    assert_eq!(facts(&run(&scenario).tallies()[0]), facts(&tallies[0]));
    assert_eq!(results.verdicts()[0].outcome(Property::S8), Outcome::Held);
}
