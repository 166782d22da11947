//! The examples as programs: what their heads say to type.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;

/// An example of this crate. Plain `cargo test` has built it beside this test; where this test was built alone, it is built now.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder: PathBuf = test.parent().and_then(|deps| deps.parent()).unwrap().to_owned();
    let program = folder.join("examples").join(name);
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.args(folder.ends_with("release").then_some("--release")).status().unwrap().success());
    }
    let mut command = Command::new(program);
    command.stdout(Stdio::piped());
    command
}

/// Kills a program whatever becomes of the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_service_takes_a_file_and_lets_its_work_end_when_it_is_told_to_stop() {
    for signal in ["-TERM", "-INT"] {
        let mut program = Killed(example("upload_server").arg("127.0.0.1:0").env("WORK_SECONDS", "2").spawn().unwrap());
        let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
        let address = lines.next().unwrap().unwrap();
        let client = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let post = || client.post(format!("{address}/upload?name=a")).body("one\ntwo\n").send();
        let told: Value = post().await.unwrap().json().await.unwrap();
        let waits = client.get(format!("{address}/wait/{}", told["id"].as_str().unwrap())).send().await.unwrap();
        let ready: Value = waits.json().await.unwrap();
        assert_eq!(ready["result"], "2 lines");
        // Told to stop while work is running: that ends, and so does the program, in good order.
        post().await.unwrap();
        let kill = Command::new("kill").args([signal, &program.0.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let ended = tokio::task::spawn_blocking(move || program.0.wait().map(|status| (status, lines.last())));
        let (status, last) = tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap().unwrap().unwrap();
        assert!(status.success(), "{signal}: {status}");
        assert_eq!(last.unwrap().unwrap(), "0 statuses were over and swept");
    }
}

#[test]
fn the_stores_are_shown_side_by_side() {
    let shown = example("stores").output().unwrap();
    assert!(shown.status.success());
    let text = String::from_utf8(shown.stdout).unwrap();
    for line in [
        "at once        Processing",
        "after 30 min   Ready(\"/results/7\")",
        "after 31 min   Expired(Ready)",
        "after 2 h      Unknown",
    ] {
        assert_eq!(text.matches(line).count(), 3, "{text}");
    }
}
