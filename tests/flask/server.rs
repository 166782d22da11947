//! gunicorn, with all that belongs to it: started on a free port, and gone when it is dropped.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::here;

/// How long anything may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How the endpoint is served.
pub(crate) struct Site<'a> {
    pub(crate) python: &'a Path,
    /// `before` or `after`.
    pub(crate) app: &'static str,
    /// Options of gunicorn.
    pub(crate) options: &'static [&'static str],
    /// Settings of the app, each with its value.
    pub(crate) settings: &'a [(&'static str, &'a str)],
    /// Where the app keeps its file; for `after`.
    pub(crate) database: PathBuf,
}

/// A running gunicorn.
pub(crate) struct Server {
    pub(crate) port: u16,
    gunicorn: Child,
    folder: TempDir,
}

/// An answer over HTTP, and the process that gave it.
pub(crate) struct Answer {
    pub(crate) body: Value,
    pub(crate) worker: u32,
}

impl Server {
    /// Starts gunicorn and waits until it answers.
    pub(crate) fn start(site: &Site<'_>) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = File::create(folder.path().join("log")).unwrap();
        let gunicorn = Command::new(site.python)
            .args(["-m", "gunicorn", "--no-control-socket", "--bind", &format!("127.0.0.1:{port}")])
            .arg("--chdir")
            .arg(here("examples/flask_app"))
            .args(site.options)
            .arg(format!("{}:app", site.app))
            .env_remove("GUNICORN_CMD_ARGS")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("UPLOADS_DB", &site.database)
            .envs(site.settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server = Server { port, gunicorn, folder };
        let since = Instant::now();
        while server.try_get("/api/upload-status?filename=nobody").is_none() {
            assert!(server.gunicorn.try_wait().unwrap().is_none(), "gunicorn ended: {}", server.log());
            assert!(since.elapsed() < PATIENCE, "gunicorn does not answer: {}", server.log());
            sleep(Duration::from_millis(50));
        }
        server
    }

    /// The answer to a poll; one that is lost with its worker is asked for again.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let since = Instant::now();
        loop {
            if let Some(answer) = self.try_get(path) {
                return answer;
            }
            assert!(since.elapsed() < PATIENCE, "no answer to {path}: {}", self.log());
            sleep(Duration::from_millis(50));
        }
    }

    /// Polls until an answer has this status.
    pub(crate) fn get_until(&self, path: &str, status: &str) -> Answer {
        let since = Instant::now();
        loop {
            let answer = self.get(path);
            if answer.body["status"] == status {
                return answer;
            }
            assert!(since.elapsed() < PATIENCE, "{path} is still {}: {}", answer.body, self.log());
            sleep(Duration::from_millis(50));
        }
    }

    /// Uploads a file whose work takes so many seconds.
    pub(crate) fn upload(&self, name: &str, seconds: f64) -> Answer {
        let body = "a line\n";
        let head = format!(
            "POST /api/upload?filename={name}&seconds={seconds} HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: {}",
            body.len()
        );
        self.request(&head, body).unwrap_or_else(|| panic!("no answer to an upload: {}", self.log()))
    }

    /// Ends gunicorn in good order, as a deployment does.
    pub(crate) fn stop(mut self) {
        signal("TERM", &self.gunicorn.id().to_string());
        let since = Instant::now();
        while self.gunicorn.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "gunicorn does not stop: {}", self.log());
            sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn try_get(&self, path: &str) -> Option<Answer> {
        self.request(&format!("GET {path} HTTP/1.0"), "")
    }

    fn request(&self, head: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(format!("{head}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n{body}").as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        assert!(head.contains(" 200 "), "{text}");
        let worker = head.lines().find_map(|line| line.strip_prefix("X-Worker: "))?.trim().parse().ok()?;
        Some(Answer { body: serde_json::from_str(body).ok()?, worker })
    }
}

impl Drop for Server {
    /// The workers go with their master: all are of one process group, and it is ours alone.
    fn drop(&mut self) {
        if self.gunicorn.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal("KILL", &format!("-{}", self.gunicorn.id()));
            let _ = self.gunicorn.wait();
        }
    }
}

/// Sends a signal to a process, or to the group of a negative number. Every shell has `kill`; not every machine has the program.
pub(crate) fn signal(name: &str, process: &str) {
    let _ = Command::new("sh").args(["-c", &format!("kill -s {name} -- {process}")]).stderr(Stdio::null()).status();
}
