//! From TOML to a checked [`Scenario`].

use toml::de::DeTable;

use super::problem::Fault;
use super::reader::{Faults, FromToml, Table, Value, number};
use super::units::{Count, Distribution, DurationNs, LONGEST_NS, Period, Probability, Rate};
use super::{
    Address, Arrivals, Check, ClientSpec, Dispatch, Limit, METRICS, Order, Policy, SCHEMA_VERSION, Scenario, Scope,
    ServerSpec, ServiceTimes, StoreKind, Trigger, WorkloadSpec,
};
use crate::registry::{AgeBasis, Capacity, Expiry, Retention, TimeToLive};

/// Reads a scenario, or returns everything that is wrong with it.
pub(super) fn scenario(name: &str, text: &str) -> Result<Scenario, Vec<Fault>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: toml::de::Error| Fault {
            span: error.span().unwrap_or(0..0),
            message: "this is not TOML".to_owned(),
            label: error.message().to_owned(),
            help: None,
        };
        return Err(errors.into_iter().map(fault).collect());
    }
    let faults = Faults::default();
    let scenario = read_scenario(name, Table::new("the scenario", document.get_ref(), 0..0, &faults));
    match (scenario, faults.into_inner()) {
        (Some(scenario), faults) if faults.is_empty() => Ok(scenario),
        (_, faults) => Err(faults),
    }
}

fn read_scenario(name: &str, mut root: Table<'_>) -> Option<Scenario> {
    if let Some(version) = root.required::<u64>("schema_version").filter(|&version| version != SCHEMA_VERSION) {
        root.fault(
            "schema_version",
            format!("this program does not read scenarios of version {version}"),
            "unknown version",
            format!("allowed: {SCHEMA_VERSION}"),
        );
        // Under another version the rest may mean anything.
        return None;
    }
    let title = root.or("title", String::new());
    let seed = root.or("seed", 1);
    let uploads = root.required("uploads");
    let replications = root.or("replications", Count(1));
    let workload = root.required_table("workload").and_then(read_workload);
    let server = root.table("server").map_or_else(default_server, read_server);
    let client = root.required_table("client").and_then(read_client);
    let (policies, names) = read_policies(&mut root);
    let checks = read_checks(&mut root, &names);
    let canary = root.or("canary", false);
    root.finish();
    Some(Scenario {
        name: name.to_owned(),
        title,
        seed,
        uploads: uploads.map(|Count(uploads)| uploads)?,
        replications: replications.0,
        workload: workload?,
        server,
        client: client?,
        policies,
        checks,
        canary,
    })
}

fn read_workload(mut table: Table<'_>) -> Option<WorkloadSpec> {
    let arrivals = table.required_table("arrivals").and_then(read_arrivals);
    let processing = table.required("processing");
    let failure = table.or("failure", Probability::NEVER);
    let distinct_keys = table.optional("distinct_keys").map(|Count(keys)| keys);
    table.finish();
    Some(WorkloadSpec { arrivals: arrivals?, processing: processing?, failure, distinct_keys })
}

fn read_arrivals(mut table: Table<'_>) -> Option<Arrivals> {
    #[derive(Clone, Copy)]
    enum Kind {
        Poisson,
        Fixed,
        Burst,
    }
    let kinds = [("poisson", Kind::Poisson), ("fixed", Kind::Fixed), ("burst", Kind::Burst)];
    let arrivals = match table.choice("kind", None, &kinds)? {
        Kind::Poisson => table.required("rate").map(|Rate { mean_gap_ns }| Arrivals::Poisson { mean_gap_ns }),
        Kind::Fixed => table.required("every").map(|Period(every_ns)| Arrivals::Fixed { every_ns }),
        Kind::Burst => {
            let (size, every) = (table.required("size"), table.required("every"));
            size.zip(every).map(|(Count(size), Period(every_ns))| Arrivals::Burst { size, every_ns })
        }
    };
    table.finish();
    arrivals
}

fn default_server() -> ServerSpec {
    ServerSpec { workers: 1, threads: 1, dispatch: Dispatch::Uniform, service: ServiceTimes::default() }
}

fn read_server(mut table: Table<'_>) -> ServerSpec {
    let Count(workers) = table.or("workers", Count(1));
    let Count(threads) = table.or("threads", Count(1));
    if workers > 1000 {
        table.fault("workers", "`workers` is not valid", "more than 1000", "allowed: 1 to 1000");
    }
    let dispatch = table.choice("dispatch", Some(Dispatch::Uniform), &[("uniform", Dispatch::Uniform)]);
    let service = table.table("service").map(|mut times| {
        let mut time = |key| times.or(key, DurationNs(0)).0;
        let service = ServiceTimes { upload_ns: time("upload"), sweep_ns: time("sweep"), read_ns: time("read") };
        times.finish();
        service
    });
    table.finish();
    ServerSpec {
        workers,
        threads,
        dispatch: dispatch.unwrap_or(Dispatch::Uniform),
        service: service.unwrap_or_default(),
    }
}

fn read_client(mut table: Table<'_>) -> Option<ClientSpec> {
    let DurationNs(first_poll_ns) = table.or("first_poll", DurationNs(0));
    let interval = table.required("interval");
    let Backoff(backoff) = table.or("backoff", Backoff(1.0));
    let DurationNs(max_interval_ns) = table.or("max_interval", DurationNs(LONGEST_NS));
    let Share(jitter) = table.or("jitter", Share(0.0));
    let Count(max_attempts) = table.or("max_attempts", Count(120));
    let tolerate_not_found = table.or("tolerate_not_found", 0);
    let mut away_chance = Probability::NEVER;
    let mut away_time = Some(Distribution::Constant { value_ns: 0 });
    if let Some(mut away) = table.table("away") {
        away_chance = away.required("chance").unwrap_or(away_chance);
        away_time = away.required("time");
        away.finish();
    }
    if let Some(Period(interval_ns)) = interval
        && max_interval_ns < interval_ns
    {
        table.fault(
            "max_interval",
            "`max_interval` is shorter than `interval`",
            "shorter than the first interval",
            "allowed: `interval` or longer",
        );
    }
    table.finish();
    Some(ClientSpec {
        first_poll_ns,
        interval_ns: interval.map(|Period(interval_ns)| interval_ns)?,
        backoff,
        max_interval_ns,
        jitter,
        max_attempts,
        tolerate_not_found,
        away_chance,
        away_time: away_time?,
    })
}

/// The policies, and the names of all, those with faults included.
fn read_policies(root: &mut Table<'_>) -> (Vec<Policy>, Vec<String>) {
    let mut names = Vec::new();
    let mut policies = Vec::new();
    let tables = root.tables("policy");
    if tables.is_empty() {
        root.fault("policy", "there is no [[policy]]", "add at least one [[policy]]", "a run compares policies");
    }
    for mut table in tables {
        let name = table.required::<PolicyName>("name").map(|PolicyName(name)| name).unwrap_or_default();
        if !name.is_empty() && names.contains(&name) {
            let help = "give each policy a name of its own";
            table.fault("name", format!("there are two policies named \"{name}\""), "the second one", help);
        }
        names.push(name.clone());
        policies.extend(read_policy(&mut table, name));
        table.finish();
    }
    (policies, names)
}

fn read_checks(root: &mut Table<'_>, names: &[String]) -> Vec<Check> {
    let policies: Vec<_> = names.iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let metrics: Vec<_> = METRICS.iter().map(|name| (*name, *name)).collect();
    let mut checks = Vec::new();
    for mut table in root.tables("gate") {
        let policy = table.choice("policy", None, &policies);
        let versus = table.optional_choice("versus", &policies);
        let metric = table.choice("metric", None, &metrics);
        let (max, min) = (table.optional("max"), table.optional("min"));
        let limit = match (max, min, table.has("max"), table.has("min")) {
            (Some(max), None, _, false) => Some(Limit::Max(max)),
            (None, Some(min), false, _) => Some(Limit::Min(min)),
            (_, _, has_max, has_min) => {
                if has_max == has_min {
                    let label = "add either `max = …` or `min = …`";
                    table.fault("metric", "a check needs one limit, `max` or `min`", label, "a check has one limit");
                }
                None
            }
        };
        if policy.is_some() && policy == versus {
            let help = "name another policy, or leave `versus` out";
            table.fault("versus", "a policy is not compared with itself", "the same as `policy`", help);
        }
        table.finish();
        if let (Some(policy), Some(metric), Some(limit)) = (policy, metric, limit) {
            checks.push(Check { policy, versus, metric, limit });
        }
    }
    checks
}

fn read_policy(table: &mut Table<'_>, name: String) -> Option<Policy> {
    let store = table.choice(
        "store",
        Some(StoreKind::Registry),
        &[("registry", StoreKind::Registry), ("dict", StoreKind::Dict)],
    );
    let scope = table.choice("scope", Some(Scope::Process), &[("process", Scope::Process), ("shared", Scope::Shared)]);
    let is_dict = store == Some(StoreKind::Dict);
    let by_default = if is_dict { Address::Key } else { Address::Id };
    let address = table.choice("poll_by", Some(by_default), &[("key", Address::Key), ("id", Address::Id)]);
    if is_dict && address == Some(Address::Id) {
        let help = "allowed with `store = \"dict\"`: \"key\"";
        table.fault("poll_by", "the dictionary knows no ids", "not possible with `store = \"dict\"`", help);
    }
    let retention = read_retention(table, is_dict);
    let orders = [("sweep-first", Order::SweepFirst), ("read-first", Order::ReadFirst)];
    let order = table.choice("order", Some(Order::SweepFirst), &orders);
    let trigger = table.required_table("sweep").and_then(read_trigger);
    Some(Policy {
        name,
        store: store?,
        scope: scope?,
        address: address?,
        retention: retention?,
        order: order?,
        trigger: trigger?,
    })
}

fn read_retention(table: &mut Table<'_>, is_dict: bool) -> Option<Retention> {
    let time_to_live = table.required("time_to_live");
    let bases = [
        ("finished", AgeBasis::Finished),
        ("created", AgeBasis::Created),
        ("last-write", AgeBasis::LastWrite),
        ("last-access", AgeBasis::LastAccess),
        ("acknowledged", AgeBasis::Acknowledged),
    ];
    // A dictionary with one timestamp per entry cannot tell the later bases.
    let known = if is_dict { &bases[..3] } else { &bases[..] };
    let age = table.choice("age", Some(AgeBasis::Finished), known);
    let expiries = [("physical", Expiry::Physical), ("logical", Expiry::Logical)];
    let expiry = table.choice("expiry", None, &expiries);
    let Tombstone(tombstone_ns) = table.or("tombstone", Tombstone(None));
    if is_dict && tombstone_ns.is_some() {
        let help = "allowed with `store = \"dict\"`: \"none\"";
        table.fault("tombstone", "the dictionary keeps no tombstones", "not possible with `store = \"dict\"`", help);
    }
    let (Lives(time_to_live), age, expiry) = (time_to_live?, age?, expiry?);
    Some(Retention { time_to_live, age, expiry, tombstone_ns, capacity: Capacity::Unbounded })
}

fn read_trigger(mut table: Table<'_>) -> Option<Trigger> {
    #[derive(Clone, Copy)]
    enum Kind {
        Never,
        EveryRequest,
        Chance,
        EveryNth,
        Period,
        Exact,
    }
    let kinds = [
        ("never", Kind::Never),
        ("every-request", Kind::EveryRequest),
        ("chance", Kind::Chance),
        ("every-nth", Kind::EveryNth),
        ("period", Kind::Period),
        ("exact", Kind::Exact),
    ];
    let trigger = match table.choice("trigger", None, &kinds)? {
        Kind::Never => Some(Trigger::Never),
        Kind::EveryRequest => Some(Trigger::EveryRequest),
        Kind::Chance => table.required("chance").map(Trigger::Chance),
        Kind::EveryNth => table.required("nth").map(|Count(nth)| Trigger::EveryNth(nth)),
        Kind::Period => table.required("period").map(|Period(period_ns)| Trigger::Period(period_ns)),
        Kind::Exact => Some(Trigger::Exact),
    };
    table.finish();
    trigger
}

/// The name of a policy: 1 to 60 characters, none of them a control character.
struct PolicyName(String);

impl FromToml for PolicyName {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let name = value.get_ref().as_str().filter(|name| {
            (1..=60).contains(&name.chars().count()) && name.trim() == *name && !name.contains(char::is_control)
        });
        name.map(|name| PolicyName(name.to_owned())).ok_or_else(|| "a name of 1 to 60 characters in one line".into())
    }
}

/// A factor from 1 to 100.
struct Backoff(f64);

impl FromToml for Backoff {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let factor = number(value).filter(|factor| (1.0..=100.0).contains(factor));
        factor.map(Backoff).ok_or_else(|| "a factor from 1 to 100, such as 1.5".into())
    }
}

/// A share from 0 to 1.
struct Share(f64);

impl FromToml for Share {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let share = number(value).filter(|share| (0.0..=1.0).contains(share));
        share.map(Share).ok_or_else(|| "a share of the interval from 0 to 1, such as 0.1".into())
    }
}

/// How long a tombstone is kept, or "none".
struct Tombstone(Option<u64>);

impl FromToml for Tombstone {
    fn from_toml(value: &Value<'_>, faults: &Faults) -> Result<Self, String> {
        let expected = "a duration such as \"24h\", or \"none\"";
        limit(value, "none", faults).map(Tombstone).ok_or_else(|| expected.into())
    }
}

/// A time to live per state: one duration for all that are finished, or a table.
struct Lives(TimeToLive);

impl FromToml for Lives {
    fn from_toml(value: &Value<'_>, faults: &Faults) -> Result<Self, String> {
        if value.get_ref().is_table() {
            let Some(mut table) = Table::of("`time_to_live`", value, faults) else { return Err(String::new()) };
            let mut life = |key| table.or(key, Life(None)).0;
            let time_to_live = TimeToLive {
                processing_ns: life("processing"),
                ready_ns: life("ready"),
                failed_ns: life("error"),
                interrupted_ns: life("interrupted"),
            };
            table.finish();
            return Ok(Lives(time_to_live));
        }
        let Life(ns) = Life::from_toml(value, faults)
            .map_err(|expected| format!("{expected}, or a table such as {{ ready = \"30m\", error = \"15m\" }}"))?;
        Ok(Lives(TimeToLive { processing_ns: None, ready_ns: ns, failed_ns: ns, interrupted_ns: ns }))
    }
}

/// A time to live, or "never" for an entry that is never due.
struct Life(Option<u64>);

impl FromToml for Life {
    fn from_toml(value: &Value<'_>, faults: &Faults) -> Result<Self, String> {
        limit(value, "never", faults).map(Life).ok_or_else(|| "a duration such as \"30m\", or \"never\"".into())
    }
}

/// A duration, or a word for there being none.
fn limit(value: &Value<'_>, none: &str, faults: &Faults) -> Option<Option<u64>> {
    if value.get_ref().as_str() == Some(none) {
        return Some(None);
    }
    DurationNs::from_toml(value, faults).ok().map(|duration| Some(duration.0))
}
