//! What was wrong with the deployed dictionary. Each test fails if the defect is silently not there.

use stillready::property::Outcome;
use stillready::scenario::Property;

use crate::{PLAIN, Parts, facts, run};

fn policy(defects: &str, sweep: &str) -> String {
    format!(
        "store = \"dict\"\ntime_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"{sweep}\" }}\n\
         defects = [{defects}]"
    )
}

/// What becomes of the plain upload, with a client and a policy.
fn told(client: &str, policy: &str) -> Vec<(&'static str, u64)> {
    facts(&Parts { client, policy, ..PLAIN }.run())
}

const APP: &str = "interval = \"3s\"";
const LATE: &str = "interval = \"3s\"\naway = { chance = 1.0, time = \"50m\" }";

#[test]
fn the_unit_bug_keeps_what_has_a_timestamp_for_ever() {
    let lost = vec![("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)];
    let ready = vec![("succeeded", 1), ("saw_ready", 1)];
    assert_eq!(told(LATE, &policy("", "every-request")), lost);
    assert_eq!(told(LATE, &policy("\"unit-bug\"", "every-request")), ready);
    // And takes what has none at the first sweep: that of the first poll after the end.
    assert_eq!(told(APP, &policy("\"unit-bug\", \"finish-without-timestamp\"", "every-request")), lost);
    assert_eq!(told(APP, &policy("\"unit-bug\"", "every-request")), ready);
    // "Clear stuck" finds nothing stuck, and clears everything.
    let stuck = "interval = \"3s\"\n[[fault]]\nkind = \"clear\"\nwhat = \"stuck\"\nafter = \"10m\"\nat = [\"1h 11s\"]";
    assert_eq!(told(stuck, &policy("", "never")), ready);
    assert_eq!(told(stuck, &policy("\"unit-bug\"", "never")), lost);
    let broken = |policy: &str| {
        let verdicts = run(&Parts { client: stuck, policy, ..PLAIN }.scenario()).verdicts().remove(0);
        verdicts.outcome(Property::S8)
    };
    assert_eq!(broken(&policy("", "never")), Outcome::Held);
    assert_eq!(broken(&policy("\"unit-bug\"", "never")), Outcome::Broken);
}

#[test]
fn a_timer_per_entry_waits_for_no_entry_that_the_unit_bug_keeps() {
    let workload = "arrivals = { kind = \"fixed\", every = \"1h\" }\nprocessing = \"10s\"";
    let removed = |defects: &str| {
        let policy = policy(defects, "exact");
        Parts { uploads: 2, workload, policy: &policy, ..PLAIN }.run().entries_removed
    };
    assert_eq!(removed("\"unit-bug\""), 0);
    assert_eq!(removed("\"unit-bug\", \"finish-without-timestamp\""), 2);
}

#[test]
fn an_end_without_a_timestamp_goes_with_the_next_sweep() {
    let lost = vec![("succeeded", 1), ("false_not_found", 1), ("told_lost", 1)];
    assert_eq!(told(APP, &policy("\"finish-without-timestamp\"", "every-request")), lost);
    assert_eq!(told(APP, &policy("", "every-request")), [("succeeded", 1), ("saw_ready", 1)]);
    assert_eq!(told(APP, &policy("\"finish-without-timestamp\"", "never")), [("succeeded", 1), ("saw_ready", 1)]);
}

#[test]
fn an_error_may_be_overwritten_by_ready() {
    let workload = "arrivals = { kind = \"fixed\", every = \"1h\" }\nprocessing = \"10s\"\nfailure = 1.0";
    let told = |defects: &str| facts(&Parts { workload, policy: &policy(defects, "never"), ..PLAIN }.run());
    assert_eq!(told(""), [("failed", 1), ("saw_error", 1)]);
    let masked = vec![("failed", 1), ("saw_ready", 1), ("false_ready", 1), ("masked_error", 1)];
    assert_eq!(told("\"error-becomes-ready\""), masked);
}

#[test]
fn a_file_on_the_disk_may_mean_ready() {
    // The worker is killed at 5 s; the file stays.
    let killed = "interval = \"3s\"\n[[fault]]\nkind = \"kill\"\nat = [\"1h 5s\"]";
    assert_eq!(told(killed, &policy("", "never")), [("interrupted", 1)]);
    let false_ready = vec![("interrupted", 1), ("saw_ready", 1), ("false_ready", 1)];
    assert_eq!(told(killed, &policy("\"file-means-ready\"", "never")), false_ready);
}

#[test]
fn any_data_may_mean_ready() {
    // The second upload's first poll finds the first one's data.
    let told = |defects: &str| facts(&Parts { uploads: 2, policy: &policy(defects, "never"), ..PLAIN }.run());
    assert_eq!(told(""), [("succeeded", 2), ("saw_ready", 2)]);
    let both = vec![("succeeded", 2), ("saw_ready", 2), ("false_ready", 1), ("foreign_ready", 1)];
    assert_eq!(told("\"data-means-ready\""), both);
}

#[test]
fn ready_may_be_published_before_the_result() {
    // Half of 10 s before the end, or with the upload itself.
    let told = |share: &str, store: &str| {
        let policy = policy("", "never").replace("dict", store).replace("defects = []", "");
        let policy = format!("{policy}\npublished_early = {share}");
        let tally = Parts { policy: &policy, ..PLAIN }.run();
        (facts(&tally), tally.polls)
    };
    for store in ["dict", "registry"] {
        let false_ready = vec![("succeeded", 1), ("saw_ready", 1), ("false_ready", 1)];
        assert_eq!(told("0.0", store), (vec![("succeeded", 1), ("saw_ready", 1)], 5));
        assert_eq!(told("0.5", store), (false_ready.clone(), 3));
        assert_eq!(told("1.0", store), (false_ready, 1));
    }
}

#[test]
fn a_lock_taken_twice_is_reported_and_hangs_nobody_but_its_clients() {
    let workload = "arrivals = { kind = \"fixed\", every = \"1h\" }\nprocessing = \"10s\"\nfailure = 1.0";
    let run_with = |defects: &str, server: &str| {
        let policy = policy(defects, "never");
        let results = run(&Parts { workload, policy: &policy, server, ..PLAIN }.scenario());
        (facts(&results.tallies()[0]), results.verdicts()[0].outcome(Property::S9))
    };
    assert_eq!(run_with("", "workers = 1").0, [("failed", 1), ("saw_error", 1)]);
    let (told, lock) = run_with("\"lock-taken-twice\"", "workers = 1");
    assert_eq!((told, lock), (vec![("failed", 1), ("timed_out", 1)], Outcome::Broken));
    // The platform kills the worker after a minute; the poll that hung is made again, and finds nothing.
    let (told, lock) = run_with("\"lock-taken-twice\"", "request_limit = \"1m\"");
    assert_eq!((told, lock), (vec![("failed", 1)], Outcome::Broken));
    // Where a reload comes by, it frees the worker as well.
    let client = "interval = \"3s\"\n[[fault]]\nkind = \"reload\"\nevery = \"90m\"";
    let policy = policy("\"lock-taken-twice\"", "never");
    let tally = Parts { workload, policy: &policy, client, ..PLAIN }.run();
    assert_eq!(facts(&tally), [("failed", 1)]);
}

/// Requests that wait behind one that hangs are not served either, whatever else goes on without end; and a run ends.
#[test]
fn what_waits_behind_a_lock_that_is_never_let_go_ends_as_timed_out() {
    let workload = "arrivals = { kind = \"fixed\", every = \"5s\" }\nprocessing = \"8s\"\nfailure = 1.0";
    let policy = policy("\"lock-taken-twice\"", "never");
    let faults = |faults: &str| format!("interval = \"3s\"\n{faults}");
    let run =
        |server: &str, client: &str| facts(&Parts { uploads: 2, workload, policy: &policy, server, client }.run());
    // The second client's polls wait in the queue of the one worker.
    // The second work waits for the lock, too, and never ends.
    let hung = [("failed", 1), ("interrupted", 1), ("timed_out", 2)];
    assert_eq!(run("workers = 1", &faults("")), hung);
    // Faults that free nobody: clears, and kills of a worker in which nothing stands still.
    assert_eq!(run("workers = 1", &faults("[[fault]]\nkind = \"clear\"\nwhat = \"all\"\nrate = \"1/h\"")), hung);
    let elsewhere = faults("[[fault]]\nkind = \"kill\"\nworker = 1\nevery = \"7m\"");
    // The first client's next poll finds the other worker idle, and nothing there; the second one's hung before.
    let beside = [("failed", 1), ("interrupted", 1), ("timed_out", 1)];
    assert_eq!(run("workers = 2\ndispatch = \"lowest-idle\"", &elsewhere), beside);
    // Work outside of the workers waits for the lock for ever; its clients are freed with the worker, and find nothing.
    let kills = faults("[[fault]]\nkind = \"kill\"\nevery = \"7m\"");
    let freed = [("failed", 1), ("interrupted", 1), ("early_not_found", 1)];
    assert_eq!(run("background = \"external\"", &kills), freed);
    // Workers that are killed on and on come back on and on.
    assert_eq!(run("background = \"external\"\nrestart = \"10m\"", &kills), freed);
}

#[test]
fn a_raw_name_is_not_found_under_its_sanitized_form() {
    let workload = "arrivals = { kind = \"fixed\", every = \"1h\" }\nprocessing = \"10s\"\nodd_names = 1.0";
    let told = |defects: &str| {
        let client = "interval = \"3s\"\ntolerate_not_found = 15";
        facts(&Parts { workload, client, policy: &policy(defects, "never"), ..PLAIN }.run())
    };
    assert_eq!(told(""), [("succeeded", 1), ("saw_ready", 1)]);
    let lost = vec![("succeeded", 1), ("false_not_found", 1), ("early_not_found", 1), ("told_lost", 1)];
    assert_eq!(told("\"raw-names\""), lost);
    // Names that both sides spell alike are found.
    let workload = workload.replace("1.0", "0.0");
    let policy = policy("\"raw-names\"", "never");
    let tally = Parts { workload: &workload, policy: &policy, ..PLAIN }.run();
    assert_eq!(facts(&tally), [("succeeded", 1), ("saw_ready", 1)]);
}
