//! Each store through the harness, under the retentions that it promises to keep.

use std::time::Duration;

use stillready::backend::{Backend, Checked};
use stillready::harness::{Budget, Check, Level, Report, check};
use stillready::registry::{AgeBasis, Expiry, Retention, TimeToLive};
use stillready::scenario::Property;

use crate::minutes;
use crate::subjects::{Make, dashmaps, files, mokas, servers};

/// Retentions under logical expiry, with names.
pub(crate) fn logical() -> Vec<(&'static str, Retention)> {
    let plain = Retention::finished(minutes(30)).tombstone(Some(minutes(10)));
    let hour = Some(minutes(60).as_nanos() as u64);
    let limited = TimeToLive { processing_ns: hour, ..plain.time_to_live };
    let errors_for_ever = TimeToLive { failed_ns: None, interrupted_ns: Some(u64::MAX), ..limited };
    vec![
        ("plain", plain),
        ("no tombstones", plain.tombstone(None)),
        ("running uploads limited", Retention { time_to_live: limited, ..plain }),
        ("errors kept for ever", Retention { time_to_live: errors_for_ever, ..plain.tombstone(None) }),
        ("from the beginning", Retention { time_to_live: limited, ..plain }.age(AgeBasis::Created)),
        ("from the last write", plain.age(AgeBasis::LastWrite)),
        ("from the last access", plain.age(AgeBasis::LastAccess)),
        ("from the acknowledgement", plain.age(AgeBasis::Acknowledged)),
    ]
}

/// How many executions of each level.
fn budget(max_executions: u64) -> Budget {
    Budget { max_executions, max_time: Duration::from_secs(60), max_call: Duration::from_secs(30) }
}

fn of<B: Backend>(name: &str, retention: Retention, make: Make<B>) -> Check<Checked<B>> {
    check(name, move || Checked(make())).promise(retention)
}

fn assert_all_looked_at(report: &Report) {
    let ran: Vec<Level> = report.rows.iter().map(|row| row.level).collect();
    assert_eq!(ran, [Level::Conformance, Level::Steps, Level::Threads]);
    // No store has long polls, or says in which state it is.
    assert_eq!(report.not_checked, ["wait", "fingerprint"]);
}

#[test]
fn dashmap_holds_whatever_clocks_its_callers_have() {
    let usual = Retention::finished(minutes(30)).tombstone(None).expiry(Expiry::Physical);
    for (name, retention) in logical().into_iter().chain([("physical", usual)]) {
        let check = of(&format!("dashmap, {name}"), retention, dashmaps(retention));
        assert_all_looked_at(&check.budget(budget(20_000)).run());
    }
}

#[test]
fn moka_holds_whatever_clocks_its_callers_have() {
    for (name, retention) in logical() {
        let check = of(&format!("moka, {name}"), retention, mokas(retention));
        assert_all_looked_at(&check.budget(budget(4_000)).run());
    }
}

#[test]
fn sqlite_holds_through_several_connections() {
    for (name, retention) in logical() {
        let check = of(&format!("SQLite, {name}"), retention, files(retention)).clocks_agree();
        assert_all_looked_at(&check.budget(budget(1_000)).run());
    }
}

#[test]
fn redis_holds_through_several_connections() {
    for (name, retention) in logical() {
        let Some(servers) = servers(retention) else { return };
        let check = of(&format!("Redis, {name}"), retention, servers).clocks_agree();
        assert_all_looked_at(&check.budget(budget(1_000)).run());
    }
}

/// What a file cannot keep, nor a server: that time does not run backwards. Each caller is answered by its own clock.
fn assert_clocks_tell<B: Backend>(name: &str, stores: impl Fn(Retention) -> Option<Make<B>>) {
    let (_, retention) = logical().remove(0);
    let Some(make) = stores(retention) else { return };
    let report = of(name, retention, make).levels(&[Level::Steps]).budget(budget(20_000)).report();
    let failure = report.failure.expect("a caller whose clock is late sees what is over for others");
    assert_eq!(failure.fault.property().map(Property::name), Some("S4"), "{failure}");
}

#[test]
fn neither_a_file_nor_a_server_has_a_clock_of_its_own() {
    assert_clocks_tell("SQLite", |retention| Some(files(retention)));
    assert_clocks_tell("Redis", servers);
}
