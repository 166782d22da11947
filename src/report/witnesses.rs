//! `witnesses.csv`: what became of the upload for which a property broke first, step by step, for each policy that broke one.

use super::timeline;
use crate::experiment::{self, Results};
use crate::property::Outcome;
use crate::workload::Workload;

/// The last upload whose witness is told: one that comes later would take as long to run again as all before it.
const LAST_UPLOAD: u32 = 200_000;

/// The steps of the first witness of each policy that has one among the first uploads; nothing if there is none.
pub(super) fn csv(results: &Results) -> Vec<u8> {
    let scenario = &results.scenario;
    let mut events = Vec::new();
    for (policy, verdicts) in scenario.policies.iter().zip(results.verdicts()) {
        let broken = verdicts.with(Outcome::Broken).filter_map(|property| verdicts.of(property).first.as_ref());
        // Of the first replication that broke one.
        let first = broken.map(|first| (results.order_of(first.seed), first.upload, first.seed)).min();
        let Some((_, number, seed)) = first.filter(|&(_, upload, _)| upload < LAST_UPLOAD) else { continue };
        let upload = Workload::new(scenario, seed).nth(number as usize).expect("a witness is one of the uploads");
        let (timeline, verdicts) = experiment::replay(scenario, policy, seed, upload);
        events.extend(timeline::events(&timeline, &timeline::marks(&verdicts, None), scenario, policy, seed));
    }
    timeline::csv(&events)
}
