//! What is measured for curves: what clients were told by when, who was hurt after which absence, entries over the span.

use stillready::measure::{Bin, Fact, Last};

use crate::{PLAIN, Parts, S};

/// One client after another, each away for as long as the list says; the entry is due after 30 minutes, and never swept by others.
fn away(times: &str) -> Parts<'_> {
    Parts { client: times, ..PLAIN }
}

#[test]
fn endings_are_counted_at_the_time_since_their_upload() {
    let client = "interval = \"3s\"\nmax_attempts = 9\naway = { chance = 1.0, time = { kind = \"constant\", value = \"100s\" } }";
    let tally = Parts { uploads: 5, ..away(client) }.run();
    let steps = tally.told.steps();
    let last = steps.last().expect("there are endings");
    assert_eq!(last.ended[Last::Ready as usize], tally.count(Fact::SawReady));
    assert_eq!(last.ended.iter().sum::<u64>(), 5);
    // To a sixteenth of an octave, rounded up.
    assert_eq!(steps.len(), 1);
    assert!((100 * S..107 * S).contains(&last.after_ns), "{}", last.after_ns);
}

#[test]
fn absences_are_binned_and_their_harm_counted() {
    let client = "interval = \"3s\"\nmax_attempts = 9\naway = { chance = 1.0, time = { kind = \"empirical\", values = [\"10min\", \"2h\"] } }";
    let policy = "time_to_live = \"30m\"\nexpiry = \"physical\"\nsweep = { trigger = \"every-request\" }";
    let tally = Parts { uploads: 400, policy, ..away(client) }.run();
    let bins = tally.absences.bins();
    let [short, long] = bins[..] else { panic!("two absences, two bins: {bins:?}") };
    let holds = |bin: &Bin, ns| (bin.low_ns..=bin.high_ns).contains(&ns);
    assert!(holds(&short, 600 * S) && holds(&long, 7200 * S), "{bins:?}");
    assert_eq!((short.uploads + long.uploads, short.hurt, long.hurt), (400, 0, long.uploads));
    assert_eq!(long.hurt, tally.count(Fact::FalseNotFound));
}

#[test]
fn entries_over_the_span_have_the_mean_of_the_whole() {
    let tally = Parts { uploads: 200, ..PLAIN }.run();
    for count in [&tally.live, &tally.overdue] {
        let span_ns = u64::try_from(tally.span_ns).unwrap();
        let area: f64 = count.parts().map(|part| part.mean * (part.to_ns.min(span_ns) - part.from_ns) as f64).sum();
        assert!((area - count.area_ns() as f64).abs() <= 1e-9 * area.max(1.0), "{area}");
    }
    assert!(tally.live.parts().count() > 100);
}
