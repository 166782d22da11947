//! What may be left out of a scenario or made smaller in it, one step at a time. A step that leaves no valid scenario, or one in
//! which the property does not break, is not taken; so steps need not know what is required.
//!
//! Each step makes something strictly smaller or simpler, so that no sequence of them goes on for ever.

use std::time::Duration;

use toml::{Table, Value};

use crate::property::Witness;
use crate::rng::{PerAttempt, Source};
use crate::scenario::{Scenario, When};
use crate::time::SECOND_NS;
use crate::workload::exponential_ns;

const MILLISECOND_NS: u64 = 1_000_000;

/// A change of a scenario.
pub(super) type Step = Box<dyn Fn(&mut Table)>;

/// The moments of a fault that are tried at most, the latest before the breach first.
const MOMENTS_MAX: usize = 10;

/// Everything that may be left out or made smaller, the largest steps first.
pub(super) fn steps(table: &Table, witness: &Witness) -> Vec<Step> {
    let mut steps = fewer_uploads(table, witness.upload);
    steps.extend(fewer_faults(table));
    steps.extend(fewer_workers(table));
    steps.extend(fewer_defects(table));
    steps.extend(one_time_to_live(table));
    // Whatever is optional may be left out.
    let mut paths = Paths::default();
    paths.collect(&Value::Table(table.clone()), &mut Vec::new());
    steps.extend(paths.keys.into_iter().map(|path| -> Step {
        Box::new(move |table| {
            if let Some((last, parent)) = path.split_last()
                && let Some(Value::Table(parent)) = at(table, parent)
            {
                parent.remove(last);
            }
        })
    }));
    steps.push(Box::new(remove_empty));
    steps.extend(fewer_names(table));
    steps.extend(paths.times.into_iter().map(|path| -> Step {
        Box::new(move |table| {
            if let Some(value) = at(table, &path) {
                simplify(value);
            }
        })
    }));
    steps.extend(shorter_absences(table));
    steps.extend(one_moment(table, witness));
    steps.extend(rounder_moments(table));
    steps
}

fn fewer_uploads(table: &Table, witness: u32) -> Vec<Step> {
    let uploads = table.get("uploads").and_then(Value::as_integer).unwrap_or(1);
    let fewer = [i64::from(witness) + 1, uploads / 10, uploads / 2, uploads - 1];
    let fewer = fewer.into_iter().filter(|fewer| (1..uploads).contains(fewer));
    fewer.map(|fewer| set(vec!["uploads".to_owned()], Value::Integer(fewer))).collect()
}

fn fewer_faults(table: &Table) -> Vec<Step> {
    let leave_out = |fault: usize| -> Step {
        Box::new(move |table| {
            if let Some(Value::Array(faults)) = table.get_mut("fault") {
                faults.remove(fault);
                if faults.is_empty() {
                    table.remove("fault");
                }
            }
        })
    };
    (0..faults(table).len()).map(leave_out).collect()
}

fn fewer_workers(table: &Table) -> Vec<Step> {
    let workers = table.get("server").and_then(|server| server.get("workers")?.as_integer()).unwrap_or(1);
    let path = || ["server", "workers"].map(str::to_owned).to_vec();
    (1..workers).map(|fewer| set(path(), Value::Integer(fewer))).collect()
}

fn fewer_defects(table: &Table) -> Vec<Step> {
    let mut steps = Vec::new();
    for (number, policy) in policies(table).iter().enumerate() {
        let defects = policy.get("defects").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for place in 0..defects.len() {
            let fewer = [&defects[..place], &defects[place + 1..]].concat();
            let path = vec!["policy".to_owned(), number.to_string(), "defects".to_owned()];
            steps.push(set(path, Value::Array(fewer)));
        }
    }
    steps
}

/// Names that repeat repeat more often.
fn fewer_names(table: &Table) -> Vec<Step> {
    let path = || ["workload", "distinct_keys"].map(str::to_owned).to_vec();
    let names = table.get("workload").and_then(|workload| workload.get("distinct_keys")?.as_integer()).unwrap_or(1);
    let fewer = [1, names / 2].into_iter().filter(|fewer| (1..names).contains(fewer));
    fewer.map(|fewer| set(path(), Value::Integer(fewer))).collect()
}

/// One time to live for all states instead of a table: one of those that there are, or none.
fn one_time_to_live(table: &Table) -> Vec<Step> {
    let mut steps = Vec::new();
    for (number, policy) in policies(table).iter().enumerate() {
        let Some(lives) = policy.get("time_to_live").and_then(Value::as_table) else { continue };
        for life in lives.values().filter(|life| life.is_str()).chain([&Value::from("never")]) {
            steps.push(set(vec!["policy".to_owned(), number.to_string(), "time_to_live".to_owned()], life.clone()));
        }
    }
    steps
}

/// Clients are away, or come back, for a shorter time: a half, three quarters, nine tenths of it, in whole seconds.
fn shorter_absences(table: &Table) -> Vec<Step> {
    let mut steps = Vec::new();
    for key in ["away", "reopen"] {
        let Some(time) = table.get("client").and_then(|client| client.get(key)?.get("time")) else { continue };
        let path = || ["client", key, "time"].map(str::to_owned).to_vec();
        let (path, time) = match ["median", "mean", "value"].into_iter().find(|&part| time.get(part).is_some()) {
            Some(part) => ([path(), vec![part.to_owned()]].concat(), time.get(part)),
            None => (path(), Some(time)),
        };
        let Some(seconds) = time.and_then(duration).map(|time| time.as_secs()) else { continue };
        for shorter in [seconds / 2, seconds / 4 * 3, seconds / 10 * 9, seconds.saturating_sub(1)] {
            if (1..seconds).contains(&shorter) {
                steps.push(set(path.clone(), written(u128::from(shorter) * u128::from(SECOND_NS))));
            }
        }
    }
    steps
}

/// A fault that happens again and again happens once, at one of its moments before the breach, or at the only one of a list.
fn one_moment(table: &Table, witness: &Witness) -> Vec<Step> {
    let text = toml::to_string(table).unwrap_or_default();
    let Ok(scenario) = Scenario::parse("shrinking", "shrinking", &text) else { return Vec::new() };
    let mut steps = Vec::new();
    for (number, fault) in scenario.faults.iter().enumerate() {
        let mut moments = match &fault.when {
            When::At(moments) if moments.len() == 1 => continue,
            When::At(moments) => moments.clone(),
            when => repeated(when, number as u64, witness),
        };
        moments.retain(|&moment| moment <= witness.at.as_ns());
        // At a moment of its own a fault may do something else than at one of many; just before the breach it may do the same.
        let just_before = witness.at.as_ns().saturating_sub(MILLISECOND_NS);
        for moment in moments.into_iter().rev().take(MOMENTS_MAX).chain([just_before]) {
            steps.push(happens_at(number, moment));
        }
    }
    steps
}

/// The moments of a repeated fault up to the breach, as the engine draws them.
fn repeated(when: &When, number: u64, witness: &Witness) -> Vec<u64> {
    let draws = PerAttempt::new(witness.seed, Source::Fault);
    let (mut moments, mut clock, mut times) = (Vec::new(), 0_u64, 0_u64);
    while clock <= witness.at.as_ns() {
        clock += match *when {
            When::Every(gap_ns) => gap_ns,
            When::Rate(mean_gap_ns) => exponential_ns(mean_gap_ns, draws.draw(number, times << 8)),
            When::At(_) => return moments,
        };
        times += 1;
        moments.push(clock);
    }
    moments
}

/// A single moment of a fault is a whole minute, or at least a whole second.
fn rounder_moments(table: &Table) -> Vec<Step> {
    let mut steps = Vec::new();
    for (number, fault) in faults(table).iter().enumerate() {
        let Some([moment]) = fault.get("at").and_then(Value::as_array).map(Vec::as_slice) else { continue };
        let Some(moment) = duration(moment).and_then(|moment| u64::try_from(moment.as_nanos()).ok()) else { continue };
        for unit in [60 * SECOND_NS, SECOND_NS].into_iter().filter(|unit| !moment.is_multiple_of(*unit)) {
            steps.push(happens_at(number, moment / unit * unit));
            steps.push(happens_at(number, moment.next_multiple_of(unit)));
        }
    }
    steps
}

/// A fault happens once.
fn happens_at(fault: usize, moment_ns: u64) -> Step {
    Box::new(move |table| {
        if let Some(Value::Table(fault)) = at(table, &["fault".to_owned(), fault.to_string()]) {
            fault.remove("every");
            fault.remove("rate");
            fault.insert("at".to_owned(), Value::Array(vec![written(u128::from(moment_ns))]));
        }
    })
}

fn policies(table: &Table) -> &[Value] {
    table.get("policy").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn faults(table: &Table) -> &[Value] {
    table.get("fault").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn duration(value: &Value) -> Option<Duration> {
    humantime::parse_duration(value.as_str()?).ok()
}

/// A duration as people write it.
fn written(ns: u128) -> Value {
    let seconds = Duration::from_secs((ns / u128::from(SECOND_NS)) as u64);
    let rest = (ns % u128::from(SECOND_NS)) as u32;
    Value::String(humantime::format_duration(seconds + Duration::from_nanos(u64::from(rest))).to_string())
}

/// Sets the value at a path that is there.
fn set(path: Vec<String>, value: Value) -> Step {
    Box::new(move |table| {
        if let Some(place) = at(table, &path) {
            *place = value.clone();
        }
    })
}

/// Leaves out tables in which nothing is said any more.
fn remove_empty(table: &mut Table) {
    let is_empty = |value: &Value| value.as_table().is_some_and(Table::is_empty);
    for value in table.iter_mut().map(|(_, value)| value) {
        match value {
            Value::Table(table) => remove_empty(table),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_table_mut).for_each(remove_empty),
            _ => {}
        }
    }
    table.retain(|_, value| !is_empty(value));
}

/// Where things are in a scenario.
#[derive(Default)]
struct Paths {
    /// All keys but those at the top.
    keys: Vec<Vec<String>>,
    /// All distributions.
    times: Vec<Vec<String>>,
}

impl Paths {
    fn collect(&mut self, value: &Value, path: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) if items.iter().all(Value::is_table) => {
                items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        for (key, child) in children {
            path.push(key);
            if value.is_table() && path.len() > 1 {
                self.keys.push(path.clone());
            }
            if is_distribution(child) {
                self.times.push(path.clone());
            }
            self.collect(child, path);
            path.pop();
        }
    }
}

fn is_distribution(value: &Value) -> bool {
    let kind = value.get("kind").and_then(Value::as_str);
    matches!(kind, Some("lognormal" | "exponential" | "constant" | "empirical"))
}

/// A distribution becomes its typical value.
fn simplify(value: &mut Value) {
    let typical = ["median", "mean", "value"].into_iter().find_map(|key| value.get(key).cloned());
    let first = value.get("values").and_then(|values| values.get(0)).cloned();
    if let Some(typical) = typical.or(first) {
        *value = typical;
    }
}

/// The value at a path.
fn at<'a>(table: &'a mut Table, path: &[String]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get_mut(first)?, |value, key| match value {
        Value::Table(table) => table.get_mut(key),
        Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    })
}
