//! Printing: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::arguments::{Arguments, When};

/// What stands out.
pub(super) const BOLD: Style = Style::new().bold();
/// What stands back.
pub(super) const DIM: Style = Style::new().dimmed();
/// What is well.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What is not.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// How the program talks.
pub(super) struct Console {
    color: ColorChoice,
    progress: bool,
    quiet: bool,
    verbose: bool,
    pub(super) colors_on_stderr: bool,
}

/// Whether messages on stderr are coloured.
pub(super) fn colors_on_stderr(arguments: &Arguments) -> bool {
    match arguments.color {
        When::Always => true,
        When::Never => false,
        When::Auto => AutoStream::choice(&io::stderr()) != ColorChoice::Never,
    }
}

impl Console {
    pub(super) fn new(arguments: &Arguments) -> Self {
        Console {
            color: match arguments.color {
                When::Auto => ColorChoice::Auto,
                When::Always => ColorChoice::Always,
                When::Never => ColorChoice::Never,
            },
            progress: match arguments.progress {
                When::Auto => io::stderr().is_terminal() && !arguments.quiet,
                When::Always => true,
                When::Never => false,
            },
            quiet: arguments.quiet,
            verbose: arguments.verbose,
            colors_on_stderr: colors_on_stderr(arguments),
        }
    }

    /// Prints a part of the result on stdout; colours are taken out where they do not belong.
    pub(super) fn result(&self, text: &str) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        self.asked_for(text)
    }

    /// As [`result`](Self::result), for what was asked for by name and is the whole point of the command.
    pub(super) fn asked_for(&self, text: &str) -> io::Result<()> {
        let mut stdout = AutoStream::new(io::stdout().lock(), self.color);
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// Says on stderr what is going on, if that is wanted.
    pub(super) fn note(&self, text: &str) {
        if self.verbose {
            eprintln!("{text}");
        }
    }

    /// A count of uploads whose number is not known beforehand, hidden where it is not wanted.
    pub(super) fn spinner(&self, name: &str) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{prefix} {spinner} {human_pos} uploads, {elapsed}");
        let style = style.expect("the template is valid");
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(None, target).with_style(style).with_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// A progress bar over so many uploads, hidden where it is not wanted.
    pub(super) fn progress(&self, name: &str, uploads: u64) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let template = "{prefix} {bar:30} {human_pos} of {human_len} uploads, {rate}/s, {eta} left";
        let rate = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
            // A text that cannot be drawn is left out.
            let _ = write!(text, "{}", HumanCount(state.per_sec() as u64));
        };
        let style = ProgressStyle::with_template(template).expect("the template is valid").with_key("rate", rate);
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(uploads), target).with_style(style).with_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// A text in a style; the console takes the style out where there are no colours.
pub(super) fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}
