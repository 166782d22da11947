//! Through the events in the order of time: which poll belongs to which upload, in which session, and what can be told from that.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::measure::Measured;
use super::sort::{Answer, Event, Kind};

/// The most uploads: what is known of each while a log is read takes about 150 bytes.
pub const UPLOADS_MAX: usize = 5_000_000;

/// A client polls regularly if its longest gap is at most so many times its shortest.
const REGULAR: u64 = 3;

/// A gap within a session is a pause if it is so many times the shortest before it.
const PAUSE: u64 = 10;

/// How uploads and polls belong together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A longer gap begins a new session.
    pub(super) session_gap_ns: u64,
    /// Whether an upload says its key, or is matched to the key that its client polls first afterwards.
    pub(super) upload_has_key: bool,
    /// What the log can tell.
    pub(super) resolution_ns: u64,
}

/// A row of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Upload { upload: u32, at_ns: i64 },
    Poll { upload: u32, session: u32, at_ns: i64 },
}

/// What is known of an upload.
struct Known {
    at_ns: i64,
    key: Option<u32>,
    is_assumed: bool,
    polls: u32,
    session: u32,
    last_ns: i64,
    /// Of its first session: polls, the shortest and the longest gap, and the last two.
    first: First,
}

#[derive(Clone, Copy)]
struct First {
    polls: u32,
    /// Whether the last poll was answered well: who was not told anything has not been told that the work is done.
    is_answered: bool,
    shortest_ns: u64,
    longest_ns: u64,
    last_ns: i64,
    before_ns: i64,
}

/// How often something was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) refused: u64,
    pub(super) assumed: u64,
    pub(super) polls: u64,
    pub(super) not_found: u64,
    pub(super) sessions: u64,
    pub(super) keys: u32,
}

/// Going through the events.
pub(super) struct Walk {
    rules: Rules,
    keys: FxHashMap<u64, (u32, u32)>,
    /// Per client, uploads that said no key and that nobody has polled.
    waiting: FxHashMap<u64, VecDeque<u32>>,
    uploads: Vec<Known>,
    pub(super) counts: Counts,
    pub(super) measured: All,
    last_arrival_ns: Option<i64>,
}

/// All that is measured.
pub(super) struct All {
    pub(super) arrival_gaps: Measured,
    pub(super) processing: Measured,
    pub(super) poll_gaps: Measured,
    pub(super) pauses: Measured,
    pub(super) absences: Measured,
    pub(super) returns: Measured,
}

/// There are too many uploads.
#[derive(Debug)]
pub(super) struct TooMany;

/// What is told of each upload in the end.
pub(super) struct Told {
    pub(super) key: u32,
    pub(super) processing_ns: Option<u64>,
    pub(super) has_polls: bool,
}

impl Walk {
    pub(super) fn new(rules: Rules) -> Walk {
        let new = || Measured::new(rules.resolution_ns);
        Walk {
            rules,
            keys: FxHashMap::default(),
            waiting: FxHashMap::default(),
            uploads: Vec::new(),
            counts: Counts::default(),
            measured: All {
                arrival_gaps: new(),
                processing: new(),
                poll_gaps: new(),
                pauses: new(),
                absences: new(),
                returns: new(),
            },
            last_arrival_ns: None,
        }
    }

    /// The next event, and the rows that it makes.
    pub(super) fn step(&mut self, event: Event, mut row: impl FnMut(Row)) -> Result<(), TooMany> {
        match event.kind {
            Kind::Upload if event.answer == Answer::Fine => {
                let upload = self.arrive(event.at_ns, false)?;
                row(Row::Upload { upload, at_ns: event.at_ns });
                if self.rules.upload_has_key {
                    self.name(upload, event.key);
                } else {
                    self.wait(event.client, upload);
                }
            }
            Kind::Upload => self.counts.refused += 1,
            Kind::Poll => {
                self.counts.polls += 1;
                self.counts.not_found += u64::from(event.answer == Answer::NotFound);
                let known = self.keys.get(&event.key).map(|&(_, upload)| upload);
                let upload = match known.filter(|&upload| !self.is_uploaded_anew(upload, &event)) {
                    Some(upload) => upload,
                    None => {
                        let upload = match self.waiting.get_mut(&event.client).and_then(VecDeque::pop_front) {
                            Some(upload) => upload,
                            None => {
                                self.counts.assumed += 1;
                                let upload = self.arrive(event.at_ns, true)?;
                                row(Row::Upload { upload, at_ns: event.at_ns });
                                upload
                            }
                        };
                        self.name(upload, event.key);
                        upload
                    }
                };
                let session = self.poll(upload, &event);
                row(Row::Poll { upload, session, at_ns: event.at_ns });
            }
            Kind::Other => {}
        }
        Ok(())
    }

    /// An upload said no key: what its client polls next is that. Those that came more than a session's gap before the next one of that
    /// client, nobody will ask about any more.
    fn wait(&mut self, client: u64, upload: u32) {
        let at_ns = |upload: u32| self.uploads[upload as usize].at_ns;
        let waiting = self.waiting.entry(client).or_default();
        if waiting.back().is_some_and(|&last| at_ns(last).abs_diff(at_ns(upload)) > self.rules.session_gap_ns) {
            waiting.clear();
        }
        waiting.push_back(upload);
    }

    /// Whether a client that polls a known key means an upload that nobody has polled: it has polled the older one for a while and stopped,
    /// has then uploaded, and that not long ago.
    fn is_uploaded_anew(&self, upload: u32, poll: &Event) -> bool {
        let waiting = self.waiting.get(&poll.client).and_then(VecDeque::front);
        let Some(next) = waiting.map(|&waiting| &self.uploads[waiting as usize]) else { return false };
        let known = &self.uploads[upload as usize];
        let usual_ns = known.first.longest_ns.max(self.rules.resolution_ns);
        known.first.polls >= 2
            && poll.at_ns.abs_diff(known.last_ns) > REGULAR * usual_ns
            && next.at_ns > known.last_ns
            && poll.at_ns.abs_diff(next.at_ns) <= self.rules.session_gap_ns
    }

    fn arrive(&mut self, at_ns: i64, is_assumed: bool) -> Result<u32, TooMany> {
        if self.uploads.len() == UPLOADS_MAX {
            return Err(TooMany);
        }
        if let Some(before_ns) = self.last_arrival_ns.replace(at_ns) {
            self.measured.arrival_gaps.add(at_ns.abs_diff(before_ns));
        }
        let (shortest_ns, longest_ns) = (u64::MAX, 0);
        let first = First { polls: 0, is_answered: false, shortest_ns, longest_ns, last_ns: at_ns, before_ns: at_ns };
        self.uploads.push(Known { at_ns, key: None, is_assumed, polls: 0, session: 0, last_ns: at_ns, first });
        Ok(self.uploads.len() as u32 - 1)
    }

    /// Says what an upload is called. From now on this is what polls under that name are about.
    fn name(&mut self, upload: u32, key: u64) {
        let next = self.counts.keys;
        let entry = self.keys.entry(key).or_insert((next, upload));
        entry.1 = upload;
        self.counts.keys += u32::from(entry.0 == next);
        self.uploads[upload as usize].key = Some(entry.0);
    }

    /// A poll of an upload. Returns its session.
    fn poll(&mut self, upload: u32, &Event { at_ns, answer, .. }: &Event) -> u32 {
        let known = &mut self.uploads[upload as usize];
        let gap_ns = at_ns.abs_diff(known.last_ns);
        let is_first = known.polls == 0;
        known.polls += 1;
        known.last_ns = at_ns;
        if gap_ns > self.rules.session_gap_ns {
            known.session += 1;
            self.counts.sessions += 1;
            let measured = if is_first { &mut self.measured.absences } else { &mut self.measured.returns };
            measured.add(gap_ns);
            return known.session;
        }
        self.counts.sessions += u64::from(is_first);
        if !is_first {
            self.measured.poll_gaps.add(gap_ns);
        }
        if known.session > 0 {
            return known.session;
        }
        let first = &mut known.first;
        first.polls += 1;
        first.is_answered = answer == Answer::Fine;
        (first.before_ns, first.last_ns) = (first.last_ns, at_ns);
        if !is_first {
            if first.polls > 2 && gap_ns >= PAUSE * first.shortest_ns.max(self.rules.resolution_ns) {
                self.measured.pauses.add(gap_ns);
            }
            first.shortest_ns = first.shortest_ns.min(gap_ns);
            first.longest_ns = first.longest_ns.max(gap_ns);
        }
        0
    }

    /// What is told of each upload, the log having ended at a moment.
    pub(super) fn finish(mut self, end_ns: i64) -> (Vec<Told>, Counts, All) {
        let (rules, mut keys) = (self.rules, self.counts.keys);
        let mut once = Vec::new();
        let mut told: Vec<Told> = Vec::with_capacity(self.uploads.len());
        for known in &self.uploads {
            let first = known.first;
            let shortest_ns = first.shortest_ns.max(rules.resolution_ns);
            // Where the upload is assumed, its first poll is no evidence.
            let is_regular =
                first.polls >= if known.is_assumed { 3 } else { 2 } && first.longest_ns <= REGULAR * shortest_ns;
            // It got an answer, and asked no more.
            let has_ended = first.is_answered && end_ns.abs_diff(first.last_ns) > rules.session_gap_ns;
            let middle_ns = first.before_ns.abs_diff(known.at_ns).midpoint(first.last_ns.abs_diff(known.at_ns));
            let processing_ns = (is_regular && has_ended).then_some(middle_ns);
            if let Some(time_ns) = processing_ns {
                self.measured.processing.add(time_ns);
            }
            let key = known.key.unwrap_or_else(|| {
                keys += 1;
                keys - 1
            });
            if !known.is_assumed && first.polls == 1 && has_ended {
                once.push((told.len(), first.last_ns.abs_diff(known.at_ns)));
            }
            told.push(Told { key, processing_ns, has_polls: known.polls > 0 });
        }
        // Who polled once and stopped had an answer by then. That says little of one that came late; of one that came sooner than
        // others' processing ends, that it was quicker.
        let usual_ns = self.measured.processing.quantile(0.5).unwrap_or(u64::MAX);
        for (upload, after_ns) in once.into_iter().filter(|&(_, after_ns)| after_ns <= usual_ns) {
            told[upload].processing_ns = Some(after_ns / 2);
            self.measured.processing.add(after_ns / 2);
        }
        // Halfway between two polls, processing is known to a gap.
        if let Some(gap_ns) = self.measured.poll_gaps.quantile(0.5) {
            self.measured.processing.lie_between_polls(gap_ns);
        }
        (told, Counts { keys, ..self.counts }, self.measured)
    }
}

/// Answers of 502, 503 and 504 that are further apart belong to two outages.
const OUTAGE_GAP_NS: u64 = 30_000_000_000;

/// Fewer of them are none.
const OUTAGE_MIN: u64 = 3;

/// The outages that are kept, the longest ones; and the silences.
const OUTAGES_MAX: usize = 100;
const SILENCES_MAX: usize = 3;

/// Times at which there was nobody behind the proxy, and at which nobody asked.
#[derive(Default)]
pub(super) struct Outages {
    /// From, to, how many answers.
    pub(super) found: Vec<(i64, i64, u64)>,
    /// How many were too many to be kept.
    pub(super) dropped: u64,
    /// From, and for how long.
    pub(super) silences: Vec<(i64, u64)>,
    pub(super) down: u64,
    open: Option<Open>,
    last_ns: Option<i64>,
}

struct Open {
    from_ns: i64,
    to_ns: i64,
    down: u64,
    /// Other answers in between, and since the last one that was down.
    others: u64,
    since: u64,
}

impl Outages {
    pub(super) fn step(&mut self, event: &Event) {
        if let Some(last_ns) = self.last_ns.replace(event.at_ns) {
            self.silences.push((last_ns, event.at_ns.abs_diff(last_ns)));
            if self.silences.len() > SILENCES_MAX * 2 {
                self.keep_longest();
            }
        }
        if event.answer != Answer::Down {
            if let Some(open) = &mut self.open {
                open.since += 1;
            }
            return;
        }
        self.down += 1;
        match &mut self.open {
            Some(open) if event.at_ns.abs_diff(open.to_ns) <= OUTAGE_GAP_NS => {
                open.to_ns = event.at_ns;
                open.down += 1;
                open.others += std::mem::take(&mut open.since);
            }
            _ => {
                self.close();
                self.open = Some(Open { from_ns: event.at_ns, to_ns: event.at_ns, down: 1, others: 0, since: 0 });
            }
        }
    }

    fn keep_longest(&mut self) {
        self.silences.sort_by_key(|&(from_ns, for_ns)| (std::cmp::Reverse(for_ns), from_ns));
        self.silences.truncate(SILENCES_MAX);
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if open.down < OUTAGE_MIN || open.others > open.down {
            return;
        }
        self.found.push((open.from_ns, open.to_ns, open.down));
        if self.found.len() > OUTAGES_MAX {
            let shortest = (0..self.found.len()).min_by_key(|&place| self.found[place].1.abs_diff(self.found[place].0));
            self.found.remove(shortest.unwrap_or_default());
            self.dropped += 1;
        }
    }

    pub(super) fn finish(&mut self) {
        self.close();
        self.keep_longest();
    }
}
