//! `stillready verify`.

use clap::Args;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use stillready::exit::Exit;
use stillready::experiment::splitting::Split;
use stillready::experiment::verify::{Verified, verify};
use stillready::measure::Fact;
use stillready::measure::interval::Estimate;
use stillready::report::number::{self, percent, percent_interval};

use super::console::{BOLD, Console, styled};
use super::failure::Failure;
use super::limits::Limits;
use super::run::{jobs, rate, require_policy, wrap};
use super::scenarios::{ask_for_uploads, load};

#[derive(Args)]
pub(crate) struct VerifyArguments {
    /// A scenario file, or a name as `list` shows it.
    #[arg(value_name = "SCENARIO")]
    scenario: String,

    /// Only the policy of this name; may be given several times.
    #[arg(long = "policy", value_name = "NAME")]
    policies: Vec<String>,

    /// Which rate, such as `told_lost_rate`.
    #[arg(long, value_name = "NAME", value_parser = rate, default_value = "false_not_found_rate")]
    metric: Fact,

    /// A promise: the rate is at most this, at 95 %, under every policy.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    at_most: Option<f64>,

    /// Uploads per replication, instead of the scenario's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uploads: Option<u32>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to 1, such as 1e-6".to_owned())
}

/// Measures a rate in several ways.
pub(super) fn run(arguments: &VerifyArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let (_, mut scenario) = load(&arguments.scenario)?;
    ask_for_uploads(&mut scenario, arguments.uploads)?;
    for name in &arguments.policies {
        require_policy(&scenario, name)?;
    }
    if !arguments.policies.is_empty() {
        scenario.policies.retain(|policy| arguments.policies.contains(&policy.name));
    }
    limits.check(&scenario, jobs(None))?;
    let uploads = u64::from(scenario.uploads) * u64::from(scenario.replications);
    let verified: Vec<_> =
        scenario.policies.iter().map(|policy| (policy, verify(&scenario, policy, arguments.metric))).collect();
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(80);
    table.set_header(["policy", "counted", "smoothed or split", "closed form", "worth the uploads\nso many times"]);
    for (policy, verified) in &verified {
        let Verified { raw, smoothed, split, closed_form } = verified;
        let estimate = |estimate: &Estimate| format!("{}\n{}", percent(estimate.value), percent_interval(*estimate));
        table.add_row([
            policy.name.clone(),
            raw.as_ref().map_or_else(|| "no uploads".to_owned(), estimate),
            match (smoothed, split) {
                (Ok(smoothed), _) => with_error(smoothed),
                (Err(_), Some(Ok(split))) => with_split(split),
                (Err(why), Some(Err(and))) => format!("none: {why}; nor split: {and}"),
                (Err(why), None) => format!("none: {why}"),
            },
            closed_form.map_or_else(|why| format!("none: {why}"), |rate| exactly(rate, rate * 1e-4)),
            verified.gain(uploads).filter(|gain| *gain >= 1.0).map_or_else(String::new, times),
        ]);
    }
    let what = match arguments.metric {
        Fact::FalseNotFound => "users told not_found after a success".to_owned(),
        fact => format!("{}_rate", fact.name()),
    };
    let head = format!("{}: {what}", scenario.name);
    console.result(&format!("{}\n", styled(&head, BOLD)))?;
    console.result(&wrap(&format!(
        "{} under every policy, seed {}; intervals at 95 %",
        number::uploads(uploads),
        scenario.seed
    )))?;
    console.result(&format!("\n{}\n", table.trim_fmt()))?;
    let Some(at_most) = arguments.at_most else { return Ok(Exit::Pass) };
    let mut exit = Exit::Pass;
    for (policy, verified) in &verified {
        let (word, reached) = judge(verified, at_most);
        let sentence = format!("{}: at most {at_most:e} is {word}", policy.name);
        console.result(&format!("\n{}", wrap(&sentence)))?;
        if exit == Exit::Pass || reached == Exit::GateFailed {
            exit = reached;
        }
    }
    Ok(exit)
}

/// An estimate and its error, in per cent.
fn with_error(estimate: &Estimate) -> String {
    let error = (estimate.high - estimate.low) / 2.0;
    format!("{}\n± {}", exactly(estimate.value, error), exactly(error, error))
}

/// The same, with what was done for it.
fn with_split(Split { estimate, levels, before }: &Split) -> String {
    let levels = if *levels == 1 { "1 level".to_owned() } else { format!("{levels} levels") };
    format!("{}\nsplit, {levels},\nafter {before} others", with_error(estimate))
}

/// A share in per cent, to two digits of its error.
fn exactly(share: f64, error: f64) -> String {
    let (share, error) = (share * 100.0, error * 100.0);
    if share > 0.0 && share < 1e-3 {
        let digits =
            if error > 0.0 { (2.0 + libm::floor(libm::log10(share / error))).clamp(1.0, 6.0) as usize } else { 6 };
        return format!("{share:.digits$e} %");
    }
    let digits = if error > 0.0 { (1.0 - libm::floor(libm::log10(error))).clamp(0.0, 9.0) as usize } else { 9 };
    format!("{share:.digits$} %")
}

/// A gain: whole, or in powers of ten where it is huge.
fn times(gain: f64) -> String {
    if gain < 1e7 { number::count(gain as u128) } else { format!("{gain:.0e}") }
}

/// Whether a promise is kept: by the smoothed estimate where there is one, unless the count speaks against it.
fn judge(verified: &Verified, at_most: f64) -> (String, Exit) {
    let Some(raw) = verified.raw else { return ("not decided: there are no uploads".to_owned(), Exit::NotDecided) };
    let (what, estimate) = match verified.refined() {
        Some(refined) => (if verified.smoothed.is_ok() { "smoothed" } else { "split" }, refined),
        None => ("counted", raw),
    };
    let interval = percent_interval(estimate);
    match () {
        () if raw.low > at_most => (format!("broken: counted, {}", percent_interval(raw)), Exit::GateFailed),
        () if estimate.low > at_most => (format!("broken: {what}, {interval}"), Exit::GateFailed),
        () if estimate.high <= at_most => (format!("kept: {what}, {interval}"), Exit::Pass),
        () => (format!("not decided: {what}, {interval}; run more uploads"), Exit::NotDecided),
    }
}
