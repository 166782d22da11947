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
