//! Tells the program which commit it was built from, where that is known.

use std::process::Command;

fn main() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
    };
    // A package from a registry has no repository of its own, and may lie inside somebody else's.
    let own = git(&["rev-parse", "--show-cdup"]).is_none() && std::path::Path::new(".git").exists();
    if let Some(commit) = git(&["rev-parse", "HEAD"]).filter(|_| own) {
        println!("cargo::rustc-env=STILLREADY_COMMIT={commit}");
    }
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|_| own) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}
