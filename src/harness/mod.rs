//! A harness for stores of upload statuses: conformance, every order of calls, every interleaving inside them, and whether what
//! came of it can be explained.
//!
//! Implement [`Store`] for a store in a test, say what it promises, and run:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//!
//! use stillready::harness::{self, Store};
//! use stillready::registry::{Full, Outcome, Retention, Status};
//!
//! const HALF_AN_HOUR_NS: u64 = 30 * 60 * 1_000_000_000;
//!
//! /// Half an hour from the end of the work; ids that are never used again; no tombstones.
//! #[derive(Default)]
//! struct MyStore(Mutex<Entries>);
//!
//! #[derive(Default)]
//! struct Entries {
//!     last: u64,
//!     /// The latest time that anybody passed: clocks of several threads disagree a little.
//!     clock: u64,
//!     /// How each upload stands, and since when, if its work has ended.
//!     all: HashMap<u64, (Option<u64>, Status<u32>)>,
//! }
//!
//! impl Entries {
//!     fn is_due(&self, id: u64) -> bool {
//!         matches!(self.all.get(&id), Some((Some(since), _)) if self.clock >= since + HALF_AN_HOUR_NS)
//!     }
//! }
//!
//! impl MyStore {
//!     fn at<T>(&self, now_ns: u64, call: impl FnOnce(&mut Entries) -> T) -> T {
//!         let mut entries = self.0.lock().unwrap();
//!         entries.clock = entries.clock.max(now_ns);
//!         call(&mut entries)
//!     }
//! }
//!
//! impl Store for MyStore {
//!     type Ticket = u64;
//!
//!     fn begin(&self, _key: u32, _upload: u32, now_ns: u64) -> Result<u64, Full> {
//!         self.at(now_ns, |entries| {
//!             entries.last += 1;
//!             entries.all.insert(entries.last, (None, Status::Processing));
//!             Ok(entries.last)
//!         })
//!     }
//!
//!     fn finish(&self, id: &u64, outcome: Outcome<u32>, now_ns: u64) -> Option<bool> {
//!         self.at(now_ns, |entries| {
//!             let now = entries.clock;
//!             let entry = entries.all.get_mut(id).filter(|(_, status)| *status == Status::Processing);
//!             let Some(entry) = entry else { return Some(false) };
//!             let status = match outcome {
//!                 Outcome::Ready(upload) => Status::Ready(upload),
//!                 Outcome::Failed(upload) => Status::Failed(upload),
//!             };
//!             *entry = (Some(now), status);
//!             Some(true)
//!         })
//!     }
//!
//!     fn read(&self, id: &u64, now_ns: u64) -> Status<u32> {
//!         self.at(now_ns, |entries| match entries.all.get(id) {
//!             Some((_, status)) if !entries.is_due(*id) => *status,
//!             _ => Status::Unknown,
//!         })
//!     }
//!
//!     fn sweep(&self, now_ns: u64) {
//!         self.at(now_ns, |entries| {
//!             let due: Vec<u64> = entries.all.keys().copied().filter(|&id| entries.is_due(id)).collect();
//!             entries.all.retain(|id, _| !due.contains(id));
//!         });
//!     }
//! }
//!
//! // In a test: panics with a report that ends in how to replay it.
//! harness::check("my store", MyStore::default)
//!     .promise(Retention::finished("30m").tombstone(None))
//!     .run();
//! ```
//!
//! # Levels
//! One after the other, until one breaks the store; [`Level`] names them.
//! 1. **Conformance**: sequences of calls and times, generated and shrunk by proptest, against the [`Reference`].
//! 2. **Steps**: small programs of two to four actors, [picked by hand and generated](Program), in every order of their steps. A
//!    step is one call, so nothing of the store need be known. The smallest program and its shortest failing order are printed.
//! 3. **Loom** and 4. **shuttle**, at random and by PCT: the same programs with threads for actors, where the store is compiled over
//!    their primitives, too ([`door`], [`Check::loom`], [`Check::shuttle`]).
//! 5. **Threads**: the same programs on threads of the system, again and again. Samples that no seed repeats; a replay tries again.
//!
//! Where calls overlap, what they were answered is a history, and it is checked for linearizability; the properties S1 to S12 are
//! watched over every execution of every level. A `sometimes` property that never came to pass fails a
//! check that runs the programs that every store goes through.
//!
//! # What a store is held to
//! The [`Retention`](crate::registry::Retention) of its promise and its [`Address`], and nothing else: what a store does not promise
//! is not asked. Calls that it does not have are left out and listed ([`Report::not_checked`]). Of what it has, all is asked: a
//! refused end must leave no trace, a tombstone must say what it was, a sweep must leave no more than what is not due.
//!
//! # Replaying
//! Each failure ends in a line such as `STILLREADY_REPLAY=steps:b0.0,f0/r0/s/r0:01 cargo test my_test`: the level, the program and
//! the order, or under shuttle the turns of its threads. With it in the environment, [`Check::run`] runs exactly that execution.
//! Loom has no way to an execution but the search up to it, which a token of loom repeats; it names the execution.

mod budget;
mod check;
mod conformance;
pub mod door;
mod failure;
mod history;
mod inside;
mod model;
mod monitor;
mod order;
mod program;
mod programs;
mod promise;
mod quiet;
mod race;
mod reference;
mod report;
mod run;
mod session;
mod steps;
mod store;

pub use budget::{Budget, Extent};
pub use check::{Check, check};
pub use failure::{Failure, Fault, Level};
pub use program::{ACTORS, ParseProgramError, Program, STEPS, Step, UPLOADS};
pub use promise::{Address, Promise};
pub use reference::{Due, Reference, Room};
pub use report::{Report, Row};
pub use store::{Calls, Store};
