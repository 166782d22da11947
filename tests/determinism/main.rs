//! Equal scenario and seed give equal bytes: for any number of jobs, in debug and release builds, with and without FMA, in any
//! surroundings; and a policy's numbers do not depend on which other policies run beside it.
//!
//! The files in `tests/golden` were written by a release build. `cargo test` compares them with a debug build, `.ci/run` with a
//! release build, which `STILLREADY_PROGRAM` names. To write them anew after a change that is meant to move them (say so in
//! CHANGELOG.md): `STILLREADY_PROGRAM=target/release/stillready cargo test --test determinism -- --ignored write`.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The scenarios whose bytes are kept, with the size at which they are.
const GOLDEN: [(&str, &str); 5] = [
    ("smoke", "2000"),
    ("reference", "20000"),
    ("live-pollers", "5000"),
    ("two-workers", "5000"),
    ("poll-heavy", "5000"),
];

fn golden(scenario: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(scenario)
}

/// The program of another build than this test's, if one is named.
fn other_build() -> Option<PathBuf> {
    std::env::var_os("STILLREADY_PROGRAM").map(|path| std::path::absolute(path).unwrap())
}

fn stillready() -> Command {
    other_build().map_or_else(|| Command::cargo_bin("stillready").unwrap(), Command::new)
}

/// All CSV files and pages that a run writes.
fn run(arguments: &[&str], surroundings: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    run_by(stillready(), arguments, surroundings)
}

fn run_by(mut program: Command, arguments: &[&str], surroundings: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let command = program.current_dir(folder.path()).arg("run").args(arguments);
    command.args(["-o", "out", "--format", "html,markdown,json"]).envs(surroundings.iter().copied()).assert().success();
    let mut files = BTreeMap::new();
    for report in std::fs::read_dir(folder.path().join("out")).unwrap() {
        for file in std::fs::read_dir(report.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().is_some_and(|name| name != "run.json") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    assert!(files.len() >= 2, "{:?}", files.keys());
    files
}

/// Fails with names, not with pages of bytes.
fn assert_equal(first: &BTreeMap<String, Vec<u8>>, second: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    let different: Vec<_> =
        first.iter().filter(|&(name, bytes)| second[name] != *bytes).map(|(name, _)| name).collect();
    assert!(different.is_empty(), "differ: {different:?}");
}

#[test]
fn the_number_of_jobs_changes_no_byte() {
    for scenario in [&["smoke"][..], &["reference", "--uploads", "100000"]] {
        let run = |jobs| run(&[scenario, &["--uploads-csv", "-j", jobs]].concat(), &[]);
        let one = run("1");
        assert_equal(&one, &run("2"));
        assert_equal(&one, &run("7"));
    }
}

#[test]
fn debug_and_release_builds_write_the_same_bytes() {
    for (scenario, uploads) in GOLDEN {
        let mut expected = BTreeMap::new();
        for file in std::fs::read_dir(golden(scenario)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            expected.insert(name, std::fs::read(path).unwrap());
        }
        let mut files = run(&[scenario, "--uploads", uploads], &[]);
        files.retain(|name, _| is_golden(name));
        assert_equal(&expected, &files);
    }
}

/// Whether a file is kept: the tables. What is made from them also has the lists of models and mutants in it.
fn is_golden(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "csv")
}

#[test]
fn another_build_writes_the_same_pages() {
    // Without another build there is nothing to compare; .ci/run names the release build.
    if other_build().is_some() {
        let this_build = Command::cargo_bin("stillready").unwrap();
        let pages = run_by(this_build, &["smoke"], &[]);
        assert!(pages.contains_key("report.html"));
        assert_equal(&pages, &run(&["smoke"], &[]));
    }
}

#[test]
#[ignore = "writes tests/golden anew"]
fn write_the_golden_files() {
    other_build().expect("the golden files are those of a release build: STILLREADY_PROGRAM=target/release/stillready");
    for (scenario, uploads) in GOLDEN {
        std::fs::create_dir_all(golden(scenario)).unwrap();
        for (name, bytes) in run(&[scenario, "--uploads", uploads], &[]).into_iter().filter(|(name, _)| is_golden(name))
        {
            std::fs::write(golden(scenario).join(name), bytes).unwrap();
        }
    }
}

/// glibc chooses its `exp` and `log` by what the processor has; where it is told to do without FMA, their last bits differ.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn fma_changes_no_byte() {
    let without = [("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2")];
    for scenario in [&["reference", "--uploads", "100000"][..], &["smoke"]] {
        assert_equal(&run(scenario, &[]), &run(scenario, &without));
    }
    // The comparison means something only where the tunable takes effect: this very test, without it and with it.
    let probe = |surroundings: &[(&str, &str)]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_sum_of_many_exponentials", "--ignored", "--nocapture", "--test-threads=1"]);
        let output = command.envs(surroundings.iter().copied()).assert().success();
        let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        text.lines().find_map(|line| line.split("bits ").nth(1).map(str::to_owned)).expect("the probe prints bits")
    };
    if std::arch::is_x86_feature_detected!("fma") {
        assert_ne!(probe(&[]), probe(&without), "std's exponentials differ, so the tunable takes effect");
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
#[ignore = "run by fma_changes_no_byte"]
#[expect(clippy::disallowed_methods, reason = "that std's exponential differs between machines is the point")]
fn the_sum_of_many_exponentials() {
    let bits = (0..100_000).fold(0u64, |bits, i| bits.rotate_left(1) ^ f64::exp(f64::from(i) / 777.0 - 60.0).to_bits());
    println!("bits {bits:x}");
}

#[test]
fn the_surroundings_change_no_byte() {
    let strange = [("TZ", "Asia/Kathmandu"), ("LANG", "de_DE.UTF-8"), ("COLUMNS", "20"), ("RAYON_NUM_THREADS", "3")];
    assert_equal(&run(&["smoke"], &[]), &run(&["smoke", "--color", "always", "-v"], &strange));
}

/// The rows of a file, by their policy and seed.
fn rows(files: &BTreeMap<String, Vec<u8>>, name: &str) -> BTreeMap<(String, String), String> {
    let text = String::from_utf8(files[name].clone()).unwrap();
    let key = |row: &str| {
        let mut cells = row.split(',').skip(2).map(str::to_owned);
        (cells.next().unwrap(), cells.next().unwrap())
    };
    text.lines().skip(1).map(|row| (key(row), row.to_owned())).collect()
}

#[test]
fn another_policy_changes_no_row_of_this_one() {
    let all = run(&["smoke"], &[]);
    for policies in [&["60m/5%"][..], &["30m/10%", "logical"]] {
        let arguments: Vec<_> = policies.iter().flat_map(|policy| ["--policy", policy]).collect();
        let some = run(&[&["smoke"], arguments.as_slice()].concat(), &[]);
        for name in ["summary.csv", "replications.csv"] {
            let (all, some) = (rows(&all, name), rows(&some, name));
            assert_eq!(some.len(), policies.len() * if name == "summary.csv" { 1 } else { 4 });
            assert!(some.iter().all(|(key, row)| all[key] == *row), "{name}");
        }
    }
}

#[test]
fn another_seed_changes_the_numbers_and_replications_are_seeds() {
    let (first, second) = (run(&["smoke", "--seed", "1"], &[]), run(&["smoke", "--seed", "2"], &[]));
    assert_ne!(first["summary.csv"], second["summary.csv"]);
    // The second replication of one run is the first of the other.
    let (first, second) = (rows(&first, "replications.csv"), rows(&second, "replications.csv"));
    let key = ("logical".to_owned(), "2".to_owned());
    assert_eq!(first[&key], second[&key]);
}
