//! Workers that end while they work: each upload's status outlives them, and says what became of it.

use std::path::PathBuf;

use crate::python;
use crate::server::{Server, Site, signal};

/// A name, and where it is asked for.
fn by_name(name: &str) -> String {
    format!("/api/upload-status?filename={name}")
}

#[test]
fn a_killed_worker_takes_a_dictionary_along_and_no_file() {
    let Some((python, _alone)) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("uploads.sqlite3");
    let site = |app| Site {
        python: &python,
        app,
        options: &["-w", "2"],
        settings: &[("UPLOADS_RUNNING_TTL_S", "3")],
        database: database.clone(),
    };

    let before = Server::start(&site("before"));
    let worker = before.upload("done.txt", 0.0).worker;
    before.get_until(&by_name("done.txt"), "ready");
    signal("KILL", &worker.to_string());
    // The other worker never knew, and the new one starts with nothing.
    for _ in 0..20 {
        assert_eq!(before.get(&by_name("done.txt")).body["status"], "not_found");
    }

    let after = Server::start(&site("after"));
    let done = after.upload("done.txt", 0.0);
    after.get_until(&by_name("done.txt"), "ready");
    let running = after.upload("running.txt", 60.0);
    signal("KILL", &running.worker.to_string());
    if done.worker != running.worker {
        signal("KILL", &done.worker.to_string());
    }
    assert_eq!(after.get(&by_name("done.txt")).body["status"], "ready");
    let by_id = format!("/api/upload-status?id={}", running.body["id"]);
    // Nobody is left to end it; its time does.
    assert_eq!(after.get_until(&by_id, "expired").body["was"], "processing");
}

#[test]
fn a_worker_that_stops_in_good_order_leaves_its_uploads_interrupted() {
    let Some((python, _alone)) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let database: PathBuf = folder.path().join("uploads.sqlite3");
    let site = Site { python: &python, app: "after", options: &["-w", "2"], settings: &[], database };
    let server = Server::start(&site);
    let running = server.upload("running.txt", 60.0);
    server.upload("done.txt", 0.0);
    server.get_until(&by_name("done.txt"), "ready");
    server.stop();

    let server = Server::start(&site);
    let by_id = format!("/api/upload-status?id={}", running.body["id"]);
    assert_eq!(server.get(&by_id).body["status"], "interrupted");
    assert_eq!(server.get(&by_name("done.txt")).body["message"], "7 bytes");
}
