//! How often the gate cries wolf, and how often it sees one: the comparison with the baseline of another model, over many seeds.

use std::fs;
use std::path::Path;

use stillready::gate::family::ALARM_ERROR;
use stillready::gate::{self, Verdict};
use stillready::report::csv;
use stillready::scenario::Scenario;

use crate::{parse, run};

/// The reference, of fewer uploads, whose clients go away with this chance: the harm is proportional to it.
fn scenario(uploads: u32, away: f64, seed: u64) -> Scenario {
    let text = stillready::scenario::shipped::find("reference").expect("it is shipped").text;
    let text = text.replace("uploads = 1_000_000", &format!("uploads = {uploads}"));
    // Slow enough that few uploads lie in the end of the run, where polls and so sweeps become rare: one sweep decides about many of
    // those, which are then no independent samples. Of 1,000 uploads at 3,600 an hour nearly all do, and every fifth run alarms.
    let text = text.replace("rate = \"3600/h\"", "rate = \"360/h\"");
    let text = text.replace("away = { chance = 0.2,", &format!("away = {{ chance = {away},"));
    Scenario { seed, ..parse(&text) }
}

/// What the gate says of so many seeds, each against a baseline of a seed of its own that an earlier model gave.
fn verdicts(folder: &Path, seeds: u64, uploads: u32, away: f64) -> Vec<Verdict> {
    let accepted = scenario(uploads, 0.2, 1);
    let verdict = |seed: u64| {
        let baseline = csv::summary(&run(&scenario(uploads, 0.2, 1_000_000 + seed)));
        gate::accept(&accepted, folder, &baseline).expect("it can be written");
        let origin = folder.join("baseline.json");
        let text = fs::read_to_string(&origin).expect("it was written");
        let earlier = text.replace("\"model_version\": 1", "\"model_version\": 0");
        assert_ne!(text, earlier);
        fs::write(&origin, earlier).expect("it can be written");
        let now = csv::summary(&run(&scenario(uploads, away, 1 + seed)));
        gate::compare(&accepted, "reference", folder, &now).verdict
    };
    (0..seeds).map(verdict).collect()
}

fn share(verdicts: &[Verdict], of: Verdict) -> f64 {
    verdicts.iter().filter(|&&verdict| verdict == of).count() as f64 / verdicts.len() as f64
}

/// 1,000 seeds of an unchanged program: alarms and praise together stay below the stated rate.
#[test]
fn false_alarms_are_as_rare_as_stated() {
    let folder = tempfile::tempdir().expect("a folder");
    let verdicts = verdicts(folder.path(), 1000, 1000, 0.2);
    let (alarms, praise) = (share(&verdicts, Verdict::Fail), share(&verdicts, Verdict::Improved));
    eprintln!("gate: of 1,000 seeds of an unchanged program, {alarms} alarms, {praise} improved");
    assert!(alarms + praise <= ALARM_ERROR, "{alarms} alarms, {praise} improved");
    assert!(share(&verdicts, Verdict::Pass) >= 0.99);
}

/// What is half as bad again is seen, in 10,000 uploads as good as always; what is a tenth worse, with ten times as many. What is
/// better is no alarm.
#[test]
fn a_worsening_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let power = |seeds, uploads, away| verdicts(folder.path(), seeds, uploads, away);
    let (half, tenth) = (power(40, 10_000, 0.3), power(20, 100_000, 0.22));
    let (small, better) = (power(40, 10_000, 0.22), power(40, 10_000, 0.1));
    let seen = |verdicts: &[Verdict]| share(verdicts, Verdict::Fail);
    eprintln!(
        "gate: half as bad again is seen in 10,000 uploads with {}, a tenth worse with {}, in 100,000 with {}",
        seen(&half),
        seen(&small),
        seen(&tenth)
    );
    assert!(seen(&half) >= 0.95 && seen(&tenth) >= 0.95, "{} and {}", seen(&half), seen(&tenth));
    assert!(share(&better, Verdict::Improved) >= 0.95, "{better:?}");
}
