//! What is printed when a store breaks: what broke, the order in which it did, and how to see it again.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use super::history::Call;
use super::model::Answer;
use super::monitor::word;
use super::program::{Program, Step};
use super::session::START_NS;
use crate::scenario::Property;

/// How a store was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Generated sequences of calls, one after the other.
    Conformance,
    /// Small programs, in every order of their steps; a step is one call.
    Steps,
    /// Small programs under loom: every interleaving inside the calls, and what the memory model allows.
    Loom,
    /// Small programs under shuttle, on random schedules.
    ShuttleRandom,
    /// Small programs under shuttle, on schedules by PCT.
    ShuttlePct,
    /// Small programs on threads of the system, again and again.
    Threads,
}

impl Level {
    /// All levels, in the order in which they run.
    pub const ALL: [Level; 6] =
        [Level::Conformance, Level::Steps, Level::Loom, Level::ShuttleRandom, Level::ShuttlePct, Level::Threads];

    /// Its name in reports and tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Conformance => "conformance",
            Level::Steps => "steps",
            Level::Threads => "threads",
            Level::Loom => "loom",
            Level::ShuttleRandom => "shuttle-random",
            Level::ShuttlePct => "shuttle-pct",
        }
    }
}

/// What a store did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A property is broken.
    Property(Property, String),
    /// A call was answered otherwise than the reference answers, in any order that is possible.
    Answer(String),
    /// A call panicked.
    Panic(String),
    /// Calls wait for each other for ever (S9).
    Deadlock(String),
    /// A level that was asked for came to no execution.
    NothingRan,
    /// What should come to pass in some execution never did: that nothing broke says little.
    Never(Property),
}

impl Fault {
    /// Whether the store did something wrong, and not the check too little.
    #[must_use]
    pub fn is_of_store(&self) -> bool {
        !matches!(self, Fault::NothingRan | Fault::Never(_))
    }

    /// The property that is broken, if one has a name for it.
    #[must_use]
    pub fn property(&self) -> Option<Property> {
        match self {
            Fault::Property(property, _) => Some(*property),
            Fault::Deadlock(_) => Some(Property::S9),
            Fault::Answer(_) | Fault::Panic(_) | Fault::NothingRan | Fault::Never(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Property(property, what) => write!(f, "{} ({}): {what}", property.name(), property.meaning()),
            Fault::Answer(what) => f.write_str(what),
            Fault::NothingRan => f.write_str("nothing ran"),
            Fault::Never(property) => write!(f, "it never came to pass that {}", property.meaning()),
            Fault::Panic(what) => write!(f, "a call panicked: {what}"),
            Fault::Deadlock(what) => {
                write!(f, "{} ({}): {what}", Property::S9.name(), Property::S9.meaning())
            }
        }
    }
}

/// What is wrong with one execution, its calls in the order in which they returned, and which of them show it.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) fault: Fault,
    pub(super) calls: Vec<Call>,
    pub(super) marked: Vec<usize>,
}

impl Finding {
    /// Something that the last of the calls shows.
    pub(super) fn at_the_end(fault: Fault, calls: Vec<Call>) -> Finding {
        let marked = calls.len().checked_sub(1).into_iter().collect();
        Finding { fault, calls, marked }
    }
}

/// A store that broke, and how.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The store's name.
    pub store: String,
    /// At which level.
    pub level: Level,
    /// What it did wrong.
    pub fault: Fault,
    /// In which program.
    pub program: Program,
    /// The program's name, or how it was found.
    pub named: String,
    /// In which execution of that level it was found.
    pub execution: u64,
    /// What runs exactly this again.
    pub token: String,
    /// The calls, in order, and which of them are to be marked.
    pub(super) calls: Vec<Call>,
    pub(super) marked: Vec<usize>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n", self.store, self.fault)?;
        if !self.fault.is_of_store() {
            return f.write_str(
                "so that nothing broke says little: give the check a larger budget, more programs, or all of its levels",
            );
        }
        let Failure { level, named, execution, .. } = self;
        writeln!(f, "{} in execution {execution}, program {named}:\n", level.name())?;
        writeln!(f, "{}\n", self.columns())?;
        #[expect(clippy::disallowed_methods, reason = "the name of the test that failed, for the reader alone")]
        let thread = std::thread::current();
        let test = thread.name().filter(|name| *name != "main").unwrap_or("");
        write!(f, "replay: STILLREADY_REPLAY={} cargo test {test}", self.token)
    }
}

impl Failure {
    /// That a check looked at too little.
    pub(super) fn of_check(store: &str, level: Level, fault: Fault) -> Failure {
        let (program, named, token, calls, marked) = Default::default();
        Failure { store: store.to_owned(), level, fault, program, named, execution: 0, token, calls, marked }
    }

    /// A column for each actor, a line for each call, in the order in which they returned.
    fn columns(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
        let roles = self.program.roles();
        let everybody = if self.program.actors.is_empty() { "in order" } else { "before, after" };
        let heads = ["", "time", everybody].into_iter().map(str::to_owned).chain(roles.clone());
        table.set_header(heads);
        for (place, call) in self.calls.iter().enumerate() {
            let mark = if self.marked.contains(&place) { ">" } else { "" };
            let mut cells = vec![mark.to_owned(), time(call.now_ns)];
            cells.extend((0..=roles.len()).map(|actor| if actor == call.actor { told(call) } else { String::new() }));
            table.add_row(cells);
        }
        table
    }
}

/// A time since the start of the execution.
fn time(now_ns: u64) -> String {
    let since = now_ns.saturating_sub(START_NS);
    humantime::format_duration(std::time::Duration::from_nanos(since)).to_string()
}

/// A call and its answer, in words.
fn told(call: &Call) -> String {
    let answer = call.answer;
    let call = match call.step {
        Step::Begin { upload, key } => format!("begin upload {upload}, key {key}"),
        Step::Finish(upload) => format!("finish {upload}"),
        Step::Fail(upload) => format!("fail {upload}"),
        Step::Interrupt(upload) => format!("lose {upload}"),
        Step::Read(upload) => format!("read {upload}"),
        Step::ReadKey(key) => format!("read key {key}"),
        Step::Acknowledge(upload) => format!("acknowledge {upload}"),
        Step::Clear(upload) => format!("clear {upload}"),
        Step::Wait(upload) => format!("wait for {upload}"),
        Step::Sweep => "sweep".to_owned(),
        Step::Back(ns) => {
            return format!("clocks {} late", humantime::format_duration(std::time::Duration::from_nanos(ns)));
        }
        Step::Pass(ns) => return format!("{} pass", humantime::format_duration(std::time::Duration::from_nanos(ns))),
    };
    match answered(answer) {
        answer if answer.is_empty() => call,
        answer => format!("{call}: {answer}"),
    }
}

/// An answer in words.
pub(super) fn answered(answer: Answer) -> String {
    match answer {
        Answer::Begun | Answer::Interrupted | Answer::Passed | Answer::Swept(None) => String::new(),
        Answer::Full => "full".to_owned(),
        Answer::Ended(Some(true)) => "taken".to_owned(),
        Answer::Ended(Some(false)) => "stale".to_owned(),
        Answer::Ended(None) => String::new(),
        Answer::Status(status) => match status {
            crate::registry::Status::Ready(of) => format!("ready, of {of}"),
            crate::registry::Status::Failed(of) => format!("failed, of {of}"),
            crate::registry::Status::Expired(last) => format!("expired, was {last:?}").to_lowercase(),
            status => word(status).to_owned(),
        },
        Answer::Pending => "pending".to_owned(),
        Answer::Acknowledged(counted) => if counted { "counted" } else { "did not count" }.to_owned(),
        Answer::Cleared(there) => if there { "gone" } else { "nothing there" }.to_owned(),
        Answer::Swept(Some(held)) => format!("{held} left"),
        Answer::Skipped => "no such upload".to_owned(),
        Answer::Panicked => "panicked".to_owned(),
    }
}
