//! How the store itself is checked: the loom models of the registry, and the faulty stores of the harness' catalogue, as the
//! committed lists have them that `cargo test` and the gate compare with what ran.

use maud::{Markup, html};
use serde::Deserialize;

use crate::report::number;

/// The models: name, rules, how far the search went, executions; two spaces between.
const MODELS: &str = include_str!("../../../tests/loom/models.txt");

/// The catalogue, as it was accepted.
const MUTANTS: &str = include_str!("../../../reports/baseline/mutants.csv");

#[derive(Deserialize)]
struct Mutant {
    store: String,
    kind: String,
    verdict: String,
    level: String,
    executions: u64,
    property: String,
    finding: String,
}

/// Both lists, folded away.
pub(super) fn section() -> Markup {
    let models: Vec<Vec<&str>> = MODELS.lines().map(|line| line.split("  ").collect()).collect();
    let exhaustive = models.iter().filter(|model| model.get(2) == Some(&"exhaustive")).count();
    let rows = csv::Reader::from_reader(MUTANTS.as_bytes()).into_deserialize();
    let mutants: Vec<Mutant> = rows.collect::<Result<_, _>>().expect("a committed list, which a test reads");
    let faulty = mutants.iter().filter(|row| row.kind == "mutant").count();
    let caught = mutants.iter().filter(|row| row.verdict == "caught").count();
    html! {
        h2 id="trust" { "How the store itself is checked" }
        p {
            "The status registry that is simulated here is the one that services use. Under loom, " (models.len()) " models of it hold, "
            (exhaustive) " of them in every execution; of " (faulty) " faulty stores the harness catches " (caught) "."
        }
        details {
            summary { "The models of the registry" }
            div.scroll tabindex="0" role="group" aria-label="The models of the registry" {
                table {
                    caption { "Each is searched by plain cargo test; bounded(n): all executions with at most n preemptions" }
                    thead { tr { th scope="col" { "model" } th scope="col" { "rules" } th scope="col" { "search" } th.number scope="col" { "executions" } } }
                    tbody { @for model in &models { tr {
                        th scope="row" { (model[0].replace('_', " ")) }
                        td { (model.get(1).unwrap_or(&"")) } td { (model.get(2).unwrap_or(&"")) }
                        td.number { (executions(model.get(3).unwrap_or(&""))) }
                    } } }
                }
            }
        }
        details {
            summary { "The faulty stores, and what caught them" }
            div.scroll tabindex="0" role="group" aria-label="The faulty stores" {
                table {
                    caption { "The harness' catalogue: mutants that must be caught, right stores that must hold" }
                    thead { tr { @for name in ["store", "kind", "verdict", "level", "property", "finding"] { th scope="col" { (name) } }
                        th.number scope="col" { "executions" } } }
                    tbody { @for row in &mutants { tr {
                        th scope="row" { (row.store) }
                        td { (row.kind) } td { (row.verdict) } td { (row.level) } td { (row.property) } td { (row.finding) }
                        td.number { (number::count(row.executions)) }
                    } } }
                }
            }
        }
    }
}

/// A number of executions, with commas.
fn executions(text: &str) -> String {
    let digits = text.split(' ').next().unwrap_or_default();
    digits.parse::<u64>().map_or_else(|_| text.to_owned(), number::count)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_lists_can_be_read() {
        let html = super::section().into_string();
        assert!(html.contains("a read sees a status together with its moment") && html.contains("caught"), "{html}");
    }
}
