//! GitHub's step summary and annotations. Their limits: a summary of 1 MiB, ten errors of a step, and some characters.

use std::fmt::Write as _;

use crate::gate::{Finding, Judged, Judgement};

/// The most bytes of a step summary, and what stays free for what else the step has to say.
const MOST_BYTES: usize = (1 << 20) - (64 << 10);

/// The most annotations of one kind that a step shows.
const MOST_ANNOTATIONS: usize = 10;

/// The step summary, in Markdown: what did not pass first, and then all checks, as many as there is room for.
#[must_use]
pub fn summary(judgement: &Judgement) -> String {
    let (passed, checks) = judgement.passed();
    let mut text = format!("### stillready: {}\n\n{passed} of {checks} checks passed.", judgement.words());
    if let Some(certainty) = judgement.certainty() {
        let _ = write!(text, " {certainty}.");
    }
    text += "\n\n| scenario | check | verdict | value | limit |\n|---|---|---|---|---|\n";
    let broken = judgement.broken();
    let others = judgement.checks().filter(|(_, finding)| finding.passes());
    let rows: Vec<String> = broken.iter().copied().chain(others).map(row).collect();
    for (written, row) in rows.iter().enumerate() {
        let rest = format!("\n{} more checks are left out here.\n", rows.len() - written);
        if text.len() + row.len() + rest.len() > MOST_BYTES {
            text += &rest;
            break;
        }
        text += row;
    }
    for (judged, finding) in broken.iter().filter(|(_, finding)| !finding.advice.is_empty()) {
        let advice = format!("\n- {}: {}: {}", cell(&judged.name), cell(&finding.check), cell(&finding.advice));
        if text.len() + advice.len() < MOST_BYTES {
            text += &advice;
        }
    }
    text + "\n"
}

fn row((judged, finding): (&Judged, &Finding)) -> String {
    let verdict = finding.verdict.to_string();
    let cells = [&judged.name, &finding.check, &verdict, &finding.value, &finding.limit].map(|text| cell(text));
    format!("| {} |\n", cells.join(" | "))
}

/// Text as it is, in a cell of a table: no markup, no HTML, no line of its own.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in text.chars() {
        match c {
            '&' => cell += "&amp;",
            '<' => cell += "&lt;",
            '>' => cell += "&gt;",
            '\n' | '\r' => cell.push(' '),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '@' | '#' | '!' => {
                let _ = write!(cell, "&#{};", u32::from(c));
            }
            c => cell.push(c),
        }
    }
    cell
}

/// An annotation for each check that did not pass, up to ten, at the line of its scenario.
#[must_use]
pub fn annotations(judgement: &Judgement) -> String {
    let broken = judgement.broken();
    let shown = if broken.len() > MOST_ANNOTATIONS { MOST_ANNOTATIONS - 1 } else { broken.len() };
    let mut text = String::new();
    for (judged, finding) in &broken[..shown] {
        let Finding { check, verdict, value, limit, advice, line, .. } = finding;
        let place = judged
            .file
            .as_ref()
            .map_or_else(String::new, |file| format!("file={},line={},", property(file), line.unwrap_or(1)));
        let title = property(&format!("{}: {check}", judged.name));
        let message = data(&format!("{verdict}: {value}, {limit}\n{advice}"));
        let _ = writeln!(text, "::error {place}title={title}::{message}");
    }
    if broken.len() > shown {
        let _ = writeln!(text, "::error title=stillready::{} more checks did not pass", broken.len() - shown);
    }
    text
}

/// The text of an annotation.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of an annotation.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Verdict;

    fn judgement(checks: usize, name: &str) -> Judgement {
        let finding = |number: usize| Finding {
            check: format!("check {number} of {name}"),
            verdict: if number.is_multiple_of(2) { Verdict::Fail } else { Verdict::Pass },
            value: "100 %\nof all".to_owned(),
            limit: "at most 1, or 2: both".to_owned(),
            advice: "do something".to_owned(),
            doubt: None,
            line: Some(7),
        };
        let judged = Judged {
            name: name.to_owned(),
            file: Some("sims/a,b.toml".to_owned()),
            findings: (0..checks).map(finding).collect(),
            accepted: Vec::new(),
        };
        Judgement::new(vec![judged], false)
    }

    #[test]
    fn names_are_text_and_no_markup() {
        let name = "<script>alert(1)</script>|`x`\n## [a](b) @somebody";
        let summary = summary(&judgement(1, name));
        assert!(
            !summary.contains("<script>") && !summary.contains("@somebody") && !summary.contains("\n## "),
            "{summary}"
        );
        assert_eq!(summary.lines().filter(|line| line.starts_with("| ")).count(), 2, "a header and a row");
        let row = summary.lines().find(|line| line.contains("script")).expect("there is a row");
        assert_eq!(row.matches(" | ").count(), 4, "{row}");
    }

    #[test]
    fn a_long_summary_stays_under_the_limit_and_says_what_it_leaves_out() {
        let summary = summary(&judgement(30_000, "many"));
        assert!(summary.len() <= MOST_BYTES, "{}", summary.len());
        assert!(summary.contains("more checks are left out here"));
        let failed = summary.lines().position(|line| line.contains("| fail |"));
        let passed = summary.lines().position(|line| line.contains("| pass |"));
        assert!(failed.is_some() && passed.is_none_or(|passed| failed < Some(passed)));
    }

    #[test]
    fn annotations_are_ten_at_most_and_escaped() {
        let text = annotations(&judgement(2, "a: b, c"));
        assert_eq!(
            text,
            "::error file=sims/a%2Cb.toml,line=7,title=a%3A b%2C c%3A check 0 of a%3A b%2C c::fail: 100 %25%0Aof all, at most 1, \
             or 2: both%0Ado something\n"
        );
        let text = annotations(&judgement(100, "many"));
        assert_eq!(text.lines().count(), 10);
        assert!(text.ends_with("41 more checks did not pass\n"), "{text}");
        assert_eq!(annotations(&judgement(20, "ten")).lines().count(), 10);
    }
}
