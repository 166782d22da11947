//! The fingerprint changes with what a scenario means, and with nothing else.

use stillready::scenario::Scenario;

use crate::{VALID, with};

fn fingerprint(text: &str) -> String {
    Scenario::parse("x", "x.toml", text).unwrap_or_else(|error| panic!("{:?}", error.problems())).fingerprint()
}

#[test]
fn comments_titles_and_spellings_do_not_count() {
    let valid = fingerprint(VALID);
    assert_eq!(valid.len(), 64);
    for text in [
        with("a valid one", "another title"),
        format!("# a comment\n{VALID}"),
        with("\"35m\"", "\"2100s\""),
        with("\"3600/h\"", "\"1/s\""),
        with("chance = 0.1 }", "chance = 1e-1 }"),
        with("uploads = 10", "uploads = 1_0"),
        with("max = 0.5", "max = 0.6"),
        with("uploads = 10", "uploads = 10\ncanary = true"),
    ] {
        assert_eq!(fingerprint(&text), valid, "{text}");
    }
}

#[test]
fn every_field_counts() {
    let changes = [
        ("seed = 7", "seed = 8"),
        ("uploads = 10", "uploads = 11"),
        ("replications = 2", "replications = 3"),
        ("kind = \"poisson\", rate = \"3600/h\"", "kind = \"fixed\", every = \"1s\""),
        ("rate = \"3600/h\"", "rate = \"3601/h\""),
        ("median = \"8s\"", "median = \"9s\""),
        ("sigma = 0.8", "sigma = 0.81"),
        ("failure = 0.01", "failure = 0.02"),
        ("distinct_keys = 5", "distinct_keys = 6"),
        ("workers = 2", "workers = 3"),
        ("threads = 2", "threads = 3"),
        ("upload = \"1ms\"", "upload = \"4ms\""),
        ("sweep = \"2ms\"", "sweep = \"4ms\""),
        ("read = \"3ms\"", "read = \"4ms\""),
        ("first_poll = \"1s\"", "first_poll = \"2s\""),
        ("interval = \"3s\"", "interval = \"4s\""),
        ("backoff = 1.5", "backoff = 1.6"),
        ("max_interval = \"10s\"", "max_interval = \"11s\""),
        ("jitter = 0.1", "jitter = 0.2"),
        ("max_attempts = 100", "max_attempts = 101"),
        ("tolerate_not_found = 5", "tolerate_not_found = 6"),
        ("chance = 0.2", "chance = 0.3"),
        ("time = \"35m\"", "time = \"36m\""),
        ("name = \"a\"", "name = \"b\""),
        ("store = \"registry\"\nscope = \"process\"\npoll_by = \"id\"", "scope = \"process\"\npoll_by = \"key\""),
        ("scope = \"process\"", "scope = \"shared\""),
        ("ready = \"30m\"", "ready = \"31m\""),
        ("error = \"15m\"", "error = \"16m\""),
        ("interrupted = \"15m\"", "interrupted = \"16m\""),
        ("processing = \"never\"", "processing = \"1h\""),
        ("age = \"finished\"", "age = \"created\""),
        ("expiry = \"logical\"", "expiry = \"physical\""),
        ("tombstone = \"24h\"", "tombstone = \"none\""),
        ("order = \"read-first\"", "order = \"sweep-first\""),
        ("chance = 0.1 }", "chance = 0.11 }"),
        ("trigger = \"chance\", chance = 0.1", "trigger = \"never\""),
    ];
    let mut all = vec![fingerprint(VALID)];
    for (from, to) in changes {
        // The checks count for nothing, and the one of the valid file names a policy that may be renamed here.
        let text = with(from, to);
        let changed = fingerprint(&text[..text.find("[[gate]]").unwrap()]);
        assert!(!all.contains(&changed), "{to}");
        all.push(changed);
    }
}
