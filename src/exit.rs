//! Exit codes: one list for the program, its help and the README.

/// How the program ended. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done, and what was checked passed.
    Pass = 0,
    /// The command line is wrong.
    Usage = 2,
    /// A scenario file is missing, unreadable or invalid.
    InvalidScenario = 3,
    /// Nothing was there to run or to judge: no upload, no policy, no check.
    NothingRan = 4,
    /// The samples do not decide the question.
    NotDecided = 5,
    /// A result could not be written.
    CannotWrite = 6,
    /// The regression gate failed.
    GateFailed = 10,
    /// A property was violated.
    PropertyViolated = 11,
    /// Two runs of one seed differed.
    Nondeterminism = 12,
    /// The program has a bug (a panic).
    Bug = 101,
    /// Stopped by Ctrl-C or a termination signal.
    Interrupted = 130,
}

impl Exit {
    /// All exit codes, ascending.
    pub const ALL: [Exit; 11] = [
        Exit::Pass,
        Exit::Usage,
        Exit::InvalidScenario,
        Exit::NothingRan,
        Exit::NotDecided,
        Exit::CannotWrite,
        Exit::GateFailed,
        Exit::PropertyViolated,
        Exit::Nondeterminism,
        Exit::Bug,
        Exit::Interrupted,
    ];

    /// The number that the operating system gets.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Pass => "pass",
            Exit::Usage => "usage: the command line is wrong",
            Exit::InvalidScenario => "invalid scenario: a file is missing, unreadable or wrong",
            Exit::NothingRan => "nothing ran: no upload, no policy or no check was left",
            Exit::NotDecided => "not decided: the samples do not settle the question",
            Exit::CannotWrite => "cannot write: a result could not be written",
            Exit::GateFailed => "gate failed",
            Exit::PropertyViolated => "property violated",
            Exit::Nondeterminism => "nondeterminism: two runs of one seed differed",
            Exit::Bug => "bug: the program panicked; please report it",
            Exit::Interrupted => "interrupted by Ctrl-C or a signal",
        }
    }
}
