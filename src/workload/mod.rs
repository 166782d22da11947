//! The workload: who uploads what, when, how long it takes, and who goes away. The same for every policy.

mod sample;

use crate::rng::{Die, PerAttempt, PerUpload, Source, below};
use crate::scenario::{Arrivals, ClientSpec, Probability, Scenario, WorkloadSpec};
use crate::time::SimTime;
use sample::daily_gap_ns;
pub(crate) use sample::{Sampler, exponential_ns};

/// One upload, before anything happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its number, from 0 in the order of arrival.
    pub number: u32,
    /// When the client sends it.
    pub at: SimTime,
    /// Its name as the server spells it; equal numbers are equal names.
    pub key: u32,
    /// Whether the client spells its name otherwise.
    pub odd_name: bool,
    /// How long the step takes that begins it, in nanoseconds.
    pub transfer_ns: u64,
    /// How long its processing takes, in nanoseconds.
    pub processing_ns: u64,
    /// Whether its processing ends with an error.
    pub fails: bool,
    /// How long the client is away right after the upload, in nanoseconds; `None` if it stays.
    pub away_ns: Option<u64>,
}

/// Uploads made at a time: samples do not depend on each other, so a processor works on several of them at once, if they are
/// asked for one right after the other.
const BATCH: u32 = 64;

/// The uploads of one replication, in the order of their arrival.
pub struct Workload {
    uploads: u32,
    /// The uploads that were made last, and how many of them have come.
    made: Vec<Upload>,
    come: usize,
    /// The number of the next one to make.
    next: u32,
    clock: SimTime,
    arrivals: Arrivals,
    arrival: PerUpload<1>,
    processing: (PerUpload<2>, Sampler, Die),
    away: (PerUpload<2>, Sampler, Die),
    keys: Option<(PerUpload<1>, u32)>,
    odd_names: Option<(PerAttempt, Die)>,
    transfer: (PerAttempt, Sampler),
}

impl Workload {
    /// The workload of a scenario under one replication's seed.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let Scenario { uploads, workload, client, server, .. } = scenario;
        let WorkloadSpec { arrivals, processing, failure, distinct_keys, odd_names } = workload;
        let ClientSpec { away_chance, away_time, .. } = client;
        Workload {
            uploads: *uploads,
            made: Vec::with_capacity(BATCH as usize),
            come: 0,
            next: 0,
            clock: SimTime::ZERO,
            arrivals: arrivals.clone(),
            arrival: PerUpload::new(seed, Source::Arrival),
            processing: (PerUpload::new(seed, Source::Processing), Sampler::new(processing), Die::new(failure.get())),
            away: (PerUpload::new(seed, Source::Away), Sampler::new(away_time), Die::new(away_chance.get())),
            keys: distinct_keys.map(|keys| (PerUpload::new(seed, Source::Key), keys)),
            odd_names: (*odd_names != Probability::NEVER)
                .then(|| (PerAttempt::new(seed, Source::OddName), Die::new(odd_names.get()))),
            transfer: (PerAttempt::new(seed, Source::Transfer), Sampler::new(&server.service.upload)),
        }
    }

    /// When an upload comes, the one before it having come at the current clock.
    fn arrival(&mut self, number: u32) -> SimTime {
        let gap_ns = match &self.arrivals {
            Arrivals::Poisson { mean_gap_ns } => {
                let [draw] = self.arrival.draws(u64::from(number));
                exponential_ns(*mean_gap_ns, draw)
            }
            Arrivals::Fixed { every_ns } => *every_ns,
            Arrivals::Burst { size, every_ns } => {
                if number.is_multiple_of(*size) {
                    *every_ns
                } else {
                    0
                }
            }
            Arrivals::Daily { rates } => {
                let [draw] = self.arrival.draws(u64::from(number));
                daily_gap_ns(rates, self.clock, draw)
            }
            Arrivals::Trace { at_ns } => return SimTime::from_ns(at_ns[number as usize]),
            Arrivals::Recorded(recording) => return recording.at(number),
        };
        self.clock.after(gap_ns)
    }
}

impl Workload {
    /// The next upload, which stays the next one.
    #[inline]
    pub fn peek(&mut self) -> Option<&Upload> {
        if self.come == self.made.len() {
            self.make_batch();
        }
        self.made.get(self.come)
    }

    /// Makes the next uploads, one property of all of them after the other.
    #[inline(never)]
    fn make_batch(&mut self) {
        let numbers = self.next..self.uploads.min(self.next.saturating_add(BATCH));
        self.next = numbers.end;
        self.made.clear();
        self.come = 0;
        let transfer_ns = self.transfer.1.constant_ns();
        for number in numbers {
            self.clock = self.arrival(number);
            self.made.push(Upload {
                number,
                at: self.clock,
                key: number,
                odd_name: false,
                transfer_ns: transfer_ns.unwrap_or(0),
                processing_ns: 0,
                fails: false,
                away_ns: None,
            });
        }
        let mut lengths = [0; BATCH as usize];
        let (stream, time, failure) = &mut self.processing;
        for (upload, length) in self.made.iter_mut().zip(&mut lengths) {
            let outcome;
            [*length, outcome] = stream.draws(u64::from(upload.number));
            upload.fails = failure.says_yes(outcome);
        }
        time.sample_all(&mut lengths[..self.made.len()]);
        for (upload, length) in self.made.iter_mut().zip(lengths) {
            upload.processing_ns = length;
        }
        let (stream, time, chance) = &mut self.away;
        let mut away = 0;
        for upload in &mut self.made {
            let goes;
            [goes, lengths[away]] = stream.draws(u64::from(upload.number));
            upload.away_ns = chance.says_yes(goes).then_some(0);
            away += usize::from(upload.away_ns.is_some());
        }
        time.sample_all(&mut lengths[..away]);
        for (away_ns, length) in self.made.iter_mut().filter_map(|upload| upload.away_ns.as_mut()).zip(lengths) {
            *away_ns = length;
        }
        if let Some((stream, keys)) = &mut self.keys {
            for upload in &mut self.made {
                upload.key = below(stream.draws(u64::from(upload.number))[0], *keys);
            }
        }
        if let Arrivals::Recorded(recording) = &self.arrivals {
            let has_polls = recording.polls() > 0;
            for upload in &mut self.made {
                upload.key = recording.key(upload.number);
                upload.processing_ns = recording.processing_ns(upload.number).unwrap_or(upload.processing_ns);
                if has_polls {
                    upload.away_ns = recording.away_ns(upload.number);
                }
            }
        }
        if let Some((draws, odd)) = self.odd_names {
            for upload in &mut self.made {
                upload.odd_name = odd.says_yes(draws.draw(u64::from(upload.number), 0));
            }
        }
        if transfer_ns.is_none() {
            let (draws, time) = &self.transfer;
            for upload in &mut self.made {
                upload.transfer_ns = time.sample_ns(draws.draw(u64::from(upload.number), 0));
            }
        }
    }
}

impl Iterator for Workload {
    type Item = Upload;

    #[inline]
    fn next(&mut self) -> Option<Upload> {
        let next = self.peek().copied();
        self.come += usize::from(next.is_some());
        next
    }
}
