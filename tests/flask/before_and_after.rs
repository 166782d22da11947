//! The endpoint as it was and as it should be, and the simulator's word on it.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use stillready::experiment::{self, Options};
use stillready::measure::{Fact, interval};
use stillready::scenario::{Distribution, Scenario, shipped};
use stillready::store::Answer;
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

use crate::server::{Server, Site};
use crate::told::{AFTER_READY, Crowd, Poll, Told, Upload, mean};
use crate::{python, report};

/// By what all times are divided: 3 s become 300 ms, which is long against an answer's one or two on an idle machine.
const FASTER: f64 = 10.0;
/// By what else, one after the other, where an answer takes so long that the measurement decides nothing. The load falls likewise.
const SLOWER: [f64; 2] = [5.0, 2.5];
/// How many measured values are compared with expected ones.
const COMPARISONS: usize = 9;
/// From where on a deviation is one that chance makes once in 10,000 runs in any of the comparisons: the quantile of the standard
/// normal distribution at 1 − 10⁻⁴ / 2 / 9, after Bonferroni, which holds however they hang together.
const ONCE_IN_10_000: f64 = 4.394_337;
/// By how much the time that an answer takes may change the share of lost uploads, as simulated: 3 points.
const GIVE_OR_TAKE: f64 = 0.03;
const SECOND_NS: f64 = 1e9;

fn scenario() -> Scenario {
    let text = shipped::find("causes/workers").unwrap().text;
    Scenario::parse("workers", "workers.toml", text).unwrap()
}

/// The clients of the scenario, so much faster.
fn crowd(poll_by: &'static str, uploads: u32, faster: f64) -> Crowd {
    let Scenario { workload, client, server, .. } = scenario();
    assert_eq!((server.workers, client.first_poll_ns, client.backoff, client.jitter), (2, 0, 1.0, 0.0));
    let Distribution::Lognormal { median_ns, sigma } = workload.processing else { panic!("{workload:?}") };
    let faster_s = |ns: u64| ns as f64 / SECOND_NS / faster;
    Crowd {
        poll_by,
        uploads,
        // More of them at once than in the scenario, where the number of clients changes nothing for each of them.
        rate: 2.0 * faster,
        median_s: faster_s(median_ns),
        sigma,
        interval_s: faster_s(client.interval_ns),
        tolerate: client.tolerate_not_found,
        max_attempts: client.max_attempts,
        limit_s: 1200.0 / faster,
    }
}

/// Drives an endpoint whose times are divided likewise: the incident's 30 min and 15 min; one poll in ten sweeps.
fn run(python: &Path, app: &'static str, options: &'static [&'static str], crowd: &Crowd, faster: f64) -> Told {
    let (ready, failed) = ((1800.0 / faster).to_string(), (900.0 / faster).to_string());
    let settings: [(&str, &str); 3] =
        [("UPLOADS_READY_TTL_S", &ready), ("UPLOADS_FAILED_TTL_S", &failed), ("UPLOADS_SWEEP_CHANCE", "0.1")];
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("uploads.sqlite3");
    let server = Server::start(&Site { python, app, options, settings: &settings, database });
    Told::by(&server, python, crowd)
}

/// What the simulator says.
struct Simulated {
    uploads: u64,
    told_lost: f64,
    false_not_found: f64,
    polls_of_an_upload: f64,
    polls_not_found: f64,
}

#[derive(Default)]
struct Polls {
    all: u64,
    not_found: u64,
}

impl Observer for Polls {
    fn observe(&mut self, _: SimTime, event: Event<'_>) {
        if let Event::Read { answer, .. } = event {
            self.all += 1;
            self.not_found += u64::from(answer == Answer::NotFound);
        }
    }
}

fn simulate(scenario: &Scenario) -> Simulated {
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 1, upload_rows: false, on_progress: &|_| (), stop: &stop };
    let tally = experiment::run(scenario, &options).unwrap().tallies().remove(0);
    let polls = experiment::observe(scenario, &scenario.policies[0], scenario.seed, Polls::default());
    assert_eq!(polls.all, tally.polls);
    let uploads = tally.uploads();
    let share = |fact| tally.count(fact) as f64 / uploads as f64;
    Simulated {
        uploads,
        told_lost: share(Fact::ToldLost),
        false_not_found: share(Fact::FalseNotFound),
        polls_of_an_upload: polls.all as f64 / uploads as f64,
        polls_not_found: polls.not_found as f64 / polls.all as f64,
    }
}

/// A share in words, with its 95 % interval.
fn words(events: u64, trials: u64) -> String {
    let rate = interval::rate(events, trials).unwrap();
    format!("{:.1} % ({:.1} to {:.1} %) of {trials}", 100.0 * rate.value, 100.0 * rate.low, 100.0 * rate.high)
}

/// A probability that is expected.
#[derive(Clone, Copy)]
struct Expected {
    probability: f64,
    /// The number of simulated uploads that it is known from.
    known_from: u64,
    /// By how much it may be off, for a reason that is known.
    give_or_take: f64,
}

impl Expected {
    const HALF: Expected = Expected { probability: 0.5, known_from: u64::MAX, give_or_take: 0.0 };

    fn simulated(probability: f64, uploads: u64) -> Expected {
        Expected { probability, known_from: uploads, give_or_take: 0.0 }
    }

    /// How many standard deviations `events` of `trials` are from it: at most z if it lies in Wilson's interval of that z.
    fn deviation(self, events: u64, trials: u64) -> f64 {
        let Expected { probability, known_from, give_or_take } = self;
        let variance = probability * (1.0 - probability) * (1.0 / trials as f64 + 1.0 / known_from as f64);
        let off = (events as f64 / trials as f64 - probability).abs();
        (off - give_or_take).max(0.0) / variance.sqrt()
    }
}

/// How many standard errors the mean of independent values is from an expected one.
fn deviation_of_mean(values: &[f64], expected: f64) -> f64 {
    let (n, centre) = (values.len() as f64, mean(values));
    let variance = values.iter().map(|value| (value - centre) * (value - centre)).sum::<f64>() / (n - 1.0);
    (centre - expected).abs() / (variance / n).sqrt()
}

/// The clients whose `ready` did not last.
fn lost_after_ready(told: &Told) -> u64 {
    told.count(|upload| upload.after_ready.iter().any(Poll::lost))
}

fn title(name: &str, told: &Told) -> String {
    let (uploads, polls) = (told.uploads.len(), told.polls().count());
    let (took_ms, elapsed_s) = (1000.0 * told.median_answer_s(), told.elapsed_s);
    format!("flask {name}: {uploads} uploads, {polls} polls in {elapsed_s:.0} s, the median answer in {took_ms:.1} ms")
}

/// One run of `before`, and what the simulator says about it.
struct Measured {
    crowd: Crowd,
    told: Told,
    /// From poll to poll, on average: the interval and an answer's time, by which the next poll comes later.
    gap_s: f64,
    with_our_gap: Simulated,
    /// By how much that changes the share of uploads that are told lost.
    give_or_take: f64,
}

impl Measured {
    fn by(python: &Path, faster: f64, as_shipped: &Simulated) -> Measured {
        let crowd = crowd("filename", 400, faster);
        let told = run(python, "before", &["-w", "2", "--reuse-port"], &crowd, faster);
        let gap_s = told.mean_gap_s();
        let mut with_our_gap = scenario();
        with_our_gap.client.interval_ns = (gap_s * faster * SECOND_NS) as u64;
        let with_our_gap = simulate(&with_our_gap);
        let give_or_take = (as_shipped.told_lost - with_our_gap.told_lost).abs();
        Measured { crowd, told, gap_s, with_our_gap, give_or_take }
    }

    /// Measures until answers take little time against the interval, which is no fault of the endpoint if they do not.
    fn well(python: &Path, as_shipped: &Simulated) -> Measured {
        let mut said = Vec::new();
        for faster in [FASTER].into_iter().chain(SLOWER) {
            let measured = Measured::by(python, faster, as_shipped);
            if measured.give_or_take < GIVE_OR_TAKE {
                return measured;
            }
            let (interval_ms, gap_ms) = (1000.0 * measured.crowd.interval_s, 1000.0 * measured.gap_s);
            let points = 100.0 * measured.give_or_take;
            said.push(format!(
                "times divided by {faster}: {gap_ms:.0} ms from poll to poll instead of {interval_ms:.0} change the share \
                 of lost uploads by {points:.1} points"
            ));
            report(&[format!("flask before, too slow to tell, {}", said[said.len() - 1])]);
        }
        panic!("this machine is too busy to tell anything about the endpoint; let it run alone:\n{}", said.join("\n"));
    }
}

/// `gunicorn -w 2 --reuse-port` gives each worker a socket of its own, and Linux a new connection to either by a hash of its
/// addresses: each poll reaches either worker with 1/2, whatever the others did, which is the simulator's uniform dispatch.
#[cfg(target_os = "linux")]
#[test]
fn the_dictionary_loses_the_share_of_uploads_that_the_simulator_says() {
    let Some((python, _alone)) = python() else { return };
    let as_shipped = simulate(&scenario());
    let Measured { crowd, told, gap_s, with_our_gap, give_or_take } = Measured::well(&python, &as_shipped);

    let uploads = told.uploads.len() as u64;
    let lost = told.count(|upload| upload.ended == "lost");
    let ready = told.count(|upload| upload.ended == "ready");
    let false_not_found = told.count(Upload::false_not_found);
    let (polls, owners) = told.to_the_owner();
    let (pairs, same) = told.to_the_same_again();
    let not_found: u64 = told.uploads.iter().map(|upload| upload.not_found() as u64).sum();
    let (later, later_lost) =
        (told.after_ready().count() as u64, told.after_ready().filter(|poll| poll.lost()).count() as u64);
    let chances: Vec<_> = told.uploads.iter().map(|upload| upload.lost_by_recursion(&crowd, gap_s)).collect();
    let by_recursion: f64 = chances.iter().sum();
    let variance: f64 = chances.iter().map(|chance| chance * (1.0 - chance)).sum();
    let polls_of: Vec<_> = told.uploads.iter().map(|upload| upload.polls.len() as f64).collect();
    let beyond_share = |share: f64| -> Vec<f64> {
        told.uploads.iter().map(|upload| upload.not_found() as f64 - share * upload.polls.len() as f64).collect()
    };

    report(&[
        title("before, gunicorn -w 2 --reuse-port", &told),
        format!(
            "  told lost              {}; simulated {:.1} %, with our {:.1} ms from poll to poll {:.1} %; by recursion {:.1} %",
            words(lost, uploads),
            100.0 * as_shipped.told_lost,
            1000.0 * gap_s,
            100.0 * with_our_gap.told_lost,
            100.0 * by_recursion / uploads as f64
        ),
        format!(
            "  not_found after success {}; simulated {:.1} %",
            words(false_not_found, uploads),
            100.0 * with_our_gap.false_not_found
        ),
        format!(
            "  polls of an upload     {:.2}; simulated {:.2}; of them not_found {:.1} %; simulated {:.1} %",
            mean(&polls_of),
            with_our_gap.polls_of_an_upload,
            100.0 * not_found as f64 / polls as f64,
            100.0 * with_our_gap.polls_not_found
        ),
        format!("  polls to the worker that has the upload {}", words(owners, polls)),
        format!("  polls to the same worker as the one before {}", words(same, pairs)),
        format!("  not_found after ready  {}, {} polls each", words(lost_after_ready(&told), ready), AFTER_READY),
    ]);

    assert_eq!(lost + ready, uploads, "a client ends lost or ready");
    assert!(lost_after_ready(&told) > 0, "not_found after ready");
    let shipped_lost = Expected { give_or_take, ..Expected::simulated(as_shipped.told_lost, as_shipped.uploads) };
    let with_our_gap_is = |share| Expected::simulated(share, with_our_gap.uploads);
    let deviations: [(&str, f64); COMPARISONS] = [
        // The premise, measured: either worker with 1/2, whichever it was before.
        ("polls to the owner", Expected::HALF.deviation(owners, polls)),
        ("polls to the same worker again", Expected::HALF.deviation(same, pairs)),
        // The simulator, as shipped and with an answer's time added to the interval.
        ("told lost", shipped_lost.deviation(lost, uploads)),
        ("told lost, our gap", with_our_gap_is(with_our_gap.told_lost).deviation(lost, uploads)),
        ("not_found after success", with_our_gap_is(with_our_gap.false_not_found).deviation(false_not_found, uploads)),
        ("polls of an upload", deviation_of_mean(&polls_of, with_our_gap.polls_of_an_upload)),
        ("polls not_found", deviation_of_mean(&beyond_share(with_our_gap.polls_not_found), 0.0)),
        // Calculations that do not know the simulator.
        ("told lost, by recursion", (lost as f64 - by_recursion).abs() / variance.sqrt()),
        ("not_found polls after ready", Expected::HALF.deviation(later_lost, later)),
    ];
    for (what, deviation) in deviations {
        assert!(deviation <= ONCE_IN_10_000, "{what}: {deviation:.1} standard deviations off; {deviations:?}");
    }
}

/// What people run, and what it should be. Here Linux wakes whichever worker waits, so that the dispatch depends on the load.
#[test]
fn two_workers_answer_not_found_after_ready_until_they_share_a_file() {
    let Some((python, _alone)) = python() else { return };
    let before = run(&python, "before", &["-w", "2"], &crowd("filename", 100, FASTER), FASTER);
    let after = run(&python, "after", &["-w", "2"], &crowd("id", 300, FASTER), FASTER);

    let (lost, ready) = (before.count(|upload| upload.ended == "lost"), before.count(|upload| upload.ended == "ready"));
    let (polls, owners) = after.to_the_owner();
    let not_found = after.polls().chain(after.after_ready()).filter(|poll| poll.lost()).count() as u64;
    let all_polls = polls + after.after_ready().count() as u64;
    report(&[
        title("before, gunicorn -w 2", &before),
        format!("  told lost              {}", words(lost, 100)),
        format!("  not_found after ready  {}, {AFTER_READY} polls each", words(lost_after_ready(&before), ready)),
        title("after, gunicorn -w 2", &after),
        format!("  told ready             {}", words(after.count(|upload| upload.ended == "ready"), 300)),
        format!("  polls not_found        {}", words(not_found, all_polls)),
        format!("  polls to the worker that runs the upload {}", words(owners, polls)),
    ]);

    assert!(lost_after_ready(&before) > 0, "a dictionary in each worker: not_found after ready");
    assert!(after.uploads.iter().all(|upload| upload.ended == "ready"), "a shared file: every upload is told ready");
    assert_eq!(not_found, 0, "a shared file: nobody is told not_found");
    assert_eq!(after.after_ready().count(), 300 * AFTER_READY);
    assert!(after.after_ready().all(|poll| poll.status == "ready"), "ready lasts");
    assert_eq!(after.count(Upload::ready_too_early), 0, "nobody is told ready too early");
    assert!(owners * 10 > polls && (polls - owners) * 10 > polls, "polls reached both workers: {owners} of {polls}");
}
