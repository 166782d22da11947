//! What happens in a run, as the engine tells it to whoever observes.

pub mod timeline;

use crate::measure::Facts;
use crate::store::{Answer, End, Gone};
use crate::time::SimTime;
use crate::workload::Upload;

/// Something that happened. Stores are numbered as workers are; a shared store has number 0.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A client sent an upload.
    Arrived(&'a Upload),
    /// A handler began the upload.
    Began {
        /// Which upload.
        upload: u32,
        /// In which worker.
        worker: u16,
        /// In which store.
        store: u16,
        /// Entries in that store afterwards.
        held: u64,
        /// Entries that had to go for it, or that it overwrote.
        gone: &'a [Gone],
        /// Entries due and still there in all other stores, where `gone` is not empty.
        overdue_elsewhere: u64,
    },
    /// The upload's processing ended.
    Finished {
        /// Which upload.
        upload: u32,
        /// In which worker.
        worker: u16,
        /// In which store.
        store: u16,
        /// How.
        end: End,
        /// Whether the store took it.
        accepted: bool,
        /// Entries in that store afterwards.
        held: u64,
    },
    /// A poll was answered from the store; the response comes when the handler is through.
    Read {
        /// Whose poll.
        upload: u32,
        /// Which poll of it, from 0.
        attempt: u32,
        /// In which worker.
        worker: u16,
        /// What was read.
        answer: Answer,
    },
    /// A sweep ran.
    Swept {
        /// In which store.
        store: u16,
        /// In whose poll; `None` if a timer did it.
        poll_of: Option<u32>,
        /// Entries before it.
        held_before: u64,
        /// Entries after it.
        held: u64,
        /// What it removed.
        gone: &'a [Gone],
        /// Entries due and still there in all other stores, where `gone` is not empty.
        overdue_elsewhere: u64,
    },
    /// The client stopped.
    ClientEnded {
        /// Whose.
        upload: u32,
        /// How.
        ending: Ending,
    },
    /// The last upload has arrived: what is measured over time is measured up to here.
    SpanEnded {
        /// Entries due and still there, in all stores.
        overdue: &'a [Gone],
    },
    /// Nothing more will happen to an upload. Told once for each.
    Over {
        /// The upload.
        upload: &'a Upload,
        /// What became of it.
        facts: Facts,
        /// Polls that its client made.
        polls: u32,
        /// From its success to the response that told its client, in nanoseconds, if one did.
        ready_to_seen_ns: Option<u64>,
    },
}

/// How a client ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told `ready`.
    SawReady,
    /// It was told `error`, or that the work was lost.
    SawError,
    /// It was told `expired`.
    SawExpired,
    /// It was told `not_found` once too often.
    GaveUp,
    /// Its attempts ran out.
    TimedOut,
    /// Its upload was refused.
    Refused,
}

/// Somebody who is told everything that happens.
pub trait Observer {
    /// Takes note of an event.
    fn observe(&mut self, at: SimTime, event: Event<'_>);
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    #[inline(always)]
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        self.0.observe(at, event);
        self.1.observe(at, event);
    }
}
