//! A server of Redis of the test's own, on the loopback interface.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ::redis::{Client, Connection, cmd};

/// A server that keeps nothing on the disk, and ends when it is dropped.
pub(crate) struct Server {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
    arguments: Vec<&'static str>,
}

impl Server {
    /// `None`, with a word on stderr, where no Redis is installed; a failure in CI, where `.ci/run` installs it.
    pub(crate) fn start() -> Option<Server> {
        Server::with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn with(arguments: &[&'static str]) -> Option<Server> {
        let folder = tempfile::tempdir().unwrap();
        // Whoever is given the port before the server is: again.
        for _ in 0..5 {
            let port = free_port();
            let mut process = match run(port, folder.path(), arguments) {
                Ok(process) => process,
                Err(error) => {
                    missing(&error.to_string());
                    return None;
                }
            };
            if answers(port, &mut process) {
                return Some(Server { process, port, folder, arguments: arguments.to_vec() });
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("redis-server does not answer; try `redis-server --port 7777` by hand")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn connect(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// The server is killed, and another one takes its place and its port, with nothing in it.
    pub(crate) fn replace(&mut self, while_away: impl FnOnce()) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        while_away();
        self.process = run(self.port, self.folder.path(), &self.arguments).unwrap();
        assert!(answers(self.port, &mut self.process), "the port was let go a moment ago");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(port: u16, folder: &std::path::Path, arguments: &[&'static str]) -> std::io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// A port that is free at the moment, and below those that a cluster refuses, since it also takes the one 10,000 above.
fn free_port() -> u16 {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    (0..1000).map(|_| free()).find(|port| *port < 55_536).expect("of 1,000 free ports one is below 55,536")
}

/// Waits until the server answers; not if it has ended, or another one answers in its place.
fn answers(port: u16, process: &mut Child) -> bool {
    let client = Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    for _ in 0..1000 {
        let info = client.get_connection_with_timeout(Duration::from_secs(5)).and_then(|mut connection| {
            connection.set_read_timeout(Some(Duration::from_secs(5)))?;
            cmd("INFO").arg("server").query::<String>(&mut connection)
        });
        if let Ok(info) = info {
            let process_id = format!("process_id:{}", process.id());
            return info.lines().any(|line| line == process_id);
        }
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn missing(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "CI installs the server, so that there nothing is left out")]
    let in_ci = std::env::var("CI").is_ok();
    assert!(!in_ci, "redis-server cannot be started ({why}), and in CI no test is skipped: `.ci/run` installs it");
    // Past the capture of tests that pass.
    let line = format!(
        "\nSKIPPED: a test of the Redis store: redis-server cannot be started ({why}); install Debian's redis-server\n"
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
