//! Reduces a scenario as far as a property still breaks under a policy.
//!
//! Greedy delta debugging (A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Transactions on
//! Software Engineering 28, 2002) over the scenario's TOML: each step leaves something out or makes it smaller, and stays if the
//! property still breaks.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use toml::{Table, Value};

use super::{Options, Results, run};
use crate::property::{Outcome, Witness};
use crate::scenario::{Property, Scenario};
use crate::time::SimTime;

/// A reduced scenario.
pub struct Shrunk {
    /// Its text, ready to be a file.
    pub text: String,
    /// Where the property breaks first in it.
    pub witness: Witness,
    /// How many smaller scenarios were tried, and how many of them kept the breach.
    pub tried: u32,
    /// See `tried`.
    pub kept: u32,
}

/// Reduces a scenario given by its text; nothing if the property does not break under the policy in the replication of `seed`.
#[must_use]
pub fn shrink(name: &str, text: &str, policy: &str, seed: u64, property: Property) -> Option<Shrunk> {
    let mut shrinker = Shrinker { name, policy, property, tried: 0, kept: 0 };
    let mut table: Table = text.parse().ok()?;
    keep_only(&mut table, policy, seed);
    let mut witness = shrinker.breaks(&table)?;
    shrinker.tried = 0;
    // What comes after the witness has nothing to do with it.
    loop {
        let steps = steps(&table, &witness);
        let better = steps.into_iter().find_map(|step| {
            let mut smaller = table.clone();
            step(&mut smaller);
            if smaller == table {
                return None;
            }
            shrinker.tried += 1;
            shrinker.breaks(&smaller).map(|witness| (smaller, witness))
        });
        let Some((smaller, found)) = better else { break };
        shrinker.kept += 1;
        (table, witness) = (smaller, found);
    }
    expect_breach(&mut table, property);
    // To be sure of what is written: read it as anybody would.
    let text = toml::to_string(&table).ok()?;
    let again = shrinker.breaks(&text.parse().ok()?)?;
    (again == witness).then_some(Shrunk { text, witness, tried: shrinker.tried, kept: shrinker.kept })
}

struct Shrinker<'a> {
    name: &'a str,
    policy: &'a str,
    property: Property,
    tried: u32,
    kept: u32,
}

impl Shrinker<'_> {
    /// Where the property breaks first in a scenario, if it is valid and the property does.
    fn breaks(&self, table: &Table) -> Option<Witness> {
        let scenario = Scenario::parse(self.name, self.name, &toml::to_string(table).ok()?).ok()?;
        let stop = AtomicBool::new(false);
        let options = Options { jobs: 1, upload_rows: false, on_progress: &|_| (), stop: &stop };
        let results: Results = run(&scenario, &options).ok()?;
        let place = scenario.policies.iter().position(|policy| policy.name == self.policy)?;
        let verdicts = results.verdicts();
        let broken = verdicts[place].outcome(self.property) == Outcome::Broken;
        broken.then(|| verdicts[place].of(self.property).first.clone()).flatten()
    }
}

/// One policy, one replication, no gate.
fn keep_only(table: &mut Table, policy: &str, seed: u64) {
    for key in ["gate", "canary", "replications"] {
        table.remove(key);
    }
    // TOML has no integers above 2^63; such a seed stays as the scenario has it.
    if let Ok(seed) = i64::try_from(seed) {
        table.insert("seed".to_owned(), Value::Integer(seed));
    }
    if let Some(Value::Array(policies)) = table.get_mut("policy") {
        policies.retain(|one| one.get("name").and_then(Value::as_str) == Some(policy));
        for one in policies.iter_mut().filter_map(Value::as_table_mut) {
            one.remove("holds");
            one.remove("breaks");
        }
    }
}

/// The reduced scenario is expected to break the property.
fn expect_breach(table: &mut Table, property: Property) {
    if let Some(Value::Array(policies)) = table.get_mut("policy") {
        for policy in policies.iter_mut().filter_map(Value::as_table_mut) {
            policy.insert("breaks".to_owned(), Value::Array(vec![property.name().into()]));
        }
    }
}

type Step = Box<dyn Fn(&mut Table)>;

/// Everything that may be left out or made smaller, the largest steps first.
fn steps(table: &Table, witness: &Witness) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let uploads = table.get("uploads").and_then(Value::as_integer).unwrap_or(1);
    for fewer in [i64::from(witness.upload) + 1, uploads / 10, uploads / 2, uploads - 1] {
        if (1..uploads).contains(&fewer) {
            steps.push(Box::new(move |table| {
                table.insert("uploads".to_owned(), Value::Integer(fewer));
            }));
        }
    }
    for fault in 0..table.get("fault").and_then(Value::as_array).map_or(0, Vec::len) {
        steps.push(Box::new(move |table| {
            if let Some(Value::Array(faults)) = table.get_mut("fault") {
                faults.remove(fault);
                if faults.is_empty() {
                    table.remove("fault");
                }
            }
        }));
        let at = just_before(witness.at);
        steps.push(Box::new(move |table| {
            if let Some(fault) = table.get_mut("fault").and_then(|faults| faults.get_mut(fault)?.as_table_mut())
                && (fault.remove("every").is_some() | fault.remove("rate").is_some())
            {
                fault.insert("at".to_owned(), Value::Array(vec![at.clone().into()]));
            }
        }));
    }
    for workers in 1..table.get("server").and_then(|server| server.get("workers")?.as_integer()).unwrap_or(1) {
        steps.push(Box::new(move |table| {
            if let Some(Value::Table(server)) = table.get_mut("server") {
                server.insert("workers".to_owned(), Value::Integer(workers));
            }
        }));
    }
    // Whatever is optional may be left out: what is required then makes the scenario invalid, and the step is not taken.
    let mut paths = Vec::new();
    let mut moments = Vec::new();
    collect(&Value::Table(table.clone()), &mut Vec::new(), &mut paths, &mut moments);
    for path in paths {
        steps.push(Box::new(move |table| {
            if let Some((last, parent)) = path.split_last()
                && let Some(Value::Table(parent)) = at(table, parent)
            {
                parent.remove(last);
            }
            table.retain(|_, value| value.as_table().is_none_or(|table| !table.is_empty()));
        }));
    }
    for path in moments {
        steps.push(Box::new(move |table| {
            if let Some(value) = at(table, &path) {
                simplify(value);
            }
        }));
    }
    steps
}

/// The moment a millisecond earlier, as scenario files write it: a fault that comes then may do what one of many did.
fn just_before(at: SimTime) -> String {
    let duration = Duration::from_nanos(at.as_ns()).saturating_sub(Duration::from_millis(1));
    humantime::format_duration(duration).to_string()
}

/// The paths of all keys but the names of things, and of all that can be simplified.
fn collect(value: &Value, path: &mut Vec<String>, keys: &mut Vec<Vec<String>>, times: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) if items.iter().all(Value::is_table) => {
            items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        path.push(key);
        if value.is_table() && (path.len() > 1 || child.is_table()) {
            keys.push(path.clone());
        }
        let can_be_simplified = match path.last().map(String::as_str) {
            Some("at") => child.is_array(),
            Some("time") => true,
            Some("time_to_live") => child.is_table(),
            _ => is_distribution(child),
        };
        if can_be_simplified {
            times.push(path.clone());
        }
        collect(child, path, keys, times);
        path.pop();
    }
}

fn is_distribution(value: &Value) -> bool {
    let kind = value.get("kind").and_then(Value::as_str);
    matches!(kind, Some("lognormal" | "exponential" | "constant" | "empirical"))
}

/// A distribution becomes its typical value, the times to live that of `ready`, a time half as long; a list of moments loses its
/// last one.
fn simplify(value: &mut Value) {
    if let Some(time) = value.as_str().and_then(|text| humantime::parse_duration(text).ok()) {
        let half = Duration::from_secs(time.as_secs() / 2);
        if !half.is_zero() {
            *value = humantime::format_duration(half).to_string().into();
        }
        return;
    }
    if let Value::Array(moments) = value {
        if moments.len() > 1 {
            moments.pop();
        }
        return;
    }
    let typical = ["median", "mean", "value", "ready"].into_iter().find_map(|key| value.get(key).cloned());
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
