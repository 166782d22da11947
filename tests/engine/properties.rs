//! What breaks a property, and which upload bears witness.

use stillready::property::{Outcome, Verdicts};
use stillready::scenario::Property;

use crate::{PLAIN, Parts, run};

fn verdicts(parts: &Parts<'_>) -> Verdicts {
    run(&parts.scenario()).verdicts().remove(0)
}

#[test]
fn an_end_that_expires_before_its_time_is_a_lost_one() {
    let policy = "store = \"dict\"\ntime_to_live = \"30m\"\nexpiry = \"logical\"\ntombstone = \"1d\"\n\
                  sweep = { trigger = \"never\" }";
    // Away for 20 minutes, within the promise; for 40, beyond it; for 20 with a clock that jumps ahead by 30.
    let outcome = |minutes: u32, faults: &str| {
        let client = format!("interval = \"3s\"\naway = {{ chance = 1.0, time = \"{minutes}m\" }}\n{faults}");
        verdicts(&Parts { client: &client, policy, ..PLAIN }).outcome(Property::S1)
    };
    assert_eq!((outcome(20, ""), outcome(40, "")), (Outcome::Held, Outcome::Held));
    let jump = "[[fault]]\nkind = \"clock-step\"\nat = [\"1h 1m\"]\nstep = \"30m\"";
    assert_eq!(outcome(20, jump), Outcome::Broken);
}

#[test]
fn what_is_kept_for_ever_without_a_capacity_is_unbounded() {
    let outcome = |time_to_live: &str, more: &str| {
        let policy =
            format!("time_to_live = {time_to_live}\nexpiry = \"logical\"\nsweep = {{ trigger = \"exact\" }}\n{more}");
        verdicts(&Parts { policy: &policy, ..PLAIN }).outcome(Property::S10)
    };
    assert_eq!(outcome("\"30m\"", ""), Outcome::Held);
    assert_eq!(outcome("\"never\"", ""), Outcome::Broken);
    assert_eq!(outcome("{ error = \"30m\" }", ""), Outcome::Broken);
    assert_eq!(outcome("\"never\"", "capacity = { max_entries = 10, when_full = \"evict-oldest\" }"), Outcome::Held);
}

#[test]
fn an_answer_that_random_samples_decide_depends_on_dice() {
    let outcome = |trigger: &str| {
        let policy = format!(
            "store = \"dict\"\ntime_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"{trigger}\" }}"
        );
        let client = "interval = \"3s\"\naway = { chance = 1.0, time = \"40m\" }";
        verdicts(&Parts { policy: &policy, client, ..PLAIN }).outcome(Property::S11)
    };
    assert_eq!((outcome("redis"), outcome("exact")), (Outcome::Broken, Outcome::Held));
}

#[test]
fn the_witness_of_an_entry_is_its_own_upload() {
    // The first upload's entry is still there when the third arrives, two hours after it fell due.
    let policy = "time_to_live = \"10m\"\nexpiry = \"logical\"\nsweep = { trigger = \"never\" }";
    let workload = "arrivals = { kind = \"fixed\", every = \"1h 5m\" }\nprocessing = \"10s\"";
    let verdicts = verdicts(&Parts { uploads: 3, workload, policy, ..PLAIN });
    let witness = verdicts.of(Property::S10).first.clone().unwrap();
    assert_eq!(witness.upload, 0);
}

#[test]
fn a_policy_that_names_what_holds_presumes_that_something_happened() {
    let disappointments = |more: &str| {
        let policy = format!("{}\n{more}", PLAIN.policy);
        let scenario = Parts { policy: &policy, ..PLAIN }.scenario();
        verdicts(&Parts { policy: &policy, ..PLAIN }).disappointments(&scenario.policies[0])
    };
    assert_eq!(disappointments("").len(), 0);
    let never = "entry-swept never happened; `breaks = [\"entry-swept\"]` says that it is not to";
    assert_eq!(disappointments("holds = [\"S2\"]\nbreaks = [\"late-poll\"]"), [never]);
    assert_eq!(disappointments("holds = [\"S2\"]\nbreaks = [\"late-poll\", \"entry-swept\"]").len(), 0);
    let happened = "ready-seen should never happen, and happened";
    assert_eq!(disappointments("breaks = [\"ready-seen\"]"), [happened]);
}
