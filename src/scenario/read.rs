//! From TOML to a checked [`Scenario`].

use toml::de::DeTable;

use super::fault::{Moments, Skews, read_faults};
use super::grid::{Objective, Spec, read_grid, read_objectives};
use super::problem::Fault;
use super::reader::{Faults, FromToml, Table, Value, number};
use super::units::{Count, Distribution, DurationNs, LONGEST_NS, Period, Probability, Rate};
use super::{
    Address, Arrivals, Background, Check, ClientSpec, Dispatch, Limit, METRICS, Order, Policy, Property, Recycle,
    Replica, SCHEMA_VERSION, Scenario, Scope, ServerSpec, ServiceTimes, StoreKind, Trigger, WorkloadSpec,
};
use crate::registry::{AgeBasis, Capacity, Expiry, Retention, TimeToLive};
use crate::store::{Defect, Defects};
use crate::time::SECOND_NS;

/// Reads a scenario, or returns everything that is wrong with it.
pub(super) fn scenario(name: &str, text: &str) -> Result<Scenario, Vec<Fault>> {
    document(name, text).map(|(scenario, ..)| scenario)
}

/// Reads a scenario with its grid and its objectives, or returns everything that is wrong with them.
pub(super) fn document(name: &str, text: &str) -> Result<Document, Vec<Fault>> {
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
    let read = read_document(name, text, Table::new("the scenario", document.get_ref(), 0..0, &faults));
    match (read, faults.into_inner()) {
        (Some(read), faults) if faults.is_empty() => Ok(read),
        (_, faults) => Err(faults),
    }
}

/// A scenario, its grid if it has one, and its objectives.
type Document = (Scenario, Option<Spec>, Vec<Objective>);

fn read_document(name: &str, text: &str, mut root: Table<'_>) -> Option<Document> {
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
    let faults = read_faults(&mut root, server.workers);
    let (policies, names) = read_policies(&mut root);
    if let (Some(Count(uploads)), Some(WorkloadSpec { arrivals: Arrivals::Trace { at_ns }, .. })) =
        (&uploads, &workload)
        && at_ns.len() < *uploads as usize
    {
        let help = format!("allowed: up to {}, the number of moments in `arrivals`", at_ns.len());
        root.fault("uploads", "there are fewer arrivals than uploads", "too many", help);
    }
    let checks = read_checks(&mut root, &names, text);
    let canary = root.or("canary", false);
    let grid = read_grid(&mut root, &names);
    let objectives = read_objectives(&mut root);
    root.finish();
    let scenario = Scenario {
        name: name.to_owned(),
        title,
        seed,
        uploads: uploads.map(|Count(uploads)| uploads)?,
        replications: replications.0,
        workload: workload?,
        server,
        client: client?,
        faults,
        policies,
        checks,
        canary,
    };
    Some((scenario, grid, objectives))
}

fn read_workload(mut table: Table<'_>) -> Option<WorkloadSpec> {
    let arrivals = table.required_table("arrivals").and_then(read_arrivals);
    let processing = table.required("processing");
    let failure = table.or("failure", Probability::NEVER);
    let distinct_keys = table.optional("distinct_keys").map(|Count(keys)| keys);
    let odd_names = table.or("odd_names", Probability::NEVER);
    table.finish();
    Some(WorkloadSpec { arrivals: arrivals?, processing: processing?, failure, distinct_keys, odd_names })
}

fn read_arrivals(mut table: Table<'_>) -> Option<Arrivals> {
    #[derive(Clone, Copy)]
    enum Kind {
        Poisson,
        Fixed,
        Burst,
        Daily,
        Trace,
    }
    let kinds = [
        ("poisson", Kind::Poisson),
        ("fixed", Kind::Fixed),
        ("burst", Kind::Burst),
        ("daily", Kind::Daily),
        ("trace", Kind::Trace),
    ];
    let arrivals = match table.choice("kind", None, &kinds)? {
        Kind::Poisson => table.required("rate").map(|Rate { mean_gap_ns }| Arrivals::Poisson { mean_gap_ns }),
        Kind::Fixed => table.required("every").map(|Period(every_ns)| Arrivals::Fixed { every_ns }),
        Kind::Burst => {
            let (size, every) = (table.required("size"), table.required("every"));
            size.zip(every).map(|(Count(size), Period(every_ns))| Arrivals::Burst { size, every_ns })
        }
        Kind::Daily => table.required("per_hour").map(|PerHour(rates)| Arrivals::Daily { rates }),
        Kind::Trace => table.required("at").map(|Moments(at_ns)| Arrivals::Trace { at_ns }),
    };
    table.finish();
    arrivals
}

fn default_server() -> ServerSpec {
    ServerSpec {
        workers: 1,
        threads: 1,
        dispatch: Dispatch::Uniform,
        queue_limit: None,
        background: Background::Thread,
        service: ServiceTimes::default(),
        request_limit_ns: None,
        recycle: Recycle::default(),
        restart_ns: 0,
        clock_skew_ns: Vec::new(),
        replica: None,
    }
}

/// Reads the server. Where a fault was reported, the default keeps the reading going.
fn read_server(mut table: Table<'_>) -> ServerSpec {
    let default = default_server();
    let Count(workers) = table.or("workers", Count(1));
    let Count(threads) = table.or("threads", Count(1));
    if workers > 1000 {
        table.fault("workers", "`workers` is not valid", "more than 1000", "allowed: 1 to 1000");
    }
    let dispatches = [
        ("uniform", Dispatch::Uniform),
        ("round-robin", Dispatch::RoundRobin),
        ("lowest-idle", Dispatch::LowestIdle),
        ("sticky", Dispatch::Sticky),
    ];
    let dispatch = table.choice("dispatch", Some(default.dispatch), &dispatches);
    let backgrounds = [
        ("thread", Background::Thread),
        ("while-serving", Background::WhileServing),
        ("external", Background::External),
    ];
    let background = table.choice("background", Some(default.background), &backgrounds);
    let service = table.table("service").map(|mut times| {
        let service = ServiceTimes {
            upload: times.or("upload", default.service.upload.clone()),
            sweep_ns: times.or("sweep", DurationNs(0)).0,
            read_ns: times.or("read", DurationNs(0)).0,
        };
        times.finish();
        service
    });
    let queue_limit = table.optional("queue_limit");
    let request_limit_ns = table.optional("request_limit").map(|Period(limit_ns)| limit_ns);
    let recycle = table.table("recycle").map(read_recycle);
    let DurationNs(restart_ns) = table.or("restart", DurationNs(0));
    let Skews(clock_skew_ns) = table.or("clock_skew", Skews(Vec::new()));
    if !clock_skew_ns.is_empty() && clock_skew_ns.len() != workers as usize {
        let help = format!("allowed: {workers} of them, or none");
        table.fault("clock_skew", "`clock_skew` needs a duration for each worker", "not one per worker", help);
    }
    let replica = table.table("replica").and_then(|mut replica| {
        let (chance, lag) = (replica.required("chance"), replica.required("lag"));
        replica.finish();
        Some(Replica { chance: chance?, lag_ns: lag.map(|DurationNs(lag_ns)| lag_ns)? })
    });
    table.finish();
    ServerSpec {
        workers,
        threads,
        dispatch: dispatch.unwrap_or(default.dispatch),
        queue_limit,
        background: background.unwrap_or(default.background),
        service: service.unwrap_or(default.service),
        request_limit_ns,
        recycle: recycle.unwrap_or_default(),
        restart_ns,
        clock_skew_ns,
        replica,
    }
}

fn read_recycle(mut table: Table<'_>) -> Recycle {
    let requests = table.optional("requests").map(|Count(requests)| requests);
    let jitter = table.or("jitter", 0);
    let lifetime_ns = table.optional("lifetime").map(|Period(lifetime_ns)| lifetime_ns);
    if requests.is_none() && lifetime_ns.is_none() {
        let help = "allowed: `requests = 1000`, with `jitter = 50`, and `lifetime = \"1h\"`, or one of both";
        table.fault("requests", "`recycle` says neither after how many requests nor after which time", "empty", help);
    }
    if jitter > 0 && requests.is_none_or(|requests| jitter >= requests) {
        table.fault("jitter", "`jitter` is not valid", "not below `requests`", "allowed: 0 to `requests` less 1");
    }
    table.finish();
    Recycle { requests, jitter, lifetime_ns }
}

fn read_client(mut table: Table<'_>) -> Option<ClientSpec> {
    let DurationNs(first_poll_ns) = table.or("first_poll", DurationNs(0));
    let interval = table.required("interval").map(|Period(interval_ns)| interval_ns);
    let Backoff(backoff) = table.or("backoff", Backoff(1.0));
    let DurationNs(max_interval_ns) = table.or("max_interval", DurationNs(LONGEST_NS));
    let Share(jitter) = table.or("jitter", Share(0.0));
    let Count(max_attempts) = table.or("max_attempts", Count(120));
    let tolerate_not_found = table.or("tolerate_not_found", 0);
    let (away_chance, away_time) = read_now_and_then(&mut table, "away");
    let (reopen_chance, reopen_time) = read_now_and_then(&mut table, "reopen");
    let hidden_chance = table.or("hidden", Probability::NEVER);
    let fetch_failure = table.or("fetch_failure", Probability::NEVER);
    let Count(max_fetch_errors) = table.or("max_fetch_errors", Count(3));
    let fetch_retry = table.optional("fetch_retry").map(|Period(retry_ns)| retry_ns);
    let load_anyway_after = table.optional("load_anyway_after");
    let (mut post_timeout_ns, mut post_retries, mut post_pause_ns) = (None, 0, 2 * SECOND_NS);
    if let Some(mut post) = table.table("post") {
        post_timeout_ns = post.optional("timeout").map(|Period(timeout_ns)| timeout_ns);
        post_retries = post.or("retries", 0);
        post_pause_ns = post.or("pause", DurationNs(post_pause_ns)).0;
        if post_retries > 100 {
            post.fault("retries", "`retries` is not valid", "more than 100", "allowed: 0 to 100");
        }
        post.finish();
    }
    if let Some(interval_ns) = interval
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
        interval_ns: interval?,
        backoff,
        max_interval_ns,
        jitter,
        max_attempts,
        tolerate_not_found,
        away_chance,
        away_time: away_time?,
        hidden_chance,
        reopen_chance,
        reopen_time: reopen_time?,
        fetch_failure,
        max_fetch_errors,
        fetch_retry_ns: fetch_retry.or(interval)?,
        post_timeout_ns,
        post_retries,
        post_pause_ns,
        load_anyway_after,
    })
}

/// Something that happens with a chance and takes a time; never, if the table is not there.
fn read_now_and_then(table: &mut Table<'_>, key: &'static str) -> (Probability, Option<Distribution>) {
    let Some(mut table) = table.table(key) else {
        return (Probability::NEVER, Some(Distribution::Constant { value_ns: 0 }));
    };
    let (chance, time) = (table.required("chance"), table.required("time"));
    table.finish();
    (chance.unwrap_or(Probability::NEVER), time)
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

fn read_checks(root: &mut Table<'_>, names: &[String], text: &str) -> Vec<Check> {
    let policies: Vec<_> = names.iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let metrics: Vec<_> = METRICS.iter().map(|name| (*name, *name)).collect();
    let mut checks = Vec::new();
    for mut table in root.tables("gate") {
        let line = 1 + text.bytes().take(table.start()).filter(|&byte| byte == b'\n').count();
        let policy = table.choice("policy", None, &policies);
        let versus = table.optional_choice("versus", &policies);
        let metric = table.choice("metric", None, &metrics);
        let limit = one_limit(&mut table, "a check");
        if policy.is_some() && policy == versus {
            let help = "name another policy, or leave `versus` out";
            table.fault("versus", "a policy is not compared with itself", "the same as `policy`", help);
        }
        table.finish();
        if let (Some(policy), Some(metric), Some(limit)) = (policy, metric, limit) {
            checks.push(Check { policy, versus, metric, limit, line });
        }
    }
    checks
}

/// The one limit of a table, `max` or `min`.
pub(super) fn one_limit(table: &mut Table<'_>, what: &str) -> Option<Limit> {
    let (max, min) = (table.optional("max"), table.optional("min"));
    match (max, min, table.has("max"), table.has("min")) {
        (Some(max), None, _, false) => Some(Limit::Max(max)),
        (None, Some(min), false, _) => Some(Limit::Min(min)),
        (_, _, has_max, has_min) => {
            if has_max == has_min {
                let (label, help) = ("add either `max = …` or `min = …`", format!("{what} has one limit"));
                table.fault("metric", format!("{what} needs one limit, `max` or `min`"), label, help);
            }
            None
        }
    }
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
    let defects: Defects =
        table.choices("defects", &Defect::ALL.map(|defect| (defect.name(), defect))).into_iter().collect();
    if !is_dict && !defects.is_empty() {
        let help = "allowed: no `defects`, or `store = \"dict\"`";
        table.fault("defects", "only the dictionary has defects", "not possible with the registry", help);
    }
    let Early(published_early) = table.or("published_early", Early(0.0));
    let properties = Property::ALL.map(|property| (property.name(), property));
    let (holds, breaks) = (table.choices("holds", &properties), table.choices("breaks", &properties));
    if let Some(property) = holds.iter().find(|property| breaks.contains(property)) {
        let message = format!("{} cannot be expected both to hold and to break", property.name());
        table.fault("breaks", message, "also in `holds`", "name it once");
    }
    let orders = [("sweep-first", Order::SweepFirst), ("read-first", Order::ReadFirst)];
    let order = table.choice("order", Some(Order::SweepFirst), &orders);
    let trigger = table.required_table("sweep").and_then(read_trigger);
    if trigger == Some(Trigger::Redis) && !is_dict {
        let help = "allowed with the registry: all other triggers; Redis is a dictionary: `store = \"dict\"`";
        table.fault(
            "sweep",
            "the registry keeps its entries by age, and draws none at random",
            "not possible here",
            help,
        );
    }
    Some(Policy {
        name,
        store: store?,
        scope: scope?,
        address: address?,
        retention: retention?,
        order: order?,
        trigger: trigger?,
        defects,
        published_early,
        holds,
        breaks,
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
    let capacity = table.table("capacity").and_then(|capacity| read_capacity(capacity, age));
    if is_dict && table.has("capacity") {
        let help = "allowed with `store = \"dict\"`: no `capacity`";
        table.fault("capacity", "the dictionary grows without limit", "not possible with `store = \"dict\"`", help);
    }
    let capacity = capacity.unwrap_or(Capacity::Unbounded);
    let (Lives(time_to_live), age, expiry) = (time_to_live?, age?, expiry?);
    Some(Retention { time_to_live, age, expiry, tombstone_ns, capacity })
}

fn read_capacity(mut table: Table<'_>, age: Option<AgeBasis>) -> Option<Capacity> {
    #[derive(Clone, Copy, PartialEq)]
    enum WhenFull {
        Refuse,
        EvictOldest,
        EvictLru,
    }
    let max = table.required("max_entries").map(|Count(max)| max as usize);
    let choices =
        [("refuse", WhenFull::Refuse), ("evict-oldest", WhenFull::EvictOldest), ("evict-lru", WhenFull::EvictLru)];
    let when_full = table.choice("when_full", None, &choices);
    // Which finished upload is the oldest is a matter of what its age counts from.
    let by_access = age == Some(AgeBasis::LastAccess);
    if let Some(WhenFull::EvictLru) = when_full
        && !by_access
    {
        let help = "add `age = \"last-access\"` to the policy, or evict the oldest";
        table.fault("when_full", "the least recently read entry is not known", "age does not count from reads", help);
    }
    if let Some(WhenFull::EvictOldest) = when_full
        && by_access
    {
        let help = "write `when_full = \"evict-lru\"`";
        table.fault("when_full", "with `age = \"last-access\"` the oldest is the least recently read", "say so", help);
    }
    table.finish();
    let max = max?;
    Some(match when_full? {
        WhenFull::Refuse => Capacity::Refuse(max),
        WhenFull::EvictOldest | WhenFull::EvictLru => Capacity::EvictOldest(max),
    })
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
        OnFinish,
        Redis,
    }
    let kinds = [
        ("never", Kind::Never),
        ("every-request", Kind::EveryRequest),
        ("chance", Kind::Chance),
        ("every-nth", Kind::EveryNth),
        ("period", Kind::Period),
        ("exact", Kind::Exact),
        ("on-finish", Kind::OnFinish),
        ("redis", Kind::Redis),
    ];
    let trigger = match table.choice("trigger", None, &kinds)? {
        Kind::Never => Some(Trigger::Never),
        Kind::EveryRequest => Some(Trigger::EveryRequest),
        Kind::Chance => table.required("chance").map(Trigger::Chance),
        Kind::EveryNth => table.required("nth").map(|Count(nth)| Trigger::EveryNth(nth)),
        Kind::Period => table.required("period").map(|Period(period_ns)| Trigger::Period(period_ns)),
        Kind::Exact => Some(Trigger::Exact),
        Kind::OnFinish => Some(Trigger::OnFinish),
        Kind::Redis => Some(Trigger::Redis),
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

/// Uploads per hour, for each hour of the day; kept per nanosecond.
struct PerHour(Box<[f64; 24]>);

impl FromToml for PerHour {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let hours: Option<Vec<f64>> = value.get_ref().as_array().and_then(|items| items.iter().map(number).collect());
        let sensible = |hours: &[f64; 24]| {
            hours.iter().all(|rate| (0.0..=1e9).contains(rate)) && hours.iter().any(|&rate| rate >= 0.001)
        };
        let hours = hours.and_then(|hours| <[f64; 24]>::try_from(hours).ok()).filter(sensible);
        let per_ns = |rate: f64| rate / (3600.0 * SECOND_NS as f64);
        hours
            .map(|hours| PerHour(Box::new(hours.map(per_ns))))
            .ok_or_else(|| "24 numbers, the uploads per hour from midnight on, not all of them zero".into())
    }
}

/// A share of the work, from 0 to 1.
struct Early(f64);

impl FromToml for Early {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let share = number(value).filter(|share| (0.0..=1.0).contains(share));
        share.map(Early).ok_or_else(|| "a share of the work from 0 (at its end) to 1 (before it starts)".into())
    }
}
