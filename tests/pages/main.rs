//! What is made from the files of a report: pages, Markdown, JSON; and which folders are refused.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod browser;
mod folders;
mod forms;

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// Policies whose names are markup, in a scenario in which each kind of ending is come to.
const NASTY: &str = r#"
schema_version = 1
title = "<b>bold</b> & \"quoted\""
uploads = 3_000

[workload]
arrivals = { kind = "poisson", rate = "3600/h" }
processing = { kind = "lognormal", median = "8s", sigma = 0.8 }
failure = 0.02

[client]
interval = "3s"
max_attempts = 120
away = { chance = 0.3, time = { kind = "lognormal", median = "35min", sigma = 0.7 } }

[[policy]]
name = "<script>alert(1)</script>"
store = "dict"
time_to_live = "30m"
expiry = "physical"
sweep = { trigger = "chance", chance = 0.10 }

[[policy]]
name = "\"><img src=x onerror=alert(2)>|*_`"
store = "dict"
time_to_live = "60m"
expiry = "physical"
sweep = { trigger = "chance", chance = 0.05 }

[[policy]]
name = "logical"
time_to_live = "30m"
expiry = "logical"
tombstone = "24h"
sweep = { trigger = "chance", chance = 0.10 }
"#;

/// The program in a folder; it must end well.
fn stillready(folder: &Path, arguments: &[&str]) {
    Command::cargo_bin("stillready").unwrap().current_dir(folder).args(arguments).assert().success();
}

/// A folder with runs, one of them with [`NASTY`] names, a diagnosis, and all pages about them.
fn reports() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("nasty.toml"), NASTY).unwrap();
    let forms = ["--format", "html,markdown,json", "-q"];
    stillready(folder.path(), &[&["run", "nasty.toml", "smoke"], &forms[..]].concat());
    let few = ["run", "two-workers", "--uploads", "2000", "--replications", "3"];
    stillready(folder.path(), &[&few[..], &forms[..]].concat());
    stillready(folder.path(), &["diagnose", "--uploads", "300", "-q"]);
    stillready(folder.path(), &[&["sweep", "choice", "--uploads", "2000"], &forms[..]].concat());
    stillready(folder.path(), &["report", "reports", "--format", "html,markdown,json", "-q"]);
    folder
}
