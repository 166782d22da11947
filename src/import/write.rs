//! The files of an import: the trace, the scenario, the fits.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use super::measure::QUANTILES;
use super::walk::Row;
use super::{Import, ImportError, Imported};
use crate::scenario::{TRACE_HEADER, TRACE_VERSION};

/// A duration as a scenario has it, exactly.
#[must_use]
pub fn duration(ns: u64) -> String {
    humantime::format_duration(std::time::Duration::from_nanos(ns)).to_string()
}

impl Import {
    /// The trace.
    ///
    /// # Errors
    /// [`ImportError::Temporary`] if the sorted log cannot be read back, or the trace cannot be written.
    pub fn write_trace(&self, file: impl Write) -> Result<(), ImportError> {
        let mut file = BufWriter::new(file);
        writeln!(file, "{TRACE_HEADER}")?;
        self.rows(|row| match row {
            Row::Upload { upload, at_ns } => {
                let told = &self.told[upload as usize];
                let processing = told.processing_ns.map(|time_ns| time_ns.to_string()).unwrap_or_default();
                let at_ns = self.since_start(at_ns);
                writeln!(file, "{TRACE_VERSION},{at_ns},upload,{upload},{},,{processing}", told.key)
            }
            Row::Poll { upload, session, at_ns } => {
                let at_ns = self.since_start(at_ns);
                writeln!(file, "{TRACE_VERSION},{at_ns},poll,{upload},,{session},")
            }
        })?;
        Ok(file.flush()?)
    }

    fn since_start(&self, at_ns: i64) -> u64 {
        at_ns.abs_diff(self.start_ns)
    }
}

impl Imported {
    /// The scenario, beside a trace of that file name.
    #[must_use]
    pub fn scenario(&self, trace: &str, title: &str) -> String {
        let mut text = format!(
            "# {title}, written by `stillready import`.\n#\n# {} uploads, {} polls, from {} to {}.\n#\n# Assumed:\n",
            self.uploads, self.polls, self.first, self.last
        );
        for assumption in &self.assumptions {
            text += &wrapped(&format!("- {assumption}"));
        }
        // Debug writes a text as TOML has it: quotes and backslashes escaped.
        let _ = write!(
            text,
            "\nschema_version = 1\ntitle = {title:?}\n\n[workload]\ntrace = {trace:?}\n# Of uploads whose own the trace does not tell.\n\
             processing = {}\n\n",
            self.processing
        );
        text += if self.polls > 0 {
            "# When clients poll is in the trace.\n[client]\ntolerate_not_found = 0\n"
        } else {
            "# Assumed, as in the scenario `reference`: the log has no status request.\n[client]\ninterval = \"3s\"\n\
             tolerate_not_found = 0\naway = { chance = 0.2, time = { kind = \"lognormal\", median = \"35min\", sigma = 0.7 } }\n"
        };
        let restarts: Vec<_> = self.outages.iter().filter_map(|outage| Some((outage, outage.at_ns?))).collect();
        if !restarts.is_empty() {
            text += "\n# Runs of answers of 502, 503 and 504: the site was restarted.\n";
        }
        for (outage, at_ns) in restarts {
            let _ = write!(
                text,
                "[[fault]] # {}, {} answers\nkind = \"reload\"\nat = [\"{}\"]\nwindow = \"{}\"\n",
                outage.at,
                outage.answers,
                duration(at_ns),
                duration(outage.within_ns)
            );
        }
        text + POLICIES
    }

    /// `durations.csv`: the distribution of each kind of duration, measured and fitted.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn write_durations(&self, file: impl Write) -> io::Result<()> {
        let mut file = BufWriter::new(file);
        writeln!(file, "schema_version,measurement,up_to_ns,share,lognormal_share")?;
        for measured in &self.measured {
            for ((low_ns, _), share) in measured.samples.shares() {
                let fitted =
                    measured.fit.map(|fit| format!("{:.6}", fit.share_below(low_ns as f64))).unwrap_or_default();
                writeln!(file, "1,{},{low_ns},{share:.6},{fitted}", measured.name)?;
            }
        }
        file.flush()
    }

    /// `fits.csv`.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn write_fits(&self, mut file: impl Write) -> io::Result<()> {
        let quantiles = QUANTILES.map(|(name, _)| format!("{name}_ns")).join(",");
        writeln!(
            file,
            "schema_version,measurement,count,below_resolution,lognormal_median_ns,lognormal_sigma,ks_distance,ks_critical_5pct,fit,{quantiles}"
        )?;
        for measured in &self.measured {
            let (median, sigma, distance, critical, verdict) = match measured.fit {
                Some(fit) => (
                    fit.median_ns.to_string(),
                    format!("{:.4}", fit.sigma),
                    format!("{:.4}", fit.ks_distance),
                    format!("{:.4}", fit.ks_critical),
                    if fit.is_rejected() { "rejected" } else { "not_rejected" },
                ),
                None => (String::new(), String::new(), String::new(), String::new(), "no_data"),
            };
            let quantiles = QUANTILES.map(|(name, _)| match measured.quantiles_ns.get(name) {
                Some(Some(ns)) => ns.to_string(),
                _ => String::new(),
            });
            writeln!(
                file,
                "1,{},{},{},{median},{sigma},{distance},{critical},{verdict},{}",
                measured.name,
                measured.count,
                measured.zeros,
                quantiles.join(",")
            )?;
        }
        Ok(())
    }
}

/// A sentence as lines of a comment.
fn wrapped(sentence: &str) -> String {
    let mut text = "#".to_owned();
    let mut column = 1;
    for word in sentence.split(' ') {
        if column + 1 + word.chars().count() > 110 {
            text += "\n#  ";
            column = 3;
        }
        text += " ";
        text += word;
        column += 1 + word.chars().count();
    }
    text + "\n"
}

/// What is asked of the traffic: the policies of the incident, and the registry with its defaults.
const POLICIES: &str = r#"
[[policy]]
name = "30m/10%"
store = "dict"
time_to_live = "30m"
age = "finished"
expiry = "physical"
order = "sweep-first"
sweep = { trigger = "chance", chance = 0.10 }

[[policy]]
name = "60m/5%"
store = "dict"
time_to_live = "60m"
age = "finished"
expiry = "physical"
order = "sweep-first"
sweep = { trigger = "chance", chance = 0.05 }

# The registry with its defaults: a read compares the deadline itself, and what expired is remembered for a day. Clients of a log name
# a key, not an id.
[[policy]]
name = "registry"
store = "registry"
poll_by = "key"
time_to_live = "30m"
age = "finished"
expiry = "logical"
tombstone = "24h"
order = "read-first"
sweep = { trigger = "chance", chance = 0.10 }
"#;
