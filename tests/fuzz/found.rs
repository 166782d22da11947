//! Inputs that once were read wrongly, each with what it did.

use stillready::scenario::shipped;

use stillready::gate::Verdict;

use crate::{folders, scenarios, soon, tables, tokens};

/// The scenario `smoke` with a text replaced.
fn smoke(from: &str, to: &str) -> Vec<u8> {
    let text = shipped::find("smoke").unwrap().text;
    assert!(text.contains(from), "{from}");
    text.replace(from, to).into_bytes()
}

/// Arrivals by the hour of the day looked for the next one for ever, where the end of time lay in an hour without any.
#[test]
fn arrivals_that_are_rarer_than_time_is_long_come_at_its_end() {
    let hours = format!("per_hour = [0.001{}]", ", 0".repeat(23));
    let text = smoke("{ kind = \"poisson\", rate = \"3600/h\" }", &format!("{{ kind = \"daily\", {hours} }}"));
    // Of 30 uploads at one in a thousand days none reaches the end; those of a tenth of the uploads of ten thousand years do.
    let text = String::from_utf8(text).unwrap().replace("uploads = 2_000", "uploads = 400");
    let scenario = stillready::scenario::Scenario::parse("rare", "rare.toml", &text).unwrap();
    let last = soon(move || stillready::workload::Workload::new(&scenario, 1).last()).unwrap();
    assert_eq!(last.at.as_ns(), u64::MAX);
}

/// The timer of a hidden tab went off at the next whole minute, of which there is none at the end of time.
#[test]
fn a_hidden_tab_at_the_end_of_time_still_has_a_timer() {
    let away = "hidden = 1\naway = { chance = 1, time = { kind = \"lognormal\", median = \"9y\", sigma = 10 } }";
    let text = smoke("away = { chance = 0.2, time = { kind = \"lognormal\", median = \"35min\", sigma = 0.7 } }", away);
    let text = String::from_utf8(text)
        .unwrap()
        .replace("{ trigger = \"period\", period = \"1m\" }", "{ trigger = \"never\" }");
    soon(move || scenarios::run(text.as_bytes()));
}

/// Time that passed beyond its end panicked.
#[test]
fn time_in_a_token_ends_with_time() {
    for level in ["conformance", "steps", "threads"] {
        for program in
            ["b0.0,f0,+18446744073709551615/r0/r0/r0", "+18446744073709551615,s,b0.0/+9,r0/+18446744073709551615/s"]
        {
            let token = format!("{level}:{program}:01");
            soon(move || tokens::replay(&token));
        }
    }
}

/// A page took more ends off the uploads than there were, where a table and its hash had both been edited.
#[test]
fn a_table_whose_counts_cannot_be_true_is_refused() {
    let told = String::from_utf8(folders::real()["told.csv"].clone()).unwrap();
    let mut rows = told.lines();
    let (header, row) = (rows.next().unwrap(), rows.next_back().unwrap());
    let column = |name: &str| header.split(',').position(|column| column == name).unwrap();
    for (name, number) in [("uploads", "1"), ("ready", "18446744073709551615")] {
        let cells = row.split(',').enumerate().map(|(place, cell)| if place == column(name) { number } else { cell });
        let text = format!("{header}\n{}\n", cells.collect::<Vec<_>>().join(","));
        let files = folders::forged("told.csv", text.into_bytes());
        soon(move || folders::read_back(&files));
    }
}

/// A page looked for the first of the policies, where the record had been edited and named none.
#[test]
fn a_record_that_names_other_policies_than_the_tables_is_refused() {
    let record = String::from_utf8(folders::real()["run.json"].clone()).unwrap();
    let list = record.find("\"policies\": [").unwrap();
    let end = list + record[list..].find(']').unwrap();
    for policies in ["\"policies\": [", "\"policies\": [\"another\""] {
        let mut files = folders::real().clone();
        let edited = format!("{}{policies}{}", &record[..list], &record[end..]);
        files.insert("run.json".to_owned(), edited.into_bytes());
        soon(move || folders::read_back(&files));
    }
}

/// Uploads of a baseline and of a run were added, though their sum is no number that fits.
#[test]
fn a_baseline_of_more_uploads_than_any_run_has_is_not_compared() {
    let summary = tables::table("summary.csv");
    let text = String::from_utf8(summary.clone()).unwrap();
    let mut rows: Vec<Vec<String>> = text.lines().map(|row| row.split(',').map(str::to_owned).collect()).collect();
    let column = rows[0].iter().position(|column| column == "uploads").unwrap();
    rows.iter_mut().skip(1).for_each(|row| row[column] = u64::MAX.to_string());
    let baseline = rows.iter().map(|row| row.join(",") + "\n").collect::<String>().into_bytes();
    let findings = soon(move || tables::judge(&summary, b"", &baseline, None));
    let last = findings.last().unwrap();
    assert_eq!(last.verdict, Verdict::NotComparable, "{last:?}");
}
