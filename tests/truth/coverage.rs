//! Whether a 95 % interval is one.

use stillready::measure::{Fact, interval};

use crate::run;
use crate::workers::{exact, scenario};

/// 400 seeds of a small scenario whose answer the recursion over attempts knows: the printed intervals hold it in 93 to 97 %
/// of the cases.
#[test]
fn the_intervals_of_400_seeds_cover_the_known_answer_as_often_as_they_promise() {
    for (workers, processing_s) in [(2, 40), (3, 30)] {
        let expected = exact(workers, processing_s);
        let mut scenario = scenario(workers, processing_s, 500);
        scenario.replications = 400;
        let covered = run(&scenario)
            .replications
            .iter()
            .filter(|replication| {
                let tally = &replication.tallies[0];
                let estimate = interval::rate(tally.count(Fact::ToldLost), tally.uploads()).unwrap();
                (estimate.low..=estimate.high).contains(&expected)
            })
            .count();
        assert!(
            (372..=388).contains(&covered),
            "W = {workers}, T = {processing_s} s, p = {expected}: {covered} of 400"
        );
    }
}
