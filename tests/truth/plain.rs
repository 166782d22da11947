//! The bench's plain program, which has the model's chance and none of the engine's code, counts exactly the same.

#[path = "../../benches/engine/plain.rs"]
mod program;

use program::{Counts, Plain};
use stillready::measure::Fact;

use crate::{run, shipped};

#[test]
fn a_plain_program_of_the_same_model_counts_exactly_the_same() {
    for name in ["reference", "poll-heavy"] {
        let mut scenario = shipped(name);
        scenario.uploads = 200_000;
        scenario.policies.truncate(2);
        let tallies = run(&scenario).tallies();
        for (tally, (time_to_live_s, chance)) in tallies.iter().zip([(1800, 0.10), (3600, 0.05)]) {
            let tolerate_not_found = scenario.client.tolerate_not_found;
            let plain = Plain { time_to_live_ns: time_to_live_s * 1_000_000_000, chance, tolerate_not_found };
            let engine = Counts {
                // Arrivals, ends of processing, polls, sweeps.
                events: 2 * tally.uploads() + tally.polls + tally.sweeps,
                polls: tally.polls,
                sweeps: tally.sweeps,
                entries_scanned: tally.entries_scanned,
                false_not_found: tally.count(Fact::FalseNotFound),
                told_lost: tally.count(Fact::ToldLost),
                saw_ready: tally.count(Fact::SawReady),
            };
            assert_eq!(plain.run(&scenario, scenario.seed), engine, "{name}, {chance}");
            assert!(engine.false_not_found > 1000, "the comparison is about something");
        }
    }
}
