//! Nothing is written outside of the folder that was asked for, whatever scenarios, files and policies are called.

use std::fs;
use std::path::Path;

use crate::{files_below, run_in};

const SMOKE: &str = include_str!("../../sims/smoke.toml");

/// The scenario `smoke`, made small, in a file of that name.
fn write(folder: &Path, file: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, SMOKE.replace("uploads = 2_000", "uploads = 20")).unwrap();
}

#[test]
fn a_name_that_would_lead_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ["...toml", "..toml", ".toml", "-x.toml", ".hidden.toml", "a b.toml", "a\\b.toml", "ü.toml", "a\nb.toml"];
    let taken = ["baseline.toml", "diagnose.toml", "mutants.toml", "Baseline.toml"];
    let mut said = String::new();
    for name in names.into_iter().chain(taken) {
        write(folder.path(), name);
        let ended = run_in(folder.path(), &["run", &format!("./{name}"), "-o", "out"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (3, ""), "{name:?}");
        said += ended.stderr.lines().next().unwrap();
        said += "\n";
    }
    assert_eq!(files_below(folder.path()).len(), names.len() + taken.len());
    insta::assert_snapshot!("refused_names", said);
    for name in ["..", ".", "../x", "/", "/etc/passwd", "", "sims/..", "a/../../b.toml"] {
        let ended = run_in(folder.path(), &["run", name, "-o", "out"]);
        assert!(ended.code == 3 && !ended.stderr.is_empty(), "{name:?}: {} {}", ended.code, ended.stderr);
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_scenario_from_anywhere_has_its_reports_in_the_folder_of_reports() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "elsewhere/deep/my.toml");
    fs::create_dir(folder.path().join("here")).unwrap();
    let absolute = folder.path().join("elsewhere/deep/my.toml").display().to_string();
    for argument in [absolute.as_str(), "../elsewhere/deep/my.toml", "../here/../elsewhere/deep/my.toml"] {
        let ended = run_in(&folder.path().join("here"), &["run", argument, "-q"]);
        assert_eq!(ended.code, 0, "{argument}: {}", ended.stderr);
    }
    let written = files_below(folder.path());
    let inside = |path: &String| path.starts_with("here/reports/my/") || path == "elsewhere/deep/my.toml";
    assert!(written.iter().all(inside), "{written:?}");
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_else() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "away/other.toml");
    fs::write(folder.path().join("away/summary.csv"), "precious").unwrap();
    // The name is that of the link, not of what it leads to.
    symlink("away/other.toml", folder.path().join("my.toml")).unwrap();
    assert_eq!(run_in(folder.path(), &["run", "my.toml", "-q"]).code, 0);
    assert!(folder.path().join("reports/my/summary.csv").exists());
    // A file that is a link is replaced, not written through.
    fs::remove_file(folder.path().join("reports/my/summary.csv")).unwrap();
    symlink("../../away/summary.csv", folder.path().join("reports/my/summary.csv")).unwrap();
    assert_eq!(run_in(folder.path(), &["run", "my.toml", "-q"]).code, 0);
    // A folder that is a link is refused.
    fs::remove_dir_all(folder.path().join("reports/my")).unwrap();
    symlink("../away", folder.path().join("reports/my")).unwrap();
    symlink("../away", folder.path().join("reports/diagnose")).unwrap();
    let mut said = String::new();
    for arguments in [
        &["run", "my.toml"][..],
        &["gate", "my.toml"],
        &["gate", "my.toml", "--accept", "-o", "out", "--baseline", "reports"],
        &["replay", "my.toml", "--upload", "1", "-q", "-o", "reports"],
        &["diagnose", "late-client", "--uploads", "10"],
    ] {
        let ended = run_in(folder.path(), arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (6, ""), "{arguments:?}: {}", ended.stderr);
        said += &ended.stderr;
    }
    insta::assert_snapshot!("links", said);
    assert_eq!(files_below(&folder.path().join("away")), ["other.toml", "summary.csv"]);
    assert_eq!(fs::read_to_string(folder.path().join("away/summary.csv")).unwrap(), "precious");
}

#[test]
fn the_name_of_a_policy_never_becomes_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let within = folder.path().join("a/b/c");
    let name = "../../x";
    write(&within, "my.toml");
    let text =
        fs::read_to_string(within.join("my.toml")).unwrap().replace("\"logical\"\nstore", &format!("{name:?}\nstore"));
    let text = text.replace("policy = \"logical\"", &format!("policy = {name:?}"));
    fs::write(within.join("my.toml"), text).unwrap();
    for arguments in [
        &["run", "my.toml", "--uploads-csv", "--format", "html,markdown,json", "--policy", name][..],
        &["replay", "my.toml", "--policy", name, "--upload", "1", "-o", "out", "--format", "csv,svg"],
        &["gate", "my.toml", "--accept", "--junit", "gate.xml"],
        &["gate", "my.toml", "--seed", "5", "--regressions", "kept"],
        &["properties", "my.toml"],
        &["report", "reports/my"],
    ] {
        let ended = run_in(&within, arguments);
        assert!([0, 5, 10].contains(&ended.code), "{arguments:?}: {} {}", ended.code, ended.stderr);
    }
    let outside: Vec<_> = files_below(folder.path()).into_iter().filter(|path| !path.starts_with("a/b/c/")).collect();
    assert!(outside.is_empty(), "{outside:?}");
    assert!(files_below(&within).iter().all(|path| !path.split('/').any(|part| part == "x")));
}
