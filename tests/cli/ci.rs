//! What CI runs: the scripts in `ci/` as they stand, and that the files for GitHub and GitLab name them.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;

use crate::{run, run_in};

/// A file of this repository.
fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a script with the program on its path.
fn script(folder: &Path, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let program = cargo_bin("stillready");
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut command = Command::new(here("ci").join(name));
    command.current_dir(folder).args(arguments).env_clear().env("PATH", path).envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_gate_of_a_change_says_what_the_gate_says_and_leaves_its_judgement() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_in(folder.path(), &["gate", "smoke", "--accept"]).code, 0);
    let (code, stdout, stderr) = script(folder.path(), "gate.sh", &["smoke"], &[]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("the gate passes"), "{stdout}");
    assert!(fs::read_to_string(folder.path().join("stillready-reports/gate.xml")).unwrap().contains("testsuite"));
    let summary = folder.path().join("summary");
    let on_github = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
        ("STILLREADY_OUTPUT", "elsewhere"),
    ];
    let (code, _, stderr) = script(folder.path(), "gate.sh", &["canary"], &on_github);
    assert_eq!(code, 10);
    assert!(stderr.starts_with("::error file="), "{stderr}");
    assert!(fs::read_to_string(summary).unwrap().contains("the gate fails"));
    assert!(folder.path().join("elsewhere/gate.xml").exists());
}

/// A night whose seed does not pass leaves a scenario that does not pass by day either.
#[test]
fn a_failing_night_leaves_a_scenario_that_fails_again() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_in(folder.path(), &["gate", "smoke", "--accept"]).code, 0);
    let (code, stdout, _) = script(folder.path(), "nightly.sh", &["smoke"], &[("STILLREADY_SEED", "7")]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.starts_with("seed 7; to repeat this night: STILLREADY_SEED=7 ci/nightly.sh smoke\n"), "{stdout}");
    assert!(!folder.path().join("stillready-reports/regressions").exists());
    // A fresh seed is told, and is another one each time.
    let night = || script(folder.path(), "nightly.sh", &["canary"], &[]);
    let (one, other) = (night(), night());
    assert_eq!((one.0, other.0), (10, 10));
    let seed = |stdout: &str| stdout.strip_prefix("seed ").unwrap().split(';').next().unwrap().parse::<u64>().unwrap();
    assert_ne!(seed(&one.1), seed(&other.1));
    let file = format!("stillready-reports/regressions/canary-seed-{}.toml", seed(&one.1));
    let (kept, shipped) = (folder.path().join(&file), here("sims/canary.toml"));
    let (kept, shipped) = (fs::read_to_string(kept).unwrap(), fs::read_to_string(shipped).unwrap());
    let without_seed =
        |text: &str| text.lines().filter(|line| !line.starts_with("seed")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_seed(&kept), without_seed(&shipped), "comments stay");
    let again = run_in(folder.path(), &["gate", &file]);
    assert_eq!(again.code, 10);
    let value = |stdout: &str| stdout.lines().find(|line| line.contains("value ")).unwrap().to_owned();
    assert_eq!(value(&again.stdout), value(&one.1));
}

#[test]
fn a_seed_is_no_baseline_and_regressions_are_of_a_seed() {
    for arguments in [
        &["gate", "smoke", "--seed", "1", "--accept"][..],
        &["gate", "smoke", "--seed", "-1"],
        &["gate", "smoke", "--seed", "99999999999999999999"],
        &["gate", "smoke", "--regressions", "somewhere"],
    ] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn the_files_for_github_and_gitlab_run_the_scripts() {
    for name in ["gate.sh", "nightly.sh"] {
        let mode = fs::metadata(here("ci").join(name)).unwrap().permissions().mode();
        assert_ne!(mode & 0o111, 0, "{name} can be run");
        for file in ["action.yml", "ci/gitlab.yml"] {
            assert!(fs::read_to_string(here(file)).unwrap().contains(name), "{file} runs {name}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let page = run(&["manual"]);
    assert_eq!(page.code, 0);
    assert!(page.stdout.starts_with(".ie") && page.stdout.contains(".TH stillready 1"), "{}", page.stdout);
    let folder = tempfile::tempdir().unwrap();
    let written = run_in(folder.path(), &["manual", "-o", "man"]);
    assert_eq!(written.code, 0, "{}", written.stderr);
    for command in
        ["run", "replay", "properties", "diagnose", "gate", "mutants", "list", "check", "init", "completions"]
    {
        let page = fs::read_to_string(folder.path().join(format!("man/stillready-{command}.1"))).unwrap();
        assert!(page.contains(&format!(".TH stillready-{command} 1")), "{page}");
    }
}
