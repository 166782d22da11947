//! `stillready run`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use stillready::exit::Exit;
use stillready::experiment::precision::{Goal, Precision, run_until};
use stillready::experiment::{self, Options, Results};
use stillready::measure::Fact;
use stillready::provenance::{Clock, sha256_hex};
use stillready::report::{files, number, terminal};
use stillready::scenario::{Arrivals, Scenario, nearest};

use super::console::{BAD, BOLD, Console, DIM, styled};
use super::failure::Failure;
use super::limits::Limits;
use super::report::{self, WrittenForm};
use super::scenarios::{ask_for_uploads, load_all};

#[derive(Args)]
pub(crate) struct RunArguments {
    /// Scenario files, or names as `list` shows them.
    #[arg(value_name = "SCENARIO", required = true)]
    scenarios: Vec<String>,

    /// The seed of the first replication, instead of the scenario's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Uploads per replication, instead of the scenario's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uploads: Option<u32>,

    /// Replications, instead of the scenario's; each has the next seed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    replications: Option<u32>,

    /// Run only the policy of this name; may be given several times.
    #[arg(long = "policy", value_name = "NAME")]
    policies: Vec<String>,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// The folder to which each scenario's folder of reports is written.
    #[arg(short, long, value_name = "DIR", default_value = DEFAULT_OUTPUT)]
    output: PathBuf,

    /// Write `uploads.csv` too: a row for every upload and policy.
    #[arg(long)]
    uploads_csv: bool,

    /// Add replications until the 95 % interval of the metric is so narrow under every policy: a half-width as a share of the rate,
    /// as in `1%`, or as it is, as in `0.001`.
    #[arg(long, value_name = "P", value_parser = goal)]
    precision: Option<Goal>,

    /// The rate that `--precision` is about.
    #[arg(long, value_name = "NAME", value_parser = rate, default_value = "false_not_found_rate", requires = "precision")]
    metric: Fact,

    /// Uploads under each policy, all replications together, at which `--precision` gives up; it does so at 1,000 replications, too.
    #[arg(long, value_name = "N", default_value_t = 100_000_000, requires = "precision")]
    max_uploads: u64,

    /// Write the report in these forms too: `report.html`, `report.md`, `report.json`.
    #[arg(long, value_name = "FORM", value_enum, value_delimiter = ',')]
    format: Vec<WrittenForm>,

    /// Run everything twice, on one thread and on several, and fail if a byte differs.
    #[arg(long)]
    check_determinism: bool,
}

const DEFAULT_OUTPUT: &str = "reports";

impl Default for RunArguments {
    /// The main job: the reference scenario as it stands.
    fn default() -> Self {
        RunArguments {
            scenarios: vec!["reference".to_owned()],
            seed: None,
            uploads: None,
            replications: None,
            policies: Vec::new(),
            jobs: None,
            output: DEFAULT_OUTPUT.into(),
            uploads_csv: false,
            precision: None,
            metric: Fact::FalseNotFound,
            max_uploads: 0,
            format: Vec::new(),
            check_determinism: false,
        }
    }
}

fn goal(text: &str) -> Result<Goal, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
    let goal = match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| Goal::Relative(percent / 100.0)),
        None => number(text).map(Goal::Absolute),
    };
    goal.ok_or_else(|| "a share of the rate, such as 1%, or a half-width, such as 0.001".to_owned())
}

pub(super) fn rate(name: &str) -> Result<Fact, String> {
    let known = |fact: &Fact| name.strip_suffix("_rate") == Some(fact.name());
    let rates = || Fact::COLUMNS[3..].iter().map(|fact| format!("{}_rate", fact.name())).collect::<Vec<_>>().join(", ");
    Fact::COLUMNS[3..].iter().copied().find(known).ok_or_else(|| format!("allowed: {}", rates()))
}

/// Runs the scenarios one after the other. All are read before the first is run.
pub(super) fn run(arguments: &RunArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let mut scenarios = load_all(&arguments.scenarios)?;
    for (_, scenario) in &mut scenarios {
        adjust(scenario, arguments)?;
        limits.check(&at_most(scenario, arguments), jobs(arguments.jobs))?;
    }
    let stop = stop_on_signals();
    let mut exit = Exit::Pass;
    for (index, (source, scenario)) in scenarios.iter().enumerate() {
        if index > 0 {
            console.result("\n")?;
        }
        console.note(&format!("reading {}, fingerprint {}", source.file, scenario.fingerprint()));
        // What is broken counts more than what is not decided.
        let ended = run_one(&source.file, scenario, arguments, stop, console)?;
        exit = if ended.code() > exit.code() { ended } else { exit };
    }
    Ok(exit)
}

/// The scenario with as many replications as there may be in the end.
fn at_most(scenario: &Scenario, arguments: &RunArguments) -> Scenario {
    let most = |precision: Precision| precision.replications_max(scenario);
    let replications = precision(arguments).map_or(scenario.replications, most);
    Scenario { replications, ..scenario.clone() }
}

/// Changes a scenario to what the command line says instead.
fn adjust(scenario: &mut Scenario, arguments: &RunArguments) -> Result<(), Failure> {
    scenario.seed = arguments.seed.unwrap_or(scenario.seed);
    ask_for_uploads(scenario, arguments.uploads)?;
    scenario.replications = arguments.replications.unwrap_or(scenario.replications);
    for name in &arguments.policies {
        require_policy(scenario, name)?;
    }
    if !arguments.policies.is_empty() {
        scenario.policies.retain(|policy| arguments.policies.contains(&policy.name));
    }
    Ok(())
}

/// Fails unless the scenario has a policy of that name.
pub(super) fn require_policy(scenario: &Scenario, name: &str) -> Result<usize, Failure> {
    let names = || scenario.policies.iter().map(|policy| policy.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        let meant = nearest(name, names()).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        let all = names().collect::<Vec<_>>().join(", ");
        let help = format!("{meant}its policies: {all}");
        Failure::NothingRan { scenario: scenario.name.clone(), policy: name.to_owned(), help }
    })
}

/// Runs one scenario. Returns how it ends.
fn run_one(
    file: &str,
    scenario: &Scenario,
    arguments: &RunArguments,
    stop: &AtomicBool,
    console: &Console,
) -> Result<Exit, Failure> {
    let clock = Clock::start();
    let jobs = jobs(arguments.jobs);
    let folder = files::folder_of(&arguments.output, &scenario.name)?;
    let rows = arguments.uploads_csv;
    let measure = |jobs, name: &str| match precision(arguments) {
        None => simulate(scenario, jobs, rows, stop, console, name).map(|results| (results, true)),
        Some(precision) => {
            let bar = console.spinner(name);
            let options = Options { jobs, upload_rows: rows, on_progress: &|uploads| bar.inc(uploads), stop };
            let done = run_until(scenario, precision, &options);
            bar.finish_and_clear();
            Ok(done?)
        }
    };
    let (mut results, is_precise) = measure(jobs, &scenario.name)?;
    if arguments.check_determinism {
        // The other run has another number of threads: one, unless the first had one.
        let (again, _) = measure(if jobs == 1 { 2 } else { 1 }, "once more")?;
        compare(&results, &again)?;
        results.note_replay();
        console.note("both runs gave the same bytes");
    }
    console.note(&format!("simulated in {:.2} s on {jobs} threads", clock.elapsed_s()));
    let mut paths = files::write_report(&folder, &results, file, jobs, &clock)?;
    if !arguments.format.is_empty() {
        paths.extend(report::write(&folder, &folder, &arguments.format)?);
    }
    console.result(&page(&results, &paths))?;
    if let Some(precision) = precision(arguments) {
        console.result(&wrap(&precision_reached(&results, precision, is_precise)))?;
    }
    let disappointments = results.disappointments();
    for sentence in &disappointments {
        console.result(&format!("{} {sentence}\n", styled("property", BAD)))?;
    }
    Ok(match (disappointments.len(), is_precise) {
        (0, true) => Exit::Pass,
        (0, false) => Exit::NotDecided,
        _ => Exit::PropertyViolated,
    })
}

/// How well the metric is to be known, if that was asked for.
fn precision(arguments: &RunArguments) -> Option<Precision> {
    let RunArguments { precision, metric: fact, max_uploads, .. } = *arguments;
    precision.map(|goal| Precision { fact, goal, max_uploads })
}

/// Whether it is known so well, and after how many uploads.
fn precision_reached(results: &Results, precision: Precision, is_precise: bool) -> String {
    let goal = match precision.goal {
        Goal::Relative(share) => format!("{} % of its value", share * 100.0),
        Goal::Absolute(half) => half.to_string(),
    };
    let Scenario { replications, uploads, .. } = results.scenario;
    let total = number::uploads(u64::from(replications) * u64::from(uploads));
    let replications =
        if replications == 1 { "1 replication".to_owned() } else { format!("{replications} replications") };
    let reached = if is_precise { "is known to" } else { "is not known to" };
    let of_what = match results.scenario.workload.arrivals {
        Arrivals::Recorded(_) => {
            " Each replication repeats the recorded uploads: so well it is known for this traffic, and not for traffic of its kind."
        }
        _ => "",
    };
    let rate = precision.fact.name();
    format!("\n{rate}_rate {reached} ± {goal} after {replications}, {total} under every policy.{of_what}")
}

/// How many threads to run on: as many as were asked for, else all cores.
pub(super) fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get), usize::from)
}

pub(super) fn simulate(
    scenario: &Scenario,
    jobs: usize,
    upload_rows: bool,
    stop: &AtomicBool,
    console: &Console,
    name: &str,
) -> Result<Results, Failure> {
    let Scenario { uploads, replications, policies, .. } = scenario;
    let total = u64::from(*uploads) * u64::from(*replications) * policies.len() as u64;
    let bar = console.progress(name, total);
    let results =
        experiment::run(scenario, &Options { jobs, upload_rows, on_progress: &|uploads| bar.inc(uploads), stop });
    bar.finish_and_clear();
    Ok(results?)
}

/// Fails if two runs differ in a byte.
fn compare(first: &Results, second: &Results) -> Result<(), Failure> {
    let hashes = |results: &Results| -> Result<Vec<_>, Failure> {
        let mut hashes: Vec<_> =
            files::tables(results).into_iter().map(|(name, bytes)| (name, sha256_hex(&bytes))).collect();
        hashes.push(("uploads.csv", files::upload_rows_hash(results)?));
        Ok(hashes)
    };
    let different: Vec<_> = hashes(first)?
        .into_iter()
        .zip(hashes(second)?)
        .filter(|(first, second)| first != second)
        .map(|((name, _), _)| name)
        .collect();
    if different.is_empty() {
        return Ok(());
    }
    Err(Failure::Nondeterminism { scenario: first.scenario.name.clone(), files: different.join(", ") })
}

/// What is printed: title, table, sentences, files.
fn page(results: &Results, paths: &[PathBuf]) -> String {
    let Scenario { name, title, seed, uploads, replications, .. } = &results.scenario;
    let title = if title.is_empty() { String::new() } else { format!(": {title}") };
    let uploads = number::uploads(*uploads);
    let size = match replications {
        1 => format!("{uploads} under every policy, seed {seed}"),
        more => {
            let last = seed.wrapping_add(u64::from(*more) - 1);
            format!("{more} replications of {uploads} under every policy, seeds {seed} to {last}")
        }
    };
    let mut page = format!("{}{title}\n", styled(name, BOLD));
    page += &wrap(&format!("{size}; intervals at 95 %"));
    page += "\n";
    page += &terminal::table(results);
    page += "\n";
    for sentence in terminal::sentences(results) {
        page += &format!("\n{}", wrap(&sentence));
    }
    page += "\n";
    for sentence in terminal::broken(results) {
        page += &wrap(&sentence);
    }
    let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    page + &format!("\n{}\n", styled(&paths, DIM))
}

/// A sentence in lines of at most 80 columns.
pub(super) fn wrap(sentence: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in sentence.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > 80 {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
    }
    text + "\n"
}

/// A flag that Ctrl-C and termination signals set. The second one ends the program at once.
pub(super) fn stop_on_signals() -> &'static AtomicBool {
    static STOP: AtomicBool = AtomicBool::new(false);
    let handler = || {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
    };
    // Where no handler can be set, a signal ends the program as usual, and leaves whole files or none just so.
    let _ = ctrlc::set_handler(handler);
    &STOP
}
