//! `[grid]`: one policy of a scenario, or what surrounds it, varied over several axes; and `[[objective]]`, what is asked of it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeValue;
use toml::{Table as Plain, Value as PlainValue};

use super::problem::Fault;
use super::reader::{FromToml, Table, Value, integer, number};
use super::recording::Traces;
use super::units::{Count, DurationNs};
use super::{InvalidScenario, Limit, METRICS, Scenario, read};
use crate::provenance::sha256_hex;
use crate::rng::{PerAttempt, Source, unit};

/// The most cells that a grid may have.
const CELLS_MAX: usize = 100_000;

/// The parts of a scenario that an axis may vary besides the policy.
const SURROUNDINGS: [&str; 3] = ["client", "server", "workload"];

/// A grid whose every cell is a scenario of one policy.
#[derive(Clone, Debug)]
pub struct Grid {
    /// The keys that are varied, in the order of the columns: of the policy, or with the part of the scenario before them.
    pub axes: Vec<String>,
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// What is asked of a policy.
    pub objectives: Vec<Objective>,
}

/// A cell of a grid.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its number in the whole grid, from 0.
    pub number: usize,
    /// The value on each axis, as the scenario has it.
    pub values: Vec<String>,
    /// What is run.
    pub scenario: Scenario,
}

/// What is asked of a policy: a limit that a metric keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// One of [`METRICS`].
    pub metric: &'static str,
    /// What is allowed.
    pub limit: Limit,
}

/// What the file says of a grid, before any cell is made.
pub(super) struct Spec {
    span: Range<usize>,
    /// Which policy is varied, by its number.
    policy: usize,
    design: Design,
}

enum Design {
    /// Each value of each axis with each of all others.
    Factorial(Vec<(String, Vec<Placed>)>),
    /// So many cells, spread over ranges.
    LatinHypercube { cells: u32, axes: Vec<(String, Between)> },
    /// Cells as they are listed.
    List(Vec<BTreeMap<String, Placed>>),
}

/// A value and its place in the file.
#[derive(Clone)]
struct Placed {
    value: PlainValue,
    span: Range<usize>,
}

/// A range of values.
struct Between {
    from: f64,
    to: f64,
    kind: Number,
    is_log: bool,
    span: Range<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Number {
    Integer,
    Float,
    Duration,
}

/// Reads `[grid]`.
pub(super) fn read_grid(root: &mut Table<'_>, policies: &[String]) -> Option<Spec> {
    let mut table = root.table("grid")?;
    let span = table.span();
    let named: Vec<_> = policies.iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let policy = table.choice("policy", Some(0), &named);
    let cells = table.optional::<Count>("latin_hypercube");
    let axes = table.table("axes");
    let listed = table.tables("cells");
    let design = match (axes, listed.is_empty()) {
        (Some(axes), true) => match cells {
            Some(Count(cells)) => Some(Design::LatinHypercube { cells, axes: ranges(axes) }),
            None => Some(Design::Factorial(lists(axes))),
        },
        (None, false) => Some(Design::List(listed.into_iter().map(settings).collect())),
        (axes, _) => {
            let label = if axes.is_some() { "both are there" } else { "add `[grid.axes]` or `[[grid.cells]]`" };
            let help = "axes are combined with each other, cells are taken as they are";
            table.fault("cells", "a grid has either axes or cells", label, help);
            if let Some(axes) = axes {
                lists(axes);
            }
            None
        }
    };
    table.finish();
    Some(Spec { span, policy: policy?, design: design? })
}

/// Reads `[[objective]]`.
pub(super) fn read_objectives(root: &mut Table<'_>) -> Vec<Objective> {
    let metrics: Vec<_> = METRICS.iter().map(|name| (*name, *name)).collect();
    let read = |mut table: Table<'_>| {
        let metric = table.choice("metric", None, &metrics);
        let limit = read::one_limit(&mut table, "an objective");
        table.finish();
        Some(Objective { metric: metric?, limit: limit? })
    };
    root.tables("objective").into_iter().filter_map(read).collect()
}

/// The values of each axis.
fn lists(mut table: Table<'_>) -> Vec<(String, Vec<Placed>)> {
    let mut axes = Vec::new();
    for (key, value) in table.all() {
        match value.get_ref().as_array().filter(|items| !items.is_empty()) {
            Some(items) => axes.push((key.to_owned(), items.iter().map(placed).collect())),
            None => table.fault(key, format!("`{key}` is not valid"), "expected a list of values, in brackets", RANGES),
        }
    }
    table.finish();
    axes
}

const RANGES: &str = "a range, { from = …, to = … }, goes with `latin_hypercube`, a number of cells";

/// The range of each axis.
fn ranges(mut table: Table<'_>) -> Vec<(String, Between)> {
    let mut axes = Vec::new();
    for (key, value) in table.all() {
        let Some(mut range) = table.of_value(key, value) else { continue };
        let (from, to) = (range.required::<End>("from"), range.required::<End>("to"));
        let is_log = range.choice("scale", Some(false), &[("linear", false), ("log", true)]);
        let span = value.span();
        if let (Some(from), Some(to), Some(is_log)) = (from, to, is_log) {
            let kind = if from.kind == to.kind { from.kind } else { Number::Float };
            let mixes = (from.kind == Number::Duration) != (to.kind == Number::Duration);
            if mixes || from.value >= to.value || (is_log && from.value <= 0.0) {
                let help =
                    "two numbers or two durations, the first one smaller, and above zero where the scale is \"log\"";
                range.fault("to", "the ends of the range do not fit", "not possible with this `from`", help);
            } else {
                axes.push((key.to_owned(), Between { from: from.value, to: to.value, kind, is_log, span }));
            }
        }
        range.finish();
    }
    table.finish();
    axes
}

/// One end of a range.
struct End {
    value: f64,
    kind: Number,
}

impl FromToml for End {
    fn from_toml(value: &Value<'_>, _: &super::reader::Faults) -> Result<Self, String> {
        let duration =
            || DurationNs::parse(value).map(|DurationNs(ns)| End { value: ns as f64, kind: Number::Duration });
        let kind = if integer::<i64>(value).is_some() { Number::Integer } else { Number::Float };
        let number = || number(value).map(|value| End { value, kind });
        number().or_else(duration).ok_or_else(|| "a number, or a duration such as \"30m\"".to_owned())
    }
}

/// The values of a cell that is listed.
fn settings(mut table: Table<'_>) -> BTreeMap<String, Placed> {
    let all = table.all().into_iter().map(|(key, value)| (key.to_owned(), placed(value))).collect();
    table.finish();
    all
}

fn placed(value: &Value<'_>) -> Placed {
    Placed { value: plain(value), span: value.span() }
}

/// The value without its place.
fn plain(value: &Value<'_>) -> PlainValue {
    match value.get_ref() {
        DeValue::Integer(_) => integer(value).map_or_else(|| PlainValue::Float(f64::NAN), PlainValue::Integer),
        DeValue::Float(_) => PlainValue::Float(number(value).unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => PlainValue::Boolean(*truth),
        DeValue::String(text) => PlainValue::String(text.to_string()),
        DeValue::Datetime(moment) => PlainValue::Datetime(*moment),
        DeValue::Array(items) => PlainValue::Array(items.iter().map(plain).collect()),
        DeValue::Table(entries) => {
            PlainValue::Table(entries.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value))).collect())
        }
    }
}

/// A value in one word, as columns and sentences have it.
fn word(value: &PlainValue) -> String {
    match value {
        PlainValue::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Grid {
    /// Reads a scenario's grid; `None` if it has none.
    ///
    /// # Errors
    /// [`InvalidScenario`] with every problem of the text or, if it has none, of the cells.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Option<Grid>, InvalidScenario> {
        Grid::parse_with(name, file, text, &Traces::none())
    }

    /// The same for a scenario that may name a trace.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(name: &str, file: &str, text: &str, traces: &Traces) -> Result<Option<Grid>, InvalidScenario> {
        let invalid = |faults| InvalidScenario::new(file, text, faults);
        let (scenario, spec, objectives) = read::document(name, text, traces).map_err(invalid)?;
        let Some(spec) = spec else { return Ok(None) };
        let grid = spec.cells(&scenario, text, traces).map_err(invalid)?;
        Ok(Some(Grid { objectives, ..grid }))
    }

    /// A fingerprint of all that decides the results of its cells: 64 hexadecimal digits (SHA-256).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let cells = self.cells.iter().map(|cell| format!("{} {:?}\n", cell.scenario.fingerprint(), cell.values));
        sha256_hex(format!("{:?}\n{}", self.axes, cells.collect::<String>()).as_bytes())
    }
}

impl Spec {
    fn cells(&self, scenario: &Scenario, text: &str, traces: &Traces) -> Result<Grid, Vec<Fault>> {
        let rows = match &self.design {
            Design::Factorial(axes) => self.factorial(axes)?,
            Design::LatinHypercube { cells, axes } => spread(*cells, axes, scenario.seed),
            Design::List(cells) => cells.clone(),
        };
        let axes: Vec<String> = rows
            .iter()
            .flat_map(BTreeMap::keys)
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        if rows.is_empty() || axes.is_empty() {
            return Err(vec![self.fault(
                "the grid has no cell",
                "nothing is varied",
                "give at least one axis a value",
            )]);
        }
        let base = self.base(text);
        let mut faults: Vec<Fault> = Vec::new();
        let mut cells = Vec::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            let mut table = base.clone();
            for (key, placed) in row {
                if let Err(why) = set(&mut table, key, &placed.value) {
                    faults.push(at(&placed.span, format!("`{key}` cannot be varied"), why));
                }
            }
            let source = toml::to_string(&table).expect("what was TOML still is");
            match read::scenario(&scenario.name, &source, traces) {
                Ok(scenario) => {
                    let values =
                        axes.iter().map(|key| row.get(key).map(|placed| word(&placed.value)).unwrap_or_default());
                    cells.push(Cell { number, values: values.collect(), scenario });
                }
                Err(wrong) => {
                    // At the value that is wrong by itself, if one is.
                    let alone = row.iter().find_map(|(key, placed)| {
                        let mut table = base.clone();
                        set(&mut table, key, &placed.value).ok()?;
                        let wrong = read::scenario(&scenario.name, &toml::to_string(&table).ok()?, traces).err()?;
                        let label = wrong.first().map_or_else(String::new, |fault| fault.label.clone());
                        Some(at(&placed.span, wrong.first()?.message.clone(), label))
                    });
                    faults.push(alone.unwrap_or_else(|| {
                        let first = wrong
                            .first()
                            .map_or_else(String::new, |fault| format!("{}: {}", fault.message, fault.label));
                        let row: Vec<_> = row.iter().map(|(key, placed)| format!("{key} = {}", placed.value)).collect();
                        let help = format!("cell {number} is {}", row.join(", "));
                        self.fault("a cell of the grid is not a valid scenario", &first, &help)
                    }));
                }
            }
            // The rest is likely to say the same.
            if faults.len() >= 3 {
                break;
            }
        }
        if !faults.is_empty() {
            faults.dedup_by(|one, other| one.span == other.span && one.label == other.label);
            return Err(faults);
        }
        Ok(Grid { axes, cells, objectives: Vec::new() })
    }

    /// The scenario with nothing but the policy that is varied.
    fn base(&self, text: &str) -> Plain {
        let mut table: Plain = text.parse().expect("it was read before");
        for key in ["canary", "gate", "grid", "objective"] {
            table.remove(key);
        }
        if let Some(PlainValue::Array(policies)) = table.get_mut("policy") {
            let mut number = 0..;
            policies.retain(|_| number.next() == Some(self.policy));
            for policy in policies.iter_mut().filter_map(PlainValue::as_table_mut) {
                policy.remove("holds");
                policy.remove("breaks");
            }
        }
        table
    }

    fn factorial(&self, axes: &[(String, Vec<Placed>)]) -> Result<Vec<BTreeMap<String, Placed>>, Vec<Fault>> {
        let count = axes.iter().try_fold(1usize, |count, (_, values)| count.checked_mul(values.len()));
        if count.is_none_or(|count| count > CELLS_MAX) {
            let help = format!("allowed: up to {CELLS_MAX} cells; `latin_hypercube` spreads fewer over ranges");
            return Err(vec![self.fault("the grid has too many cells", "all values of all axes are combined", &help)]);
        }
        let mut rows = vec![BTreeMap::new()];
        for (key, values) in axes {
            let with = |row: &BTreeMap<String, Placed>| {
                values
                    .iter()
                    .map(|value| {
                        let mut row = row.clone();
                        row.insert(key.clone(), value.clone());
                        row
                    })
                    .collect::<Vec<_>>()
            };
            rows = rows.iter().flat_map(with).collect();
        }
        Ok(rows)
    }

    fn fault(&self, message: &str, label: &str, help: &str) -> Fault {
        Fault { help: Some(help.to_owned()), ..at(&self.span, message.to_owned(), label.to_owned()) }
    }
}

fn at(span: &Range<usize>, message: String, label: String) -> Fault {
    Fault { span: span.clone(), message, label, help: None }
}

/// A Latin hypercube (M. D. McKay, R. J. Beckman and W. J. Conover, Technometrics 21, 1979): each axis is divided into as many
/// parts as there are cells, and each part is used once.
fn spread(cells: u32, axes: &[(String, Between)], seed: u64) -> Vec<BTreeMap<String, Placed>> {
    let draws = PerAttempt::new(seed, Source::Grid);
    let mut rows = vec![BTreeMap::new(); cells as usize];
    for (number, (key, range)) in axes.iter().enumerate() {
        let mut parts: Vec<u32> = (0..cells).collect();
        parts.sort_by_key(|part| draws.draw(2 * number as u64, u64::from(*part)));
        for (row, part) in rows.iter_mut().zip(parts) {
            let inside = unit(draws.draw(2 * number as u64 + 1, u64::from(part)));
            let share = (f64::from(part) + inside) / f64::from(cells);
            row.insert(key.clone(), Placed { value: range.at(share), span: range.span.clone() });
        }
    }
    rows
}

impl Between {
    /// The value at a share of the range, to what can be read.
    fn at(&self, share: f64) -> PlainValue {
        let Between { from, to, .. } = *self;
        let value =
            if self.is_log { from * libm::exp(share * libm::log(to / from)) } else { from + share * (to - from) };
        match self.kind {
            Number::Integer => PlainValue::Integer(libm::round(value) as i64),
            Number::Float => PlainValue::Float(format!("{value:.3e}").parse().expect("it was a number")),
            Number::Duration => {
                // Whole seconds, or milliseconds where there are few.
                let unit = if value >= 1e10 { 1e9 } else { 1e6 };
                let whole = std::time::Duration::from_nanos((libm::round(value / unit) * unit) as u64);
                PlainValue::String(humantime::format_duration(whole).to_string())
            }
        }
    }
}

/// Sets a key of the policy or of what surrounds it.
fn set(table: &mut Plain, key: &str, value: &PlainValue) -> Result<(), String> {
    let path: Vec<&str> = key.split('.').collect();
    let (last, parents) = path.split_last().expect("a split has a part");
    if parents.is_empty() && matches!(*last, "name" | "holds" | "breaks") {
        return Err("what a policy is called or expected to do is no axis".to_owned());
    }
    let is_around = parents.first().is_some_and(|first| SURROUNDINGS.contains(first));
    let mut at: &mut Plain = if is_around {
        table
    } else {
        let policies = table.get_mut("policy").and_then(PlainValue::as_array_mut);
        policies.and_then(|policies| policies.first_mut()?.as_table_mut()).ok_or("there is no policy")?
    };
    for parent in parents {
        let next = at.entry((*parent).to_owned()).or_insert_with(|| PlainValue::Table(Plain::new()));
        at = next.as_table_mut().ok_or_else(|| format!("`{parent}` is not a table here"))?;
    }
    at.insert((*last).to_owned(), value.clone());
    Ok(())
}
