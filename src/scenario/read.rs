//! From TOML to a checked [`Scenario`].

use toml::de::DeTable;

use super::fault::{Moments, Skews, read_faults};
use super::grid::{Objective, Spec, read_grid, read_objectives};
use super::policy::read_policies;
use super::problem::{Fault, NotThere};
use super::reader::{Faults, FromToml, Table, Value, number};
use super::recording::Traces;
use super::units::{Count, Distribution, DurationNs, LONGEST_NS, Period, Probability, Rate};
use super::{
    Arrivals, Background, Check, ClientSpec, Dispatch, Limit, METRICS, Recycle, Replica, SCHEMA_VERSION, Scenario,
    ServerSpec, ServiceTimes, WorkloadSpec,
};
use crate::time::SECOND_NS;

/// Reads a scenario, or returns everything that is wrong with it.
pub(super) fn scenario(name: &str, text: &str, traces: &Traces) -> Result<Scenario, Vec<Fault>> {
    document(name, text, traces).map(|(scenario, ..)| scenario)
}

/// Reads a scenario with its grid and its objectives, or returns everything that is wrong with them.
pub(super) fn document(name: &str, text: &str, traces: &Traces) -> Result<Document, Vec<Fault>> {
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
    let read = read_document(name, text, Table::new("the scenario", document.get_ref(), 0..0, &faults), traces);
    match (read, faults.into_inner()) {
        (Some(read), faults) if faults.is_empty() => Ok(read),
        (_, faults) => Err(faults),
    }
}

/// A scenario, its grid if it has one, and its objectives.
type Document = (Scenario, Option<Spec>, Vec<Objective>);

fn read_document(name: &str, text: &str, mut root: Table<'_>, traces: &Traces) -> Option<Document> {
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
    let uploads = root.optional("uploads").map(|Count(uploads)| uploads);
    let replications = root.or("replications", Count(1));
    let has_trace = root.has_within("workload", "trace");
    if !root.has("uploads") && !has_trace {
        root.missing("uploads", "uploads = …");
    }
    let workload = root.required_table("workload").and_then(|table| read_workload(table, traces));
    let uploads = match &workload {
        Some(WorkloadSpec { arrivals: Arrivals::Recorded(recording), .. }) if !root.has("uploads") => {
            Some(recording.uploads())
        }
        _ => uploads,
    };
    let server = root.table("server").map_or_else(default_server, read_server);
    // Of a trace that cannot be used nothing is known.
    let is_known = workload.is_some() || !has_trace;
    let has_polls = || workload.as_ref().is_some_and(|workload| workload.arrivals.recorded_polls().is_some());
    let has_polls = is_known.then(has_polls);
    let client = root.required_table("client").and_then(|table| read_client(table, has_polls));
    let faults = read_faults(&mut root, server.workers);
    let (policies, names) = read_policies(&mut root);
    if let (Some(uploads), Some(workload)) = (uploads, &workload)
        && let Some(listed) = workload.arrivals.listed().filter(|&listed| listed < uploads)
    {
        let list = if has_trace { "uploads in `trace`" } else { "moments in `arrivals`" };
        let help = format!("allowed: up to {listed}, the number of {list}");
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
        uploads: uploads?,
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

fn read_workload(mut table: Table<'_>, traces: &Traces) -> Option<WorkloadSpec> {
    let arrivals = if table.has("trace") {
        read_trace(&mut table, traces)
    } else {
        table.required_table("arrivals").and_then(read_arrivals)
    };
    let processing = table.required("processing");
    let failure = table.or("failure", Probability::NEVER);
    let distinct_keys = table.optional("distinct_keys").map(|Count(keys)| keys);
    let odd_names = table.or("odd_names", Probability::NEVER);
    table.finish();
    Some(WorkloadSpec { arrivals: arrivals?, processing: processing?, failure, distinct_keys, odd_names })
}

/// Reads the trace that is there instead of `arrivals`.
fn read_trace(table: &mut Table<'_>, traces: &Traces) -> Option<Arrivals> {
    let name: Option<String> = table.optional("trace");
    for (key, what) in [("arrivals", "when uploads come"), ("distinct_keys", "which names are equal")] {
        if table.has(key) {
            let help = "leave out either that or `trace`";
            table.known(key);
            table.fault(key, format!("`{key}` has no say beside `trace`"), format!("the trace says {what}"), help);
        }
    }
    match traces.find(&name?) {
        Ok(recording) => Some(Arrivals::Recorded(recording)),
        Err(NotThere { label, help }) => {
            table.fault("trace", "`trace` cannot be used", label, help);
            None
        }
    }
}

/// What a client does not decide where its polls are recorded.
const DECIDED_BY_POLLS: [&str; 10] = [
    "first_poll",
    "interval",
    "backoff",
    "max_interval",
    "jitter",
    "max_attempts",
    "away",
    "hidden",
    "reopen",
    "fetch_retry",
];

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

fn read_client(mut table: Table<'_>, has_polls: Option<bool>) -> Option<ClientSpec> {
    for key in DECIDED_BY_POLLS.into_iter().filter(|key| has_polls == Some(true) && table.has(key)) {
        let help = "leave it out, or take the rows of kind poll out of the trace";
        let label = "the trace says when clients poll";
        table.fault(key, format!("`{key}` has no say under a trace with polls"), label, help);
    }
    let DurationNs(first_poll_ns) = table.or("first_poll", DurationNs(0));
    let interval = match has_polls {
        Some(false) => table.required("interval"),
        // Nothing asks for it.
        _ => table.optional("interval").or(Some(Period(SECOND_NS))),
    };
    let interval = interval.map(|Period(interval_ns)| interval_ns);
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
