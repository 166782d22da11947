//! `stillready gate`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use clap::{Args, ValueEnum};
use stillready::exit::Exit;
use stillready::gate::armed::{self, Armed};
use stillready::gate::{self, Finding, Judged, Judgement, Verdict, formats};
use stillready::provenance::Clock;
use stillready::report::files::{self, WriteError};
use stillready::scenario::Scenario;

use super::console::{BAD, BOLD, Console, DIM, GOOD, styled};
use super::failure::Failure;
use super::limits::Limits;
use super::mutants;
use super::run::{jobs, simulate, stop_on_signals, wrap};
use super::scenarios::{Source, load_all};

#[derive(Args)]
pub(crate) struct GateArguments {
    /// Scenario files, or names as `list` shows them, or `mutants`; by default all of the folder `sims` but the canaries, and
    /// `mutants` if there is a baseline of them.
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,

    /// The folder of the committed baselines, a folder for each scenario.
    #[arg(long, value_name = "DIR", default_value = "reports/baseline")]
    baseline: PathBuf,

    /// Make what the scenarios give now their baselines, instead of comparing.
    #[arg(long)]
    accept: bool,

    /// Run with this seed instead of the scenarios' own. A baseline is then compared by its rates, as a sample of its own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64), conflicts_with_all = ["accept", "prove_armed"])]
    seed: Option<u64>,

    /// With --seed: write each scenario that does not pass to this folder, with that seed, to run and to keep.
    #[arg(long, value_name = "DIR", requires = "seed")]
    regressions: Option<PathBuf>,

    /// Instead of judging, give each check an input that was made worse, and say whether it fails as it must.
    #[arg(long, conflicts_with_all = ["accept", "junit", "github", "format"])]
    prove_armed: bool,

    /// How the judgement is printed.
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,

    /// Also write the judgement as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Also tell GitHub: a step summary, in the file that $GITHUB_STEP_SUMMARY names, and up to ten annotations.
    #[arg(long)]
    github: bool,

    /// Threads; all cores by default. The results do not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// The folder to which each scenario's folder of reports is written.
    #[arg(short, long, value_name = "DIR", default_value = "reports")]
    output: PathBuf,
}

/// How a judgement is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for what passed, a block for what did not.
    Text,
    /// JSON, of `schemas/gate.json`.
    Json,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Text => "text",
            Format::Json => "json",
        })
    }
}

/// Runs scenarios and judges them. All files are written before a verdict becomes the exit code.
pub(super) fn gate(arguments: &GateArguments, limits: Limits, console: &Console) -> Result<Exit, Failure> {
    let stop = stop_on_signals();
    let jobs = jobs(arguments.jobs);
    let scenarios = scenarios(arguments)?;
    for (_, scenario) in &scenarios {
        limits.check(scenario, jobs)?;
    }
    let mutants_too = match arguments.scenarios[..] {
        _ if arguments.prove_armed || arguments.seed.is_some() => false,
        [] => arguments.baseline.join(mutants::FILE).exists(),
        _ => arguments.scenarios.iter().any(|name| name == mutants::NAME),
    };
    let (mut judged, mut armed, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (source, accepted_as) in scenarios {
        let scenario = Scenario { seed: arguments.seed.unwrap_or(accepted_as.seed), ..accepted_as.clone() };
        let clock = Clock::start();
        let output = files::folder_of(&arguments.output, &scenario.name)?;
        let folder = files::folder_of(&arguments.baseline, &scenario.name)?;
        let results = simulate(&scenario, jobs, false, stop, console, &scenario.name)?;
        files::write_report(&output, &results, &source.file, jobs, &clock)?;
        let tables = files::tables(&results);
        let table = |name| tables.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, bytes)| bytes);
        let mut findings = gate::judge(&scenario, &source.argument, table("summary.csv"), table("comparison.csv"));
        let mut accepted = Vec::new();
        if arguments.accept {
            accepted = gate::accept(&scenario, &folder, table("summary.csv"))?;
        } else if !scenario.canary {
            let compare = if arguments.seed.is_some() { gate::compare_other_seed } else { gate::compare };
            findings.insert(0, compare(&accepted_as, &source.argument, &folder, table("summary.csv")));
        }
        if arguments.prove_armed {
            let (summary, comparison) = (table("summary.csv"), table("comparison.csv"));
            let proved = armed::prove(&scenario, &source.argument, &folder, summary, comparison);
            armed.push((scenario.name.clone(), proved));
        }
        texts.push((scenario.name.clone(), source.text));
        judged.push(Judged { name: scenario.name, file: Some(source.file), findings, accepted });
    }
    if mutants_too {
        let findings = mutants::judge(&arguments.output, &arguments.baseline, arguments.accept, jobs, console)?;
        judged.push(Judged { name: mutants::NAME.to_owned(), file: None, findings, accepted: Vec::new() });
    }
    if arguments.prove_armed {
        return prove(&armed, console);
    }
    let judgement = Judgement::new(judged, arguments.accept);
    if let Some(path) = &arguments.junit {
        let xml = formats::junit(&judgement).expect("text is written as XML");
        write_file(path, xml.as_bytes())?;
    }
    if arguments.github {
        tell_github(&judgement)?;
    }
    if let (Some(folder), Some(seed)) = (&arguments.regressions, arguments.seed) {
        for path in write_regressions(folder, seed, &judgement, &texts)? {
            eprintln!("{}: the scenario with the seed that did not pass", path.display());
        }
    }
    match arguments.format {
        Format::Text => console.result(&text(&judgement))?,
        Format::Json => console.result(&formats::json(&judgement))?,
    }
    Ok(judgement.exit)
}

/// Writes each scenario that did not pass with the seed that it did not pass with: a file to run again, and to keep.
fn write_regressions(
    folder: &Path,
    seed: u64,
    judgement: &Judgement,
    texts: &[(String, String)],
) -> Result<Vec<PathBuf>, Failure> {
    let broken = judgement.scenarios.iter().filter(|judged| !judged.findings.iter().all(Finding::passes));
    let broken: Vec<_> = broken.filter_map(|judged| texts.iter().find(|(name, _)| *name == judged.name)).collect();
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let mut staged = files::Staged::new(folder)?;
    for (name, text) in broken {
        let mut document: toml_edit::DocumentMut = text.parse().expect("it has been read as a scenario");
        document["seed"] = toml_edit::value(seed as i64);
        staged.add(&format!("{name}-seed-{seed}.toml"), |file| file.write_all(document.to_string().as_bytes()))?;
    }
    Ok(staged.rename()?)
}

/// Says which checks fail on a worse input: all must.
fn prove(armed: &[(String, Vec<Armed>)], console: &Console) -> Result<Exit, Failure> {
    let mut text = String::new();
    for (name, checks) in armed {
        text += &format!("{}\n", styled(name, BOLD));
        for Armed { check, given, verdict } in checks {
            let is_armed = *verdict == Verdict::Fail;
            let word = if is_armed { styled("armed         ", GOOD) } else { styled("not armed     ", BAD) };
            text += &format!("  {word}  {check}: given {given}, says {verdict}\n");
        }
    }
    let all = || armed.iter().flat_map(|(_, checks)| checks);
    let count = all().filter(|armed| armed.verdict == Verdict::Fail).count();
    text += &format!("\n{count} of {} checks fail when their input is made worse, as all must\n", all().count());
    console.result(&text)?;
    Ok(match all().count() {
        0 => Exit::NothingRan,
        checks if checks == count => Exit::Pass,
        _ => Exit::GateFailed,
    })
}

/// The step summary, where GitHub wants it, else on stderr; and annotations there, for its runner reads them off either stream.
fn tell_github(judgement: &Judgement) -> Result<(), Failure> {
    let file = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from);
    let summary = formats::github::summary(judgement);
    match file {
        Some(path) => {
            let append = fs::OpenOptions::new().create(true).append(true).open(&path);
            let written = append.and_then(|mut file| file.write_all(summary.as_bytes()));
            written.map_err(|source| WriteError::new(path, source))?;
        }
        None => eprint!("{summary}"),
    }
    eprint!("{}", formats::github::annotations(judgement));
    Ok(())
}

/// Writes a file as a whole, or not at all.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        let message = format!("{} is no name of a file", path.display());
        return Err(Failure::Usage { message, help: "name a file, as in `--junit gate.xml`".to_owned() });
    };
    let mut staged = files::Staged::new(folder)?;
    staged.add(name, |file| file.write_all(bytes))?;
    staged.rename()?;
    Ok(())
}

/// A judgement on a terminal.
fn text(judgement: &Judgement) -> String {
    let mut text = String::new();
    for Judged { name, findings, accepted, .. } in &judgement.scenarios {
        text += &format!("{}\n", styled(name, BOLD));
        for path in accepted {
            text += &format!("  accepted        {}\n", styled(&path.display().to_string(), DIM));
        }
        text.extend(findings.iter().map(block));
    }
    let (passed, checks) = judgement.passed();
    let style = if judgement.exit == Exit::Pass { GOOD } else { BAD };
    text += &format!("\n{}: {passed} of {checks} checks passed\n", styled(judgement.words(), style));
    if let Some(certainty) = judgement.certainty() {
        text += &wrap(&certainty);
    }
    text
}

/// The scenarios that were asked for, or all of the folder `sims` that are not canaries.
fn scenarios(arguments: &GateArguments) -> Result<Vec<(Source, Scenario)>, Failure> {
    if !arguments.scenarios.is_empty() {
        let names = arguments.scenarios.iter().filter(|name| *name != mutants::NAME);
        return load_all(&names.cloned().collect::<Vec<_>>());
    }
    let entries = fs::read_dir("sims").into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let mut names: Vec<_> = files.map(|path| path.display().to_string()).collect();
    names.sort();
    let mut scenarios = load_all(&names)?;
    scenarios.retain(|(_, scenario)| !scenario.canary);
    if scenarios.is_empty() { Err(Failure::NothingToJudge) } else { Ok(scenarios) }
}

/// A line for what passed, a block for what did not.
fn block(finding: &Finding) -> String {
    let Finding { check, verdict, value, limit, advice, .. } = finding;
    let style = if finding.passes() { GOOD } else { BAD };
    let word = styled(&format!("{verdict:<14}"), style);
    match (verdict, advice.as_str()) {
        (Verdict::Pass, advice) => {
            // What does not fit into a line of 80 columns goes to the next.
            let is_long = check.len() + value.len() + limit.len() + 22 > 80;
            let gap = if is_long { format!("\n{:18}", "") } else { " ".to_owned() };
            let advice = if advice.is_empty() { String::new() } else { format!("    {advice}\n") };
            format!("  {word}  {check}:{gap}{value}, {limit}\n{advice}")
        }
        _ => format!("  {word}  {check}\n    value   {value}\n    limit   {limit}\n    {advice}\n"),
    }
}
