//! The README tells the truth: its commands run, and print what it says they print.

use std::path::Path;

use assert_cmd::Command;

const README: &str = include_str!("../README.md");

/// A command of the README and what it says is printed on stdout.
struct Example {
    command: String,
    output: String,
}

/// The examples of all `console` blocks, in order.
fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let blocks = README.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => examples.push(Example { command: command.to_owned(), output: String::new() }),
            None => {
                let example = examples.last_mut().expect("a block begins with a command");
                example.output += &format!("{line}\n");
            }
        }
    }
    examples
}

/// The words of a command, as a shell divides them: what is in single quotes is one.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in command.split('\'').enumerate() {
        if number % 2 == 0 {
            words.extend(part.split_whitespace().map(str::to_owned));
        } else {
            words.push(part.to_owned());
        }
    }
    words
}

#[test]
fn every_command_prints_what_the_readme_says() {
    let folder = tempfile::tempdir().unwrap();
    // What is the reader's own.
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/feed-readers.log");
    std::fs::copy(log, folder.path().join("access.log")).unwrap();
    let examples = examples();
    assert!(examples.len() >= 8, "the README has examples");
    for Example { command, output } in examples {
        let arguments = words(command.strip_prefix("stillready").expect("the examples are of this program"));
        let run = Command::cargo_bin("stillready").unwrap().args(arguments).current_dir(&folder).assert();
        // All succeed but the gate's example, which is there to fail.
        let code = if command.contains("gate canary") { 10 } else { 0 };
        let run = run.code(code);
        let printed = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
        assert_eq!(printed.trim_end(), output.trim_end(), "$ {command}");
    }
}

#[test]
fn the_two_commands_of_a_fresh_machine_are_what_ci_runs() {
    let ci = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    for command in ["cargo run --release", "cargo test"] {
        assert!(README.contains(&format!("`{command}`")), "{command} is in the README");
        assert!(ci.contains(command), "{command} is in .ci/run");
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for text in README.split("](").skip(1) {
        let target = text.split(')').next().unwrap();
        if !target.starts_with("http") {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(target);
            assert!(path.exists(), "{target}");
        }
    }
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    for exit in stillready::exit::Exit::ALL {
        let row = format!("| {} | {} |", exit.code(), exit.meaning());
        assert!(README.contains(&row), "{row}");
    }
}
