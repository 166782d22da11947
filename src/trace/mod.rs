//! What happens in a run, as the engine tells it to whoever observes.

pub mod timeline;

use crate::measure::Facts;
use crate::scenario::Clear;
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
    /// A store was told that an upload is ready, before its work had ended.
    Published {
        /// Which upload.
        upload: u32,
        /// In which worker.
        worker: u16,
        /// In which store.
        store: u16,
        /// Entries in that store afterwards.
        held: u64,
    },
    /// An upload's processing was lost with its worker.
    Lost {
        /// Which upload.
        upload: u32,
        /// With which worker.
        worker: u16,
    },
    /// A fetch of a client failed.
    FetchFailed {
        /// Whose.
        upload: u32,
        /// Why.
        why: FetchFailure,
    },
    /// A lock will never be let go.
    Deadlocked {
        /// In the end of whose work.
        upload: u32,
        /// In which worker.
        worker: u16,
        /// Of which store.
        store: u16,
    },
    /// A client's request waits for such a lock.
    Hung {
        /// Whose.
        upload: u32,
        /// In which worker.
        worker: u16,
    },
    /// The end of an upload's work waits for such a lock.
    WorkHung {
        /// Whose.
        upload: u32,
        /// In which worker.
        worker: u16,
    },
    /// The site was reloaded.
    Reloaded {
        /// For how long all fetches fail, in nanoseconds.
        window_ns: u64,
    },
    /// A new worker took the place of one.
    Replaced {
        /// Which worker.
        worker: u16,
        /// Its store.
        store: u16,
        /// What that store holds now, if it was the worker's own and went with it.
        held: Option<u64>,
        /// Of the entries that went with it, those that were due.
        gone: &'a [Gone],
        /// Entries due and still there in all other stores, where `gone` is not empty.
        overdue_elsewhere: u64,
    },
    /// Somebody cleared.
    Cleared {
        /// In which store.
        store: u16,
        /// What was asked for.
        clear: Clear,
        /// The name that was asked for, where it was one.
        key: u32,
        /// Entries in that store afterwards.
        held: u64,
        /// What it removed.
        gone: &'a [Gone],
        /// Entries due and still there in all other stores, where `gone` is not empty.
        overdue_elsewhere: u64,
    },
    /// A client has ended, and its page will be opened again.
    Reopens {
        /// Whose.
        upload: u32,
        /// How it ended for now.
        ending: Ending,
        /// After which time, in nanoseconds.
        after_ns: u64,
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
        /// In whose poll, or at the end of whose work; `None` if a timer did it.
        by: Option<u32>,
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
        /// How long after its upload, in nanoseconds.
        after_ns: u64,
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
    /// It was told `not_found`, and loaded whatever there was.
    LoadedAnyway,
    /// It was told `error`, or that the work was lost.
    SawError,
    /// It was told `expired`.
    SawExpired,
    /// It was told `not_found` once too often.
    GaveUp,
    /// Its attempts ran out.
    TimedOut,
    /// Its upload was refused, or too many of its fetches failed.
    Refused,
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// It was lost on its way.
    Network,
    /// The site was closed, or too many requests waited.
    Refused,
    /// Its worker was killed.
    Killed,
    /// The store was down.
    StoreDown,
    /// The client did not wait any longer.
    Aborted,
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
