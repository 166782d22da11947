//! What clients were told: the driver's report, and what can be computed from it.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::here;
use crate::server::{PATIENCE, Server};

/// What the clients do.
pub(crate) struct Crowd {
    /// `filename` or `id`.
    pub(crate) poll_by: &'static str,
    pub(crate) uploads: u32,
    /// Uploads a second.
    pub(crate) rate: f64,
    pub(crate) median_s: f64,
    pub(crate) sigma: f64,
    pub(crate) interval_s: f64,
    pub(crate) tolerate: u32,
    pub(crate) max_attempts: u32,
    /// For how long the whole run may go on.
    pub(crate) limit_s: f64,
}

/// Polls that a client makes after it was told `ready`.
pub(crate) const AFTER_READY: usize = 5;

#[derive(Deserialize)]
pub(crate) struct Told {
    pub(crate) elapsed_s: f64,
    pub(crate) uploads: Vec<Upload>,
}

/// One upload and its client.
#[derive(Deserialize)]
pub(crate) struct Upload {
    /// How long its work took.
    pub(crate) seconds: f64,
    /// `ready`, `lost`, `timed_out`, `fault`, or what the client was told.
    pub(crate) ended: String,
    pub(crate) fault: Option<String>,
    /// The worker that accepted it.
    pub(crate) owner: Option<u32>,
    /// How long its POST took.
    pub(crate) post_took_s: Option<f64>,
    pub(crate) polls: Vec<Poll>,
    pub(crate) after_ready: Vec<Poll>,
}

#[derive(Deserialize)]
pub(crate) struct Poll {
    /// Since the response to the upload.
    pub(crate) sent_s: f64,
    pub(crate) took_s: f64,
    pub(crate) status: String,
    pub(crate) worker: u32,
}

impl Poll {
    pub(crate) fn lost(&self) -> bool {
        self.status == "not_found"
    }

    /// When it was answered, about.
    fn read_s(&self) -> f64 {
        self.sent_s + self.took_s / 2.0
    }
}

impl Upload {
    /// Polls of the page, before and with its end, that were answered `not_found`.
    pub(crate) fn not_found(&self) -> usize {
        self.polls.iter().filter(|poll| poll.lost()).count()
    }

    /// Whether a poll of the page was answered `not_found` at or after the upload's own success.
    pub(crate) fn false_not_found(&self) -> bool {
        self.polls.iter().any(|poll| poll.lost() && poll.read_s() >= self.seconds)
    }

    /// Whether some poll was answered `ready` sooner after the POST was sent than the work takes.
    pub(crate) fn ready_too_early(&self) -> bool {
        let post_took_s = self.post_took_s.unwrap_or_default();
        let early = |poll: &Poll| poll.status == "ready" && post_took_s + poll.sent_s + poll.took_s < self.seconds;
        self.polls.iter().any(early)
    }

    /// The probability that this client is told "processing status lost" by two workers, each of which gets a poll with 1/2: the
    /// recursion over its attempts, of which the first that comes after the work is known but for those who were lost before.
    pub(crate) fn lost_by_recursion(&self, crowd: &Crowd, gap_s: f64) -> f64 {
        let first_ready = self.polls.iter().position(|poll| poll.read_s() >= self.seconds).unwrap_or_else(|| {
            let last_s = self.polls.last().map_or(0.0, Poll::read_s);
            self.polls.len() - 1 + ((self.seconds - last_s) / gap_s).ceil() as usize
        });
        let (mut goes_on, mut lost) = (1.0, 0.0);
        for attempt in 0..crowd.max_attempts as usize {
            let tolerated = attempt < crowd.tolerate as usize;
            match (tolerated, attempt >= first_ready) {
                (true, false) => (),
                (true, true) => goes_on /= 2.0,
                (false, ready) => {
                    goes_on /= 2.0;
                    lost += goes_on;
                    if ready {
                        break;
                    }
                }
            }
        }
        lost
    }
}

impl Told {
    /// Runs the driver against a server.
    pub(crate) fn by(server: &Server, python: &Path, crowd: &Crowd) -> Told {
        let options = [
            ("--poll-by", crowd.poll_by.to_owned()),
            ("--uploads", crowd.uploads.to_string()),
            ("--rate", crowd.rate.to_string()),
            ("--median-s", crowd.median_s.to_string()),
            ("--sigma", crowd.sigma.to_string()),
            ("--interval-s", crowd.interval_s.to_string()),
            ("--tolerate", crowd.tolerate.to_string()),
            ("--max-attempts", crowd.max_attempts.to_string()),
            ("--after-ready", AFTER_READY.to_string()),
            ("--limit-s", crowd.limit_s.to_string()),
        ];
        let run = assert_cmd::Command::new(python)
            .arg(here("tests/flask/drive.py"))
            .arg(server.port.to_string())
            .args(options.iter().flat_map(|(name, value)| [*name, value]))
            .timeout(Duration::from_secs_f64(crowd.limit_s) + PATIENCE)
            .assert()
            .success();
        let told: Told = serde_json::from_slice(&run.get_output().stdout).unwrap();
        assert_eq!(told.uploads.len(), crowd.uploads as usize);
        let faults: Vec<_> = told.uploads.iter().filter_map(|upload| upload.fault.as_ref()).collect();
        assert!(faults.is_empty(), "{faults:?}: {}", server.log());
        told
    }

    pub(crate) fn count(&self, what: impl Fn(&Upload) -> bool) -> u64 {
        self.uploads.iter().filter(|upload| what(upload)).count() as u64
    }

    /// The page's polls, up to its end.
    pub(crate) fn polls(&self) -> impl Iterator<Item = &Poll> {
        self.uploads.iter().flat_map(|upload| &upload.polls)
    }

    /// The polls after the first `ready`.
    pub(crate) fn after_ready(&self) -> impl Iterator<Item = &Poll> {
        self.uploads.iter().flat_map(|upload| &upload.after_ready)
    }

    /// From one poll of a page to the next, on average, in seconds: the interval and what an answer takes.
    pub(crate) fn mean_gap_s(&self) -> f64 {
        let pairs = self.uploads.iter().flat_map(|upload| upload.polls.windows(2));
        mean(&pairs.map(|pair| pair[1].sent_s - pair[0].sent_s).collect::<Vec<_>>())
    }

    /// How long the middle one of the answers took, in seconds.
    pub(crate) fn median_answer_s(&self) -> f64 {
        let mut took: Vec<_> = self.polls().map(|poll| poll.took_s).collect();
        took.sort_by(f64::total_cmp);
        took[took.len() / 2]
    }

    /// Of all polls in the order in which each page made them: how many there were, and how many went to its upload's worker.
    pub(crate) fn to_the_owner(&self) -> (u64, u64) {
        let hit = |upload: &Upload, poll: &Poll| Some(poll.worker) == upload.owner;
        let all = self.uploads.iter().flat_map(|upload| upload.polls.iter().map(move |poll| hit(upload, poll)));
        count(all)
    }

    /// Of all polls but each page's first: how many there were, and how many went to the same worker as the poll before.
    pub(crate) fn to_the_same_again(&self) -> (u64, u64) {
        let pairs = self.uploads.iter().flat_map(|upload| upload.polls.windows(2));
        count(pairs.map(|pair| pair[0].worker == pair[1].worker))
    }
}

/// How many, and how many of them are true.
fn count(items: impl Iterator<Item = bool>) -> (u64, u64) {
    items.fold((0, 0), |(all, hits), hit| (all + 1, hits + u64::from(hit)))
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
