//! `stillready import`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stillready::exit::Exit;
use stillready::import::json::Field;
use stillready::import::{Format, Import, Options, Pattern, Reader, source};
use stillready::report::files::{Staged, folder_of};
use stillready::report::sentences::quoted;
use stillready::report::{html, imported};

use super::console::{BOLD, Console, DIM, styled};
use super::failure::Failure;
use super::run::wrap;
use super::scenarios::is_name;

#[derive(Args)]
pub(crate) struct ImportArguments {
    /// Access logs, in the order of time or not, packed with gzip or not; `-` is stdin.
    #[arg(value_name = "ACCESS_LOG", required = true)]
    logs: Vec<PathBuf>,

    /// Which requests upload something: a method, a path and what its query must have, as in 'POST /upload?name={key}'.
    ///
    /// `{key}` stands for the name or the id, `*` for any segment. Without `{key}`, an upload is matched to the key for which the same
    /// client (address and user agent) asks next.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    upload: Option<Pattern>,

    /// Which requests ask for a status, as in 'GET /status?name={key}' or 'GET /jobs/{key}/status'.
    ///
    /// Without `{key}`, each client has one.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    status: Option<Pattern>,

    /// How the logs are written.
    #[arg(long, value_name = "FORMAT", default_value = "auto", value_enum)]
    log_format: LogFormat,

    /// What a field is called in JSON, where the usual names do not do: time, request, method, uri, status, client or agent, as in
    /// `--json-field uri=http.target`.
    #[arg(long = "json-field", value_name = "FIELD=NAME", value_parser = field)]
    json_fields: Vec<(Field, String)>,

    /// A longer time without a poll of the same upload begins a new session: the client was gone, and opened the page again.
    ///
    /// Five minutes by default: pages poll every few seconds, and browsers hold the timers of a hidden tab back to one minute. For
    /// pollers with a longer interval, such as feed readers, say some times that.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    session_gap: u64,

    /// How long processing takes where the polls do not tell; by default as the others', or 1 s if there are none, 0 s if the log has no
    /// upload either.
    #[arg(long, value_name = "DURATION", value_parser = duration_or_none)]
    processing: Option<u64>,

    /// The name of the scenario.
    #[arg(long, value_name = "NAME", default_value = "traffic")]
    name: String,

    /// The folder to which the scenario's folder is written.
    #[arg(short, long, value_name = "DIR", default_value = "imports")]
    output: PathBuf,
}

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// JSON where a line begins with a brace, else text.
    Auto,
    /// Common Log Format.
    Common,
    /// Combined Log Format, as Apache has it and as nginx does by default; more fields may follow.
    Combined,
    /// An object per line.
    Json,
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text).map_err(|invalid| invalid.to_string())
}

fn field(text: &str) -> Result<(Field, String), String> {
    let names = Field::ALL.map(|(name, _)| name).join(", ");
    let (name, own) = text.split_once('=').filter(|(_, own)| !own.is_empty()).ok_or("as in uri=http.target")?;
    let field = Field::ALL.into_iter().find(|(known, _)| *known == name);
    field.map(|(_, field)| (field, own.to_owned())).ok_or_else(|| format!("allowed: {names}"))
}

fn duration(text: &str) -> Result<u64, String> {
    match duration_or_none(text)? {
        0 => Err("a duration longer than none, such as 5m".to_owned()),
        ns => Ok(ns),
    }
}

fn duration_or_none(text: &str) -> Result<u64, String> {
    let duration = humantime::parse_duration(text).ok().and_then(|duration| u64::try_from(duration.as_nanos()).ok());
    let year_ns = 365 * 86_400 * 1_000_000_000;
    duration.filter(|ns| *ns <= year_ns).ok_or_else(|| "a duration such as 5m or 8s, at most a year".to_owned())
}

/// Makes a scenario and its trace of access logs.
pub(super) fn import(arguments: &ImportArguments, console: &Console) -> Result<Exit, Failure> {
    let ImportArguments { logs, upload, status, name, .. } = arguments;
    check(arguments)?;
    let folder = folder_of(&arguments.output, name)?;
    let options = Options {
        format: match arguments.log_format {
            LogFormat::Auto => Format::Auto,
            LogFormat::Common | LogFormat::Combined => Format::Text,
            LogFormat::Json => Format::Json,
        },
        fields: arguments.json_fields.clone(),
        session_gap_ns: arguments.session_gap,
        processing_ns: arguments.processing,
        ..Options::new(upload.clone(), status.clone())
    };
    let mut reader = Reader::new(&options);
    for path in logs {
        let log = source::open(path).map_err(|source| Failure::UnreadableLog { path: path.clone(), source })?;
        reader.read(&path.display().to_string(), log)?;
    }
    let import = reader.finish()?;
    let paths = write(&import, &folder, name)?;
    let found = &import.imported;
    console.result(&format!("{}\n\n{}\n", styled(name, BOLD), imported::text(found, wrap)))?;
    for path in &paths {
        console.result(&format!("{}\n", styled(&path.display().to_string(), DIM)))?;
    }
    console.result(&format!("\n{}\n", command(&folder, name)))?;
    Ok(Exit::Pass)
}

/// Fails if the command line cannot be what was meant.
fn check(arguments: &ImportArguments) -> Result<(), Failure> {
    let usage = |message: &str, help: &str| Err(Failure::Usage { message: message.to_owned(), help: help.to_owned() });
    let ImportArguments { logs, upload, status, name, .. } = arguments;
    if !is_name(name) {
        return Err(Failure::BadName { name: name.clone() });
    }
    if logs.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        return usage("`-` is named more than once", "stdin can be read once");
    }
    match (upload, status) {
        (None, None) => usage(
            "nothing says which requests upload something and which ask for a status",
            "say at least one of both, as in --upload 'POST /upload' --status 'GET /status?name={key}'",
        ),
        (Some(upload), Some(status)) if upload.has_key() && !status.has_key() => usage(
            "the upload says its key, but the status request does not",
            "write {key} in --status where the name or the id is, or leave it out of both",
        ),
        _ => Ok(()),
    }
}

/// The command that runs the scenario.
fn command(folder: &Path, name: &str) -> String {
    format!("stillready run {}", quoted(&folder.join(format!("{name}.toml")).display().to_string()))
}

/// Writes all files or none.
fn write(import: &Import, folder: &Path, name: &str) -> Result<Vec<PathBuf>, Failure> {
    let (found, trace) = (&import.imported, format!("{name}.trace.csv"));
    let mut staged = Staged::new(folder)?;
    staged.add(&trace, |file| import.write_trace(file).map_err(std::io::Error::other))?;
    let title = "real traffic, imported from an access log";
    staged.add(&format!("{name}.toml"), |file| file.write_all(found.scenario(&trace, title).as_bytes()))?;
    staged.add("fits.csv", |file| found.write_fits(file))?;
    staged.add("durations.csv", |file| found.write_durations(file))?;
    staged
        .add("import.html", |file| file.write_all(html::import_page(found, name, &command(folder, name)).as_bytes()))?;
    staged.add("import.json", |file| {
        serde_json::to_writer_pretty(&mut *file, found)?;
        file.write_all(b"\n")
    })?;
    Ok(staged.rename()?)
}
