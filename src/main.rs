//! temporary
fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    let s = stillready::scenario::Scenario::parse("x", "x.toml", &text).map_err(|e| format!("{:?}", miette::Report::new(e))).unwrap_or_else(|e| {eprintln!("{e}"); std::process::exit(3)});
    let t = std::time::Instant::now();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let jobs: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let r = stillready::experiment::run(&s, &stillready::experiment::Options{jobs, upload_rows:false, on_progress:&|_|(), stop:&stop}).unwrap();
    for (p, t) in s.policies.iter().zip(r.tallies()) {
        println!("{} uploads {} polls {} sweeps {} scanned {} removed {}", p.name, t.uploads(), t.polls, t.sweeps, t.entries_scanned, t.entries_removed);
        for f in stillready::measure::Fact::COLUMNS { print!("{} {}; ", f.name(), t.count(f)); }
        println!("live {:?} {} overdue {:?} {} {}", t.live_mean(), t.live.max, t.overdue_mean(), t.overdue.max, t.overdue_ns_max);
    }
    println!("{:?}", t.elapsed());
}
