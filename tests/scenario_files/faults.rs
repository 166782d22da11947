//! One snapshot for each kind of fault. Read them: each says where, what is allowed, and what to do.

use proptest::prelude::*;
use stillready::scenario::{Scenario, shipped};

use crate::{VALID, check, check_in, with};

macro_rules! snapshots {
    ($($name:ident: $contents:expr;)*) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(stringify!($name), check($contents));
            }
        )*
    };
}

snapshots! {
    a_valid_file: VALID;
    a_byte_order_mark_and_crlf_are_fine: format!("\u{feff}{}", VALID.replace('\n', "\r\n"));
    an_empty_file: "";
    not_toml_in_two_places: "a = \nb = [1\n";
    not_utf8: [b'a', 0xff, b'\n'];
    another_version: with("schema_version = 1", "schema_version = 2");
    no_version: with("schema_version = 1\n", "");
    an_unknown_key_at_the_top: with("uploads = 10", "uploads = 10\nuplods = 3");
    an_unknown_key_in_each_table: with("failure = 0.01", "failures = 0.01")
        .replace("workers = 2", "worker = 2")
        .replace("backoff = 1.5", "backof = 1.5")
        .replace("tombstone =", "tombstones =")
        .replace("chance = 0.1 }", "chance = 0.1, chanse = 2 }")
        .replace("ready = \"30m\"", "reddy = \"30m\"")
        .replace("read = \"3ms\"", "reed = \"3ms\"")
        .replace("time = \"35m\"", "time = \"35m\", from = \"1s\"");
    an_unknown_table: format!("{VALID}[elsewhere]\nkey = 1\n");
    missing_keys: "schema_version = 1\n[workload]\n[client]\n[[policy]]\n";
    missing_tables: "schema_version = 1\nuploads = 1\n";
    no_policy: with("[[policy]]", "[policy]");
    an_empty_list_of_policies: "schema_version = 1\nuploads = 1\npolicy = []\n[workload]\narrivals = { kind = \"fixed\", every = \"1s\" }\nprocessing = \"1s\"\n[client]\ninterval = \"3s\"\n";
    a_table_that_is_none: with("away = { chance = 0.2, time = \"35m\" }", "away = 0.2");
    no_uploads: with("uploads = 10", "uploads = 0");
    a_fraction_of_an_upload: with("uploads = 10", "uploads = 1.5");
    too_many_uploads: with("uploads = 10", "uploads = 5000000000");
    a_negative_seed: with("seed = 7", "seed = -7");
    a_seed_beyond_64_bits: with("seed = 7", "seed = 18446744073709551616");
    a_duration_without_unit: with("interval = \"3s\"", "interval = \"3\"");
    a_duration_that_is_a_number: with("interval = \"3s\"", "interval = 3");
    an_interval_of_nothing: with("interval = \"3s\"", "interval = \"0s\"");
    a_duration_of_a_thousand_years: with("first_poll = \"1s\"", "first_poll = \"1000y\"");
    a_rate_without_unit: with("\"3600/h\"", "\"3600\"");
    a_rate_of_nothing: with("\"3600/h\"", "\"0/h\"");
    a_probability_above_one: with("failure = 0.01", "failure = 1.5");
    a_probability_that_is_no_number: with("failure = 0.01", "failure = nan");
    a_jitter_above_one: with("jitter = 0.1", "jitter = inf");
    a_backoff_below_one: with("backoff = 1.5", "backoff = 0.5");
    a_max_interval_below_the_interval: with("max_interval = \"10s\"", "max_interval = \"2s\"");
    too_many_workers: with("workers = 2", "workers = 1001");
    an_unknown_word: with("order = \"read-first\"", "order = \"red-first\"");
    a_word_that_is_a_number: with("order = \"read-first\"", "order = 1");
    an_unknown_kind_of_arrivals: with("kind = \"poisson\"", "kind = \"poison\"");
    arrivals_with_the_keys_of_another_kind: with("kind = \"poisson\", rate = \"3600/h\"", "kind = \"burst\", rate = \"3600/h\"");
    a_distribution_without_its_parameters: with("median = \"8s\", sigma = 0.8", "mean = \"8s\"");
    a_distribution_of_no_values: with("kind = \"lognormal\", median = \"8s\", sigma = 0.8", "kind = \"empirical\", values = []");
    a_distribution_that_is_a_number: with("{ kind = \"lognormal\", median = \"8s\", sigma = 0.8 }", "8");
    a_sigma_below_zero: with("sigma = 0.8", "sigma = -0.8");
    a_time_to_live_that_is_a_number: with("{ ready = \"30m\", error = \"15m\", interrupted = \"15m\", processing = \"never\" }", "30");
    a_time_to_live_with_a_wrong_entry: with("error = \"15m\"", "error = \"ever\"");
    a_trigger_without_its_parameter: with("trigger = \"chance\", chance = 0.1", "trigger = \"period\"");
    a_policy_name_of_two_lines: with("name = \"a\"", "name = \"a\\nb\"");
    a_dictionary_swept_as_redis_and_a_registry_that_is_not: with("trigger = \"chance\", chance = 0.1", "trigger = \"redis\"");
    a_defect_of_the_registry: with("order = \"read-first\"", "order = \"read-first\"\ndefects = [\"unit-bug\"]");
    an_unknown_defect: with("store = \"registry\"", "store = \"dict\"\ndefects = [\"unit-bugs\"]").replace("poll_by = \"id\"\n", "");
    a_defect_twice: with("store = \"registry\"", "store = \"dict\"\ndefects = [\"unit-bug\", \"unit-bug\"]").replace("poll_by = \"id\"\n", "");
    a_property_that_holds_and_breaks: with("order = \"read-first\"", "order = \"read-first\"\nholds = [\"S1\"]\nbreaks = [\"S1\"]");
    an_unknown_property: with("order = \"read-first\"", "order = \"read-first\"\nholds = [\"S13\"]");
    several_wrong_items_of_lists: with("order = \"read-first\"", "order = \"read-first\"\nholds = [\"S1\", \"S99\", \"entry-sweep\", 3]\nbreaks = [\"S2\", \"S2\"]");
    a_list_that_is_none: with("order = \"read-first\"", "order = \"read-first\"\nholds = \"S1\"");
    a_fault_at_no_time_and_one_of_no_kind: format!("{VALID}[[fault]]\nkind = \"kill\"\n[[fault]]\nkind = \"kil\"\nat = [\"1s\"]\n");
    a_fault_in_two_ways_and_of_a_worker_that_is_not_there: format!("{VALID}[[fault]]\nkind = \"kill\"\nworker = 2\nat = [\"1s\"]\nevery = \"1h\"\n");
    a_fault_at_moments_out_of_order: format!("{VALID}[[fault]]\nkind = \"reload\"\nat = [\"2h\", \"1h\"]\n");
    a_clear_of_nothing_in_particular: format!("{VALID}[[fault]]\nkind = \"clear\"\nwhat = \"some\"\nat = [\"1s\"]\n");
    a_clock_step_without_its_step: format!("{VALID}[[fault]]\nkind = \"clock-step\"\nstep = \"5\"\nat = [\"1s\"]\n");
    a_clock_skew_for_too_few_workers: with("workers = 2", "workers = 2\nclock_skew = [\"1s\"]");
    a_recycling_of_no_kind: with("workers = 2", "workers = 2\nrecycle = { jitter = 5 }");
    a_replica_without_a_lag: with("workers = 2", "workers = 2\nreplica = { chance = 0.5 }");
    an_eviction_by_an_age_that_is_not_known: with("order = \"read-first\"", "order = \"read-first\"\ncapacity = { max_entries = 10, when_full = \"evict-lru\" }");
    arrivals_of_23_hours: with("kind = \"poisson\", rate = \"3600/h\"", "kind = \"daily\", per_hour = [1, 2, 3]");
    fewer_arrivals_than_uploads: with("kind = \"poisson\", rate = \"3600/h\"", "kind = \"trace\", at = [\"1s\", \"2s\"]");
    too_many_repetitions_of_an_upload: with("jitter = 0.1", "jitter = 0.1\npost = { retries = 101 }");
    two_policies_of_one_name: format!("{VALID}{}", &VALID[VALID.find("[[policy]]").unwrap()..VALID.find("[[gate]]").unwrap()]);
    a_dictionary_with_what_it_cannot_do: with("store = \"registry\"", "store = \"dict\"").replace("\"finished\"", "\"last-access\"");
    a_gate_of_an_unknown_metric: with("metric = \"false_not_found_rate\"", "metric = \"false_notfound_rate\"");
    a_gate_of_a_policy_that_is_not_there: with("policy = \"a\"", "policy = \"b\"");
    a_gate_without_a_limit: with("max = 0.5\n", "");
    a_gate_with_two_limits: with("max = 0.5", "max = 0.5\nmin = 0.1");
    a_gate_against_itself: with("max = 0.5", "max = 0.5\nversus = \"a\"");
    a_gate_with_a_limit_that_is_no_number: with("max = 0.5", "max = \"0.5\"");
    a_gate_that_is_no_list: with("[[gate]]", "[gate]");
    places_after_characters_of_several_bytes: with("title = \"a valid one\"", "title = \"größer — 大\"\n\"schlüssel\" = 1");
    a_thousand_policies_and_one: format!("{VALID}{}", (0..1000).map(|number| format!("[[policy]]\nname = \"p{number}\"\ntime_to_live = \"1m\"\nexpiry = \"physical\"\nsweep = {{ trigger = \"never\" }}\n")).collect::<String>());
    an_id_of_a_dictionary: with("store = \"registry\"", "store = \"dict\"");
    a_capacity_of_a_dictionary: with("store = \"registry\"", "store = \"dict\"\ncapacity = { max_entries = 0, when_full = \"refuse\" }").replace("poll_by = \"id\"\n", "");
    an_eviction_of_the_oldest_by_reads: with("age = \"finished\"", "age = \"last-access\"\ncapacity = { max_entries = 10, when_full = \"evict-oldest\" }");
    a_jitter_of_recycling_that_is_too_large: with("workers = 2", "workers = 2\nrecycle = { requests = 5, jitter = 5 }");
    an_early_end_before_the_beginning: with("order = \"read-first\"", "order = \"read-first\"\npublished_early = 1.5");
    a_tombstone_for_ever: with("tombstone = \"24h\"", "tombstone = \"ever\"");
    a_flag_that_is_a_word: with("seed = 7", "seed = 7\ncanary = \"yes\"");
    a_title_that_is_a_number: with("title = \"a valid one\"", "title = 1");
    a_number_in_another_base: with("workers = 2", "workers = 0x2");
    an_item_of_policies_that_is_no_table: "schema_version = 1\npolicy = [1]\n";
    several_faults_are_all_reported_in_order: with("seed = 7", "seed = \"x\"")
        .replace("failure = 0.01", "failure = 2")
        .replace("expiry = \"logical\"", "expiry = \"logic\"");
}

#[test]
fn a_folder_is_no_scenario() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("my.toml")).unwrap();
    insta::assert_snapshot!("a_folder", check_in(folder.path(), "my.toml"));
}

#[test]
fn of_very_many_faults_the_first_are_told() {
    let keys: String = (0..103).map(|number| format!("k{number} = 1\n")).collect();
    let said = check(with("seed = 7", &keys));
    assert!(said.contains("my.toml: 103 problems; these are the first 100\n"), "{said}");
    assert!(said.contains("`k99`") && !said.contains("`k100`"), "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the text, the reader returns; and its problems have places inside the text.
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = Scenario::parse("x", "x.toml", &text);
    }

    #[test]
    fn no_edit_of_a_valid_file_makes_the_reader_panic(
        file in 0..shipped::SHIPPED.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[-a-z0-9.\"'=\\[\\]{},\\n é#]{0,6}"), 1..6),
    ) {
        let mut text = shipped::SHIPPED[file].text.to_owned();
        for (at, length, by) in edits {
            let at = (0..=at.index(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            let end = (at..=(at + length).min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(at);
            text.replace_range(at..end, &by);
        }
        if let Err(invalid) = Scenario::parse("x", "x.toml", &text) {
            prop_assert!(!invalid.problems().is_empty());
        }
    }
}
