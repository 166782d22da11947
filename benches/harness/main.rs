//! How fast the harness searches, and how soon it finds what: the search through steps, loom, and shuttle by both its schedulers,
//! on the same programs and stores, in one run. `-- speed` and `-- mutants` measure one of the two.
#![expect(clippy::duplicate_mod, reason = "the stores are mounted over std, loom and shuttle")]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench measures real time")]

use std::time::{Duration, Instant};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use stillready::harness::{Budget, Level, Program};
use stillready::report::number;

#[path = "../../tests/mutants/catalogue.rs"]
mod catalogue;

use catalogue::{Narrow, SUBJECTS, Subject};

/// The levels that are compared.
const LEVELS: [Level; 4] = [Level::Steps, Level::Loom, Level::ShuttleRandom, Level::ShuttlePct];

/// Two threads, three steps each: 20 orders.
const TWO: &str = "b0.0,b1.1/f0,r0,s/f1,r1,s/-";

/// Four threads, three steps each: 369,600 orders.
const FOUR: &str = "b0.0,b1.1/f0,r0,s/f1,r1,s/s,r0,s/r0,s,r1/-";

/// How often the orders of two threads are searched, so that there is something to measure.
const TIMES: usize = 50_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    if wanted("speed") {
        speed();
    }
    if wanted("mutants") {
        mutants();
    }
}

fn budget() -> Budget {
    Budget { max_executions: u64::MAX, max_time: Duration::from_secs(3600), ..Budget::default() }
}

/// The stores that are right: no search ends early.
fn right(name: &str) -> &'static Subject {
    SUBJECTS.iter().find(|subject| subject.name == name).expect("it is in the catalogue")
}

/// Executions per second on one core.
fn speed() {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["store, actors × steps", "level", "executions", "per second"]);
    for store in ["plain", "registry"] {
        for (name, program, times) in [("2 × 3", TWO, TIMES), ("4 × 3", FOUR, 1)] {
            let program: Program = program.parse().expect("a program");
            for level in LEVELS {
                // One program is searched under loom and shuttle up to its own limit.
                let times = if level == Level::Steps { times } else { 3 };
                let programs = vec![(name.to_owned(), program.clone()); times];
                let start = Instant::now();
                let report = (right(store).check)(Narrow {
                    levels: vec![level],
                    budget: budget(),
                    programs: Some(programs),
                    pruning: false,
                    ..Narrow::default()
                });
                let time = start.elapsed();
                assert!(report.failure.is_none(), "{report}");
                let executions = report.executions();
                let rate = executions as f64 / time.as_secs_f64();
                table.add_row([
                    format!("{store}, {name}"),
                    level.name().to_owned(),
                    number::count(executions),
                    number::count(rate as u64),
                ]);
            }
        }
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("Executions per second, one core\n\n{table}\n");
}

/// Executions until each mutant is caught, level by level, on the programs that loom runs; conformance, which comes first in a check
/// and makes its own, is shown beside.
fn mutants() {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let levels: Vec<Level> = [Level::Conformance].into_iter().chain(LEVELS).collect();
    table.set_header(["mutant"].into_iter().chain(levels.iter().map(|level| level.name())));
    let budget = Budget { max_call: Duration::from_secs(1), ..Budget::default() };
    for subject in SUBJECTS.iter().filter(|subject| subject.is_mutant) {
        let caught = |level: &Level| {
            let report = (subject.check)(Narrow {
                levels: vec![*level],
                budget,
                programs_of: Some(Level::Loom),
                ..Narrow::default()
            });
            report.failure.map_or_else(|| "-".to_owned(), |failure| number::count(failure.execution))
        };
        table.add_row([subject.name.to_owned()].into_iter().chain(levels.iter().map(caught)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("Executions until a mutant is caught; - is not, within the default budget\n\n{table}");
}
