//! `properties`, `diagnose`, and what `replay` does with a breach.

use std::fs;

use crate::{files_below, run, run_in};

#[test]
fn properties_shows_verdicts_and_witnesses_that_replay() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), &["properties", "eras/v8", "--uploads", "2000"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("properties", ended.stdout);
    // Each command that it names marks the step at which the property broke.
    let commands: Vec<_> = ended.stdout.lines().filter_map(|line| line.trim().strip_prefix("stillready ")).collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands {
        let arguments: Vec<_> = command.split_whitespace().map(|word| word.trim_matches('\'')).collect();
        let property = *arguments.last().unwrap();
        let replayed = run_in(folder.path(), &arguments);
        assert_eq!(replayed.code, 0, "{command}");
        assert!(replayed.stdout.contains(&format!("{property} >")), "{command}: {}", replayed.stdout);
    }
}

#[test]
fn an_expectation_that_is_disappointed_is_exit_code_11() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let path = folder.path().join("sims/eras/v3.toml");
    let text = fs::read_to_string(&path).unwrap().replace("breaks = [\"S9\"", "breaks = [\"S4\", \"S9\"");
    fs::write(&path, text).unwrap();
    let ended = run_in(folder.path(), &["run", "eras/v3"]);
    assert_eq!(ended.code, 11);
    assert!(ended.stdout.contains("v3: S4 should break, and holds"), "{}", ended.stdout);
    let ended = run_in(folder.path(), &["properties", "eras/v3"]);
    assert_eq!(ended.code, 11);
    assert!(ended.stdout.ends_with("met 12 of 13 expectations\n"), "{}", ended.stdout);
}

#[test]
fn a_determinism_check_is_an_occasion_for_s12() {
    let folder = tempfile::tempdir().unwrap();
    let verdict = |arguments: &[&str]| {
        assert_eq!(run_in(folder.path(), arguments).code, 0);
        let csv = fs::read_to_string(folder.path().join("reports/smoke/properties.csv")).unwrap();
        csv.lines().find(|line| line.contains(",S12,")).unwrap().to_owned()
    };
    assert!(verdict(&["run", "smoke"]).contains(",never seen,0,0,"));
    assert!(verdict(&["run", "smoke", "--check-determinism"]).contains(",held,4,0,"));
}

#[test]
fn a_breach_is_reduced_to_a_scenario_that_still_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["replay", "causes/restarts", "--property", "S1", "--shrink", "sims/regressions/lost.toml"];
    let ended = run_in(folder.path(), &arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("shrunk", fs::read_to_string(folder.path().join("sims/regressions/lost.toml")).unwrap());
    let ended = run_in(folder.path(), &["properties", "sims/regressions/lost.toml"]);
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.ends_with("met 1 of 1 expectations\n"), "{}", ended.stdout);
    // What is there already is not replaced.
    let again = run_in(folder.path(), &arguments);
    assert_eq!(again.code, 2);
    insta::assert_snapshot!("shrunk_already", again.stderr);
    for nonsense in [vec!["--upload", "1"], vec!["-o", "out"]] {
        let arguments = [&arguments[..], &nonsense[..]].concat();
        assert_eq!(run_in(folder.path(), &arguments).code, 2, "{arguments:?}");
    }
    let folder_of_it = ["replay", "causes/restarts", "--property", "S1", "--shrink", "sims/"];
    assert!(run_in(folder.path(), &folder_of_it).stderr.contains("names a folder"));
    // What does not break is not reduced.
    let ended = run_in(folder.path(), &["replay", "causes/live-poller", "--property", "S1", "--shrink", "x.toml"]);
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!("not_shrunk", ended.stderr);
    assert!(!folder.path().join("x.toml").exists());
    assert_eq!(run(&["replay", "smoke", "--upload", "1", "--property", "S13"]).code, 2);
}

#[test]
fn a_reduced_scenario_says_no_more_than_it_must() {
    let folder = tempfile::tempdir().unwrap();
    let reduced = |scenario: &str, property: &str, file: &str| {
        let ended = run_in(folder.path(), &["replay", scenario, "--property", property, "--shrink", file]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let checked = run_in(folder.path(), &["properties", file]);
        assert!(checked.code == 0 && checked.stdout.ends_with("met 1 of 1 expectations\n"), "{}", checked.stdout);
        fs::read_to_string(folder.path().join(file)).unwrap()
    };
    // An absence is hardly longer than the time to live.
    insta::assert_snapshot!("shrunk_absence", reduced("causes/late-client", "S1", "absence.toml"));
    // A fault that comes at a rate comes once; a table of times to live is one; a server of nothing special is none.
    insta::assert_snapshot!("shrunk_fault", reduced("eras/v5", "S8", "fault.toml"));
    insta::assert_snapshot!("shrunk_era", reduced("eras/v8", "S9", "era.toml"));
    // Two uploads of one name are enough.
    let names = reduced("eras/v0", "S7", "names.toml");
    assert!(names.contains("uploads = 2\n") && names.contains("distinct_keys = 1\n"), "{names}");
    // The same twice.
    assert_eq!(reduced("eras/v0", "S7", "again.toml"), names);
}

#[test]
fn a_reduced_scenario_overwrites_nothing_and_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there.toml"), "mine").unwrap();
    fs::create_dir(folder.path().join("folder.toml")).unwrap();
    let shrink = |path: &str, more: &[&str]| {
        let arguments = ["replay", "causes/restarts", "--property", "S1", "--shrink", path];
        run_in(folder.path(), &[&arguments, more].concat())
    };
    let refused = ["there.toml", "folder.toml", "new/", "..", "lost"].map(|path| {
        let ended = shrink(path, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{path}");
        ended.stderr
    });
    insta::assert_snapshot!("shrink_refused", refused.concat());
    assert_eq!(fs::read_to_string(folder.path().join("there.toml")).unwrap(), "mine");
    // A file is no folder.
    let ended = shrink("there.toml/lost.toml", &[]);
    assert_eq!(ended.code, 6);
    insta::assert_snapshot!("shrink_cannot_write", ended.stderr);
    for more in [&["--upload", "1"][..], &["-o", "out"], &["-o", "out", "--format", "svg"]] {
        let ended = shrink("new.toml", more);
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("cannot be used with"), "{more:?}: {}", ended.stderr);
    }
    assert_eq!(files_below(folder.path()), ["there.toml"]);
}

#[test]
fn a_timeline_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["replay", "two-workers", "--upload", "1", "-o", "out", "--format", "csv,svg", "--property", "S1"];
    assert_eq!(run_in(folder.path(), &arguments).code, 0);
    assert_eq!(files_below(folder.path()), ["out/two-workers/events.csv", "out/two-workers/events.svg"]);
    let svg = fs::read_to_string(folder.path().join("out/two-workers/events.svg")).unwrap();
    let csv = fs::read_to_string(folder.path().join("out/two-workers/events.csv")).unwrap();
    let drawn = ["<circle", "<polygon", "<path"].map(|mark| svg.matches(mark).count());
    let requests = [",poll,", ",begin,"].map(|event| csv.matches(event).count()).iter().sum::<usize>();
    assert_eq!(drawn.iter().sum::<usize>(), csv.lines().count() - 1, "a dot, an arrow or a cross for each step");
    assert_eq!((drawn[1], drawn[2]), (requests, csv.matches(",removed,").count()));
    assert!(svg.starts_with("<svg ") && svg.contains("<style>") && svg.contains("</title>") && svg.contains("</desc>"));
    assert_eq!((svg.matches("S1 ▸").count(), csv.matches(",S1,").count()), (1, 1));
}

#[test]
fn the_other_client_under_a_name_has_a_column_of_its_own() {
    let arguments = ["replay", "causes/same-name", "--upload", "2", "--property", "S7"];
    insta::assert_snapshot!("two_clients", run(&arguments).stdout);
    // Of uploads that were over before, only what they left in a worker is of interest.
    let later = run(&["replay", "causes/same-name", "--upload", "900"]).stdout;
    assert_eq!(later.matches("client of").count(), 0, "{later}");
    assert!(later.contains("finish of upload"), "{later}");
}

#[test]
fn diagnose_writes_its_matrix_and_ranks_causes() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_in(folder.path(), &["diagnose", "workers", "causes/odd-names", "--uploads", "2000"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("diagnose", ended.stdout);
    insta::assert_snapshot!("matrix", fs::read_to_string(folder.path().join("reports/diagnose/matrix.csv")).unwrap());
    let one = run_in(folder.path(), &["diagnose", "workers", "--uploads", "2000", "-j", "1", "-o", "one"]);
    assert_eq!(one.code, 0);
    fs::write(folder.path().join("bad.csv"), "upload,seconds,answer\na,1,redy\n").unwrap();
    let ended = run_in(folder.path(), &["diagnose", "--like", "bad.csv"]);
    assert_eq!(ended.code, 3);
    insta::assert_snapshot!("bad_observations", ended.stderr);
    let head = "upload,seconds,answer\n";
    let mut said = String::new();
    for text in [
        "",
        head,
        "upload,second,answer\na,1,ready\n",
        &format!("{head}a,1\n"),
        &format!("{head}a,soon,ready\n"),
        &format!("{head}a,1,ready\na,-1,ready\n"),
        &format!("{head}a,nan,ready\n"),
        &format!("{head}a,1,ready,twice\n"),
    ] {
        fs::write(folder.path().join("bad.csv"), text).unwrap();
        let ended = run_in(folder.path(), &["diagnose", "--like", "bad.csv"]);
        assert_eq!(ended.code, 3, "{text:?}");
        said += &format!("{text:?}\n{}\n", ended.stderr);
    }
    fs::write(folder.path().join("bad.csv"), b"upload,seconds,answer\na,1,\xff\n").unwrap();
    said += &run_in(folder.path(), &["diagnose", "--like", "bad.csv"]).stderr;
    said += &run_in(folder.path(), &["diagnose", "--like", "missing.csv"]).stderr;
    insta::assert_snapshot!("observations_of_each_fault", said);
    assert_eq!(run_in(folder.path(), &["diagnose", "--like", "absent.csv"]).code, 3);
    assert_eq!(run_in(folder.path(), &["diagnose", "no-such-cause"]).code, 3);
}

#[test]
fn observed_answers_are_compared_with_the_causes() {
    let folder = tempfile::tempdir().unwrap();
    let like = |answers: &str| {
        fs::write(folder.path().join("answers.csv"), format!("upload,seconds,answer\n{answers}")).unwrap();
        let ended = run_in(folder.path(), &["diagnose", "--like", "answers.csv", "--uploads", "2000"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        ended.stdout
    };
    insta::assert_snapshot!("nothing_to_explain", like("a,1,processing\na,4,ready\nb,1,error\n"));
    insta::assert_snapshot!("several_fit", like("a,1,processing\na,40,not_found\na,49,not_found\n"));
    insta::assert_snapshot!("none_fits", like("a,1,ready\na,4,processing\na,7,not_found\n"));
    // One in two is never found at all, the others come and go: two causes at once.
    let upload = |upload: u32| match upload % 2 {
        0 => format!("{upload},0,not_found\n{upload},3,not_found\n{upload},45,not_found\n"),
        _ => format!("{upload},0,processing\n{upload},3,not_found\n{upload},6,processing\n{upload},39,ready\n"),
    };
    insta::assert_snapshot!("a_mixture", like(&(0..200).map(upload).collect::<String>()));
}
