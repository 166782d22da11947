//! Which cause observed answers look like, on observations made here: by a few lines that know nothing of the engine, or by a
//! simulation with another seed.

use std::collections::BTreeMap;

use stillready::diagnose::likeness::{self, Findings, Observed, Trace};
use stillready::experiment;
use stillready::report::diagnose::verdict;
use stillready::scenario::{Scenario, shipped};
use stillready::store::Answer;
use stillready::time::SimTime;
use stillready::trace::{Event, Observer};

fn causes(uploads: u32) -> Vec<Scenario> {
    let cause = |cause: &shipped::Shipped| {
        let scenario = Scenario::parse(cause.short_name(), cause.name, cause.text).unwrap();
        Scenario { uploads, ..scenario }
    };
    shipped::causes().map(cause).collect()
}

fn named(name: &str, uploads: u32) -> Scenario {
    causes(uploads).into_iter().find(|cause| cause.name == name).unwrap()
}

/// What `--like` says of a file.
fn findings(csv: &str) -> Findings {
    likeness::rank(&causes(5_000), &likeness::read(format!("upload,seconds,answer\n{csv}").as_bytes()).unwrap())
}

/// The answers that all uploads of a simulation got.
#[derive(Default)]
struct Traces {
    arrived: BTreeMap<u32, SimTime>,
    traces: BTreeMap<u32, Trace>,
}

impl Observer for Traces {
    fn observe(&mut self, at: SimTime, event: Event<'_>) {
        match event {
            Event::Arrived(upload) => drop(self.arrived.insert(upload.number, at)),
            Event::Read { upload, answer, .. } => {
                let answer = match answer {
                    Answer::Processing => Observed::Processing,
                    Answer::Ready { .. } => Observed::Ready,
                    Answer::NotFound => Observed::NotFound,
                    other => panic!("no cause's own policy answers {other:?}"),
                };
                let seconds = at.since(self.arrived[&upload]) as f64 / 1e9;
                self.traces.entry(upload).or_default().push((seconds, answer));
            }
            _ => {}
        }
    }
}

/// Observations of a cause, `uploads` of them, by a seed that `--like` does not use.
fn observed(cause: &Scenario, uploads: u32, seed: u64) -> Vec<Trace> {
    let cause = Scenario { uploads, ..cause.clone() };
    experiment::observe(&cause, &cause.policies[0], seed, Traces::default()).traces.into_values().collect()
}

#[test]
fn answers_that_come_from_two_workers_are_recognised() {
    let mut csv = String::new();
    let mut state = 1_u64;
    let mut coin = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 63 == 0
    };
    for upload in 0..30 {
        for attempt in 0..120 {
            let answer = match (coin(), attempt * 3 >= 24) {
                (true, false) => "processing",
                (true, true) => "ready",
                (false, _) => "not_found",
            };
            csv += &format!("{upload},{},{answer}\n", attempt * 3);
            if answer == "ready" || (answer == "not_found" && attempt >= 15) {
                break;
            }
        }
    }
    let found = findings(&csv);
    let best = &found.ranked[0];
    assert_eq!((best.cause.as_str(), found.compared, found.left_out), ("workers", 30, 0));
    assert!(best.probability > 0.999 && best.unseen == 0.0, "{best:?}");
}

#[test]
fn observations_of_a_cause_are_recognised_and_fit_it() {
    // `live-poller` has no symptom; the others lose somebody.
    for name in ["workers", "untimed-writer", "odd-names", "late-client", "sweep-every-poll"] {
        let found = likeness::rank(&causes(20_000), &observed(&named(name, 0), 1_000, 77));
        let best = &found.ranked[0];
        assert_eq!(best.cause, name);
        assert!(best.fits() && best.probability > 0.99, "{best:?}");
        assert!(verdict(&found)[0].starts_with(&format!("{name} fits best")), "{:?}", verdict(&found));
    }
}

/// A cause is said not to fit in one of a hundred cases in which it is the cause.
#[test]
fn a_cause_is_rejected_wrongly_as_seldom_as_promised() {
    for name in ["workers", "untimed-writer"] {
        let cause = named(name, 5_000);
        let fits: Vec<_> = (0..200)
            .map(|seed| {
                let found = likeness::rank(std::slice::from_ref(&cause), &observed(&cause, 300, 1000 + seed));
                found.ranked[0].fit.unwrap()
            })
            .collect();
        let below = |limit: f64| fits.iter().filter(|&&fit| fit < limit).count();
        // Binomial: 2 ± 1.4 and 100 ± 7. Neighbours share a sweep now and then.
        assert!(below(likeness::FIT_MIN) <= 8, "{name}: {}", below(likeness::FIT_MIN));
        assert!((72..=128).contains(&below(0.5)), "{name}: {}", below(0.5));
    }
}

#[test]
fn a_mixture_of_causes_is_none_of_them() {
    let of = |name: &str| observed(&named(name, 0), 500, 77);
    for (one, other) in
        [("workers", "sweep-every-poll"), ("workers", "untimed-writer"), ("odd-names", "untimed-writer")]
    {
        let mixed: Vec<_> = of(one).into_iter().chain(of(other)).collect();
        let found = likeness::rank(&causes(20_000), &mixed);
        // One of them is the likeliest by far, and still no explanation.
        assert!(found.ranked[0].probability > 0.99, "{:?}", found.ranked[0]);
        assert!(!found.ranked[0].fits());
        let said = verdict(&found);
        assert!(said[0].starts_with("None fits well"), "{one} and {other}: {said:?}");
    }
}

#[test]
fn a_few_observations_do_not_decide() {
    // One upload that was lost before it was seen fits several causes.
    let found = findings("x,1,processing\nx,40,not_found\nx,49,not_found\n");
    assert_eq!(found.ranked[0].fit, None);
    assert!(
        verdict(&found)[0].starts_with("Several fit, and 1 upload cannot tell them apart: "),
        "{:?}",
        verdict(&found)
    );
    // Answers that no cause gives fit none.
    let found = findings("x,1,error\nx,4,not_found\nx,5,error\nx,6,not_found\n");
    assert_eq!(found.ranked[0].unseen, 1.0);
    assert!(verdict(&found)[0].starts_with("None fits well: of 1 upload, 100 % show"), "{:?}", verdict(&found));
    // Nor does `ready` that is taken back, in a page that nobody opened again.
    let found = findings("x,1,processing\nx,4,ready\nx,7,processing\nx,10,ready\n");
    assert_eq!((found.symptoms, found.ranked[0].unseen), (1, 1.0));
}

#[test]
fn an_upload_that_failed_and_was_told_so_is_left_out() {
    let lost = "x,1,processing\nx,40,not_found\nx,49,not_found\n";
    let alone = findings(lost);
    let found = findings(&format!("{lost}y,1,processing\ny,4,error\nz,2,error\n"));
    assert_eq!((found.compared, found.left_out, found.symptoms), (1, 2, 1));
    assert_eq!(found.ranked, alone.ranked);
    assert!(verdict(&found)[0].starts_with("Left out: 2 uploads."), "{:?}", verdict(&found));
}

#[test]
fn without_a_symptom_there_is_nothing_to_explain() {
    let found = findings("x,1,processing\nx,4,ready\ny,2,processing\nz,3,error\n");
    assert_eq!((found.compared, found.left_out, found.symptoms), (2, 1, 0));
    assert!(found.ranked.is_empty());
    let said = verdict(&found);
    assert!(
        said[0].starts_with("Left out: 1 upload.") && said[1].contains("nothing to explain: of 2 uploads"),
        "{said:?}"
    );
}

#[test]
fn a_file_that_is_none_of_observations_is_refused() {
    for bad in [
        "",
        "upload,seconds,answer\n",
        "upload,seconds,answer\nx,-1,ready\n",
        "upload,seconds,answer\nx,1,redy\n",
        "upload,answer\nx,ready\n",
    ] {
        assert!(likeness::read(bad.as_bytes()).is_err(), "{bad}");
    }
}
