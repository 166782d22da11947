//! The server: what it forgets by its own clock, when, and what happens when it goes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::redis::{Connection, RedisResult, Script, cmd};
use stillready::backend::redis::{Redis, RedisError};
use stillready::backend::{Backend, wall_clock_ns};
use stillready::registry::{Capacity, Outcome, Retention, State, Status};

use crate::minutes;
use crate::server::Server;

fn retention() -> Retention {
    Retention::finished(minutes(30)).tombstone(Some(minutes(10)))
}

/// How long the server still keeps a key: -1 for ever, -2 if it is not there.
fn life_ms(connection: &mut Connection, key: &str) -> i64 {
    cmd("PTTL").arg(key).query(connection).unwrap()
}

#[test]
fn what_one_connection_wrote_another_reads_and_ends() {
    let Some(server) = Server::start() else { return };
    let [one, other] = [(), ()].map(|()| Redis::open(server.url(), "menus", retention()).unwrap());
    let id = one.begin("menu.xlsx", 0).unwrap();
    assert!(other.finish(id, Outcome::Ready("/results/7".to_owned()), 1).unwrap());
    assert_eq!(one.read_key("menu.xlsx", 2).unwrap(), Status::Ready("/results/7".to_owned()));
    assert!(!one.interrupt(id, 3).unwrap());
    // Another name is another store.
    let elsewhere = Redis::open(server.url(), "wines", retention()).unwrap();
    assert_eq!(elsewhere.read_key("menu.xlsx", 2).unwrap(), Status::Unknown);
    assert_eq!(elsewhere.read(id, 2).unwrap(), Status::Unknown);
}

/// Looks at a record and how long it is kept, at one moment, until it is told to stop. Whether an end was seen that is kept
/// for ever.
fn watch(connection: &mut Connection, keys: &str, stop: &AtomicBool) -> bool {
    let look = Script::new(
        "local found = 0
         for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
             local value = redis.call('GET', key)
             if value and string.find(value, '\"ready\"') and redis.call('PTTL', key) == -1 then found = found + 1 end
         end
         return found",
    );
    let mut seen = false;
    while !stop.load(Ordering::Relaxed) {
        seen |= look.arg(keys).invoke::<u64>(connection).unwrap() > 0;
    }
    seen
}

/// `SET`, then `EXPIRE`.
fn two_commands(connection: &mut Connection, key: &str, dies_in_between: bool) -> RedisResult<()> {
    cmd("SET").arg(key).arg(r#"{"state":"ready"}"#).exec(connection)?;
    if dies_in_between {
        return Ok(());
    }
    cmd("PEXPIRE").arg(key).arg(60_000).exec(connection)
}

#[test]
fn set_and_then_expire_leaves_a_key_for_ever_where_the_process_dies_in_between() {
    let Some(server) = Server::start() else { return };
    let mut connection = server.connect();
    two_commands(&mut connection, "upload:1", true).unwrap();
    assert_eq!(life_ms(&mut connection, "upload:1"), -1, "nobody will ever give it back");
}

#[test]
fn nobody_sees_an_end_that_has_no_expiry() {
    let Some(server) = Server::start() else { return };
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    let stop = AtomicBool::new(false);
    let watched = |keys, work: &dyn Fn()| {
        stop.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| watch(&mut server.connect(), keys, &stop));
            work();
            stop.store(true, Ordering::Relaxed);
            watcher.join().unwrap()
        })
    };
    let ours = watched("*:u:*", &|| {
        for number in 0..400 {
            let id = store.begin(&format!("{}", number % 7), number).unwrap();
            assert!(store.finish(id, Outcome::Ready(String::new()), number).unwrap());
            assert!(store.clear(id).unwrap());
        }
    });
    assert!(!ours, "value and expiry go in one command");
    // The watch sees it where there is something to see.
    let theirs = watched("upload:*", &|| {
        for _ in 0..400 {
            let mut connection = server.connect();
            two_commands(&mut connection, "upload:1", false).unwrap();
            two_commands(&mut connection, "upload:2", false).unwrap();
        }
    });
    assert!(theirs, "value and expiry go in two");
}

#[test]
fn redis_gives_back_by_its_own_clock_what_is_forgotten() {
    let Some(server) = Server::start() else { return };
    let mut connection = server.connect();
    let life = Duration::from_millis(200);
    let store = Redis::open(server.url(), "menus", Retention::finished(life).tombstone(Some(life))).unwrap();
    let running = store.begin("menu.xlsx", wall_clock_ns()).unwrap();
    let id = store.begin("menu.xlsx", wall_clock_ns()).unwrap();
    let [running_key, key] = [running, id].map(|id| format!("stillready1:{{menus}}:u:{id}"));
    let name = "stillready1:{menus}:k:menu.xlsx";
    assert_eq!(life_ms(&mut connection, &key), -1, "a running upload is kept");
    assert!(store.finish(id, Outcome::Ready(String::new()), wall_clock_ns()).unwrap());
    for key in [&key[..], name] {
        let life = life_ms(&mut connection, key);
        assert!((5_000..=5_400).contains(&life), "{key} is kept for its 0.4 s and five seconds more, not {life} ms");
    }
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(store.read(id, wall_clock_ns()).unwrap(), Status::Expired(State::Ready));
    // Nobody reads it, and nobody sweeps: ten times a second the server looks for itself.
    let size = |connection: &mut Connection| cmd("DBSIZE").query::<u64>(connection).unwrap();
    assert_eq!(size(&mut connection), 4);
    for _ in 0..1000 {
        if size(&mut connection) == 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(size(&mut connection), 2, "what is left are the counter of ids and what runs");
    assert_eq!(life_ms(&mut connection, &running_key), -1);
    // The key does not name the earlier one again.
    assert_eq!(store.read_key("menu.xlsx", wall_clock_ns()).unwrap(), Status::Unknown);
    assert_eq!(store.read(running, wall_clock_ns()).unwrap(), Status::Processing);
}

#[test]
fn a_server_that_comes_back_empty_or_behind_gives_out_no_id_again() {
    let Some(mut server) = Server::start() else { return };
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    let lost = store.begin("menu.xlsx", wall_clock_ns()).unwrap();
    server.replace(|| {
        let error = store.read(lost, wall_clock_ns()).unwrap_err();
        assert!(matches!(error, RedisError::Redis(_)), "{error}");
    });
    // The next call connects anew.
    assert_eq!(store.read(lost, wall_clock_ns()).unwrap(), Status::Unknown);
    let next = store.begin("wines.xlsx", wall_clock_ns()).unwrap();
    assert!(next > lost, "{next} comes after {lost}, which is another upload's");
    assert_eq!(store.read(lost, wall_clock_ns()).unwrap(), Status::Unknown);
    // Nor does a replica that takes its place and is behind by some.
    cmd("DECRBY").arg("stillready1:{menus}:id").arg(3).exec(&mut server.connect()).unwrap();
    assert!(store.begin("bread.xlsx", wall_clock_ns()).unwrap() > next);
    // Of one clock that is late by an hour, ids grow nevertheless.
    let late = wall_clock_ns() - 60 * crate::MINUTE_NS;
    let [one, two] = [(), ()].map(|()| store.begin("salt.xlsx", late).unwrap());
    assert!(two > one && one > next);
}

#[test]
fn a_cluster_finds_all_keys_of_a_store_in_one_slot() {
    let Some(server) = Server::with(&["--cluster-enabled", "yes"]) else { return };
    let mut connection = server.connect();
    cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(0).arg(16383).exec(&mut connection).unwrap();
    let is_ready = |connection: &mut Connection| {
        let state: String = cmd("CLUSTER").arg("INFO").query(connection).unwrap();
        state.contains("cluster_state:ok")
    };
    while !is_ready(&mut connection) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    // Braces in a key are no tag.
    let id = store.begin("{menu}.xlsx", 0).unwrap();
    assert!(store.finish(id, Outcome::Failed("no".to_owned()), 1).unwrap());
    assert_eq!(store.read_key("{menu}.xlsx", 2).unwrap(), Status::Failed("no".to_owned()));
    let mut taken = 0;
    store.sweep(41 * crate::MINUTE_NS, &mut |_| taken += 1).unwrap();
    assert_eq!(taken, 1);
}

/// Begins uploads with long names until the server is full, and says what became of it: whether one of them is unknown, and
/// whether one was refused.
fn fill(policy: &'static str) -> Option<(bool, bool)> {
    let server = Server::with(&["--maxmemory", "4mb", "--maxmemory-policy", policy])?;
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    let long = "x".repeat(20_000);
    let begun: Vec<_> = (0..300).map(|number| store.begin(&format!("{long}{number}"), 0)).collect();
    let is_unknown = |id: &u64| store.read(*id, 0).unwrap() == Status::Unknown;
    Some((begun.iter().flatten().any(is_unknown), begun.iter().any(Result::is_err)))
}

#[test]
fn under_an_evicting_policy_a_full_server_forgets_running_uploads() {
    let Some(full) = fill("noeviction") else { return };
    assert_eq!(full, (false, true), "it refuses new ones");
    assert_eq!(fill("allkeys-lru"), Some((true, false)), "S5: they go while their work runs");
}

#[test]
fn what_it_cannot_keep_or_cannot_name_is_refused() {
    // Before it connects: there is no server.
    let open = |name, retention| Redis::open("redis://127.0.0.1:1/", name, retention).unwrap_err().to_string();
    assert_eq!(
        open("menus", retention().capacity(Capacity::Refuse(5))),
        "Redis keeps any number of uploads, and the retention has Refuse(5); use Capacity::Unbounded"
    );
    assert_eq!(
        open("{menus}", retention()),
        "the name `{menus}` is empty or has other characters than letters, digits, `.`, `_` and `-`; take another"
    );
    assert!(open("menus", retention()).starts_with("Redis: "));
}
