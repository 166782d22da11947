//! How sure: `run --precision` and `verify`.

use crate::run;

#[test]
fn a_rate_is_measured_until_it_is_known_well_enough() {
    let arguments =
        |goal| ["run", "smoke", "--uploads", "500", "--replications", "1", "--policy", "30m/10%", "--precision", goal];
    let ended = run(&arguments("4%"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let last = ended.stdout.trim_end().rsplit("\n\n").next().unwrap().to_owned();
    insta::assert_snapshot!("precision", last);
    let short = run(&[&arguments("1%")[..], &["--max-uploads", "600", "--metric", "told_lost_rate"]].concat());
    assert_eq!(short.code, 5, "{}", short.stdout);
    assert!(
        short.stdout.contains("told_lost_rate is not known to ± 1 % of its value after 1 replication,"),
        "{}",
        short.stdout
    );
    let wrong = ["0%", "-1", "wide"].map(|goal| run(&["run", "smoke", "--precision", goal]));
    let metric = run(&["run", "smoke", "--precision", "1%", "--metric", "polls"]);
    assert!(wrong.iter().chain([&metric]).all(|ended| ended.code == 2));
    insta::assert_snapshot!("precision_wrong", wrong.map(|ended| ended.stderr).join("\n") + &metric.stderr);
}

#[test]
fn a_rate_is_verified_in_three_ways_and_a_promise_is_judged() {
    let verify = |more: &[&str]| run(&[&["verify", "reference", "--uploads", "20000"], more].concat());
    let ended = verify(&[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("verify", ended.stdout);
    let policy = ["--policy", "60m/5%"];
    let ends = ["0.05", "0.001", "0.0438"].map(|most| verify(&[&policy[..], &["--at-most", most]].concat()).code);
    assert_eq!(ends[..2], [0, 10]);
    assert_eq!(verify(&["--policy", "logical", "--at-most", "1e-9"]).code, 5, "no event is not enough to promise that");
    assert_eq!(verify(&["--at-most", "2"]).code, 2);
    assert_eq!(verify(&["--policy", "none"]).code, 4);
}
