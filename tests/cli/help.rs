//! Help, version, completions.

use stillready::exit::Exit;

use crate::run;

#[test]
fn the_help_is_this() {
    insta::assert_snapshot!("help", run(&["--help"]).stdout);
    insta::assert_snapshot!("help_short", run(&["-h"]).stdout);
    insta::assert_snapshot!("help_run", run(&["run", "--help"]).stdout);
    insta::assert_snapshot!("help_import", run(&["import", "--help"]).stdout);
    insta::assert_snapshot!("help_mutants", run(&["mutants", "--help"]).stdout);
    insta::assert_snapshot!("help_replay", run(&["replay", "--help"]).stdout);
}

#[test]
fn the_help_lists_every_exit_code() {
    let help = run(&["--help"]).stdout;
    for exit in Exit::ALL {
        assert!(help.contains(&format!("{:>5}  {}\n", exit.code(), exit.meaning())), "{exit:?}");
    }
}

#[test]
fn the_version_tells_the_commit() {
    assert_eq!(run(&["-V"]).stdout, format!("stillready {}\n", env!("CARGO_PKG_VERSION")));
    assert!(run(&["--version"]).stdout.contains("(commit "));
}

#[test]
fn there_are_completions_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = run(&["completions", shell]);
        assert!(ended.code == 0 && ended.stdout.contains("check-determinism"), "{shell}");
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn wrong_command_lines_are_usage_errors() {
    let wrong = [
        &["runn"][..],
        &["run"],
        &["run", "smoke", "--jobs", "0"],
        &["run", "smoke", "--uploads", "0"],
        &["run", "smoke", "--uploads", "4294967296"],
        &["run", "smoke", "--replications", "0"],
        &["run", "smoke", "--seed", "-1"],
        &["run", "smoke", "-q", "-v"],
        &["replay", "smoke"],
        &["check"],
        &["--color", "sometimes"],
    ];
    for arguments in wrong {
        let ended = run(arguments);
        assert!(
            ended.code == 2 && ended.stdout.is_empty() && !ended.stderr.is_empty(),
            "{arguments:?}: {}",
            ended.code
        );
    }
}
