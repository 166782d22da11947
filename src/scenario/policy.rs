//! Reading `[[policy]]`: how statuses are kept, and when they are swept.

use super::reader::{Faults, FromToml, Table, Value, number};
use super::units::{Count, DurationNs, Period};
use super::{Address, Order, Policy, Property, Scope, StoreKind, Trigger};
use crate::registry::{AgeBasis, Capacity, Expiry, Retention, TimeToLive};
use crate::store::{Defect, Defects};

/// The policies, and the names of all, those with faults included.
pub(super) fn read_policies(root: &mut Table<'_>) -> (Vec<Policy>, Vec<String>) {
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

/// A share of the work, from 0 to 1.
struct Early(f64);

impl FromToml for Early {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let share = number(value).filter(|share| (0.0..=1.0).contains(share));
        share.map(Early).ok_or_else(|| "a share of the work from 0 (at its end) to 1 (before it starts)".into())
    }
}
