//! What goes wrong in a run, and when: reloads, kills, clears, clocks, outages.

use super::reader::{Faults, FromToml, Table, Value};
use super::units::{DurationNs, LONGEST_NS, Period, Rate};

/// Something that goes wrong, once or again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When.
    pub when: When,
    /// What.
    pub what: FaultKind,
}

/// When something goes wrong. The first arrival is not special: times count from the start of the replication.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// At these moments, in nanoseconds, ascending.
    At(Vec<u64>),
    /// Evenly, the first time one gap after the start; the gap in nanoseconds.
    Every(u64),
    /// A Poisson process with this mean gap in nanoseconds.
    Rate(f64),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// The site is reloaded: requests in flight finish, those that wait are dropped, every worker starts anew, and for a while
    /// all fetches fail.
    Reload {
        /// How long fetches fail, in nanoseconds.
        window_ns: u64,
    },
    /// A worker is killed: out of memory, say. Its requests fail, its memory and its work are gone.
    Kill {
        /// Which one; `None`: each is equally likely.
        worker: Option<u32>,
    },
    /// Somebody uses the endpoint that clears.
    Clear(Clear),
    /// A worker's clock jumps.
    ClockStep {
        /// Which one's; `None`: all of them.
        worker: Option<u32>,
        /// By how much, in nanoseconds; may be negative.
        step_ns: i64,
    },
    /// Every call of every store fails.
    StoreDown {
        /// For how long, in nanoseconds.
        for_ns: u64,
    },
}

/// What the endpoint that clears is asked for. It clears the store of the worker that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clear {
    /// The name of one of the latest 20 uploads, each equally likely.
    One,
    /// Everything.
    All,
    /// Uploads that have been running for longer than this, in nanoseconds.
    Stuck {
        /// The limit.
        after_ns: u64,
    },
}

pub(super) fn read_faults(root: &mut Table<'_>, workers: u32) -> Vec<Fault> {
    root.tables("fault").into_iter().filter_map(|table| read_fault(table, workers)).collect()
}

fn read_fault(mut table: Table<'_>, workers: u32) -> Option<Fault> {
    #[derive(Clone, Copy)]
    enum Kind {
        Reload,
        Kill,
        Clear,
        ClockStep,
        StoreDown,
    }
    let kinds = [
        ("reload", Kind::Reload),
        ("kill", Kind::Kill),
        ("clear", Kind::Clear),
        ("clock-step", Kind::ClockStep),
        ("store-down", Kind::StoreDown),
    ];
    let kind = table.choice("kind", None, &kinds);
    let when = read_when(&mut table);
    let what = match kind? {
        Kind::Reload => Some(FaultKind::Reload { window_ns: table.or("window", DurationNs(0)).0 }),
        Kind::Kill => Some(FaultKind::Kill { worker: read_worker(&mut table, workers) }),
        Kind::Clear => read_clear(&mut table).map(FaultKind::Clear),
        Kind::ClockStep => {
            let worker = read_worker(&mut table, workers);
            table.required("step").map(|SignedNs(step_ns)| FaultKind::ClockStep { worker, step_ns })
        }
        Kind::StoreDown => table.required("for").map(|Period(for_ns)| FaultKind::StoreDown { for_ns }),
    };
    table.finish();
    Some(Fault { when: when?, what: what? })
}

fn read_when(table: &mut Table<'_>) -> Option<When> {
    let at = table.optional("at").map(|Moments(at_ns)| When::At(at_ns));
    let every = table.optional("every").map(|Period(every_ns)| When::Every(every_ns));
    let rate = table.optional("rate").map(|Rate { mean_gap_ns }| When::Rate(mean_gap_ns));
    if ["at", "every", "rate"].into_iter().filter(|key| table.has(key)).count() != 1 {
        let help = "allowed: `at = [\"2h\", \"5h\"]`, `every = \"6h\"` or `rate = \"1/d\"`";
        table.fault("kind", "a fault needs one of `at`, `every` and `rate`", "say when, in one way", help);
        return None;
    }
    at.or(every).or(rate)
}

fn read_worker(table: &mut Table<'_>, workers: u32) -> Option<u32> {
    let worker = table.optional::<u32>("worker")?;
    if worker >= workers {
        let help = format!("allowed: 0 to {}", workers - 1);
        table.fault("worker", format!("there is no worker {worker}"), "not one of the server's", help);
    }
    Some(worker)
}

fn read_clear(table: &mut Table<'_>) -> Option<Clear> {
    #[derive(Clone, Copy)]
    enum Kind {
        One,
        All,
        Stuck,
    }
    let kinds = [("one", Kind::One), ("all", Kind::All), ("stuck", Kind::Stuck)];
    match table.choice("what", None, &kinds)? {
        Kind::One => Some(Clear::One),
        Kind::All => Some(Clear::All),
        Kind::Stuck => table.required("after").map(|Period(after_ns)| Clear::Stuck { after_ns }),
    }
}

/// A list of moments, ascending.
pub(super) struct Moments(pub(super) Vec<u64>);

impl FromToml for Moments {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let items = value.get_ref().as_array().filter(|items| !items.is_empty());
        let moments: Option<Vec<u64>> =
            items.and_then(|items| items.iter().map(|item| DurationNs::parse(item).map(|ns| ns.0)).collect());
        moments.filter(|moments| moments.is_sorted()).map(Moments).ok_or_else(|| {
            "an ascending list of times since the start, such as [\"2h\", \"5h\"], at most ten years".into()
        })
    }
}

/// A duration with a sign.
pub(super) struct SignedNs(pub(super) i64);

impl SignedNs {
    fn parse(value: &Value<'_>) -> Option<Self> {
        let text = value.get_ref().as_str()?;
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let duration = humantime::parse_duration(text).ok()?;
        let ns = u64::try_from(duration.as_nanos()).ok().filter(|&ns| ns <= LONGEST_NS)?;
        Some(SignedNs(sign * i64::try_from(ns).ok()?))
    }
}

impl FromToml for SignedNs {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        SignedNs::parse(value)
            .ok_or_else(|| "a duration with a sign, such as \"-5m\" or \"90s\", at most ten years".into())
    }
}

/// One signed duration per worker.
pub(super) struct Skews(pub(super) Vec<i64>);

impl FromToml for Skews {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        let items = value.get_ref().as_array();
        let skews = items.and_then(|items| items.iter().map(|item| SignedNs::parse(item).map(|ns| ns.0)).collect());
        skews
            .map(Skews)
            .ok_or_else(|| "a list of durations, one per worker, such as [\"0s\", \"-5m\"], at most ten years".into())
    }
}
