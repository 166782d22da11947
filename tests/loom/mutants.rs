//! One fault for each rule of the registry. Each must be caught by a model; one that survives fails the tests.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::harness::{Broken, run, say};
use crate::models;

/// A fault in the registry's source, behind `mutant!(name)`.
struct Mutant {
    name: &'static str,
    rule: &'static str,
    /// The model that must catch it.
    caught_by: &'static str,
}

const MUTANTS: &[Mutant] = &[
    Mutant { name: "status_before_timestamp", rule: "R1", caught_by: "a_read_sees_a_status_together_with_its_moment" },
    Mutant { name: "stale_ticket_finishes", rule: "R2", caught_by: "a_ticket_ends_a_running_upload_only" },
    Mutant { name: "id_without_generation", rule: "R3", caught_by: "a_late_worker_cannot_finish_the_next_upload" },
    Mutant { name: "silent_drop", rule: "R4", caught_by: "a_dropped_ticket_leaves_interrupted" },
    Mutant { name: "due_a_moment_early", rule: "R5", caught_by: "a_moment_before_the_deadline_nothing_is_over" },
    Mutant { name: "running_uploads_expire", rule: "R6", caught_by: "a_sweep_never_takes_a_running_upload" },
    Mutant { name: "valid_until_swept", rule: "R7", caught_by: "a_poll_at_the_deadline_does_not_depend_on_the_sweep" },
    Mutant { name: "no_tombstone", rule: "R8", caught_by: "an_expired_record_leaves_a_tombstone_for_its_time" },
    Mutant {
        name: "sweep_acts_on_what_it_saw",
        rule: "R9",
        caught_by: "a_sweep_that_saw_the_old_entry_spares_the_new_one",
    },
    Mutant { name: "sweep_without_bound", rule: "R10", caught_by: "a_read_gets_in_between_the_steps_of_a_sweep" },
    Mutant { name: "clock_runs_backwards", rule: "R11", caught_by: "time_does_not_run_backwards" },
    Mutant {
        name: "running_uploads_are_evicted",
        rule: "R12",
        caught_by: "begin_neither_exceeds_the_capacity_nor_evicts_a_running_upload",
    },
    Mutant { name: "every_acknowledgement_counts", rule: "R13", caught_by: "the_first_acknowledgement_counts" },
    Mutant {
        name: "old_generation_takes_the_key",
        rule: "R14",
        caught_by: "an_old_generation_does_not_take_the_key_along",
    },
    Mutant { name: "clear_takes_the_latest", rule: "R15", caught_by: "a_clear_takes_the_upload_that_it_names" },
];

thread_local! {
    static ON: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Whether a fault is switched on. Loom runs all threads of a model on one thread of the system, so they agree.
pub fn is_on(name: &str) -> bool {
    ON.get() == Some(name)
}

#[test]
fn every_mutant_is_caught_by_its_model() {
    // Loom prints each panic of a model; here they are what is wanted.
    std::panic::set_hook(Box::new(|_| ()));
    let mut survivors = Vec::new();
    for Mutant { name, rule, caught_by } in MUTANTS {
        let model = models::all().into_iter().find(|model| model.name == *caught_by);
        let model = model.unwrap_or_else(|| panic!("there is no model {caught_by}"));
        ON.set(Some(name));
        let result = run(model);
        ON.set(None);
        match result {
            Err(Broken { executions, .. }) => {
                say(&format!("mutant {rule} {name}: caught by {caught_by} in execution {executions}"));
            }
            Ok(executions) => survivors.push(format!("{rule} {name} survived {caught_by}: {executions} executions")),
        }
    }
    drop(std::panic::take_hook());
    assert!(survivors.is_empty(), "mutants that no model caught:\n{}", survivors.join("\n"));
}

/// The registry's source, all files.
fn source() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/registry");
    let files = std::fs::read_dir(folder).expect("the registry's source is there");
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn every_rule_has_a_mutant_and_a_model() {
    let source = source();
    let rules: BTreeSet<_> =
        source.split("//! * **").skip(1).filter_map(|rest| rest.split("**").next()).map(str::to_owned).collect();
    assert_eq!(rules.len(), 15, "{rules:?}");
    let mutated: BTreeSet<_> = MUTANTS.iter().map(|mutant| mutant.rule.to_owned()).collect();
    assert_eq!(rules, mutated, "rules with a mutant");
    let modelled: BTreeSet<_> =
        models::all().iter().flat_map(|model| model.rules).map(|rule| (*rule).to_owned()).collect();
    assert_eq!(rules, modelled, "rules with a model");
}

#[test]
fn the_mutants_of_the_list_are_those_of_the_source() {
    let source = source();
    let calls = source.split("mutant!(").skip(1).filter_map(|rest| rest.split(')').next());
    let in_source: BTreeSet<_> = calls.map(str::to_owned).collect();
    let listed: BTreeSet<_> = MUTANTS.iter().map(|mutant| mutant.name.to_owned()).collect();
    assert_eq!(in_source, listed);
}
