//! The bench's plain program of the reference scenario, which shares no code with the engine, gives the same numbers.

#[path = "../../benches/engine/plain.rs"]
mod program;

use stillready::measure::Fact;

use crate::{run, shipped};

#[test]
fn a_plain_program_of_the_same_model_counts_the_same() {
    for (name, tolerate_not_found) in [("reference", 0), ("poll-heavy", 120)] {
        let mut scenario = shipped(name);
        scenario.uploads = 200_000;
        scenario.policies.truncate(2);
        let tallies = run(&scenario).tallies();
        for (tally, (time_to_live_s, chance)) in tallies.iter().zip([(1800, 0.10), (3600, 0.05)]) {
            let time_to_live_ns = time_to_live_s * 1_000_000_000;
            let plain =
                program::Plain { uploads: 200_000, time_to_live_ns, chance, tolerate_not_found }.run(scenario.seed);
            let share = |count: u64| count as f64 / 200_000.0;
            // Each tolerance is five standard deviations of the difference of two such runs.
            for (what, mine, others, tolerance) in [
                ("false_not_found", tally.count(Fact::FalseNotFound), plain.false_not_found, 0.0051),
                ("told_lost", tally.count(Fact::ToldLost), plain.told_lost, 0.0051),
                ("saw_ready", tally.count(Fact::SawReady), plain.saw_ready, 0.0051),
                ("polls", tally.polls, plain.polls, if tolerate_not_found == 0 { 0.06 } else { 0.65 }),
                ("sweeps", tally.sweeps, plain.sweeps, if tolerate_not_found == 0 { 0.013 } else { 0.075 }),
            ] {
                let off = (share(mine) - share(others)).abs();
                assert!(off <= tolerance, "{name} {chance} {what}: {mine} and {others}, apart by {off} per upload");
            }
            let scanned = (tally.entries_scanned as f64 - plain.entries_scanned as f64) / plain.entries_scanned as f64;
            assert!(scanned.abs() < 0.03, "{name} {chance} entries_scanned: {scanned}");
            assert!(plain.events > 5 * 200_000);
        }
    }
}
