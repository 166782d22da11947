//! Reduces a scenario as far as a property still breaks under a policy.
//!
//! Greedy delta debugging (A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE Transactions on
//! Software Engineering 28, 2002) over the scenario's TOML: each step leaves something out or makes it smaller, and stays if the
//! property still breaks.

mod steps;

use std::sync::atomic::AtomicBool;

use toml::{Table, Value};

use super::{Options, Results, run};
use crate::property::{Outcome, Witness};
use crate::scenario::{Property, Scenario};

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
        let better = steps::steps(&table, &witness).into_iter().find_map(|step| {
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
