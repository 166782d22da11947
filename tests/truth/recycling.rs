//! What goes with a worker that is replaced after so many requests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stillready::measure::Fact;

use crate::{parse, run};

/// Recycling after every 97th request, counted by a queue of polls written here: which works are running when a life ends, and how
/// many polls it takes until all clients have ended.
#[test]
fn recycling_loses_the_works_that_run_when_a_life_ends() {
    let scenario = parse(
        r#"
        schema_version = 1
        uploads = 30_000
        [workload]
        arrivals = { kind = "fixed", every = "1m" }
        processing = "29s"
        [server]
        recycle = { requests = 97 }
        [client]
        interval = "3s"
        tolerate_not_found = 120
        [[policy]]
        name = "p"
        store = "dict"
        time_to_live = "30m"
        expiry = "physical"
        sweep = { trigger = "never" }
        "#,
    );
    let mut served = 0_u64;
    let mut lost = 0_u64;
    let mut polls: BTreeMap<u64, Vec<(u64, u32, bool)>> = BTreeMap::new();
    let mut works: Vec<(u64, u64)> = Vec::new();
    let mut store = BTreeSet::new();
    for upload in 0..30_000_u64 {
        polls.entry((upload + 1) * 60).or_default().push((upload, 0, true));
    }
    while let Some((at, events)) = polls.pop_first() {
        // Works end before the polls of their second; 29 is no multiple of 3, so nothing else is at that moment.
        works.retain(|&(_, end)| end > at);
        let mut queue: VecDeque<_> = events.into();
        while let Some((upload, attempt, is_upload)) = queue.pop_front() {
            served += 1;
            if is_upload {
                works.push((upload, at + 29));
                store.insert(upload);
                queue.push_back((upload, 0, false));
            } else {
                let ready = store.contains(&upload) && at >= (upload + 1) * 60 + 29;
                if !ready && attempt + 1 < 120 {
                    polls.entry(at + 3).or_default().push((upload, attempt + 1, false));
                }
            }
            if served.is_multiple_of(97) {
                lost += works.len() as u64;
                works.clear();
                store.clear();
            }
        }
    }
    assert!(lost > 1_000, "{lost}");
    let tally = run(&scenario).tallies().remove(0);
    assert_eq!(tally.count(Fact::Interrupted), lost);
    assert_eq!(tally.polls, served - 30_000);
}

/// Uploads that a Poisson process brings once in `every_s` seconds on average, works of 30 s, and workers of so many requests.
fn lost_share(every_s: u32, requests: u32) -> f64 {
    let scenario = parse(&format!(
        r#"
        schema_version = 1
        uploads = 100_000
        [workload]
        arrivals = {{ kind = "poisson", rate = "{}/h" }}
        processing = "30s"
        [server]
        recycle = {{ requests = {requests} }}
        [client]
        interval = "3s"
        tolerate_not_found = 15
        [[policy]]
        name = "p"
        store = "dict"
        time_to_live = "30m"
        expiry = "physical"
        sweep = {{ trigger = "never" }}
        "#,
        3600 / every_s
    ));
    let tally = run(&scenario).tallies().remove(0);
    tally.count(Fact::Interrupted) as f64 / tally.uploads() as f64
}

/// A renewal argument. A worker lives for N requests, one life after the other, so an upload finds it, when it begins, at a place of
/// its life that is any of 1 … N with equal chance: this assumes that uploads do not time themselves by the worker's life. The work
/// is lost if the life ends within its T seconds, that is, if R requests follow in that time and the place is one of the last
/// R + 1: with probability E[min(1, (R + 1) / N)].
///
/// Of others come T r requests in the mean, r being the rate of all (a Poisson process of uploads looks to a newcomer as to
/// anybody), and on top of them the polls of the upload's own client while it waits: here 10, at 0, 3, …, 27 s. So the rule of thumb
/// min(1, T r / N) holds where others are many, and is a quarter too low where an upload comes once in 10 s.
///
/// The rate follows from the clients. One whose work goes well polls at 0, 3, …, 30 s: 11 times. One whose work is lost is told
/// `not_found` until its 16th poll, at 45 s. With a share s of lost works r = λ (1 + 11 (1 − s) + 16 s), which closes the circle.
#[test]
fn recycling_loses_works_in_the_share_that_a_renewal_argument_gives() {
    for (every_s, requests) in [(10, 1000), (10, 300), (1, 5000), (30, 500)] {
        let arrival_rate = 1.0 / f64::from(every_s);
        let mut share = 0.0_f64;
        for _ in 0..100 {
            let request_rate = arrival_rate * (1.0 + 11.0 * (1.0 - share) + 16.0 * share);
            share = ((30.0 * request_rate + 10.0 + 1.0) / f64::from(requests)).min(1.0);
        }
        // Else lost clients, who poll for longer, crowd the beginning of each life, and r is not the same throughout.
        assert!(share < 0.2, "{share}");
        let measured = lost_share(every_s, requests);
        // Each end of a life loses what runs then: a Poisson number of works, so the counts vary as those of single losses
        // together with whole lives.
        let lives = 100_000.0 * 12.0 / f64::from(requests);
        let works = 30.0 * arrival_rate;
        let tolerance = 4.0 * ((1.0 + 1.0 / works) / lives).sqrt();
        assert!(
            (measured / share - 1.0).abs() < tolerance.min(0.1),
            "one in {every_s} s, N = {requests}: {measured} for {share} ± {tolerance}"
        );
    }
    // A life that is shorter than a work leaves none.
    assert!(lost_share(10, 12) > 0.97, "{}", lost_share(10, 12));
}
