//! Parts of a sweep that run by themselves: merged, they are the sweep's very bytes; whatever is not all of them, whole and once, is
//! refused.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{Ended, files_below, run_in, stillready};

/// The sweep that all tests here are about: 80 cells.
const SWEEP: [&str; 4] = ["sweep", "choice", "--uploads", "300"];

fn shard(folder: &Path, shard: &str, more: &[&str]) -> Ended {
    run_in(folder, &[&SWEEP[..], &["--shard", shard], more].concat())
}

/// All shards of so many, the last one first.
fn shards(folder: &Path, of: usize) {
    for number in (1..=of).rev() {
        let ended = shard(folder, &format!("{number}/{of}"), &["--resume"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    }
}

fn table(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("reports/choice-sweep/grid.csv")).unwrap()
}

fn whole() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &SWEEP);
    table(folder.path())
}

#[test]
fn merged_shards_are_the_bytes_of_the_sweep_in_one_piece() {
    let whole = whole();
    for of in [1, 3, 7, 80] {
        let folder = tempfile::tempdir().unwrap();
        shards(folder.path(), of);
        let ended = run_in(folder.path(), &["merge", "reports"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{of}");
        assert!(table(folder.path()) == whole, "{of} shards, other bytes");
        // What was merged is a sweep as any other.
        let chosen = ["recommend", "choice", "--uploads", "300", "--objective", "false_not_found_rate<=0.5"];
        assert_eq!(run_in(folder.path(), &chosen).code, 0, "{of}");
        if of == 3 {
            insta::assert_snapshot!("merge", ended.stdout);
            insta::assert_snapshot!("shard", shard(folder.path(), "2/3", &["--restart"]).stdout);
            insta::assert_snapshot!("shard_files", files_below(folder.path()).join("\n"));
        }
    }
}

#[test]
fn shards_are_merged_from_folders_wherever_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        let place = format!("node{number}");
        assert_eq!(shard(folder.path(), &format!("{number}/3"), &["-o", &place]).code, 0);
    }
    let places = ["merge", "node3", "node1/choice-sweep-1-of-3", "node2", "-o", "reports"];
    assert_eq!(run_in(folder.path(), &places).code, 0);
    assert!(table(folder.path()) == whole());
}

/// Starts a shard that takes a while, and waits for its first rows.
fn begin(folder: &Path, arguments: &[&str]) -> Child {
    let program = stillready(folder, arguments).get_program().to_owned();
    let mut command = Command::new(program);
    let path = folder.join("reports/choice-sweep-1-of-2/grid.csv");
    let has_rows = || fs::read(&path).is_ok_and(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count() > 2);
    let child = command.current_dir(folder).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    let came = (0..10_000).any(|_| {
        std::thread::sleep(Duration::from_millis(2));
        has_rows()
    });
    assert!(came, "no rows came");
    child
}

#[test]
fn a_shard_has_one_writer_and_one_that_was_killed_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["sweep", "choice", "--uploads", "20000", "--shard", "1/2", "-j", "1", "--resume"];
    let mut child = begin(folder.path(), &arguments);
    let second = run_in(folder.path(), &arguments);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(second.code, 6, "{}", second.stderr);
    insta::assert_snapshot!("shard_busy", second.stderr);
    let early = run_in(folder.path(), &["merge", "reports"]);
    assert_eq!(early.code, 3);
    insta::assert_snapshot!("merge_unfinished", early.stderr);
    assert_eq!(run_in(folder.path(), &arguments).code, 0);
    let again = run_in(folder.path(), &arguments);
    assert_eq!(again.stdout, "the sweep in reports/choice-sweep-1-of-2 is finished\n");
    let other = arguments.map(|argument| if argument == "1/2" { "2/2" } else { argument });
    assert_eq!(run_in(folder.path(), &other).code, 0);
    assert_eq!(run_in(folder.path(), &["merge", "reports"]).code, 0);
    let straight = tempfile::tempdir().unwrap();
    run_in(straight.path(), &["sweep", "choice", "--uploads", "20000"]);
    assert!(table(folder.path()) == table(straight.path()), "other bytes after a kill");
}

/// A copy of three whole shards, changed in some way, and merged.
fn refused(source: &Path, change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    for file in files_below(source) {
        let path = folder.path().join(&file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(source.join(&file), path).unwrap();
    }
    change(folder.path());
    let ended = run_in(folder.path(), &["merge", "reports"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(!folder.path().join("reports/choice-sweep").exists(), "something was written all the same");
    ended.stderr
}

#[test]
fn what_is_not_every_shard_whole_and_once_is_never_merged() {
    let source = tempfile::tempdir().unwrap();
    shards(source.path(), 3);
    let of = |number: usize| format!("reports/choice-sweep-{number}-of-3");
    let edit = |folder: &Path, name: &str, change: &dyn Fn(String) -> String| {
        let path = folder.join(of(2)).join(name);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    };
    let all = [
        refused(source.path(), |folder| fs::remove_dir_all(folder.join(of(2))).unwrap()),
        refused(source.path(), |folder| {
            let twice = folder.join("reports/copy-sweep-2");
            fs::create_dir(&twice).unwrap();
            for name in ["grid.csv", "run.json"] {
                fs::copy(folder.join(of(2)).join(name), twice.join(name)).unwrap();
            }
        }),
        // Of another number of uploads, and of another number of shards.
        refused(source.path(), |folder| {
            let other = ["sweep", "choice", "--uploads", "200", "--shard", "2/3"];
            run_in(folder, &other);
        }),
        refused(source.path(), |folder| {
            fs::remove_dir_all(folder.join(of(2))).unwrap();
            shard(folder, "2/4", &[]);
        }),
        refused(source.path(), |folder| edit(folder, "grid.csv", &|text| text.replacen("choice", "chance", 1))),
        refused(source.path(), |folder| edit(folder, "grid.csv", &|text| text[..text.len() / 2].to_owned())),
        refused(source.path(), |folder| {
            edit(folder, "run.json", &|text| text.replacen("\"shard\": \"2/3\"", "\"shard\": \"0/3\"", 1));
        }),
        // A record that tells of the rows of another shard.
        refused(source.path(), |folder| {
            fs::remove_dir_all(folder.join(of(3))).unwrap();
            edit(folder, "run.json", &|text| text.replacen("\"shard\": \"2/3\"", "\"shard\": \"3/3\"", 1));
            shard(folder, "2/3", &["-o", "elsewhere"]);
            fs::rename(folder.join("elsewhere/choice-sweep-2-of-3"), folder.join(of(3))).unwrap();
        }),
        refused(source.path(), |folder| fs::remove_file(folder.join(of(2)).join("run.json")).unwrap()),
        refused(source.path(), |folder| fs::remove_dir_all(folder.join("reports")).unwrap()),
    ];
    insta::assert_snapshot!("merge_refused", all.join("\n"));
}

/// Stopped between any two steps, a shard goes on, begins anew or is finished, and always comes to the same bytes.
#[test]
fn a_shard_that_was_stopped_between_two_files_comes_to_the_same_bytes() {
    let source = tempfile::tempdir().unwrap();
    shard(source.path(), "2/3", &[]);
    let read = |folder: &Path, name: &str| fs::read(folder.join("reports/choice-sweep-2-of-3").join(name)).ok();
    let (table, record) = (read(source.path(), "grid.csv").unwrap(), read(source.path(), "run.json").unwrap());
    let record_json: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let state = serde_json::json!({
        "schema_version": 1, "model_version": 1, "cells": 27, "shard": "2/3", "fingerprint": record_json["scenario_fingerprint"],
    });
    let state = state.to_string().into_bytes();
    let header = table.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let stopped: [&[(&str, &[u8])]; 6] = [
        // When it began: before, between and after its two files, and in the middle of the first line.
        &[],
        &[("sweep.json", &state)],
        &[("sweep.json", &state), ("grid.csv", &table[..header])],
        &[("sweep.json", &state), ("grid.csv", &table[..header / 2])],
        // When it ended: before its record, and before it took away what told that it was unfinished.
        &[("sweep.json", &state), ("grid.csv", &table)],
        &[("sweep.json", &state), ("grid.csv", &table), ("run.json", &record)],
    ];
    for (number, files) in stopped.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("reports/choice-sweep-2-of-3");
        fs::create_dir_all(&report).unwrap();
        for (name, bytes) in files {
            fs::write(report.join(name), bytes).unwrap();
        }
        let ended = shard(folder.path(), "2/3", &["--resume"]);
        assert_eq!(ended.code, 0, "{number}: {}", ended.stderr);
        assert!(read(folder.path(), "grid.csv").unwrap() == table, "{number}: other bytes");
        assert_eq!(read(folder.path(), "sweep.json"), None, "{number}");
    }
    // Rows of an earlier shard, of other uploads, are gone before this one can be mistaken for it.
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["sweep", "choice", "--uploads", "200", "--shard", "2/3"]);
    let report = folder.path().join("reports/choice-sweep-2-of-3");
    let file = fs::File::open(report.join(".stillready-sweep.lock")).unwrap();
    file.lock().unwrap();
    assert_eq!(shard(folder.path(), "2/3", &["--restart"]).code, 6, "somebody else has the lock");
    drop(file);
    assert_eq!(shard(folder.path(), "2/3", &["--resume"]).code, 0);
    assert!(read(folder.path(), "grid.csv").unwrap() == table);
}

#[test]
fn a_shard_is_known_by_its_record_whatever_its_folder_is_called() {
    let folder = tempfile::tempdir().unwrap();
    shards(folder.path(), 3);
    let reports = folder.path().join("reports");
    fs::rename(reports.join("choice-sweep-1-of-3"), reports.join("first")).unwrap();
    assert_eq!(run_in(folder.path(), &["merge", "reports"]).code, 0);
    fs::create_dir(reports.join("again")).unwrap();
    for name in ["grid.csv", "run.json"] {
        fs::copy(reports.join("first").join(name), reports.join("again").join(name)).unwrap();
    }
    let twice = run_in(folder.path(), &["merge", "reports"]);
    let whole = run_in(folder.path(), &["merge", "reports/choice-sweep"]);
    assert_eq!([twice.code, whole.code], [3, 3]);
    insta::assert_snapshot!("merge_by_record", twice.stderr + &whole.stderr);
}

#[test]
fn a_part_is_no_report_and_no_sweep() {
    let folder = tempfile::tempdir().unwrap();
    shard(folder.path(), "1/3", &[]);
    let report = run_in(folder.path(), &["report", "reports/choice-sweep-1-of-3"]);
    let too_many = shard(folder.path(), "81/81", &[]);
    let wrong = ["0/3", "4/3", "3", "a/b", "1/100001"].map(|text| shard(folder.path(), text, &[]));
    assert_eq!([report.code, too_many.code], [3, 2]);
    assert!(wrong.iter().all(|ended| ended.code == 2));
    let all = [report.stderr, too_many.stderr, wrong[0].stderr.clone()];
    insta::assert_snapshot!("part_refused", all.join("\n"));
}
