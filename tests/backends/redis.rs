//! The server: what it forgets by its own clock, when, and what happens when it goes.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ::redis::{Connection, ErrorKind, RedisResult, Script, ServerErrorKind, cmd};
use stillready::backend::redis::{Redis, RedisError};
use stillready::backend::{Backend, wall_clock_ns};
use stillready::registry::{AgeBasis, Capacity, Outcome, Retention, State, Status};

use crate::server::Server;
use crate::{MINUTE_NS, minutes, until};

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

/// What looks at the records and how long they are kept, each time at one moment, have seen.
#[derive(Default)]
struct Seen {
    /// How many looks found an end.
    ends: AtomicU64,
    /// How many of these found one that is kept for ever.
    for_ever: AtomicU64,
}

/// Looks again and again until it is told to stop.
fn watch(connection: &mut Connection, keys: &str, seen: &Seen, stop: &AtomicBool) {
    let look = Script::new(
        "local ends, forever = 0, 0
         for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
             local value = redis.call('GET', key)
             if value and string.find(value, '\"ready\"') then
                 ends = 1
                 if redis.call('PTTL', key) == -1 then forever = 1 end
             end
         end
         return {ends, forever}",
    );
    while !stop.load(Ordering::Relaxed) {
        let (ends, for_ever): (u64, u64) = look.arg(keys).invoke(connection).unwrap();
        seen.ends.fetch_add(ends, Ordering::Relaxed);
        seen.for_ever.fetch_add(for_ever, Ordering::Relaxed);
    }
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
    // Works under a watch, at least so many times, and until that has seen what it is to see.
    let watched = |keys, work: &dyn Fn(u64), is_enough: &dyn Fn(&Seen) -> bool| {
        let (seen, stop) = (Seen::default(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| watch(&mut server.connect(), keys, &seen, &stop));
            for number in 0..100_000 {
                if number >= 400 && is_enough(&seen) {
                    break;
                }
                work(number);
            }
            stop.store(true, Ordering::Relaxed);
        });
        [seen.ends, seen.for_ever].map(AtomicU64::into_inner)
    };
    let ours = |number| {
        let id = store.begin(&format!("{}", number % 7), number).unwrap();
        assert!(store.finish(id, Outcome::Ready(String::new()), number).unwrap());
        assert!(store.clear(id).unwrap());
    };
    let [ends, for_ever] = watched("*:u:*", &ours, &|seen| seen.ends.load(Ordering::Relaxed) >= 20);
    assert!(ends >= 20, "a watch that saw {ends} ends has watched nothing");
    assert_eq!(for_ever, 0, "value and expiry go in one command: {ends} looks found an end");
    // The watch sees it where there is something to see.
    let theirs = |_| {
        let mut connection = server.connect();
        two_commands(&mut connection, "upload:1", false).unwrap();
        two_commands(&mut connection, "upload:2", false).unwrap();
    };
    let [_, for_ever] = watched("upload:*", &theirs, &|seen| seen.for_ever.load(Ordering::Relaxed) > 0);
    assert!(for_ever > 0, "value and expiry go in two");
}

/// The moments, by the server's clock in milliseconds, at which it is now and at which it gives a key back.
fn now_and_end_ms(connection: &mut Connection, key: &str) -> (u64, u64) {
    // In a script time stands still.
    let look = Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000 + math.floor(time[2] / 1000)
         return {now, now + redis.call('PTTL', KEYS[1])}",
    );
    look.key(key).invoke(connection).unwrap()
}

#[test]
fn redis_gives_back_by_its_own_clock_what_is_forgotten() {
    let Some(server) = Server::start() else { return };
    let mut connection = server.connect();
    let life = Duration::from_millis(200);
    let store = Redis::open(server.url(), "menus", Retention::finished(life).tombstone(Some(life))).unwrap();
    // What is answered goes by these moments, and what is kept by the server's.
    let (begun_ns, ended_ns) = (MINUTE_NS, 2 * MINUTE_NS);
    let [running, id] = [(), ()].map(|()| store.begin("menu.xlsx", begun_ns).unwrap());
    let [running_key, key] = [running, id].map(|id| format!("stillready1:{{menus}}:u:{id}"));
    let name = "stillready1:{menus}:k:menu.xlsx";
    assert_eq!(life_ms(&mut connection, &key), -1, "a running upload is kept");
    let (before_ms, _) = now_and_end_ms(&mut connection, &running_key);
    assert!(store.finish(id, Outcome::Ready(String::new()), ended_ns).unwrap());
    for key in [&key[..], name] {
        let (after_ms, end_ms) = now_and_end_ms(&mut connection, key);
        let expected = before_ms + 5_400..=after_ms + 5_400;
        // Its two clocks are read at two moments.
        let is_right = (expected.start() - 2..=expected.end() + 2).contains(&end_ms);
        assert!(is_right, "{key} is kept for its 0.4 s and five seconds more: {expected:?}, not until {end_ms}");
    }
    assert_eq!(store.read(id, ended_ns + 250_000_000).unwrap(), Status::Expired(State::Ready));
    // Nobody reads it, and nobody sweeps: ten times a second the server looks for itself.
    let size = |connection: &mut Connection| cmd("DBSIZE").query::<u64>(connection).unwrap();
    assert_eq!(size(&mut connection), 4);
    until("the server gives two keys back", || size(&mut connection) == 2);
    assert_eq!(size(&mut connection), 2, "what is left are the counter of ids and what runs");
    assert_eq!(life_ms(&mut connection, &running_key), -1);
    // The key does not name the earlier one again.
    assert_eq!(store.read_key("menu.xlsx", ended_ns).unwrap(), Status::Unknown);
    assert_eq!(store.read(running, ended_ns).unwrap(), Status::Processing);
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
    let late = wall_clock_ns() - 60 * MINUTE_NS;
    let [one, two] = [(), ()].map(|()| store.begin("salt.xlsx", late).unwrap());
    assert!(two > one && one > next);
}

#[test]
fn a_node_that_owns_all_slots_finds_all_keys_of_a_store_in_one() {
    let Some(server) = Server::with(&["--cluster-enabled", "yes"]) else { return };
    let mut connection = server.connect();
    cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(0).arg(16383).exec(&mut connection).unwrap();
    let is_ready = |connection: &mut Connection| {
        let state: String = cmd("CLUSTER").arg("INFO").query(connection).unwrap();
        state.contains("cluster_state:ok")
    };
    until("the cluster of one node is ready", || is_ready(&mut connection));
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    // Braces in a key are no tag.
    let id = store.begin("{menu}.xlsx", 0).unwrap();
    assert!(store.finish(id, Outcome::Failed("no".to_owned()), 1).unwrap());
    assert_eq!(store.read_key("{menu}.xlsx", 2).unwrap(), Status::Failed("no".to_owned()));
    let mut taken = 0;
    store.sweep(41 * MINUTE_NS, &mut |_| taken += 1).unwrap();
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

/// Fills a server until it refuses a single character.
fn fill_to_the_brim(connection: &mut Connection, number: &mut u64) {
    for size in [100_000, 10_000, 1000, 100, 10, 1] {
        loop {
            *number += 1;
            let set = cmd("SET").arg(format!("filler {number}")).arg("x".repeat(size)).exec(connection);
            if let Err(error) = set {
                assert_eq!(error.code(), Some("OOM"), "{error}");
                break;
            }
        }
    }
}

#[test]
fn a_server_that_is_full_refuses_new_uploads_and_takes_the_ends_of_others() {
    let policy = ["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"];
    let Some(server) = Server::with(&policy) else { return };
    let store = Redis::open(server.url(), "menus", retention().age(AgeBasis::Acknowledged)).unwrap();
    let begun: Vec<u64> = (0..20).map(|number| store.begin(&format!("{number}"), 0).unwrap()).collect();
    let (mut connection, mut number) = (server.connect(), 0);
    for (name, id) in begun.iter().enumerate() {
        fill_to_the_brim(&mut connection, &mut number);
        assert!(store.finish(*id, Outcome::Ready("/results/7".to_owned()), 1).unwrap());
        fill_to_the_brim(&mut connection, &mut number);
        assert_eq!(store.read_key(&name.to_string(), 2).unwrap(), Status::Ready("/results/7".to_owned()));
        assert!(store.acknowledge(*id, 3).unwrap());
        assert_eq!(store.read(*id, 3 + 30 * MINUTE_NS).unwrap(), Status::Expired(State::Ready));
        fill_to_the_brim(&mut connection, &mut number);
        let refused = store.begin("new.xlsx", 4).unwrap_err();
        assert!(matches!(&refused, RedisError::Redis(error) if error.to_string().contains("OOM")), "{refused}");
    }
}

/// How many connections a server has, but for the one that asks.
fn others(connection: &mut Connection) -> usize {
    let all: String = cmd("CLIENT").arg("LIST").arg("TYPE").arg("normal").query(connection).unwrap();
    all.lines().count() - 1
}

#[test]
fn a_connection_to_a_master_that_was_made_a_replica_is_made_anew() {
    let Some(server) = Server::start() else { return };
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    let id = store.begin("menu.xlsx", 0).unwrap();
    let mut connection = server.connect();
    until("its own connections are gone but for two", || others(&mut connection) == 1);
    // Of a master that is not there: what it holds stays.
    cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec(&mut connection).unwrap();
    let refused = |result: Result<bool, RedisError>, kind| {
        let error = result.unwrap_err();
        assert!(matches!(&error, RedisError::Redis(error) if error.kind() == ErrorKind::Server(kind)), "{error}");
    };
    refused(store.finish(id, Outcome::Failed("no".to_owned()), 1), ServerErrorKind::ReadOnly);
    until("the connection is dropped", || others(&mut connection) == 0);
    // By a new one at once, not a second later.
    assert_eq!(store.read(id, 2).unwrap(), Status::Processing);
    assert_eq!(others(&mut connection), 1);
    cmd("CONFIG").arg("SET").arg("replica-serve-stale-data").arg("no").exec(&mut connection).unwrap();
    refused(store.clear(id), ServerErrorKind::MasterDown);
    until("the connection is dropped", || others(&mut connection) == 0);
    cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut connection).unwrap();
    assert!(store.finish(id, Outcome::Ready("7".to_owned()), 3).unwrap());
}

#[test]
fn a_server_that_is_away_is_tried_once_a_second() {
    let Some(mut server) = Server::start() else { return };
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    let id = store.begin("menu.xlsx", 0).unwrap();
    server.replace(|| {
        let broken = store.read(id, 1).unwrap_err();
        assert!(matches!(broken, RedisError::Redis(_)), "{broken}");
        let refused = store.read(id, 1).unwrap_err();
        assert!(matches!(refused, RedisError::Redis(_)), "{refused}");
        // Within the second, unless the machine stands still for it: then one call tries again, and one after it does not.
        until("a call that fails at once", || matches!(store.read(id, 1).unwrap_err(), RedisError::Away(_)));
    });
    until("it is tried again", || store.read(id, 2).is_ok());
    assert_eq!(store.read(id, 2).unwrap(), Status::Unknown);
}

#[test]
fn threads_do_not_wait_one_after_the_other_for_a_server_that_does_not_answer() {
    let Some(server) = Server::start() else { return };
    let store = Redis::open(server.url(), "menus", retention()).unwrap();
    cmd("CLIENT").arg("PAUSE").arg(600_000).arg("ALL").exec(&mut server.connect()).unwrap();
    let (start, start_ns) = (Barrier::new(6), wall_clock_ns());
    let errors: Vec<RedisError> = std::thread::scope(|scope| {
        let read = || {
            start.wait();
            store.read(1, 0).unwrap_err()
        };
        let all: Vec<_> = (0..6).map(|_| scope.spawn(read)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let waited = Duration::from_nanos(wall_clock_ns() - start_ns);
    assert!(waited < Duration::from_secs(20), "{waited:?}: one after the other they would wait for 30 s");
    let away = errors.iter().filter(|error| matches!(error, RedisError::Away(_))).count();
    assert!((3..6).contains(&away), "{errors:?}");
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
