//! The stores as the tests have them: for each execution as good as new, and through several connections.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use stillready::backend::dashmap::Dashmap;
use stillready::backend::moka::Moka;
use stillready::backend::redis::Redis;
use stillready::backend::sqlite::Sqlite;
use stillready::backend::{Backend, Entry};
use stillready::registry::{Outcome, Retention, Status};

use crate::server::Server;

/// How many connections share a file or a server.
const CONNECTIONS: usize = 3;

/// What makes stores that hold nothing.
pub(crate) type Make<B> = Arc<dyn Fn() -> B + Send + Sync>;

pub(crate) fn dashmaps(retention: Retention) -> Make<Dashmap> {
    Arc::new(move || Dashmap::new(retention).unwrap())
}

pub(crate) fn mokas(retention: Retention) -> Make<Moka> {
    Arc::new(move || Moka::new(retention).unwrap())
}

/// One file, which each execution finds empty, since to set one up takes longer than most executions.
pub(crate) fn files(retention: Retention) -> Make<Arc<Several<Sqlite>>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uploads.db");
    let several = Several::new(|| Sqlite::open(&path, retention).unwrap());
    let connection = Mutex::new(rusqlite::Connection::open(&path).unwrap());
    connection.lock().unwrap().pragma_update(None, "synchronous", "OFF").unwrap();
    let several = Arc::new(Several { path: Some(path), ..several });
    Arc::new(move || {
        // Kept as long as its file is needed.
        let _ = &folder;
        connection.lock().unwrap().execute("DELETE FROM uploads", []).unwrap();
        Arc::clone(&several)
    })
}

/// One server, which each execution finds empty. `None` where there is no Redis.
pub(crate) fn servers(retention: Retention) -> Option<Make<Arc<Several<Redis>>>> {
    let server = Server::start()?;
    let several = Arc::new(Several::new(|| Redis::open(server.url(), "test", retention).unwrap()));
    let connection = Mutex::new(server.connect());
    Some(Arc::new(move || {
        let _ = &server;
        ::redis::cmd("FLUSHDB").exec(&mut connection.lock().unwrap()).unwrap();
        Arc::clone(&several)
    }))
}

/// Several connections to one store, which take turns call by call: what one has done the others must see.
pub(crate) struct Several<B> {
    all: Vec<B>,
    next: AtomicUsize,
    /// Of the file, if it is one.
    pub(crate) path: Option<PathBuf>,
}

impl<B> Several<B> {
    fn new(mut connect: impl FnMut() -> B) -> Several<B> {
        Several { all: (0..CONNECTIONS).map(|_| connect()).collect(), next: AtomicUsize::new(0), path: None }
    }

    fn next(&self) -> &B {
        &self.all[self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS]
    }
}

impl<B: Backend> Backend for Several<B> {
    type Error = B::Error;

    fn retention(&self) -> &Retention {
        self.next().retention()
    }

    fn begin(&self, key: &str, now_ns: u64) -> Result<u64, B::Error> {
        self.next().begin(key, now_ns)
    }

    fn finish(&self, id: u64, outcome: Outcome<String>, now_ns: u64) -> Result<bool, B::Error> {
        self.next().finish(id, outcome, now_ns)
    }

    fn interrupt(&self, id: u64, now_ns: u64) -> Result<bool, B::Error> {
        self.next().interrupt(id, now_ns)
    }

    fn read(&self, id: u64, now_ns: u64) -> Result<Status<String>, B::Error> {
        self.next().read(id, now_ns)
    }

    fn read_key(&self, key: &str, now_ns: u64) -> Result<Status<String>, B::Error> {
        self.next().read_key(key, now_ns)
    }

    fn acknowledge(&self, id: u64, now_ns: u64) -> Result<bool, B::Error> {
        self.next().acknowledge(id, now_ns)
    }

    fn clear(&self, id: u64) -> Result<bool, B::Error> {
        self.next().clear(id)
    }

    fn sweep(&self, now_ns: u64, on_taken: &mut dyn FnMut(Entry)) -> Result<(), B::Error> {
        self.next().sweep(now_ns, on_taken)
    }

    fn entries(&self, visit: &mut dyn FnMut(u64, Entry)) -> Result<(), B::Error> {
        self.next().entries(visit)
    }
}
