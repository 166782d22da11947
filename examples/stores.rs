//! The stores for several workers and machines, side by side: what each answers to a client that polls in time, late, and too late.
//!
//! ```text
//! cargo run --example stores
//! cargo run --example stores -- redis://127.0.0.1/
//! ```
//!
//! Time is an argument of each call, so that an hour needs no waiting. A service passes what `wall_clock_ns` says.

use std::error::Error;
use std::time::Duration;

use stillready::backend::dashmap::Dashmap;
use stillready::backend::moka::Moka;
use stillready::backend::redis::Redis;
use stillready::backend::sqlite::Sqlite;
use stillready::backend::{Backend, wall_clock_ns};
use stillready::registry::{Outcome, Retention};

const MINUTE: u64 = 60_000_000_000;

/// Half an hour from the end of the work, then `expired` for an hour.
fn retention() -> Retention {
    Retention::finished(Duration::from_secs(30 * 60)).tombstone(Some(Duration::from_secs(60 * 60)))
}

/// One upload, from its beginning to where nobody remembers it.
fn show<B: Backend>(name: &str, store: &B) -> Result<(), B::Error> {
    let begun = wall_clock_ns();
    let id = store.begin("menu.xlsx", begun)?;
    println!("{name}\n  at once        {:?}", store.read(id, begun)?);
    store.finish(id, Outcome::Ready("/results/7".to_owned()), begun + MINUTE)?;
    for (when, minutes) in [("after 1 min", 1), ("after 30 min", 30), ("after 31 min", 31), ("after 2 h", 120)] {
        println!("  {when:<14} {:?}", store.read(id, begun + minutes * MINUTE)?);
    }
    let mut swept = 0;
    store.sweep(begun + 120 * MINUTE, &mut |_| swept += 1)?;
    println!("  a sweep then   gives back {swept}\n");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("stillready-example-{}.db", std::process::id()));
    show("SQLite, a file that the workers of one machine share", &Sqlite::open(&file, retention())?)?;
    for ending in ["", "-wal", "-shm"] {
        let mut path = file.clone().into_os_string();
        path.push(ending);
        // The two beside the file go with the last connection.
        let _ = std::fs::remove_file(path);
    }
    show("moka, in one process", &Moka::new(retention())?)?;
    show("dashmap, in one process", &Dashmap::new(retention())?)?;
    match std::env::args().nth(1) {
        Some(server) => {
            show("Redis, which several machines share", &Redis::open(server.as_str(), "example", retention())?)?;
        }
        None => println!("Redis: name a server, such as redis://127.0.0.1/, to see it, too"),
    }
    Ok(())
}
