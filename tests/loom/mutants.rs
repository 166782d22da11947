//! One fault for each rule of the registry. Each must be caught by a model; one that survives fails the tests.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::harness::{Broken, report, run};
use crate::models;

/// A fault in the registry's source, behind `mutant!(name)`.
struct Mutant {
    name: &'static str,
    rule: &'static str,
    /// What it does wrong.
    breaks: &'static str,
    /// The models that must catch it, each with what it then says: a model that fails for another reason has caught nothing.
    caught_by: &'static [(&'static str, &'static str)],
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "status_before_timestamp",
        rule: "R1",
        breaks: "the end of an upload writes the status, lets go of the lock, and writes the moment",
        caught_by: &[("a_read_sees_a_status_together_with_its_moment", "it came to `unknown`")],
    },
    Mutant {
        name: "stale_ticket_finishes",
        rule: "R2",
        breaks: "a ticket ends an upload that is over, or ends it again",
        caught_by: &[("a_ticket_ends_a_running_upload_only", "it came to `finished, 1 swept: ready(7)`")],
    },
    Mutant {
        name: "id_without_generation",
        rule: "R3",
        breaks: "an id stands for its slot, whoever is in it",
        caught_by: &[
            ("a_late_worker_cannot_finish_the_next_upload", "it came to `finished: failed(9)`"),
            (
                "a_slot_that_changes_hands_under_a_sweep_and_a_late_worker_stays_with_its_owner",
                "it came to `begun: processing, processing`",
            ),
        ],
    },
    Mutant {
        name: "silent_drop",
        rule: "R4",
        breaks: "a dropped ticket leaves its upload running for ever",
        caught_by: &[("a_dropped_ticket_leaves_interrupted", "it came to `processing, then processing`")],
    },
    Mutant {
        name: "due_a_moment_early",
        rule: "R5",
        breaks: "an upload is over one nanosecond before its time",
        caught_by: &[("a_moment_before_the_deadline_nothing_is_over", "it came to `expired ready, 0 taken`")],
    },
    Mutant {
        name: "deadline_is_not_told",
        rule: "R5",
        breaks: "a sweep does not learn that an upload has a deadline, and leaves it alone",
        caught_by: &[("under_physical_expiry_the_sweep_decides", "it never came to `unknown`")],
    },
    Mutant {
        name: "running_uploads_expire",
        rule: "R6",
        breaks: "a running upload has the time to live of a success",
        caught_by: &[("a_sweep_never_takes_a_running_upload", "it came to `stale: expired processing`")],
    },
    Mutant {
        name: "announced_out_of_order",
        rule: "R7",
        breaks: "what is told to those without the lock may reach them in another order",
        caught_by: &[("a_look_at_the_deadline_does_not_depend_on_the_sweep", "it came to `ready`")],
    },
    Mutant {
        name: "heard_out_of_order",
        rule: "R7",
        breaks: "those without the lock may hear what is told to them in another order",
        caught_by: &[("a_look_at_the_deadline_does_not_depend_on_the_sweep", "it came to `ready`")],
    },
    Mutant {
        name: "moment_of_another_word",
        rule: "R7",
        breaks: "a read without the lock does not look whether the moment that it found goes with the word that it found",
        caught_by: &[("a_look_at_the_deadline_does_not_depend_on_the_sweep", "it came to `ready`")],
    },
    Mutant {
        name: "moment_before_word",
        rule: "R7",
        breaks: "a sweep changes the moment of a record before its word",
        caught_by: &[("a_look_at_the_deadline_does_not_depend_on_the_sweep", "it came to `ready`")],
    },
    Mutant {
        name: "moment_of_the_next_upload",
        rule: "R7",
        breaks: "an upload that begins changes the moment of its slot before the word, which may be that of one that is over",
        caught_by: &[(
            "a_part_that_is_swept_as_a_whole_is_gone",
            "it came to `1 freed: ready, then unknown, processing, 1 held`",
        )],
    },
    Mutant {
        name: "valid_until_swept",
        rule: "R7",
        breaks: "a read does not compare the deadline",
        caught_by: &[("a_poll_at_the_deadline_does_not_depend_on_the_sweep", "it came to `ready(7)`")],
    },
    Mutant {
        name: "no_tombstone",
        rule: "R8",
        breaks: "a sweep forgets at once",
        caught_by: &[("an_expired_record_leaves_a_tombstone_for_its_time", "it came to `unknown, then unknown`")],
    },
    Mutant {
        name: "sweep_acts_on_what_it_saw",
        rule: "R9",
        breaks: "a sweep looks under one hold of the lock and takes under the next",
        caught_by: &[
            ("a_sweep_that_saw_the_old_entry_spares_the_new_one", "it came to `unknown`"),
            ("what_is_acknowledged_in_time_is_not_swept", "it came to `acknowledged: expired ready`"),
        ],
    },
    Mutant {
        name: "running_uploads_are_taken_along",
        rule: "R6",
        breaks: "a sweep takes a whole part, whatever runs in it",
        caught_by: &[("a_whole_sweep_leaves_what_runs", "it came to `2 freed, finished: false, processing`")],
    },
    Mutant {
        name: "sweep_without_bound",
        rule: "R10",
        breaks: "a sweep takes all that is due under one hold of the lock",
        caught_by: &[
            ("a_read_gets_in_between_the_steps_of_a_sweep", "it never came to `1 of 2 taken`"),
            ("a_whole_sweep_lets_go_after_its_step", "it never came to `16 of 17 taken`"),
        ],
    },
    Mutant {
        name: "clock_runs_backwards",
        rule: "R11",
        breaks: "each caller's clock counts for itself",
        caught_by: &[
            ("time_does_not_run_backwards", "it came to `expired ready, ready(7): ready(7)`"),
            ("three_clocks_that_disagree_never_revive_an_upload", "it came to `ready(7), ready(7), then ready(7)`"),
        ],
    },
    Mutant {
        name: "reader_has_its_own_clock",
        rule: "R11",
        breaks: "a read without the lock goes by its own clock alone",
        caught_by: &[("who_is_told_that_time_is_over_tells_it_to_the_next", "it came to `ready, then ready`")],
    },
    Mutant {
        name: "running_uploads_are_evicted",
        rule: "R12",
        breaks: "where nothing else is left, a new upload evicts a running one",
        caught_by: &[(
            "begin_neither_exceeds_the_capacity_nor_evicts_a_running_upload",
            "it came to `begun, begun: unknown, 2 held`",
        )],
    },
    Mutant {
        name: "room_is_let_go_before_it_is_taken",
        rule: "R12",
        breaks: "room is made under one hold of the lock and taken under the next",
        caught_by: &[
            ("three_uploads_never_share_room_for_two", "it came to `begun, begun, begun: 3 held`"),
            (
                "begin_neither_exceeds_the_capacity_nor_evicts_a_running_upload",
                "it came to `begun, begun: processing, 3 held`",
            ),
        ],
    },
    Mutant {
        name: "every_acknowledgement_counts",
        rule: "R13",
        breaks: "each acknowledgement counts anew",
        caught_by: &[
            ("the_first_acknowledgement_counts", "it came to `true, true`"),
            ("of_two_acknowledgements_and_a_sweep_one_wins", "it came to `true, true: ready(7)`"),
        ],
    },
    Mutant {
        name: "old_generation_takes_the_key",
        rule: "R14",
        breaks: "whatever generation goes takes the key along",
        caught_by: &[("an_old_generation_does_not_take_the_key_along", "it came to `unknown`")],
    },
    Mutant {
        name: "clear_takes_the_latest",
        rule: "R15",
        breaks: "a clear by id takes the latest upload of the same name",
        caught_by: &[("a_clear_takes_the_upload_that_it_names", "it came to `ready(7), unknown`")],
    },
    Mutant {
        name: "word_outlives_its_upload",
        rule: "R15",
        breaks: "a slot still tells of an upload that was cleared",
        caught_by: &[("a_finish_and_a_clear_leave_no_half_of_an_upload", "it panicked: a slot in use has an entry")],
    },
    Mutant {
        name: "wait_looks_before_it_enters",
        rule: "R16",
        breaks: "a long poll lets go of the lock between its look at the status and its wait",
        caught_by: &[("a_long_poll_is_woken_by_the_end", "it came to `asleep, ready(7), 1 still waiting`")],
    },
    Mutant {
        name: "end_wakes_nobody",
        rule: "R16",
        breaks: "an end leaves those asleep who wait for it",
        caught_by: &[
            ("a_long_poll_is_woken_by_the_end", "it came to `asleep, ready(7), 1 still waiting`"),
            ("a_long_poll_is_woken_where_the_work_is_lost", "it came to `asleep, interrupted, 1 still waiting`"),
        ],
    },
    Mutant {
        name: "expiry_wakes_nobody",
        rule: "R16",
        breaks: "a sweep leaves those asleep who wait for what it takes",
        caught_by: &[(
            "a_long_poll_is_woken_by_the_sweep_that_takes_its_upload",
            "it came to `asleep, expired processing, 1 still waiting`",
        )],
    },
    Mutant {
        name: "first_waker_is_kept",
        rule: "R16",
        breaks: "a long poll that is polled by somebody else wakes who polled it first",
        caught_by: &[("a_long_poll_wakes_who_polled_it_last", "it came to `first woken once, second asleep`")],
    },
    Mutant {
        name: "woken_under_the_lock",
        rule: "R16",
        breaks: "who is woken, and looks at once, waits for the lock of who wakes it",
        caught_by: &[(
            "who_is_woken_may_look_at_once",
            "it panicked: deadlock; threads = [(Id(0), Blocked(Location(None))), (Id(1), Blocked(Location(None)))]",
        )],
    },
    Mutant {
        name: "clear_wakes_nobody",
        rule: "R16",
        breaks: "a clear leaves those asleep who wait for its upload",
        caught_by: &[("a_long_poll_is_woken_by_a_clear", "it came to `asleep, unknown, 1 still waiting`")],
    },
];

thread_local! {
    static ON: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Whether a fault is switched on. Loom runs all threads of a model on one thread of the system, so they agree.
///
/// Where a model fails, its tickets are dropped while its panic unwinds. They must keep silent then: a second panic, from a lock
/// of a search that is over, would abort the process.
pub fn is_on(name: &str) -> bool {
    ON.get() == Some(name) || (name == "silent_drop" && std::thread::panicking())
}

#[test]
fn every_mutant_is_caught_by_its_models() {
    let (mut lines, mut survivors) = (Vec::new(), Vec::new());
    for Mutant { name, rule, breaks, caught_by } in MUTANTS {
        assert!(!caught_by.is_empty(), "{name} has no model that must catch it");
        for (by, says) in *caught_by {
            let model = models::all().into_iter().find(|model| model.name == *by);
            let model = model.unwrap_or_else(|| panic!("there is no model {by}"));
            ON.set(Some(name));
            let result = run(model);
            ON.set(None);
            match result {
                Err(Broken { executions, why, .. }) if why.to_string() == *says => {
                    lines.push(format!("mutant {rule} {name}: caught by {by} in execution {executions}: {why}"));
                }
                Err(broken) => survivors.push(format!("{rule} {name} broke {by} otherwise: {broken}, not {says}")),
                Ok(executions) => {
                    survivors.push(format!("{rule} {name} ({breaks}) survived {executions} executions of {by}"));
                }
            }
        }
    }
    report(&lines);
    assert!(survivors.is_empty(), "mutants that were not caught:\n{}", survivors.join("\n"));
}

/// The registry's source, all files.
fn source() -> String {
    fn all_of(folder: &std::path::Path) -> String {
        let entries = std::fs::read_dir(folder).expect("the registry's source is there");
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.map(|path| if path.is_dir() { all_of(&path) } else { std::fs::read_to_string(path).unwrap() }).collect()
    }
    all_of(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/registry"))
}

#[test]
fn every_rule_has_a_mutant_and_a_model() {
    let source = source();
    let rules: BTreeSet<_> =
        source.split("//! * **").skip(1).filter_map(|rest| rest.split("**").next()).map(str::to_owned).collect();
    assert_eq!(rules.len(), 16, "{rules:?}");
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
