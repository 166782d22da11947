//! The timeline of one upload: everything that concerned it or its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Ending, Event, FetchFailure, Observer};
use crate::measure::Fact;
use crate::store::{Answer, End, Gone, ODD_NAME};
use crate::time::{SECOND_NS, SimTime};
use crate::workload::Upload;

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: SimTime,
    /// Which upload did it; `None` for a sweep by a timer.
    pub upload: Option<u32>,
    /// Where.
    pub place: Where,
    /// The kind of event, in a word.
    pub event: &'static str,
    /// What happened, in words.
    pub text: String,
}

/// Where something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Where {
    /// At the client.
    Client,
    /// At the client of another upload under the same name.
    OtherClient(u32),
    /// At the site as a whole.
    Site,
    /// In a worker.
    Worker(u16),
    /// In a store.
    Store(u16),
}

impl std::fmt::Display for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Where::Client => f.pad("client"),
            Where::OtherClient(upload) => f.pad(&format!("client of upload {upload}")),
            Where::Site => f.pad("site"),
            Where::Worker(number) => f.pad(&format!("worker {number}")),
            Where::Store(number) => f.pad(&format!("store {number}")),
        }
    }
}

impl Serialize for Where {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Where {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let numbered = || {
            let (what, number) = text.rsplit_once(' ')?;
            Some(match what {
                "client of upload" => Where::OtherClient(number.parse().ok()?),
                "worker" => Where::Worker(number.parse().ok()?),
                "store" => Where::Store(number.parse().ok()?),
                _ => return None,
            })
        };
        match text.as_str() {
            "client" => Ok(Where::Client),
            "site" => Ok(Where::Site),
            _ => numbered().ok_or_else(|| D::Error::custom(format!("`{text}` is no place of a timeline"))),
        }
    }
}

/// Collects the timeline of one upload.
pub struct Timeline {
    upload: Upload,
    /// Uploads that use its name, with the latest answer that each got.
    same_name: BTreeMap<u32, Option<Answer>>,
    /// Those of them that were over before it arrived.
    earlier: BTreeSet<u32>,
    lines: Vec<Line>,
    arrived: bool,
    succeeded: bool,
    work_ended: bool,
    /// Whether nothing more happens to it, and its facts are known.
    over: bool,
    /// Whether its entry was removed after its work had ended.
    entry_gone: bool,
}

impl Timeline {
    /// The empty timeline of an upload.
    #[must_use]
    pub fn new(upload: Upload) -> Self {
        Timeline {
            upload,
            same_name: BTreeMap::new(),
            earlier: BTreeSet::new(),
            lines: Vec::new(),
            arrived: false,
            succeeded: false,
            work_ended: false,
            over: false,
            entry_gone: false,
        }
    }

    /// Whether the timeline is complete: the upload is over, and its entry is gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.over && self.entry_gone
    }

    /// What happened, in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The upload that it is about.
    #[must_use]
    pub fn upload(&self) -> &Upload {
        &self.upload
    }

    fn add(&mut self, at: SimTime, upload: Option<u32>, place: Where, event: &'static str, text: String) {
        self.lines.push(Line { at, upload, place, event, text });
    }

    /// How an upload is called in a line: not at all if it is the one that the timeline is about.
    fn of(&self, upload: u32) -> String {
        if upload == self.upload.number { String::new() } else { format!(" of upload {upload} under the same name") }
    }

    /// The client of an upload.
    fn client(&self, upload: u32) -> Where {
        if upload == self.upload.number { Where::Client } else { Where::OtherClient(upload) }
    }

    /// Whether a client that goes on matters: that of the upload, or one that uses its name.
    fn is_client(&self, upload: u32) -> bool {
        self.same_name.contains_key(&upload) && !self.earlier.contains(&upload)
    }

    /// The upload arrives: of those under its name that are over, what they wrote last in each worker matters, and no more.
    fn forget_earlier(&mut self) {
        let mut written = BTreeSet::new();
        let mut lines: Vec<_> = std::mem::take(&mut self.lines).into_iter().rev().collect();
        lines.retain(|line| match (line.upload, line.place) {
            (Some(upload), Where::Worker(worker)) if self.earlier.contains(&upload) => {
                line.event != "poll" && written.insert(worker)
            }
            (Some(upload), _) => self.same_name.contains_key(&upload) && !self.earlier.contains(&upload),
            (None, _) => false,
        });
        lines.reverse();
        self.lines = lines;
    }

    /// What another client under the same name is told.
    fn answer_to(upload: u32, answer: Answer) -> String {
        match answer {
            Answer::Ready { upload: of } if of != upload => format!("ready, but the result is that of upload {of}"),
            Answer::Ready { .. } => "ready".to_owned(),
            Answer::Processing => "processing".to_owned(),
            Answer::Error => "error".to_owned(),
            Answer::Interrupted => "interrupted".to_owned(),
            Answer::Expired(_) => "expired".to_owned(),
            Answer::NotFound => "not_found".to_owned(),
        }
    }

    fn answer(&self, answer: Answer) -> String {
        match answer {
            Answer::Processing => "processing".to_owned(),
            Answer::Error => "error".to_owned(),
            Answer::Interrupted => "interrupted".to_owned(),
            Answer::Expired(last) => format!("expired, was {}", format!("{last:?}").to_lowercase()),
            Answer::NotFound if self.succeeded => "not_found, after its success (violates S1)".to_owned(),
            Answer::NotFound => "not_found".to_owned(),
            Answer::Ready { upload } if upload != self.upload.number => {
                format!("ready, but the result is that of upload {upload} (violates S7)")
            }
            Answer::Ready { .. } if !self.succeeded => "ready, before its success (violates S2)".to_owned(),
            Answer::Ready { .. } => "ready".to_owned(),
        }
    }

    fn removed(&mut self, at: SimTime, store: u16, by: Option<u32>, gone: &[Gone], how: &str) {
        let key = self.upload.key;
        for entry in gone.iter().filter(|entry| entry.key & !ODD_NAME == key) {
            let state = format!("{:?}", entry.state).to_lowercase();
            let due = match entry.due {
                Some(due) => format!("due for {}", seconds(at.since(due))),
                None => "not due".to_owned(),
            };
            let whose = match by {
                Some(upload) if upload == self.upload.number => " (in its own request)".to_owned(),
                Some(upload) => format!(" (in a request of upload {upload})"),
                None if how == "a sweep" => " (by its timer)".to_owned(),
                None => String::new(),
            };
            self.add(at, by, Where::Store(store), "removed", format!("{how}{whose} removes the entry: {state}, {due}"));
            self.entry_gone |= self.work_ended;
        }
    }
}

/// A duration in seconds, with all digits.
fn seconds(ns: u64) -> String {
    format!("{}.{:09} s", ns / SECOND_NS, ns % SECOND_NS)
}

impl Observer for Timeline {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        let mine = self.upload.number;
        match event {
            Event::Swept { store, by, gone, .. } if !self.is_complete() => {
                self.removed(at, store, by, gone, "a sweep");
            }
            // After its end only the fate of its entry is of interest.
            _ if self.over => {}
            Event::Over { upload, facts, .. } if upload.number == mine => {
                let names = Fact::COLUMNS.iter().filter(|&&fact| facts.contains(fact)).map(|fact| fact.name());
                let text = format!("counts as: {}", names.collect::<Vec<_>>().join(", "));
                self.add(at, Some(mine), Where::Client, "over", text);
                self.over = true;
            }
            Event::Over { upload, .. } if !self.arrived && self.same_name.contains_key(&upload.number) => {
                self.earlier.insert(upload.number);
            }
            Event::Arrived(upload) if upload.key == self.upload.key => {
                self.same_name.insert(upload.number, None);
                if upload.number == mine {
                    self.arrived = true;
                    self.forget_earlier();
                }
                let mut text = format!("uploads name {} as upload {}", upload.key, upload.number);
                if let Some(away_ns) = upload.away_ns {
                    let _ = write!(text, ", then is away for {}", seconds(away_ns));
                }
                self.add(at, Some(upload.number), self.client(upload.number), "upload", text);
            }
            Event::Began { upload, worker, store, gone, .. } if self.same_name.contains_key(&upload) => {
                let text = format!("begin{}: processing", self.of(upload));
                self.add(at, Some(upload), Where::Worker(worker), "begin", text);
                self.removed(at, store, Some(upload), gone, "the new entry");
            }
            Event::Finished { upload, worker, end, accepted, .. } if self.same_name.contains_key(&upload) => {
                self.work_ended |= upload == mine;
                self.succeeded |= upload == mine && end == End::Ready;
                let end = if end == End::Ready { "ready" } else { "error" };
                let refused = if accepted { "" } else { ", which the store refused" };
                let text = format!("finish{}: {end}{refused}", self.of(upload));
                self.add(at, Some(upload), Where::Worker(worker), "finish", text);
            }
            Event::Read { upload, attempt, worker, answer } if upload == mine => {
                let text = format!("poll {}: {}", attempt + 1, self.answer(answer));
                self.add(at, Some(mine), Where::Worker(worker), "poll", text);
            }
            // Of the polls of others, those that are told something new.
            Event::Read { upload, attempt, worker, answer } if self.is_client(upload) => {
                let before = self.same_name.insert(upload, Some(answer));
                if before != Some(Some(answer)) {
                    let text = format!("poll {}{}: {}", attempt + 1, self.of(upload), Self::answer_to(upload, answer));
                    self.add(at, Some(upload), Where::Worker(worker), "poll", text);
                }
            }
            Event::Published { upload, worker, .. } if self.same_name.contains_key(&upload) => {
                let text = format!("publish{}: ready, though the work goes on", self.of(upload));
                self.add(at, Some(upload), Where::Worker(worker), "publish", text);
            }
            Event::Lost { upload, worker } if self.same_name.contains_key(&upload) => {
                self.work_ended |= upload == mine;
                let text = format!("the work{} is lost", self.of(upload));
                self.add(at, Some(upload), Where::Worker(worker), "lost", text);
            }
            Event::FetchFailed { upload, why } if self.is_client(upload) => {
                let why = match why {
                    FetchFailure::Network => "is lost on its way",
                    FetchFailure::Refused => "fails: the site takes no more",
                    FetchFailure::Killed => "fails: its worker is gone",
                    FetchFailure::StoreDown => "fails: the store is down",
                    FetchFailure::Aborted => "is aborted: no response",
                };
                self.add(at, Some(upload), self.client(upload), "failed", format!("a request {why}"));
            }
            Event::Deadlocked { upload, worker, .. } => {
                let text = format!("upload {upload} fails, and takes the lock twice: deadlock (violates S9)");
                self.add(at, Some(upload), Where::Worker(worker), "deadlock", text);
            }
            Event::Hung { upload, worker } | Event::WorkHung { upload, worker } if upload == mine => {
                let text = "waits for the lock, for ever".to_owned();
                self.add(at, Some(mine), Where::Worker(worker), "hangs", text);
            }
            Event::Reloaded { .. } if self.arrived => {
                self.add(at, None, Where::Site, "reload", "the site is reloaded".to_owned());
            }
            Event::Replaced { worker, held, .. } if self.arrived => {
                let memory = if held.is_some() { ", its store is empty" } else { "" };
                self.add(at, None, Where::Worker(worker), "replaced", format!("is replaced{memory}"));
            }
            Event::Cleared { store, gone, .. } if gone.iter().any(|entry| entry.key & !ODD_NAME == self.upload.key) => {
                self.removed(at, store, None, gone, "somebody's clear");
            }
            Event::Reopens { upload, ending, after_ns } if self.is_client(upload) => {
                let text = format!("{}; the page is opened again in {}", self::ending(ending), seconds(after_ns));
                self.add(at, Some(upload), self.client(upload), "reopen", text);
            }
            Event::ClientEnded { upload, ending, .. } if self.is_client(upload) => {
                self.add(at, Some(upload), self.client(upload), "end", self::ending(ending).to_owned());
            }
            _ => {}
        }
    }
}

/// How a client ends, in words.
fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::SawReady => "stops: told ready",
        Ending::LoadedAnyway => "loads whatever there is",
        Ending::SawError => "stops: told error",
        Ending::SawExpired => "stops: told expired",
        Ending::GaveUp => "gives up on not_found",
        Ending::TimedOut => "gives up: no attempts left",
        Ending::Refused => "gives up: its requests fail",
    }
}
