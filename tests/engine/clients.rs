//! When clients poll, and when they stop.

use crate::{PLAIN, Parts, S, facts};

#[test]
fn a_client_polls_at_once_and_then_every_interval_until_it_is_told() {
    // Ready at 10 s; polls at 0, 3, 6, 9, 12.
    let tally = PLAIN.run();
    assert_eq!(tally.polls, 5);
    assert_eq!(tally.ready_to_seen_ns_max, Some(2 * S));
    assert_eq!(facts(&tally), [("succeeded", 1), ("saw_ready", 1)]);
}

#[test]
fn at_one_instant_the_event_that_was_scheduled_first_comes_first() {
    // The end of processing at 30 s was scheduled with the upload, the eleventh poll at 30 s only with the tenth.
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "30s""#;
    let tally = Parts { workload, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.ready_to_seen_ns_max), (11, Some(0)));
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "30s 1ns""#;
    let tally = Parts { workload, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.ready_to_seen_ns_max), (12, Some(3 * S - 1)));
}

#[test]
fn the_first_poll_can_come_later() {
    // Polls at 2, 5, 8, 11.
    let client = r#"interval = "3s"
                    first_poll = "2s""#;
    let tally = Parts { client, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.ready_to_seen_ns_max), (4, Some(S)));
}

#[test]
fn back_off_grows_the_interval_up_to_its_limit() {
    // Polls at 0, 1, 3, 7, 12, 17; ready at 16.5 s.
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "16s 500ms""#;
    let client = r#"interval = "1s"
                    backoff = 2.0
                    max_interval = "5s""#;
    let tally = Parts { workload, client, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.ready_to_seen_ns_max), (6, Some(S / 2)));
}

#[test]
fn jitter_moves_each_poll_within_its_share() {
    // With 10 %, the fourth poll after the first comes between 4 × 2.7 s and 4 × 3.3 s: after the end at 10 s, always.
    let client = r#"interval = "3s"
                    jitter = 0.1"#;
    let tally = Parts { uploads: 1000, client, ..PLAIN }.run();
    assert_eq!(tally.polls, 5000);
    let (low, high) = (tally.ready_to_seen.min(), tally.ready_to_seen_ns_max.unwrap());
    assert!(low >= 4 * 27 * S / 10 - 10 * S && high <= 4 * 33 * S / 10 - 10 * S, "{low} {high}");
    assert!(low < 15 * S / 10 && high > 25 * S / 10, "jitter does move: {low} {high}");
}

#[test]
fn a_client_stops_when_its_attempts_run_out() {
    let client = r#"interval = "3s"
                    max_attempts = 3"#;
    let tally = Parts { client, ..PLAIN }.run();
    assert_eq!(tally.polls, 3);
    assert_eq!(facts(&tally), [("succeeded", 1), ("timed_out", 1)]);
}

#[test]
fn not_found_is_tolerated_while_fewer_polls_than_the_tolerance_were_made_before_it() {
    // Swept at its end at 1 s: the first poll finds it running, all others find nothing.
    for (tolerance, polls) in [(0, 2), (1, 2), (2, 3), (15, 16)] {
        let client = format!("interval = \"3s\"\ntolerate_not_found = {tolerance}");
        let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                          processing = "1s""#;
        let policy = r#"time_to_live = "0s"
                        expiry = "physical"
                        sweep = { trigger = "every-request" }"#;
        let tally = Parts { workload, client: &client, policy, ..PLAIN }.run();
        assert_eq!(tally.polls, polls, "tolerance {tolerance}");
        assert_eq!(facts(&tally), [("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)]);
    }
}

#[test]
fn a_client_that_was_away_polls_when_it_is_back() {
    // Back after 20 min; ready since 10 s.
    let client = r#"interval = "3s"
                    away = { chance = 1.0, time = "20m" }"#;
    let tally = Parts { client, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.ready_to_seen_ns_max), (1, Some((20 * 60 - 10) * S)));
    // Away for less than the time to the first poll is not away at all.
    let client = r#"interval = "3s"
                    first_poll = "12s"
                    away = { chance = 1.0, time = "1s" }"#;
    let tally = Parts { client, ..PLAIN }.run();
    assert_eq!(tally.ready_to_seen_ns_max, Some(2 * S));
}

#[test]
fn errors_are_told_as_errors() {
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "10s"
                      failure = 1.0"#;
    let tally = Parts { workload, ..PLAIN }.run();
    assert_eq!(facts(&tally), [("failed", 1), ("saw_error", 1)]);
    assert_eq!(tally.ready_to_seen_ns_max, None);
}

#[test]
fn a_hidden_tab_polls_at_whole_seconds_and_then_at_whole_minutes() {
    // The upload comes at 1 h. Timers of 0.5, 1.5, 1.5, … s go off at 1, 3, 5, …, 299 s; from 5 min on at 360, 420, … s.
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "400s""#;
    let client = r#"interval = "1500ms"
                    first_poll = "500ms"
                    max_attempts = 1000
                    hidden = 1.0"#;
    let tally = Parts { workload, client, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.ready_to_seen_ns_max), (152, Some(20 * S)));
    // Polls at 0.5, 2, 3.5, … s where it is not hidden: at 401 s the first one after the end.
    let client = client.replace("hidden = 1.0", "hidden = 0.0");
    let tally = Parts { workload, client: &client, ..PLAIN }.run();
    assert_eq!((tally.polls, tally.ready_to_seen_ns_max), (268, Some(S)));
}

#[test]
fn a_page_that_is_opened_again_polls_anew() {
    let client = r#"interval = "3s"
                    max_attempts = 5
                    reopen = { chance = 1.0, time = "50m" }"#;
    // Told at 12 s with the last attempt, and again 50 min later, by a client with new attempts.
    let tally = Parts { client, ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("saw_ready", 1)], 6));
    // By then its time is over.
    let policy = r#"time_to_live = "30m"
                    expiry = "logical"
                    sweep = { trigger = "never" }"#;
    let tally = Parts { client, policy, ..PLAIN }.run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)]);
    // One that has run out of attempts has them again: polls at 0 to 12 s, and at 50 min 12 s to 24 s.
    let workload = r#"arrivals = { kind = "fixed", every = "1h" }
                      processing = "2h""#;
    let tally = Parts { client, workload, ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.polls), (vec![("succeeded", 1), ("timed_out", 1)], 10));
}

#[test]
fn an_upload_without_a_response_is_aborted_and_sent_again() {
    // A transfer of 40 s, aborted after 30 s: begun at 0, 32 and 64 s, given up at 94 s. Three works end well, of one upload.
    let client = r#"interval = "3s"
                    post = { timeout = "30s", retries = 2, pause = "2s" }"#;
    let server = "threads = 3\nservice = { upload = \"40s\" }";
    // The second upload, an hour later, ends the span: three entries of the first one, and its own.
    let tally = Parts { uploads: 2, client, server, ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.live.max), (vec![("succeeded", 2), ("fetch_gave_up", 2)], 4));
    // With one name for all repetitions there is one entry of each.
    let policy = r#"store = "dict"
                    time_to_live = "30m"
                    expiry = "physical"
                    sweep = { trigger = "never" }"#;
    assert_eq!(Parts { uploads: 2, client, server, policy, ..PLAIN }.run().live.max, 2);
    // In time, it is sent once.
    let server = "threads = 3\nservice = { upload = \"29s\" }";
    let tally = Parts { uploads: 2, client, server, ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.live.max), (vec![("succeeded", 2), ("saw_ready", 2)], 2));
}

#[test]
fn a_client_gives_up_after_failed_fetches_in_a_row() {
    let client = |failure: f64| format!("interval = \"3s\"\nfetch_failure = {failure}\npost = {{ retries = 1 }}");
    // Every fetch fails: nothing ever arrives.
    let tally = Parts { uploads: 10, client: &client(1.0), ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.polls), (vec![("fetch_gave_up", 10)], 0));
    // Of 10,000 uploads 1 % find both their requests lost; three failures in a row among five polls are 0.1³ at each of five places.
    let tally = Parts { uploads: 10_000, client: &client(0.1), ..PLAIN }.run();
    let gave_up = tally.count(stillready::measure::Fact::FetchGaveUp);
    // P(both posts) = 0.01; P(three failures before some success, at one of five polls) = 1 - (1 - 0.001)^5 = 0.004990.
    let expected = 10_000.0 * (0.01 + 0.99 * 0.004_990);
    assert!((gave_up as f64 - expected).abs() < 4.0 * expected.sqrt(), "{gave_up} for {expected}");
}

#[test]
fn a_client_may_load_whatever_there_is() {
    // The worker dies at 5 s; polls at 6, 9 s are `not_found`. After two attempts the third one's `not_found` means `ready`.
    let client = r#"interval = "3s"
                    tolerate_not_found = 20
                    load_anyway_after = 2
                    [[fault]]
                    kind = "kill"
                    at = ["1h 5s"]"#;
    let tally = Parts { client, ..PLAIN }.run();
    let loaded = vec![("interrupted", 1), ("saw_ready", 1), ("false_ready", 1)];
    assert_eq!((facts(&tally), tally.polls), (loaded.clone(), 3));
    let tally = Parts { client: &client.replace("after = 2", "after = 3"), ..PLAIN }.run();
    assert_eq!((facts(&tally), tally.polls), (loaded, 4));
}

#[test]
fn arrivals_follow_the_hours_of_the_day_or_a_list() {
    let arrivals = |kind: &str, uploads: u32| -> Vec<u64> {
        let workload = format!("arrivals = {kind}\nprocessing = \"1s\"");
        let scenario = Parts { uploads, workload: &workload, ..PLAIN }.scenario();
        stillready::workload::Workload::new(&scenario, 1).map(|upload| upload.at.as_ns()).collect()
    };
    assert_eq!(arrivals("{ kind = \"trace\", at = [\"1s\", \"1s\", \"5s\"] }", 3), [S, S, 5 * S]);
    // 100 an hour from 3 to 4, 300 from 22 to 23, nothing else: 400 a day.
    let per_hour: Vec<_> =
        (0..24).map(|hour| ["0", "100", "300"][usize::from(hour == 3) + 2 * usize::from(hour == 22)]).collect();
    let all = arrivals(&format!("{{ kind = \"daily\", per_hour = [{}] }}", per_hour.join(", ")), 40_000);
    let hour = |at: &&u64| **at / (3600 * S) % 24;
    let in_three = all.iter().filter(|at| hour(at) == 3).count();
    assert_eq!(in_three + all.iter().filter(|at| hour(at) == 22).count(), 40_000);
    // A quarter: 10,000 ± 4 · 87; and 40,000 take 100 days.
    assert!((9_650..10_350).contains(&in_three), "{in_three}");
    let days = all[39_999] as f64 / (86_400 * S) as f64;
    assert!((97.5..102.5).contains(&days), "{days}");
}
