//! Observed answers, as `diagnose --like` reads them.

use std::fmt::Write as _;

use proptest::prelude::*;
use stillready::diagnose::likeness;
use stillready::scenario::{Scenario, shipped};

use crate::edits::{apply, edits};
use crate::{cases, soon};

fn real() -> Vec<u8> {
    let mut text = "upload,seconds,answer\n".to_owned();
    for upload in 0..12 {
        for (poll, answer) in ["processing", "ready", "not_found", "error"].into_iter().enumerate() {
            writeln!(text, "u{upload},{}.5,{answer}", poll * 3 + upload).unwrap();
        }
    }
    text.into_bytes()
}

/// Reads observations, and ranks a cause by them.
pub(crate) fn rank(text: &[u8]) {
    match likeness::read(text) {
        Err(invalid) => assert!(invalid.to_string().len() > 5, "{invalid}"),
        Ok(observed) => {
            let cause = shipped::find("causes/late-client").unwrap();
            let cause = Scenario { uploads: 20, ..Scenario::parse("cause", "cause.toml", cause.text).unwrap() };
            let findings = likeness::rank(&[cause], &observed);
            assert!(findings.ranked.iter().all(|one| one.probability.is_finite()), "{findings:?}");
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_bytes_are_observations_or_refused(text in prop::collection::vec(any::<u8>(), 0..300)) {
        soon(move || rank(&text));
    }

    #[test]
    fn edited_observations_are_read_or_refused(edits in edits()) {
        let text = apply(&real(), &edits, b"upload,answer\nu1,1e400,ready\nu1,-1,ready\nu1,NaN,\n");
        soon(move || rank(&text));
    }
}
