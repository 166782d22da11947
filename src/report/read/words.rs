//! What the tables of a run say in words, the same in every form.

use super::{Comparison, RunReport, Summary};
use crate::measure::interval;
use crate::report::number;
use crate::report::sentences::{self, Hurt};

impl RunReport {
    /// The verdict in a sentence.
    #[must_use]
    pub fn verdict(&self) -> String {
        let hurt = self.summary.iter().map(|row| {
            let &Summary { ref policy, uploads, false_not_found, .. } = row;
            Hurt { policy, uploads, hurt: false_not_found }
        });
        sentences::verdict(&hurt.collect::<Vec<_>>())
    }

    /// The comparisons, a sentence per pair of policies.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let of = |clients: &'static str| {
            let about = move |row: &&Comparison| row.measurement == "false_not_found" && row.clients == clients;
            self.comparisons.iter().filter(about)
        };
        let sentence = |(late, live): (&Comparison, &Comparison)| {
            sentences::comparison(&late.policy, &late.versus, late.cells(), live.cells())
        };
        of("late").zip(of("live")).map(sentence).collect()
    }

    /// What comparing the policies over the same uploads is worth, a sentence per pair that differs.
    #[must_use]
    pub fn savings(&self) -> Vec<String> {
        let about = |row: &&Comparison| row.measurement == "false_not_found" && row.clients == "all";
        let sentence = |row: &Comparison| {
            let ratio = interval::variance_ratio(row.cells())?;
            let Comparison { policy, versus, .. } = row;
            let worth = number::factor(ratio);
            Some(format!(
                "{policy} against {versus} over the same uploads is worth {worth} times as many of its own for each."
            ))
        };
        self.comparisons.iter().filter(about).filter_map(sentence).collect()
    }

    /// Which properties each policy breaks, a sentence per policy.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let sentence = |policy: &String| {
            let broken = self.properties.iter().filter(|row| row.policy == *policy && row.outcome == "broken");
            sentences::broken(policy, broken.map(|row| &row.property))
        };
        self.record.policies.iter().map(sentence).collect()
    }
}

impl Summary {
    /// What share of all clients ended how, the endings left out that nobody came to.
    #[must_use]
    pub fn endings(&self) -> Vec<String> {
        let endings = [
            ("ready", self.saw_ready),
            ("lost", self.told_lost),
            ("expired", self.saw_expired),
            ("error", self.saw_error),
            ("no answer", self.timed_out),
            ("request failed", self.fetch_gave_up),
        ];
        let some = endings.into_iter().filter(|(_, count)| *count > 0);
        some.map(|(word, count)| format!("{} {word}", number::percent(count as f64 / self.uploads as f64))).collect()
    }
}
