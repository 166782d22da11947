//! Scenario files.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use stillready::experiment::{self, Options};
use stillready::scenario::size::Size;
use stillready::scenario::{Scenario, shipped};

use crate::edits::{apply, edits};
use crate::{cases, soon};

/// Reads a text, as the program does. What is refused is refused with places inside the text.
pub(crate) fn read(text: &[u8]) -> Option<Scenario> {
    let text = String::from_utf8(text.to_vec()).ok()?;
    let lines = text.split('\n').count();
    match Scenario::parse("fuzzed", "fuzzed.toml", &text) {
        Ok(scenario) => Some(scenario),
        Err(invalid) => {
            assert!(!invalid.problems().is_empty(), "{text:?} is refused without a reason");
            for problem in invalid.problems() {
                let said = problem.to_string();
                let mut parts = said.splitn(4, ':');
                let place = [parts.next(), parts.next(), parts.next()].map(|part| part.unwrap_or_default().to_owned());
                let number = |part: &str| part.parse::<usize>().ok().filter(|&number| number > 0);
                assert_eq!(place[0], "fuzzed.toml", "{said}");
                assert!(number(&place[1]).is_some_and(|line| line <= lines), "{said} in {text:?}");
                assert!(number(&place[2]).is_some(), "{said} in {text:?}");
                assert!(parts.next().is_some_and(|message| message.len() > 1), "{said}");
            }
            None
        }
    }
}

/// What a scenario does: a size without an end that is not a number, and if it is small a run that ends. Texts of one meaning have
/// one fingerprint.
pub(crate) fn run(text: &[u8]) {
    let Some(scenario) = read(text) else { return };
    assert_eq!(read(text).unwrap().fingerprint(), scenario.fingerprint());
    // A comment, a byte order mark and line ends mean nothing.
    let spelled = format!("\u{feff}# fuzzed\r\n{}", String::from_utf8_lossy(text).trim_start_matches('\u{feff}'));
    assert_eq!(read(spelled.as_bytes()).map(|again| again.fingerprint()), Some(scenario.fingerprint()), "{spelled:?}");
    let size = Size::of(&scenario, 2);
    assert!(!size.steps().is_nan() && !size.bytes().is_nan(), "{size:?}");
    let small = Scenario { uploads: scenario.uploads.min(30), replications: scenario.replications.min(2), ..scenario };
    let size = Size::of(&small, 2);
    if size.steps() > 1e6 || size.bytes() > 2e8 {
        return;
    }
    let stop = AtomicBool::new(false);
    let options = Options { jobs: 1, upload_rows: true, on_progress: &|_| {}, stop: &stop };
    let results = experiment::run(&small, &options).unwrap();
    let tallies = results.tallies();
    assert!(tallies.iter().all(|tally| tally.uploads() > 0), "an upload is not over");
    let steps: u64 = tallies.iter().map(|tally| tally.polls + tally.sweeps).sum();
    assert!(steps as f64 <= 10.0 * size.steps() + 1000.0, "{steps} steps instead of {}", size.steps());
    assert!(!stillready::report::files::tables(&results).is_empty());
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..400)) {
        soon(move || run(&text));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,200}", toml in "[\\[\\]{}=\"'#,.\\n a-z0-9_-]{0,200}") {
        soon(move || run(text.as_bytes()));
        soon(move || run(toml.as_bytes()));
    }

    #[test]
    fn an_edited_scenario_is_read_or_refused_and_runs_to_its_end(
        file in 0..shipped::SHIPPED.len(),
        donor in 0..shipped::SHIPPED.len(),
        edits in edits(),
    ) {
        let text = apply(shipped::SHIPPED[file].text.as_bytes(), &edits, shipped::SHIPPED[donor].text.as_bytes());
        soon(move || run(&text));
    }
}

#[test]
fn a_file_that_is_large_deep_or_full_of_faults_is_refused_in_time() {
    let many =
        |line: &str, times: usize| (0..times).map(|number| line.replace('N', &number.to_string())).collect::<String>();
    let base = shipped::find("reference").unwrap().text;
    let texts = [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{ a = ".repeat(50_000)),
        format!("{}a = 1", "a.".repeat(50_000)),
        many("keyN = N\n", 100_000),
        format!("{} = 1\n", "x".repeat(1_000_000)),
        format!("{base}\n{}", many("[[policy]]\nname = \"N\"\n", 100_000)),
        format!("{base}\n{}", many("[[gate]]\npolicy = \"N\"\n", 100_000)),
        format!("{base}\n{}", many("[[fault]]\nkind = \"kill\"\nat = [\"1s\"]\n", 100_000)),
        base.replace("uploads = 1_000_000", &format!("uploads = {}", "9".repeat(1_000_000))),
        base.replace("kind = \"lognormal\"", &format!("kind = \"{}\"", "l".repeat(1_000_000))),
        format!("a = [{}]", "\"1s\",".repeat(300_000)),
        "\0".repeat(1_000_000),
        "\n".repeat(1_000_000) + "a",
    ];
    for text in texts {
        let (length, start) = (text.len(), text.chars().take(40).collect::<String>());
        let scenario = soon(move || read(text.as_bytes()));
        assert!(scenario.is_none(), "{length} bytes from {start:?} are a scenario");
    }
}
