//! Rare ends of a client by multilevel splitting (H. Kahn and T. E. Harris, 1951; P. Glasserman, P. Heidelberger, P. Shahabuddin and
//! T. Zajic, Operations Research 47, 1999), where smoothing does not hold: several workers, feedback, requests that fail.
//!
//! What is rare takes many steps: a client asks again and again without being told the end. How often it has asked is its level; where
//! clients are to give up on failed fetches, how many failed in a row. Of a client that reaches a level, several are followed on from there, each of a share of its weight, with chances of their own: where
//! their requests go, whether they sweep, whether they are lost. All that happened before, and all others, stay as they were, which is
//! had by running the replication once more ([`Redraw`]). Whatever the levels, the mean of the weights that come to the rare end is
//! the share of clients that do; well chosen, all levels are about as hard to reach. They are chosen by a pilot, with seeds of its own.

use rayon::prelude::*;

use super::{follow, replication_seed};
use crate::engine::Redraw;
use crate::measure::interval::{self, Estimate};
use crate::measure::{Fact, Facts};
use crate::scenario::{Policy, Scenario};
use crate::time::SimTime;
use crate::trace::{Event, Observer};
use crate::workload::Workload;

/// Clients in the pilot.
const PILOT: usize = 200;

/// Which share of the pilot's clients reaches a level from the one before, at least.
const SHARE: f64 = 0.2;

/// Once such a share comes to the rare end, no further level is needed.
const ENOUGH: f64 = 0.1;

/// Into how many a client is split at most.
const SPLITS_MAX: usize = 50;

/// So many levels are looked for however few arrivals are to be simulated, and so many courses of one client followed.
const LEVELS_ALWAYS: u64 = 20;
const COURSES_ALWAYS: u32 = 1_000;

/// Batches of clients, whose means are taken for normal.
const BATCHES: usize = 25;

/// How many clients must have come to the rare end, at least, for an interval to mean something.
const HITS_MIN: usize = 2 * BATCHES;

/// The fewest and the most uploads that come before the one that is looked at.
const BEFORE_MIN: u32 = 50;
const BEFORE_MAX: u32 = 5_000;

/// Uploads that come after it: so many times as many, and so many more.
const AFTER_TIMES: u32 = 10;
const AFTER_MIN: u32 = 10_000;

/// What splitting came to.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// The share, with Student's interval over batches of clients.
    pub estimate: Estimate,
    /// How many levels there are.
    pub levels: usize,
    /// How many uploads come before the one that is looked at.
    pub before: u32,
}

/// A level.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// How far its client has come: requests that did not tell it the end, in all or in a row.
    requests: usize,
    /// Into how many a client is split there.
    splits: usize,
}

/// Watches one client.
#[derive(Clone, Debug)]
struct Ladder {
    upload: u32,
    /// Whether failed fetches in a row are its levels.
    in_a_row: bool,
    /// Where it stands.
    level: usize,
    /// When it came to each level first.
    reached: Vec<SimTime>,
    over: Option<Facts>,
    /// Whether the last of the others came before it was over.
    outlasts: bool,
}

impl Ladder {
    fn up(&mut self, at: SimTime) {
        self.level += 1;
        if self.level > self.reached.len() {
            self.reached.push(at);
        }
    }
}

impl Observer for Ladder {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        match event {
            Event::FetchFailed { upload, .. } if upload == self.upload => self.up(at),
            Event::Read { upload, .. } if upload == self.upload && self.in_a_row => self.level = 0,
            Event::Read { upload, .. } if upload == self.upload => self.up(at),
            // The last step was the end, and led nowhere.
            Event::ClientEnded { upload, .. } if upload == self.upload && self.level == self.reached.len() => {
                self.reached.pop();
            }
            Event::SpanEnded { .. } => self.outlasts = true,
            Event::Over { upload, facts, .. } if upload.number == self.upload => self.over = Some(facts),
            _ => {}
        }
    }
}

/// One client's course, and the chances that were drawn anew for it.
#[derive(Clone)]
struct Path {
    seed: u64,
    redraws: Vec<Redraw>,
    ladder: Ladder,
}

/// Clients of one number under one policy.
struct Climb<'a> {
    scenario: Scenario,
    policy: &'a Policy,
    fact: Fact,
    upload: u32,
    /// How many courses one client may take.
    courses_max: u32,
}

impl Climb<'_> {
    fn run(&self, seed: u64, redraws: Vec<Redraw>) -> Path {
        let in_a_row = self.fact == Fact::FetchGaveUp;
        let ladder =
            Ladder { upload: self.upload, in_a_row, level: 0, reached: Vec::new(), over: None, outlasts: false };
        let is_over = |ladder: &Ladder| ladder.over.is_some();
        let ladder = follow(&self.scenario, self.policy, seed, (self.upload, redraws.clone()), ladder, is_over);
        Path { seed, redraws, ladder }
    }

    /// The same client up to a level, and anew from there, for the so many-th time in all.
    fn anew(&self, path: &Path, requests: usize, times: u32) -> Path {
        let after = path.ladder.reached[requests - 1];
        let mut redraws = path.redraws.clone();
        redraws.push(Redraw { upload: self.upload, after, as_upload: u32::MAX - times });
        self.run(path.seed, redraws)
    }

    fn comes_to_it(&self, path: &Path) -> bool {
        path.ladder.over.is_some_and(|facts| facts.contains(self.fact))
    }

    /// Chooses levels, each about as hard to reach from the one before.
    fn levels(&self, arrivals: u64, seeds: impl Fn(u32) -> u64 + Sync) -> Result<Vec<Level>, &'static str> {
        let each = PILOT as u64 * (u64::from(self.upload) + 1);
        const ENDLESS: &str = "some uploads may never be over";
        if self.run(seeds(0), Vec::new()).ladder.outlasts {
            return Err(ENDLESS);
        }
        let mut paths: Vec<_> =
            (0..PILOT as u32).into_par_iter().map(|number| self.run(seeds(number), Vec::new())).collect();
        let mut levels: Vec<Level> = Vec::new();
        loop {
            if paths.iter().any(|path| path.ladder.outlasts) {
                return Err(ENDLESS);
            }
            let hits = paths.iter().filter(|path| self.comes_to_it(path)).count();
            if hits as f64 >= ENOUGH * PILOT as f64 {
                return if levels.is_empty() { Err("it is not rare") } else { Ok(levels) };
            }
            let from = levels.last().map_or(0, |level| level.requests);
            let mut reached: Vec<usize> = paths.iter().map(|path| path.ladder.reached.len()).collect();
            reached.sort_unstable_by(|one, other| other.cmp(one));
            // The farthest that enough of them reach or, where hardly any gets on at all, the next that any does.
            let enough = reached[(SHARE * PILOT as f64) as usize];
            let next = reached.iter().rev().copied().find(|&requests| requests > from);
            let Some(requests) = next.map(|next| next.max(enough)) else {
                return if levels.is_empty() { Err("no step leads to it") } else { Ok(levels) };
            };
            let there: Vec<_> = paths.iter().filter(|path| path.ladder.reached.len() >= requests).cloned().collect();
            if (levels.len() as u64 + 1) * each > arrivals.max(LEVELS_ALWAYS * each) {
                return Err("too many steps lead to it for so few uploads");
            }
            let splits = ((PILOT as f64 / there.len() as f64).round() as usize).clamp(1, SPLITS_MAX);
            levels.push(Level { requests, splits });
            let times = levels.len() as u32 * PILOT as u32;
            let anew = |number: u32| self.anew(&there[number as usize % there.len()], requests, times + number);
            paths = (0..PILOT as u32).into_par_iter().map(anew).collect();
        }
    }

    /// The weight of one client that comes to the rare end, how many did, and how many courses that took.
    fn climb(&self, seed: u64, levels: &[Level]) -> Root {
        let mut root = Root::default();
        let path = self.run(seed, Vec::new());
        self.on(&path, levels, 1.0, &mut root);
        root
    }

    fn on(&self, path: &Path, levels: &[Level], weight: f64, root: &mut Root) {
        let Some((level, rest)) = levels.split_first() else {
            if self.comes_to_it(path) {
                root.weight += weight;
                root.hits += 1;
            }
            return;
        };
        if path.ladder.reached.len() < level.requests {
            return self.on(path, &[], weight, root);
        }
        let weight = weight / level.splits as f64;
        self.on(path, rest, weight, root);
        for _ in 1..level.splits {
            // A client that is split without end is given up, and with it the estimate.
            if root.courses == self.courses_max {
                return;
            }
            root.courses += 1;
            let anew = self.anew(path, level.requests, root.courses);
            self.on(&anew, rest, weight, root);
        }
    }
}

/// What came of one client.
#[derive(Clone, Copy, Default)]
struct Root {
    weight: f64,
    hits: usize,
    /// Courses besides its own.
    courses: u32,
}

/// The share of clients with a fact, by about so many simulated arrivals in all.
///
/// # Errors
/// Why there is no estimate, in a few words.
pub fn split(scenario: &Scenario, policy: &Policy, fact: Fact, arrivals: u64) -> Result<Split, &'static str> {
    if scenario.workload.arrivals.listed().is_some() {
        return Err("the uploads are from a list, which ends");
    }
    let endless = Scenario { uploads: u32::MAX / 2, ..scenario.clone() };
    let before = before(&endless, policy);
    // Others come for as long as the client lasts, unless that is for ever.
    let scenario = Scenario { uploads: AFTER_TIMES * before + AFTER_MIN, ..endless };
    let in_all = arrivals / (u64::from(before) + 1);
    let courses_max = u32::try_from(in_all).unwrap_or(u32::MAX).max(COURSES_ALWAYS);
    let climb = Climb { policy, fact, upload: before, courses_max, scenario };
    // The pilot's seeds are those of no replication.
    let levels = climb.levels(arrivals, |number| replication_seed(&climb.scenario, u32::MAX / 2 + number))?;
    let bounded = |all: &[Root]| match all.iter().any(|root| root.courses == climb.courses_max) {
        true => Err("those on the way to it are too many to follow"),
        false => Ok(()),
    };
    let roots = |numbers: std::ops::Range<u32>| -> Vec<Root> {
        let seed = |number| replication_seed(&climb.scenario, number);
        numbers.into_par_iter().map(|number| climb.climb(seed(number), &levels)).collect()
    };
    let mut all = roots(0..BATCHES as u32);
    bounded(&all)?;
    let courses: u64 = all.iter().map(|root| 1 + u64::from(root.courses)).sum();
    let each = courses.div_ceil(BATCHES as u64) * (u64::from(before) + 1);
    let wanted = u32::try_from(arrivals / each / BATCHES as u64).unwrap_or(u32::MAX / 4 / BATCHES as u32);
    all.extend(roots(BATCHES as u32..wanted.max(1) * BATCHES as u32));
    bounded(&all)?;
    if all.iter().map(|root| root.hits).sum::<usize>() < HITS_MIN {
        return Err("too few clients came to it");
    }
    let size = all.len() / BATCHES;
    let mean = |batch: &[Root]| batch.iter().map(|root| root.weight).sum::<f64>() / batch.len() as f64;
    let means: Vec<f64> = all.chunks_exact(size).map(mean).collect();
    let estimate = interval::mean(&means).ok_or("there are no clients")?;
    let estimate = Estimate { low: estimate.low.max(0.0), ..estimate };
    Ok(Split { estimate, levels: levels.len(), before })
}

/// How many uploads come before the one that is looked at: those of the time for which the store keeps what is ready.
fn before(scenario: &Scenario, policy: &Policy) -> u32 {
    let kept_ns = policy.retention.time_to_live.ready_ns.unwrap_or(u64::MAX);
    let arrivals = Workload::new(scenario, scenario.seed).take(BEFORE_MAX as usize);
    let meanwhile = arrivals.take_while(|upload| upload.at <= SimTime::from_ns(kept_ns)).count();
    BEFORE_MIN.max(meanwhile as u32)
}
