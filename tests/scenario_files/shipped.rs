//! The scenarios that come with the program.

use std::collections::BTreeSet;
use std::path::Path;

use stillready::registry::{AgeBasis, Capacity, Expiry};
use stillready::scenario::{
    Address, Arrivals, Distribution, Order, Scenario, Scope, ServiceTimes, StoreKind, Trigger, shipped,
};

const SECOND: u64 = 1_000_000_000;

fn parse(name: &str) -> Scenario {
    Scenario::parse(name, name, shipped::find(name).unwrap().text).unwrap()
}

#[test]
fn every_file_of_the_folder_is_built_in_and_says_what_it_shows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sims");
    let mut files = BTreeSet::new();
    for prefix in ["", "causes/", "eras/"] {
        let all = std::fs::read_dir(folder.join(prefix)).unwrap().map(|file| file.unwrap().path());
        let scenarios = all.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        files.extend(scenarios.map(|path| format!("{prefix}{}", path.file_stem().unwrap().to_string_lossy())));
    }
    let built_in: BTreeSet<_> = shipped::SHIPPED.iter().map(|scenario| scenario.name.to_owned()).collect();
    assert_eq!(files, built_in);
    for scenario in shipped::SHIPPED {
        assert!(scenario.text.starts_with("# "), "{} begins with a comment", scenario.name);
        assert!(!parse(scenario.name).title.is_empty());
    }
}

#[test]
fn the_reference_scenario_is_that_of_the_model() {
    let scenario = parse("reference");
    assert_eq!((scenario.uploads, scenario.replications), (1_000_000, 1));
    assert_eq!(scenario.workload.arrivals, Arrivals::Poisson { mean_gap_ns: 1e9 });
    assert_eq!(scenario.workload.processing, Distribution::Lognormal { median_ns: 8 * SECOND, sigma: 0.8 });
    assert_eq!((scenario.workload.failure.get(), scenario.workload.distinct_keys), (0.0, None));
    assert_eq!((scenario.server.workers, scenario.server.threads), (1, 1));
    assert_eq!(scenario.server.service, ServiceTimes::default());
    let client = &scenario.client;
    assert_eq!((client.first_poll_ns, client.interval_ns), (0, 3 * SECOND));
    assert_eq!((client.backoff, client.jitter, client.max_attempts, client.tolerate_not_found), (1.0, 0.0, 120, 0));
    assert_eq!(client.away_chance.get(), 0.2);
    assert_eq!(client.away_time, Distribution::Lognormal { median_ns: 2100 * SECOND, sigma: 0.7 });
    let names: Vec<_> = scenario.policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["30m/10%", "60m/5%", "logical"]);
    for (policy, minutes, chance) in [(0, 30, 0.10), (1, 60, 0.05)] {
        let policy = &scenario.policies[policy];
        assert_eq!((policy.store, policy.scope, policy.address), (StoreKind::Registry, Scope::Process, Address::Id));
        assert_eq!(policy.order, Order::SweepFirst);
        assert!(matches!(policy.trigger, Trigger::Chance(p) if p.get() == chance));
        let retention = policy.retention;
        assert_eq!(
            (retention.time_to_live.ready_ns, retention.time_to_live.processing_ns),
            (Some(minutes * 60 * SECOND), None)
        );
        assert_eq!((retention.age, retention.expiry), (AgeBasis::Finished, Expiry::Physical));
        assert_eq!((retention.tombstone_ns, retention.capacity), (None, Capacity::Unbounded));
    }
    let logical = &scenario.policies[2];
    assert_eq!((logical.retention.expiry, logical.order), (Expiry::Logical, Order::ReadFirst));
    assert_eq!(logical.retention.time_to_live.ready_ns, Some(1800 * SECOND));
    assert!(logical.retention.tombstone_ns.is_some());
    assert!(matches!(logical.trigger, Trigger::Chance(p) if p.get() == 0.10));
}

#[test]
fn poll_heavy_is_the_reference_scenario_with_clients_that_never_give_up() {
    let (mut reference, heavy) = (parse("reference"), parse("poll-heavy"));
    reference.client.tolerate_not_found = 120;
    reference.policies.truncate(2);
    reference.checks = heavy.checks.clone();
    (reference.name, reference.title) = (heavy.name.clone(), heavy.title.clone());
    assert_eq!(reference, heavy);
}

#[test]
fn every_scenario_is_guarded_and_only_the_canary_is_one() {
    for shipped in shipped::SHIPPED {
        let scenario = parse(shipped.name);
        match shipped.name.split_once('/') {
            // `diagnose` gives a cause its policies; `tests/truth/causes.rs` checks what comes of them.
            Some(("causes", _)) => {
                assert_eq!((scenario.policies.len(), scenario.policies[0].name.as_str()), (1, "before"));
                continue;
            }
            // An era is expected to break what it broke.
            Some(_) => {
                assert!(!scenario.policies[0].breaks.is_empty(), "{} breaks something", shipped.name);
                continue;
            }
            None => {}
        }
        assert!(!scenario.checks.is_empty(), "{} has a check", shipped.name);
        assert_eq!(scenario.canary, shipped.name == "canary");
        let baseline = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/baseline").join(shipped.name);
        assert_eq!(baseline.join("summary.csv").is_file(), !scenario.canary, "{}", baseline.display());
    }
}
